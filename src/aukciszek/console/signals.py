"""Ending a long-running command in good order: Ctrl-C, SIGTERM and a closed terminal all cancel its work.

Cancelling runs every ``finally`` and leaves every context, so that child processes are ended and files removed. A
signal that comes again while that goes on cancels again, and is survived where cleaning up must not be cut short.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Final

from aukciszek.errors import AukciszekError

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class TerminatedError(AukciszekError):
    """The command was told to end by SIGTERM or SIGHUP."""

    code = "terminated"


class Ending:
    """Whether the command was told to end, and whether that is what it waits for.

    Attributes:
        is_welcome: set by the command once a signal is its ordinary end, and no longer a failure.
    """

    def __init__(self) -> None:
        self.is_welcome = False
        self.received: signal.Signals | None = None


def run_until_signalled[T](work: Callable[[Ending], Awaitable[T]]) -> T | None:
    """Run ``work`` to its end; return None if a signal ended it and was welcome.

    Raises:
        KeyboardInterrupt: Ctrl-C ended it.
        TerminatedError: SIGTERM or SIGHUP ended it.
    """
    ending = Ending()

    async def run() -> T:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(work(ending))

        def end(received: signal.Signals) -> None:
            ending.received = received
            task.cancel()

        for each in _SIGNALS:
            loop.add_signal_handler(each, end, each)
        try:
            return await task
        finally:
            for each in _SIGNALS:
                loop.remove_signal_handler(each)

    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        if ending.received is None:
            raise
    if ending.is_welcome:
        return None
    if ending.received is signal.SIGINT:
        raise KeyboardInterrupt
    raise TerminatedError(f"ended by {ending.received.name}")
