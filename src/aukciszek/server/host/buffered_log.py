"""The log of a server: lines that tell of ordinary events are gathered for a moment and written together.

Every answer is a line. Written one by one, each would cost a call to the kernel, during which the event loop gives up
the interpreter's lock and then waits for it: a tenth of the work of a bid.
"""

import asyncio
import logging
import time
from typing import Final, TextIO, override

BUFFERED_FOR_S: Final = 0.1
"""What a server that is killed can lose of its log, at most."""


class _Formatter(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")


class BufferedHandler(logging.StreamHandler[TextIO]):
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
            loop.call_later(BUFFERED_FOR_S, self.flush)
        return True
