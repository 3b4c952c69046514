import asyncio
import os
import signal

import pytest

from aukciszek.console.signals import Ending, TerminatedError, run_until_signalled


def test_work_that_is_not_disturbed_hands_back_its_result() -> None:
    async def work(_: Ending) -> str:
        return await asyncio.sleep(0, "done")

    assert run_until_signalled(work) == "done"


@pytest.mark.parametrize(
    ("received", "raised"),
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, TerminatedError), (signal.SIGHUP, TerminatedError)],
)
def test_a_signal_lets_the_work_clean_up(received: signal.Signals, raised: type[BaseException]) -> None:
    cleaned_up: list[str] = []

    async def work(_: Ending) -> None:
        try:
            os.kill(os.getpid(), received)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned_up.append("yes")

    with pytest.raises(raised):
        run_until_signalled(work)
    assert cleaned_up == ["yes"]


def test_a_signal_that_is_waited_for_is_no_failure() -> None:
    async def work(ending: Ending) -> None:
        ending.is_welcome = True
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    assert run_until_signalled(work) is None


def test_a_cancellation_from_within_is_not_taken_for_a_signal() -> None:
    async def work(_: Ending) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run_until_signalled(work)
