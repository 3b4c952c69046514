"""The processes beside a party's server that do its cryptography (:mod:`aukciszek.auctions.context.workers`).

They are forked before the server opens anything: they share its memory and have no file, socket or database of it.
They end with the server, however it ends.
"""

import asyncio
import ctypes
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Final

from aukciszek.auctions.context.workers import ProcessesEndedError

MOST_PROCESSES: Final = 4

_PR_SET_PDEATHSIG: Final = 1
"""From ``<sys/prctl.h>``."""


class WorkerProcesses:
    """The processes, as the event loop sees them."""

    def __init__(self, pool: Executor, count: int) -> None:
        self._pool = pool
        self._count = count

    @property
    def count(self) -> int:
        """How many there are."""
        return self._count

    async def run[*Arguments, Result](self, work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """Do ``work``, a function of a module, in a process.

        Raises:
            ProcessesEndedError: a process has ended, and with it the pool.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
        except BrokenProcessPool:
            raise ProcessesEndedError from None


@contextmanager
def worker_processes() -> Iterator[WorkerProcesses | None]:
    """Start processes, one for each processor but one; ``None`` where there is but one processor, or no ``fork``.

    Call it before the event loop is created and while the program has one thread: a fork copies only that one.
    """
    count = min(MOST_PROCESSES, (os.process_cpu_count() or 1) - 1)
    if count < 1 or sys.platform != "linux":
        yield None
        return
    gc.collect()
    gc.freeze()
    pool = ProcessPoolExecutor(count, get_context("fork"), initializer=_prepare, initargs=(os.getpid(),))
    try:
        # With the first work the pool forks all its processes, and only then starts threads of its own.
        wait([pool.submit(os.getpid)])
        yield WorkerProcesses(pool, count)
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare(parent: int) -> None:
    """End with the parent, and leave signals of the terminal to it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
