from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue

from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.audit_record import AuditRecord, RecordEntry
from aukciszek.protocol.evidence.recorded_attempts import attempts_in, remarks_on
from aukciszek.protocol.rules.identifiers import AuctionId

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE, TWO = "1a" * 32, "2b" * 32

type Told = tuple[str, Mapping[str, JsonValue]]


def record(entries: Iterable[Told], party: int = 1) -> AuditRecord:
    return AuditRecord(
        auction=AuctionId("ab" * 32),
        party=PartyNumber(party),
        entries=tuple(
            RecordEntry(
                seq=seq,
                at=NOON + timedelta(seconds=seq),
                actor="party",
                action=action,
                details=dict(details),
                previous_hash="00" * 32,
                hash="00" * 32,
            )
            for seq, (action, details) in enumerate(entries, start=1)
        ),
    )


def began(session: str = ONE, **details: JsonValue) -> Told:
    told: dict[str, JsonValue] = {"attempt": 1, "input_set": "cd" * 32, "participants": [1, 2, 3], "bids": 4}
    return "session-began", {"session": session} | told | details


def ended(session: str = ONE, **details: JsonValue) -> Told:
    told: dict[str, JsonValue] = {"transcript": "ef" * 32, "error": None}
    return "session-ended", {"session": session} | told | details


def remarks(*records: AuditRecord) -> list[str]:
    return list(remarks_on([attempt for one in records for attempt in attempts_in(one)]))


def test_one_session_that_found_the_outcome_is_nothing_unusual() -> None:
    told = record([("closed", {}), began(), ended(), ("final", {})])
    (attempt,) = attempts_in(told)
    assert (attempt.party, attempt.session, attempt.attempt, attempt.bids) == (1, ONE, 1, 4)
    assert (attempt.participants, attempt.transcript, attempt.input_set) == ((1, 2, 3), "ef" * 32, "cd" * 32)
    assert attempt.began_at == "2026-03-01T12:00:02.000Z"
    assert attempt.found_outcome
    assert remarks(told, record([began(), ended()], party=2)) == []


def test_repeated_sessions_are_flagged() -> None:
    told = record([began(), ended(error="parties-missing"), began(TWO, attempt=2), ended(TWO)])
    assert [one.error for one in attempts_in(told)] == ["parties-missing", None]
    assert remarks(told) == ["party 1 began 2 sessions of this auction: it was computed repeatedly"]


def test_a_session_that_never_ended_is_listed_as_such() -> None:
    first, second = attempts_in(record([began(), began(TWO, attempt=2), ended(TWO)]))
    assert (first.ended, first.found_outcome) == (False, False)
    assert second.found_outcome


def test_one_session_twice_two_outcomes_and_two_input_sets_are_flagged() -> None:
    told = remarks(record([began(), ended(), began(input_set="ee" * 32), ended()]))
    assert len(told) == 5
    assert "2 times" in told[1]
    assert "outcome in 2 sessions" in told[2]
    assert "different input sets" in told[3]


def test_records_that_differ_about_a_session_are_flagged() -> None:
    mine = record([began(), ended()])
    for other, what in (
        ([began(participants=[1, 2, 4]), ended()], "participants"),
        ([began(input_set="ee" * 32), ended()], "input sets"),
        ([began(), ended(transcript="00" * 32)], "transcripts"),
    ):
        assert remarks(mine, record(other, party=2)) == [
            f"the records tell of different {what} in session 1a1a1a1a1a1a1a1a"
        ]


def test_what_is_missing_or_odd_is_left_out() -> None:
    odd: Mapping[str, JsonValue] = {"session": 7, "attempt": True, "participants": "all", "bids": "4", "input_set": []}
    first, second = attempts_in(record([("session-began", {}), ("session-ended", {}), ("session-began", odd)]))
    assert (first.session, first.attempt, first.participants, first.ended) == (None, None, None, True)
    assert (second.session, second.attempt, second.participants, second.bids) == (None, None, None, None)
    assert attempts_in(record([ended(), ("session-failed", {"error": "x"})])) == ()
    (long,) = attempts_in(record([began(), ended(error="x" * 10_000)]))
    assert long.error == "x" * 200
