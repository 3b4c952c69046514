import os
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from typing import Any, override

from aukciszek.auctions.workers import Workers


class Broken(ThreadPoolExecutor):
    """Processes that have ended."""

    @override
    def submit(self, *_: Any, **__: Any) -> Future[Any]:
        raise BrokenExecutor


async def test_without_processes_a_thread_works() -> None:
    assert await Workers().run(divmod, 7, 3) == (2, 1)


async def test_when_the_processes_have_ended_a_thread_works_from_then_on() -> None:
    workers = Workers(Broken())
    assert await workers.run(os.getpid) == os.getpid()
    assert workers._processes is None
