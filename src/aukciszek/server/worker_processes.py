"""The processes beside a party's server that do its cryptography (:mod:`aukciszek.auctions.workers`).

They are copies of the server from before it opened anything: they share its memory and hold no file, socket or
database of it. They end with it, however it ends.
"""

import ctypes
import gc
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Final

MOST_PROCESSES: Final = 4

_PR_SET_PDEATHSIG: Final = 1
"""From ``<sys/prctl.h>``."""


@contextmanager
def worker_processes() -> Iterator[ProcessPoolExecutor | None]:
    """Start processes, one for each processor but one; ``None`` where there is but one processor, or no ``fork``.

    Call it before the event loop is made and while the program has one thread: only that one is copied.
    """
    count = min(MOST_PROCESSES, (os.process_cpu_count() or 1) - 1)
    if count < 1 or sys.platform != "linux":
        yield None
        return
    gc.collect()
    gc.freeze()
    pool = ProcessPoolExecutor(count, mp_context=get_context("fork"), initializer=_prepare, initargs=(os.getpid(),))
    try:
        # All processes are made when the first work comes, which must be now.
        wait([pool.submit(os.getpid)])
        yield pool
    finally:
        # Batches take milliseconds; without waiting, the interpreter would find the pool half closed at its end.
        pool.shutdown(wait=True, cancel_futures=True)


def _prepare(parent: int) -> None:
    """End with the parent, and leave signals of the terminal to it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
