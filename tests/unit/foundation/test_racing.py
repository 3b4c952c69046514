import asyncio
import contextlib

import pytest

from aukciszek.racing import race, settle, settle_with_error


class _Ended:
    def __init__(self) -> None:
        self.names: list[str] = []

    async def wait(self, name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # an ending that takes a turn of the loop
            self.names.append(name)


async def _result(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def _failure() -> None:
    await asyncio.sleep(0)
    raise ValueError("as it happens")


async def test_the_first_to_end_is_returned_with_its_result() -> None:
    work = asyncio.ensure_future(_result(7))

    first = await race(asyncio.Event().wait(), work)

    assert first is work
    assert work.result() == 7


async def test_the_others_are_cancelled_and_have_ended() -> None:
    ended = _Ended()

    await race(ended.wait("one"), _result(1), ended.wait("other"))

    assert sorted(ended.names) == ["one", "other"]


async def test_of_several_that_end_at_once_the_first_in_order_counts() -> None:
    earlier, later = asyncio.ensure_future(_result(1)), asyncio.ensure_future(_result(2))
    await asyncio.wait([earlier, later])

    assert await race(later, earlier) is later
    assert await race(earlier, later) is earlier


async def test_what_the_first_one_raises_is_raised_after_the_others_have_ended() -> None:
    ended = _Ended()

    with pytest.raises(ValueError, match="as it happens"):
        await race(ended.wait("other"), _failure())

    assert ended.names == ["other"]


async def test_what_the_others_raise_is_dropped() -> None:
    async def fails_when_cancelled() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError("too late") from None

    first = await race(_result(3), fails_when_cancelled())

    assert first.result() == 3


async def test_a_caller_that_is_cancelled_leaves_nothing_running() -> None:
    ended = _Ended()
    racing = asyncio.create_task(race(ended.wait("one"), ended.wait("other")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    racing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await racing

    assert racing.cancelled()
    assert sorted(ended.names) == ["one", "other"]


async def test_a_shielded_contender_goes_on() -> None:
    going_on = asyncio.create_task(asyncio.Event().wait())

    await race(asyncio.shield(going_on), _result(1))

    assert not going_on.done()
    going_on.cancel()


async def test_a_future_is_settled_once() -> None:
    future = asyncio.get_running_loop().create_future()

    settle(future, 1)
    settle(future, 2)
    settle_with_error(future, ValueError("too late"))

    assert await future == 1


async def test_an_error_settles_a_future() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    settle_with_error(future, ValueError("as it happens"))
    settle(future, 1)

    with pytest.raises(ValueError, match="as it happens"):
        await future


async def test_a_future_whose_caller_was_cancelled_stays_so() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    future.cancel()

    settle(future, 1)
    settle_with_error(future, ValueError("too late"))

    assert future.cancelled()
