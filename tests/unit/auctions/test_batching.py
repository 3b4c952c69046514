import asyncio
from collections.abc import Sequence

import pytest

from aukciszek.auctions.intake.batching import Batches


class Work:
    """Notes its batches, and waits in the first step of each until it may go on."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_go_on = asyncio.Event()
        self.may_finish = asyncio.Event()
        self.may_finish.set()

    async def begin(self, items: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(items))
        await self.may_go_on.wait()
        if 13 in items:
            raise ArithmeticError
        return items

    async def finish(self, items: Sequence[int], begun: Sequence[int]) -> Sequence[str | Exception]:
        assert begun == items
        await self.may_finish.wait()
        if 14 in items:
            raise LookupError
        return [ValueError(str(item)) if item < 0 else str(item) for item in begun]

    def batches_of(self, most: int, *, begun_at_once: int = 1) -> Batches[int, Sequence[int], str]:
        return Batches(self.begin, self.finish, most, begun_at_once=begun_at_once)


async def started(batches: Batches[int, Sequence[int], str], items: Sequence[int]) -> list[asyncio.Task[str]]:
    tasks = [asyncio.create_task(batches.do(item)) for item in items]
    for _ in range(3):  # the task begins, and the first batch with it
        await asyncio.sleep(0)
    return tasks


async def test_whoever_comes_during_a_batch_goes_with_the_next() -> None:
    work = Work()
    batches = work.batches_of(3)
    tasks = await started(batches, [1])
    tasks += await started(batches, [2, 3, 4, 5])
    await asyncio.sleep(0)
    work.may_go_on.set()
    assert await asyncio.gather(*tasks) == ["1", "2", "3", "4", "5"]
    assert work.batches == [[1], [2, 3, 4], [5]]


async def test_each_gets_its_own_error_and_all_that_of_the_batch() -> None:
    work = Work()
    work.may_go_on.set()
    batches = work.batches_of(3)
    first = await asyncio.gather(*(batches.do(item) for item in (1, -2, 3)), return_exceptions=True)
    assert (first[0], str(first[1]), first[2]) == ("1", "-2", "3")
    for wrong, kind in ((13, ArithmeticError), (14, LookupError)):
        second = await asyncio.gather(*(batches.do(item) for item in (12, wrong)), return_exceptions=True)
        assert [type(one) for one in second] == [kind, kind]
    assert await batches.do(5) == "5"


async def test_one_that_gave_up_waiting_is_left_out() -> None:
    work = Work()
    batches = work.batches_of(3)
    tasks = await started(batches, [1])
    impatient, patient = await started(batches, [2, 3])
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    work.may_go_on.set()
    assert (await tasks[0], await patient) == ("1", "3")
    assert work.batches == [[1], [3]]


async def test_who_gives_up_during_a_batch_disturbs_nobody() -> None:
    work = Work()
    batches = work.batches_of(3)
    impatient, patient = await started(batches, [1, 2])
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    work.may_go_on.set()
    assert await patient == "2"


async def test_several_batches_at_once_but_no_more_than_agreed() -> None:
    work = Work()
    batches = work.batches_of(3, begun_at_once=2)
    tasks = await started(batches, [1])
    tasks += await started(batches, [2, 3])
    tasks += await started(batches, [4, 5])
    assert work.batches == [[1], [2, 3]], "two are under way"
    work.may_go_on.set()
    assert await asyncio.gather(*tasks) == ["1", "2", "3", "4", "5"]
    assert work.batches == [[1], [2, 3], [4, 5]]


async def test_while_one_batch_is_in_its_second_step_the_next_is_in_its_first() -> None:
    work = Work()
    work.may_go_on.set()
    work.may_finish.clear()
    batches = work.batches_of(3)
    tasks = await started(batches, [1])
    tasks += await started(batches, [2])
    assert work.batches == [[1], [2]]
    work.may_finish.set()
    assert await asyncio.gather(*tasks) == ["1", "2"]


async def test_who_comes_in_the_moment_in_which_the_last_batch_ends_is_not_forgotten() -> None:
    work = Work()
    work.may_go_on.set()
    batches = work.batches_of(1)
    async with asyncio.timeout(60):
        assert [await batches.do(item) for item in range(5)] == [str(item) for item in range(5)]
