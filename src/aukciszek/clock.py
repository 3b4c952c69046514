"""Time, passed in rather than looked up, so that tests can make it stand still or run fast.

All times of day are aware :class:`~datetime.datetime` values in UTC, cut to whole milliseconds, and travel as
RFC 3339 text with exactly three decimals: one moment has one spelling, so that signed texts can be compared.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

from aukciszek.errors import AukciszekError


class MalformedTimeError(AukciszekError):
    """A text is not a moment in the one spelling that we accept."""

    code = "malformed-time"


class Clock(Protocol):
    """What the system asks of time."""

    def now(self) -> datetime:
        """Return the time of day, in UTC, cut to whole milliseconds."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds from an arbitrary start; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds``."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the time of day, in UTC, cut to whole milliseconds."""
        return cut_to_milliseconds(datetime.now(UTC))

    def monotonic_s(self) -> float:
        """Return seconds from an arbitrary start; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds``."""
        await asyncio.sleep(seconds)


def cut_to_milliseconds(moment: datetime) -> datetime:
    """Drop what is finer than a millisecond."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def format_time(moment: datetime) -> str:
    """Spell ``moment`` as ``2026-01-31T12:00:00.000Z``.

    Raises:
        ValueError: ``moment`` has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone cannot be written down")
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return in_utc.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def parse_time(text: str) -> datetime:
    """Read what :func:`format_time` wrote, and nothing else.

    Raises:
        MalformedTimeError: ``text`` is spelled in any other way.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None and format_time(moment) == text:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise MalformedTimeError("write the time in UTC with milliseconds, as 2026-01-31T12:00:00.000Z")
