import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, strategies

from aukciszek.clock import Clock, MalformedTimeError, SystemClock, cut_to_milliseconds, format_time, parse_time

ZONES = strategies.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = strategies.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=ZONES)  # noqa: DTZ001 -- bounds without a zone


@given(MOMENTS)
def test_every_moment_has_one_spelling_that_is_read_back(moment: datetime) -> None:
    text = format_time(moment)
    assert parse_time(text) == cut_to_milliseconds(moment)
    assert parse_time(text).tzinfo is UTC
    assert format_time(parse_time(text)) == text
    assert len(text) == 24


@given(MOMENTS, MOMENTS)
def test_texts_sort_in_the_order_of_time(one: datetime, another: datetime) -> None:
    earlier, later = sorted([cut_to_milliseconds(one), cut_to_milliseconds(another)])
    assert format_time(earlier) <= format_time(later)


def test_one_instant_in_two_zones_is_written_the_same() -> None:
    warsaw = datetime(2026, 1, 31, 13, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=1)))
    assert format_time(warsaw) == "2026-01-31T12:00:00.999Z"


def test_a_moment_without_a_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="time zone"):
        format_time(datetime(2026, 1, 31))  # noqa: DTZ001 -- that is what is tried


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31",
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00.000",
        "2026-01-31T12:00:00.000+00:00",
        "2026-01-31T13:00:00.000+01:00",
        "2026-01-31 12:00:00.000Z",
        "2026-01-31t12:00:00.000z",
        "2026-01-31T12:00:00.0000Z",
        "2026-01-31T12:00:00,000Z",
        "20260131T120000.000Z",
        "2026-W05-6T12:00:00.000Z",
        "2026-02-30T12:00:00.000Z",
        "2026-01-31T24:00:00.000Z",
        "2026-01-31T12:00:60.000Z",
        " 2026-01-31T12:00:00.000Z",
        "2026-01-31T12:00:00.000Z\n",
        "0001-01-01T00:00:00.000+23:59",
        "\u0662026-01-31T12:00:00.000Z",
    ],
)
def test_any_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(MalformedTimeError, match="write the time in UTC"):
        parse_time(text)


@given(strategies.text(max_size=40))
def test_any_text_is_read_back_or_refused(text: str) -> None:
    try:
        moment = parse_time(text)
    except MalformedTimeError:
        return
    assert format_time(moment) == text


async def test_the_system_clock_tells_the_time_in_milliseconds() -> None:
    clock: Clock = SystemClock()
    before = datetime.now(UTC)
    now = clock.now()
    assert cut_to_milliseconds(before) <= now <= datetime.now(UTC)
    assert now.microsecond % 1000 == 0
    started_s = clock.monotonic_s()
    await clock.sleep(0.001)
    assert started_s + 0.001 <= clock.monotonic_s() <= time.monotonic()
