import asyncio
import io
import logging
from typing import override

import pytest

from aukciszek.server.host.buffered_log import BufferedHandler

type Told = tuple[logging.Logger, "Stream"]


class Stream(io.StringIO):
    """Tells when something was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    @override
    def write(self, text: str) -> int:
        self.written.set()
        return super().write(text)


@pytest.fixture
def told() -> Told:
    stream = Stream()
    log = logging.Logger("gathered", logging.INFO)  # noqa: LOG001 -- a test leaves nothing behind in the tree of loggers
    log.addHandler(BufferedHandler(stream))
    return log, stream


def lines(stream: io.StringIO) -> list[str]:
    return [line.partition(" ")[2] for line in stream.getvalue().splitlines()]


async def test_ordinary_lines_are_written_together_and_soon(told: Told) -> None:
    log, stream = told
    log.info("one")
    log.info("two")
    assert not stream.getvalue()
    await stream.written.wait()
    assert lines(stream) == ["INFO gathered: one", "INFO gathered: two"]


async def test_a_warning_is_written_at_once_after_what_came_before(told: Told) -> None:
    log, stream = told
    log.info("one")
    log.warning("two")
    assert lines(stream) == ["INFO gathered: one", "WARNING gathered: two"]
    stream.written.clear()
    log.info("three")
    await stream.written.wait()
    assert lines(stream)[2:] == ["INFO gathered: three"]


def test_outside_an_event_loop_nothing_is_gathered(told: Told) -> None:
    log, stream = told

    async def tell() -> None:
        log.info("one")

    asyncio.run(tell())
    log.info("two")
    assert lines(stream) == ["INFO gathered: one", "INFO gathered: two"]


async def test_what_a_thread_tells_is_written_at_once(told: Told) -> None:
    log, stream = told
    await asyncio.to_thread(log.info, "one")
    assert lines(stream) == ["INFO gathered: one"]
