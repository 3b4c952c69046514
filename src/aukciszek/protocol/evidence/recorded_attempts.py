"""What audit records say about attempts to compute an auction: who took part, how each ended, and what is unusual.

``docs/protocol.md``, "The audit record". A session that ends without an outcome is repeated, and an honest auction may
need that; but an attacker that would learn from repetitions has to cause them, and here they become visible. The form
of an entry is open, so a missing detail is left out here and is no error.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from pydantic import JsonValue

from aukciszek.clock import format_time
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.audit_record import AuditRecord, RecordEntry

BEGAN: Final = "session-began"
ENDED: Final = "session-ended"

_LONGEST_TEXT: Final = 200


@dataclass(frozen=True, slots=True)
class ComputingAttempt:
    """One session as one party recorded it; None stands for what is not there."""

    party: PartyNumber
    began_at: str
    session: str | None
    attempt: int | None
    input_set: str | None
    participants: tuple[int, ...] | None
    bids: int | None
    ended: bool = False
    transcript: str | None = None
    error: str | None = None
    """Why it ended without an outcome."""

    @property
    def found_outcome(self) -> bool:
        """Whether the record says that this session found the outcome."""
        return self.ended and self.error is None


def attempts_in(record: AuditRecord) -> tuple[ComputingAttempt, ...]:
    """Return the sessions that a party's record tells of, in the order in which they began."""
    attempts: list[ComputingAttempt] = []
    for entry in record.entries:
        if entry.action == BEGAN:
            attempts.append(_began(record.party, entry))
        elif entry.action == ENDED:
            _end(attempts, entry)
    return tuple(attempts)


def remarks_on(attempts: Iterable[ComputingAttempt]) -> Iterator[str]:
    """Yield, in words, what is unusual about the attempts in all records at hand.

    None of it makes a certificate false. An auditor asks the parties about it.
    """
    known = tuple(attempts)
    yield from _repeated(known)
    yield from _different(known)


def _repeated(known: tuple[ComputingAttempt, ...]) -> Iterator[str]:
    for party in sorted({one.party for one in known}):
        own = [one for one in known if one.party == party]
        if len(own) > 1:
            yield f"party {party} began {len(own)} sessions of this auction: it was computed repeatedly"
        sessions = Counter(one.session for one in own if one.session is not None)
        for session, count in sorted(sessions.items()):
            if count > 1:
                yield f"party {party} began session {session[:16]} {count} times, and none may be begun twice"
        found = sum(one.found_outcome for one in own)
        if found > 1:
            yield f"party {party} found an outcome in {found} sessions"
        if len({one.input_set for one in own if one.input_set is not None}) > 1:
            yield f"party {party} computed on different input sets"


def _different(known: tuple[ComputingAttempt, ...]) -> Iterator[str]:
    for session in sorted({one.session for one in known if one.session is not None}):
        told = [one for one in known if one.session == session]
        for what, values in (
            ("participants", {one.participants for one in told if one.participants is not None}),
            ("input sets", {one.input_set for one in told if one.input_set is not None}),
            ("transcripts", {one.transcript for one in told if one.transcript is not None}),
        ):
            if len(values) > 1:
                yield f"the records tell of different {what} in session {session[:16]}"


def _began(party: PartyNumber, entry: RecordEntry) -> ComputingAttempt:
    details = entry.details
    return ComputingAttempt(
        party=party,
        began_at=format_time(entry.at),
        session=_text(details.get("session")),
        attempt=_number(details.get("attempt")),
        input_set=_text(details.get("input_set")),
        participants=_numbers(details.get("participants")),
        bids=_number(details.get("bids")),
    )


def _end(attempts: list[ComputingAttempt], entry: RecordEntry) -> None:
    """Note how a session ended: the latest of that name, or, if none is named, the latest that has not ended."""
    session = _text(entry.details.get("session"))
    for index in reversed(range(len(attempts))):
        one = attempts[index]
        if not one.ended and session in {None, one.session}:
            transcript, error = _text(entry.details.get("transcript")), _text(entry.details.get("error"))
            attempts[index] = replace(one, ended=True, transcript=transcript, error=error)
            return


def _text(value: JsonValue) -> str | None:
    return value[:_LONGEST_TEXT] if isinstance(value, str) else None


def _number(value: JsonValue) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _numbers(value: JsonValue) -> tuple[int, ...] | None:
    if not isinstance(value, list):
        return None
    return tuple(number for number in map(_number, value) if number is not None)
