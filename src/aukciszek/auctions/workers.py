"""Other processors for what takes long and needs nothing but its arguments: opening, signing, verifying.

Python runs one thread of a process at a time, and cryptography is no exception. So a party's server has processes
beside it that do this work in batches; without them (in tests, on one processor) a thread does it.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor

_log = logging.getLogger(__name__)


class Workers:
    """Who does such work for one party."""

    def __init__(self, processes: Executor | None = None) -> None:
        self._processes = processes

    async def run[*Arguments, Result](self, work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """Do ``work``, a function of a module, elsewhere; arguments and result are copied on the way."""
        if self._processes is not None:
            try:
                return await asyncio.get_running_loop().run_in_executor(self._processes, work, *arguments)
            except BrokenExecutor:
                # Nothing is lost but speed: restarting the party brings them back.
                _log.error("the processes for cryptography have ended; the server goes on without them")
                self._processes = None
        return await asyncio.to_thread(work, *arguments)
