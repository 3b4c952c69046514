import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aukciszek.auctions.record_export import audit_record, record_file
from aukciszek.clock import format_time
from aukciszek.cluster import PartyNumber
from aukciszek.encoding import canonical_json, sha256_hex
from aukciszek.protocol.evidence.audit_record import AuditRecord, RecordEntry, verify_record
from aukciszek.protocol.rules.errors import BrokenRecordError, MalformedRecordError
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.storage.rows import RecordRow

AUCTION = AuctionId("ab" * 32)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _rows(count: int) -> list[RecordRow]:
    """Write a chain as documented, apart from storage's own code."""
    rows: list[RecordRow] = []
    previous = "0" * 64
    for seq in range(1, count + 1):
        at, details = NOON + timedelta(seconds=seq), {"bundle": f"{seq:064x}", "nested": [{"n": seq}, None, "é"]}
        content = {
            "auction": AUCTION,
            "seq": seq,
            "at": format_time(at),
            "actor": "a bidder",
            "action": "bid",
            "details": details,
            "previous": previous,
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        rows.append(
            RecordRow(
                auction_id=AUCTION,
                seq=seq,
                at=at,
                actor="a bidder",
                action="bid",
                details=json.dumps(details, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
                previous_hash=previous,
                hash=sha256_hex(text.encode()),
            )
        )
        previous = rows[-1].hash
    return rows


@pytest.fixture
def record() -> AuditRecord:
    return audit_record(AUCTION, PartyNumber(2), _rows(5))


def _with_entries(record: AuditRecord, entries: list[RecordEntry]) -> AuditRecord:
    return record.model_copy(update={"entries": tuple(entries)})


def test_a_whole_record_passes(record: AuditRecord) -> None:
    verify_record(record)
    verify_record(record, head=record.head)
    again = AuditRecord.decode(record.encode())
    assert again == record
    verify_record(again, head=record.head)


@pytest.mark.parametrize("sizes", [(), (1,), (2, 3), (1, 1, 1)])
async def test_a_record_written_piece_by_piece_is_the_same_file(sizes: tuple[int, ...]) -> None:
    rows = _rows(sum(sizes))

    async def pages() -> AsyncIterator[list[RecordRow]]:
        first = 0
        for size in sizes:
            yield rows[first : first + size]
            first += size

    pieces = [piece async for piece in record_file(AUCTION, PartyNumber(2), pages())]
    assert b"".join(pieces) == audit_record(AUCTION, PartyNumber(2), rows).encode()


def test_an_empty_record_is_whole() -> None:
    empty = audit_record(AUCTION, PartyNumber(2), [])
    verify_record(empty, head="0" * 64)
    assert AuditRecord.decode(empty.encode()) == empty


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"at": NOON}, "entry 3 was changed"),
        ({"actor": "the auctioneer"}, "entry 3 was changed"),
        ({"action": "withdrew"}, "entry 3 was changed"),
        ({"details": {}}, "entry 3 was changed"),
        ({"hash": "1" * 64}, "entry 3 was changed"),
        ({"previous_hash": "1" * 64}, "entry 3 does not follow"),
        ({"seq": 4}, "entry 3 does not follow"),
    ],
)
def test_a_changed_entry_is_found(record: AuditRecord, change: dict[str, Any], fault: str) -> None:
    entries = list(record.entries)
    entries[2] = entries[2].model_copy(update=change)
    with pytest.raises(BrokenRecordError, match=fault):
        verify_record(_with_entries(record, entries))


def test_an_entry_that_was_changed_and_hashed_anew_is_found_at_the_next(record: AuditRecord) -> None:
    entries = list(record.entries)
    forged = audit_record(AUCTION, PartyNumber(2), _rows(3)).entries[2].model_copy(update={"actor": "nobody"})
    content = json.loads(canonical_json(forged.model_dump(mode="json")))
    content.pop("hash")
    content |= {"auction": AUCTION, "previous": content.pop("previous_hash")}
    entries[2] = forged.model_copy(update={"hash": sha256_hex(canonical_json(content))})
    with pytest.raises(BrokenRecordError, match="entry 4 does not follow"):
        verify_record(_with_entries(record, entries))


@pytest.mark.parametrize("place", range(4))
def test_a_removed_entry_is_found(record: AuditRecord, place: int) -> None:
    entries = list(record.entries)
    del entries[place]
    with pytest.raises(BrokenRecordError, match=f"entry {place + 1} does not follow"):
        verify_record(_with_entries(record, entries))


def test_entries_cut_off_at_the_end_are_found_by_the_head(record: AuditRecord) -> None:
    shortened = _with_entries(record, list(record.entries[:-1]))
    verify_record(shortened)
    with pytest.raises(BrokenRecordError, match="missing at its end"):
        verify_record(shortened, head=record.head)


@pytest.mark.parametrize("place", range(4))
def test_reordered_entries_are_found(record: AuditRecord, place: int) -> None:
    entries = list(record.entries)
    entries[place], entries[place + 1] = entries[place + 1], entries[place]
    with pytest.raises(BrokenRecordError, match=f"entry {place + 1} does not follow"):
        verify_record(_with_entries(record, entries))


def test_an_entry_put_in_twice_is_found(record: AuditRecord) -> None:
    entries = list(record.entries)
    entries.insert(2, entries[2])
    with pytest.raises(BrokenRecordError, match="entry 4 does not follow"):
        verify_record(_with_entries(record, entries))


def test_a_record_of_another_auction_is_found(record: AuditRecord) -> None:
    with pytest.raises(BrokenRecordError, match="entry 1 was changed"):
        verify_record(record.model_copy(update={"auction": AuctionId("cd" * 32)}))


def test_what_is_no_record_is_refused(record: AuditRecord) -> None:
    content = record.encode()
    fields = json.loads(content)
    for changed in (
        b"",
        b"[]",
        content + b"\n",
        json.dumps(fields).encode(),
        canonical_json(fields | {"more": 1}),
        canonical_json(fields | {"party": 0}),
        content.replace(b'"n":1', b'"n":1.5'),
        content.replace(b'"n":1', b'"n":9007199254740993'),
        content.replace(b'"n":1', b'"n":NaN'),
    ):
        with pytest.raises(MalformedRecordError):
            AuditRecord.decode(changed)
