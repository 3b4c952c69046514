import asyncio

import pytest

from aukciszek.storage.backends.connection import finish


class Step:
    """Work that ends when it is told to."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.ended = False

    async def run(self, error: Exception | None = None) -> str:
        self.begun.set()
        await self.may_end.wait()
        self.ended = True
        if error is not None:
            raise error
        return "done"


async def test_a_step_has_its_result() -> None:
    step = Step()
    step.may_end.set()
    assert await finish(step.run()) == "done"
    with pytest.raises(ZeroDivisionError):
        await finish(step.run(ZeroDivisionError()))


@pytest.mark.parametrize("error", [None, ZeroDivisionError()])
async def test_a_cancelled_task_waits_for_its_step_however_it_ends(error: Exception | None) -> None:
    step = Step()
    task = asyncio.create_task(finish(step.run(error)))
    await step.begun.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
    step.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert step.ended


async def test_a_timeout_around_a_step_is_still_a_timeout() -> None:
    step = Step()

    async def run_late() -> str:
        step.may_end.set()
        return await step.run()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await finish(run_late())
    assert step.ended


async def test_a_step_that_is_cancelled_itself_says_so() -> None:
    async def cancel_itself() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await finish(cancel_itself())
