import os
from collections.abc import Callable

from aukciszek.auctions.context.workers import ProcessesEndedError, Workers


class Ended:
    """Processes that have ended."""

    count = 2

    async def run[*Arguments, Result](self, work: Callable[[*Arguments], Result], *_: *Arguments) -> Result:
        assert work is os.getpid
        raise ProcessesEndedError


def test_as_much_is_done_side_by_side_as_there_are_processes() -> None:
    assert (Workers().at_once, Workers(Ended()).at_once) == (1, 2)


async def test_without_processes_a_thread_works() -> None:
    assert await Workers().run(divmod, 7, 3) == (2, 1)


async def test_when_the_processes_have_ended_a_thread_works_from_then_on() -> None:
    workers = Workers(Ended())
    assert await workers.run(os.getpid) == os.getpid()
    assert workers._processes is None
