import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from aukciszek.protocol.evidence.record_chain import FIRST_PREVIOUS_HASH
from aukciszek.storage.database import Database
from aukciszek.storage.repositories.auctions import AuctionRepository
from aukciszek.storage.rows import AuctionRow, RecordRow

NOON = datetime(2026, 1, 31, 12, 0, 0, 7000, tzinfo=UTC)


@pytest.fixture
async def auctions(database: Database) -> AuctionRepository:
    repository = AuctionRepository(database)
    for letter in "ab":
        row = AuctionRow(
            id=letter * 64, spec="{}", state="open", state_since=NOON, auctioneer="u", attempt=0, created_at=NOON
        )
        await repository.create_auction(row)
    return repository


def hash_by_hand(row: RecordRow) -> str:
    """Follow the definition with nothing but the standard library."""
    fields = {
        "action": row.action,
        "actor": row.actor,
        "at": row.at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{row.at.microsecond // 1000:03}Z",
        "auction": row.auction_id,
        "details": json.loads(row.details),
        "previous": row.previous_hash,
        "seq": row.seq,
    }
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


async def test_entries_are_chained(auctions: AuctionRepository) -> None:
    for number in range(3):
        at = NOON + timedelta(minutes=number)
        await auctions.append_record("a" * 64, at, "party:1", "noted", {"liczba": number, "tekst": "zażółć"})
    rows = await auctions.record("a" * 64)
    assert [row.seq for row in rows] == [1, 2, 3]
    assert [row.previous_hash for row in rows] == [FIRST_PREVIOUS_HASH, rows[0].hash, rows[1].hash]
    assert [row.hash for row in rows] == [hash_by_hand(row) for row in rows]
    assert rows[2].details == '{"liczba":2,"tekst":"zażółć"}'
    assert rows[2].at == NOON + timedelta(minutes=2)


async def test_every_auction_has_its_own_chain(auctions: AuctionRepository) -> None:
    first = await auctions.append_record("a" * 64, NOON, "party:1", "noted", {})
    other = await auctions.append_record("b" * 64, NOON, "party:1", "noted", {})
    assert (other.seq, other.previous_hash) == (1, FIRST_PREVIOUS_HASH)
    assert first.hash != other.hash


async def test_entries_at_once_form_one_chain(auctions: AuctionRepository) -> None:
    await asyncio.gather(
        *(auctions.append_record("a" * 64, NOON, "party:1", "noted", {"n": number}) for number in range(30))
    )
    rows = await auctions.record("a" * 64)
    assert [row.seq for row in rows] == list(range(1, 31))
    assert all(later.previous_hash == earlier.hash for earlier, later in pairwise(rows))
    assert {json.loads(row.details)["n"] for row in rows} == set(range(30))


async def test_an_entry_is_part_of_its_transaction(auctions: AuctionRepository, database: Database) -> None:
    async with database.transaction() as connection:
        await auctions.set_state("a" * 64, "closed", NOON, connection=connection)
        await auctions.append_record("a" * 64, NOON, "party:1", "closed", {}, connection=connection)
        await auctions.append_record("a" * 64, NOON, "party:1", "agreed", {}, connection=connection)
    assert [row.action for row in await auctions.record("a" * 64)] == ["closed", "agreed"]


async def test_the_record_is_read_in_parts(auctions: AuctionRepository) -> None:
    for _ in range(5):
        await auctions.append_record("a" * 64, NOON, "party:1", "noted", {})
    assert [row.seq for row in await auctions.record("a" * 64, after=1, limit=3)] == [2, 3, 4]
    assert await auctions.record("a" * 64, after=5) == []


async def test_details_without_a_canonical_form_are_refused(auctions: AuctionRepository) -> None:
    with pytest.raises(ValueError, match="float"):
        await auctions.append_record("a" * 64, NOON, "party:1", "noted", {"price": 1.5})  # type: ignore[dict-item]  # tried on purpose
    assert await auctions.record("a" * 64) == []


def test_nothing_changes_or_removes_an_entry() -> None:
    names = {name for name in dir(AuctionRepository) if "record" in name and not name.startswith("__")}
    assert names == {"append_record", "record"}


async def test_incidents_are_kept_newest_first(auctions: AuctionRepository) -> None:
    first = await auctions.add_incident(NOON, "unknown-address", {"address": "192.0.2.1"})
    second = await auctions.add_incident(NOON, "two-lists", {}, auction_id="a" * 64, party=3)
    third = await auctions.add_incident(NOON, "two-lists", {}, auction_id="unknown", party=3)
    assert first < second < third
    rows = await auctions.incidents(10)
    assert [row.id for row in rows] == [third, second, first]
    assert (rows[1].auction_id, rows[1].party, rows[1].kind, rows[1].at) == ("a" * 64, 3, "two-lists", NOON)
    assert (rows[2].auction_id, rows[2].party, rows[2].details) == (None, None, '{"address":"192.0.2.1"}')
    assert [row.id for row in await auctions.incidents(1)] == [third]
    assert [row.id for row in await auctions.incidents(10, auction_id="a" * 64)] == [second]


async def test_only_the_newest_incidents_are_kept(auctions: AuctionRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aukciszek.storage.repositories.audit_record.MOST_INCIDENTS", 3)
    numbers = [await auctions.add_incident(NOON, "noise", {"n": number}) for number in range(5)]
    assert [row.id for row in await auctions.incidents(10)] == numbers[:1:-1]
