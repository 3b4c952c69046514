import asyncio
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from aukciszek.cluster import PartyNumber
from aukciszek.diagnosis import log_failure
from aukciszek.server import incidents as incidents_module
from aukciszek.server.incidents import REPEAT_AFTER_S, IncidentLog

if TYPE_CHECKING:
    from .conftest import RecordedIncidents, StoppedClock

TWO = PartyNumber(2)


@pytest.fixture
async def incidents(recorded: "RecordedIncidents", clock: "StoppedClock") -> AsyncIterator[IncidentLog]:
    log = IncidentLog(recorded, clock)
    storing = asyncio.create_task(log.run())
    yield log
    storing.cancel()


async def test_an_incident_is_stored_and_told_to_the_log(
    incidents: IncidentLog, recorded: "RecordedIncidents", caplog: pytest.LogCaptureFixture
) -> None:
    incidents.report("malformed-frame", "a frame was empty", party=TWO, auction="a" * 64)
    await incidents.flush()
    assert recorded.kinds == [("malformed-frame", 2)]
    assert "malformed-frame party=2" in caplog.text


async def test_what_happens_again_and_again_is_written_once_a_minute(
    incidents: IncidentLog, recorded: "RecordedIncidents", clock: "StoppedClock"
) -> None:
    for _ in range(100):
        incidents.report("peer-address-unknown", "who is this", address="10.0.0.1")
    incidents.report("peer-address-unknown", "who is this", address="10.0.0.2")
    incidents.report("malformed-frame", "empty", party=TWO)
    await incidents.flush()
    assert len(recorded.kinds) == 3
    clock.advance(REPEAT_AFTER_S)
    incidents.report("peer-address-unknown", "who is this", address="10.0.0.1")
    await incidents.flush()
    assert len(recorded.kinds) == 4
    assert recorded.details[1]["left_out_before"] == 99


async def test_a_flood_of_different_incidents_fills_no_memory(
    incidents: IncidentLog, recorded: "RecordedIncidents", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incidents_module, "MOST_REMEMBERED", 10)
    for number in range(5000):
        incidents.report("peer-address-unknown", "who is this", address=f"10.0.{number // 256}.{number % 256}")
    await incidents.flush()
    assert len(recorded.kinds) == incidents_module.MOST_WAITING
    assert len(incidents._last_seen) <= 10


async def test_one_that_cannot_be_stored_does_not_keep_the_next_from_being(
    incidents: IncidentLog,
    recorded: "RecordedIncidents",
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = recorded.add_incident

    async def fail(*_args: object, **_options: object) -> None:
        raise OSError("disk full, row was s3cret")

    monkeypatch.setattr(recorded, "add_incident", fail)
    incidents.report("one", "text")
    await incidents.flush()
    monkeypatch.setattr(recorded, "add_incident", store)
    incidents.report("two", "text")
    await incidents.flush()
    assert recorded.kinds == [("two", None)]
    assert "OSError" in caplog.text
    assert "s3cret" not in caplog.text


def test_a_failure_is_told_by_its_place_and_not_by_its_contents(caplog: pytest.LogCaptureFixture) -> None:
    s3cret = "s3cret"
    try:
        int(s3cret)
    except ValueError as error:
        log_failure(logging.getLogger("test"), "trying", error)
    assert "failure while trying: ValueError at test_a_failure_is_told_by_its_place" in caplog.text
    assert "test_incidents.py:" in caplog.text
    assert s3cret not in caplog.text
