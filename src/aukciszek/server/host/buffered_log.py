"""The log of a server: lines that tell of ordinary events are gathered for a moment and written together.

Every answer is a line. Written one by one, each would cost a call to the kernel, during which the event loop gives up
the interpreter's lock and then waits for it: a tenth of the work of a bid.
"""

import asyncio
import logging
import time
from typing import Final, TextIO, override

GATHERED_FOR_S: Final = 0.1
"""What a server that is killed can lose of its log, at most."""


def tell_no_more_than_lines_show() -> None:
    """Let the standard library look up nothing for an event that no line shows: half of what an event costs."""
    logging.logThreads = False
    logging.logProcesses = False
    logging.logMultiprocessing = False
    logging.logAsyncioTasks = False  # type: ignore[attr-defined]  # since Python 3.12


class _Formatter(logging.Formatter):
    """Times in UTC, spelled once for each second; the rest without looking for what a format may ask for."""

    def __init__(self) -> None:
        super().__init__("%(message)s")
        self._spelled = (0, "")

    @override
    def format(self, record: logging.LogRecord) -> str:
        second = int(record.created)
        if self._spelled[0] != second:
            self._spelled = (second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))
        is_plain = record.exc_info is None and record.stack_info is None
        whole = record.getMessage() if is_plain else super().format(record)
        return f"{self._spelled[1]}.{int(record.msecs):03d}Z {record.levelname} {record.name}: {whole}"


class GatheringHandler(logging.StreamHandler[TextIO]):
    """Writes a line for each event, times in UTC; warnings and what is said outside an event loop at once."""

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``."""
        super().__init__(stream)
        self._lines: list[str] = []
        self._due_in: asyncio.AbstractEventLoop | None = None
        self.setFormatter(_Formatter())

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Write an event, now or soon."""
        try:
            self._lines.append(self.format(record) + self.terminator)
            if record.levelno > logging.INFO or not self._write_soon():
                self.flush()
        except Exception:  # noqa: BLE001 -- what logging does with errors of its own
            self.handleError(record)

    @override
    def flush(self) -> None:
        """Write what was gathered."""
        self.acquire()  # a thread may be telling something at this moment
        try:
            lines, self._lines, self._due_in = self._lines, [], None
            if lines:
                self.stream.write("".join(lines))
            super().flush()
        finally:
            self.release()

    def _write_soon(self) -> bool:
        """See to it that what was gathered is written; false where no event loop runs."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if self._due_in is not loop:
            self._due_in = loop
            loop.call_later(GATHERED_FOR_S, self.flush)
        return True
