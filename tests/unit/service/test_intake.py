"""Many bids at once at one party."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from aukciszek.accounts.tokens import Principal
from aukciszek.auctions.intake import intake
from aukciszek.protocol.evidence.audit_record import verify_record
from aukciszek.protocol.evidence.receipts import MOST_REVISIONS
from aukciszek.protocol.evidence.statements import verify
from aukciszek.protocol.rules.errors import EnvelopeDoesNotOpenError
from aukciszek.protocol.rules.identifiers import UserId
from aukciszek.protocol.rules.refusals import (
    AuctionFullError,
    IntakeBusyError,
    RevisionOutdatedError,
    TooManyRevisionsError,
)
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState
from aukciszek.protocol.sealing.bundle import Bundle, bundle_digest
from aukciszek.storage.errors import StorageFullError
from support.insides import parts_at
from support.parties import Parties, StartParties, new_bidder
from support.records import record_at


async def opened(parties: Parties) -> AuctionSpec:
    spec = parties.draft()
    await parties.create(spec)
    await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    return spec


async def test_bids_that_come_together_each_get_their_own_receipt(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    service = parties.service(1)
    bidders = [new_bidder() for _ in range(80)]
    contents = [await parties.seal(spec, bidder, "7") for bidder in bidders]
    spoilt = Bundle.decode(contents[5])
    contents[5] = replace(spoilt, envelopes=tuple(bytes(len(one)) for one in spoilt.envelopes)).encode()
    answers: list[Any] = await asyncio.gather(
        *(service.submit(bidder, spec.auction_id, content) for bidder, content in zip(bidders, contents, strict=True)),
        return_exceptions=True,
    )
    assert isinstance(answers.pop(5), EnvelopeDoesNotOpenError)
    contents.pop(5)
    assert [one.receipt.content.bundle for one in answers] == [bundle_digest(content) for content in contents]
    assert all(one.is_new for one in answers)
    for one in answers:
        verify(one.receipt, parties.cluster)
    assert (await service.queries.auction(spec.auction_id)).bids == 79
    record = await record_at(service, spec.auction_id)
    verify_record(record)
    assert sum(entry.action == "bid" for entry in record.entries) == 79


async def test_the_same_bid_many_times_at_once_is_stored_once(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    bidder = new_bidder()
    content = await parties.seal(spec, bidder, "7")
    answers = await asyncio.gather(*(parties.service(1).submit(bidder, spec.auction_id, content) for _ in range(4)))
    assert [one.is_new for one in answers] == [True, False, False, False]
    assert len({one.receipt for one in answers}) == 1


async def test_other_bytes_under_one_revision_are_refused_even_when_memory_knows_nothing(
    start_parties: StartParties,
) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    service, bidder = parties.service(1), new_bidder()
    first = await parties.seal(spec, bidder, "7")
    given = await service.submit(bidder, spec.auction_id, first)
    taken = parts_at(service, spec.auction_id).intake.taken
    taken._latest.clear()
    again = await service.submit(bidder, spec.auction_id, first)
    assert (again.receipt, again.is_new) == (given.receipt, False)
    await asyncio.gather(parties.bid(spec, "9", parties=[1]), parties.bid(spec, "8", parties=[1]))


async def test_revisions_go_up_and_end(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    bidder = await parties.bid(spec, "7", revision=3)
    with pytest.raises(RevisionOutdatedError):
        await parties.bid(spec, "8", bidder, revision=2)
    with pytest.raises(TooManyRevisionsError):
        await parties.bid(spec, "8", bidder, revision=MOST_REVISIONS + 1)


async def test_no_party_gives_more_receipts_than_its_list_can_hold(
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_LISTED_RECEIPTS", 3)
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    bidders = [new_bidder() for _ in range(5)]
    contents = [await parties.seal(spec, bidder, "7") for bidder in bidders]
    answers = await asyncio.gather(
        *(parties.service(1).submit(*each) for each in zip(bidders, [spec.auction_id] * 5, contents, strict=True)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, AuctionFullError) for one in answers) == 2
    known = next(number for number, one in enumerate(answers) if not isinstance(one, BaseException))
    assert not (await parties.service(1).submit(bidders[known], spec.auction_id, contents[known])).is_new


async def test_who_changes_a_bid_all_the_time_leaves_room_for_others(
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_LISTED_RECEIPTS", 20)
    monkeypatch.setattr(intake, "MOST_REVISIONS", 10)
    parties = await start_parties(3, 1)
    spec = await opened(parties)

    async def revisions_of(bidder: Principal) -> int:
        for revision in range(1, 11):
            try:
                await parties.bid(spec, "7", bidder, revision=revision, parties=[1])
            except TooManyRevisionsError:
                return revision - 1
        return 10

    greedy = [new_bidder() for _ in range(3)]
    # Each has had half of what was left at the end, however many there are.
    assert [await revisions_of(bidder) for bidder in greedy] == [7, 4, 3]
    for _ in range(4):
        await parties.bid(spec, "8", parties=[1])
    with pytest.raises(TooManyRevisionsError):
        await parties.bid(spec, "6", greedy[0], revision=8, parties=[1])
    # What stands can be taken back, once.
    goes = [
        Bundle.for_withdrawal(auction=spec.auction_id, bidder=UserId(greedy[0].uid), revision=revision).encode()
        for revision in (8, 9)
    ]
    assert (await parties.service(1).submit(greedy[0], spec.auction_id, goes[0])).is_new
    with pytest.raises(TooManyRevisionsError):
        await parties.service(1).submit(greedy[0], spec.auction_id, goes[1])
    await parties.bid(spec, "8", parties=[1])
    with pytest.raises(AuctionFullError):
        await parties.bid(spec, "8", parties=[1])


async def test_a_restart_knows_what_was_taken(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    bidder = await parties.bid(spec, "7")
    await parties.withdraw(spec, await parties.bid(spec, "8"), revision=2)
    await parties.stop(1)
    await parties.start(1)
    taken = parts_at(parties.service(1), spec.auction_id).intake.taken
    assert (taken.receipts, taken.standing, taken.latest(UserId(bidder.uid))) == (3, 1, 1)
    assert taken.receipts_of(UserId(bidder.uid)) == 1


async def test_a_full_disk_gives_no_receipt_and_the_bid_can_come_again(
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch
) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    bidder = new_bidder()
    content = await parties.seal(spec, bidder, "7")
    repository = parties.service(1)._party.repository

    async def fail(_: object) -> None:
        raise StorageFullError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(repository, "add_bids", fail)
        with pytest.raises(StorageFullError):
            await parties.service(1).submit(bidder, spec.auction_id, content)
    assert (await parties.service(1).queries.auction(spec.auction_id)).bids == 0
    assert (await parties.service(1).submit(bidder, spec.auction_id, content)).is_new


async def test_a_flood_to_one_auction_does_not_keep_another_from_taking_bids(
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch
) -> None:
    parties = await start_parties(3, 1)
    flooded, quiet = await opened(parties), await opened(parties)
    monkeypatch.setattr("aukciszek.auctions.context.bid_quota.MOST_OF_AN_AUCTION", 3)
    bidders = [new_bidder() for _ in range(6)]
    contents = [await parties.seal(flooded, bidder, "7") for bidder in bidders]
    other = new_bidder()
    one = await parties.seal(quiet, other, "7")
    *answers, last = await asyncio.gather(
        *(parties.service(1).submit(*each) for each in zip(bidders, [flooded.auction_id] * 6, contents, strict=True)),
        parties.service(1).submit(other, quiet.auction_id, one),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, IntakeBusyError) for answer in answers) == 3
    assert not isinstance(last, BaseException)


async def test_a_bundle_is_fetched_once_t_plus_one_parties_gave_receipts_and_not_before(
    start_parties: StartParties,
) -> None:
    parties = await start_parties()
    spec = await opened(parties)
    contents = {}
    for number, at in enumerate(([1, 2], [1, 2, 3])):
        bidder = new_bidder()
        contents[number] = await parties.seal(spec, bidder, "7")
        for party in at:
            await parties.service(party).submit(bidder, spec.auction_id, contents[number])
    few, enough = (bundle_digest(content) for content in contents.values())
    repository = parties.repositories[parties.cluster.numbers[4]]
    while await repository.bundle(enough) is None or len(await repository.receipts(few)) < 2:
        await asyncio.sleep(0.01)  # time must not run away from what the parties do in it
        parties.clock.move(0.05)
    assert await repository.bundle(few) is None
