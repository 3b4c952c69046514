"""An auction that cannot be read when its party starts: it is set aside, and all others go on."""

import logging

import pytest

from aukciszek.cluster import PartyNumber
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.protocol.rules.refusals import AuctionUnavailableError
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState
from support.parties import Parties, StartParties
from support.passing import ended, let_pass, opened, state_at

TROUBLED = 3


def overwrite(parties: Parties, auction: AuctionId, statement: str, content: object) -> None:
    parties.disks[PartyNumber(TROUBLED)].raw.execute(statement, (content, auction))


async def started_with(parties: Parties, spec: AuctionSpec, statement: str, content: object) -> None:
    await parties.stop(TROUBLED)
    overwrite(parties, spec.auction_id, statement, content)
    await parties.start(TROUBLED)


PROPOSAL = "UPDATE auctions SET proposal = ? WHERE id = ?"
ORDERS = "UPDATE orders SET statement = ? WHERE auction_id = ?"


@pytest.mark.parametrize("statement", [PROPOSAL, ORDERS])
async def test_it_is_shown_as_unavailable_and_all_others_end(
    start_parties: StartParties, caplog: pytest.LogCaptureFixture, statement: str
) -> None:
    parties = await start_parties(3, 1)
    broken, sound = await opened(parties), await opened(parties)
    bidder = await parties.bid(sound, "7")
    with caplog.at_level(logging.ERROR):
        await started_with(parties, broken, statement, b"nonsense")
    assert f"auction {broken.auction_id} is unavailable (malformed-statement)" in caplog.text
    queries = parties.service(TROUBLED).queries
    assert (await queries.auction(broken.auction_id)).failure == "auction-unavailable"
    assert {one.spec.auction_id for one in await queries.auctions(10)} == {broken.auction_id, sound.auction_id}
    (incident,) = [one for one in await queries.incidents(10) if one.kind == "auction-unavailable"]
    assert (incident.auction_id, incident.party) == (broken.auction_id, None)
    parties.clock.move(601)
    assert (await ended(parties, sound.auction_id)).winners[0].bidder == bidder.uid
    assert state_at(parties, TROUBLED, broken.auction_id) is AuctionState.OPEN, "nothing is done in it"


async def test_what_is_asked_about_it_is_refused(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    await started_with(parties, spec, PROPOSAL, b"nonsense")
    service = parties.service(TROUBLED)
    with pytest.raises(AuctionUnavailableError):
        await parties.bid(spec, "7", parties=[TROUBLED])
    with pytest.raises(AuctionUnavailableError):
        await service.close(parties.auctioneer, spec.auction_id)
    with pytest.raises(AuctionUnavailableError):
        await service.queries.certificate(spec.auction_id)
    seen = [one async for one in service.queries.progress(spec.auction_id)]
    assert [one.failure for one in seen] == ["auction-unavailable"]


async def test_once_it_is_repaired_the_party_takes_part_again(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    await started_with(parties, spec, PROPOSAL, b"nonsense")
    bidder = await parties.bid(spec, "7", parties=[1, 2])
    parties.clock.move(601)
    await let_pass(parties, 30)
    assert state_at(parties, TROUBLED, spec.auction_id) is AuctionState.OPEN
    await started_with(parties, spec, PROPOSAL, None)
    assert (await ended(parties, spec.auction_id)).winners[0].bidder == bidder.uid


FLIPPED = [
    "UPDATE auctions SET spec = replace(spec, 'first-price', ?) WHERE id = ?",
    "UPDATE bundles SET content = CAST(content || ? AS BLOB) WHERE auction_id = ?",
]


@pytest.mark.parametrize("statement", FLIPPED, ids=["rules", "bundle"])
async def test_one_that_is_not_what_was_written_is_set_aside(start_parties: StartParties, statement: str) -> None:
    parties = await start_parties(3, 1)
    broken, sound = await opened(parties), await opened(parties)
    await parties.bid(broken, "5")
    bidder = await parties.bid(sound, "7")
    await started_with(parties, broken, statement, "x")
    queries = parties.service(TROUBLED).queries
    (incident,) = [one for one in await queries.incidents(10) if one.kind == "auction-unavailable"]
    assert incident.auction_id == broken.auction_id
    assert "auction-damaged" in str(incident.details)
    seen = {one.spec.auction_id: one.failure for one in await queries.auctions(10)}
    assert seen[sound.auction_id] is None
    if broken.auction_id in seen:
        assert seen[broken.auction_id] == "auction-unavailable"
    else:  # not even its rules can be shown
        with pytest.raises(AuctionUnavailableError):
            await queries.auction(broken.auction_id)
    parties.clock.move(601)
    assert (await ended(parties, sound.auction_id)).winners[0].bidder == bidder.uid


async def test_what_is_stored_is_not_quoted(start_parties: StartParties, caplog: pytest.LogCaptureFixture) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    with caplog.at_level(logging.DEBUG):
        await started_with(parties, spec, "UPDATE record SET previous_hash = ? WHERE auction_id = ?", "hidden words")
    incidents = await parties.service(TROUBLED).queries.incidents(10)
    assert "auction-damaged" in str(incidents)
    assert "hidden" not in caplog.text + str(incidents)
