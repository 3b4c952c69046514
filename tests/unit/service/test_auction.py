"""Whole auctions at several parties in one process."""

from datetime import timedelta

import pytest

from aukciszek.accounts.tokens import Principal
from aukciszek.auctions.session import execution
from aukciszek.auctions.session.computation import OnProgress, compute
from aukciszek.auctions.session.computation_task import ComputationResult, ComputationTask
from aukciszek.encoding import canonical_json, parse_canonical_json
from aukciszek.mpc.circuits.ranking import CostModel
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.sharing.field import Vector
from aukciszek.protocol.evidence.audit_record import verify_record
from aukciszek.protocol.evidence.certificate import CertificateBody
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.protocol.rules.refusals import (
    AuctioneerBidsError,
    AuctionEndsTooSoonError,
    AuctionNotOpenError,
    BidTooLateError,
    NoOutcomeYetError,
    NotAuctioneerError,
    NotInvitedError,
    NotYourBundleError,
    OrderNotAllowedError,
    OrderTooLateError,
    RevisionOutdatedError,
    SpecForOthersError,
    UnknownAuctionError,
)
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState
from support.parties import Parties, StartParties, new_bidder
from support.records import record_at


async def outcome(parties: Parties, auction: AuctionId) -> CertificateBody:
    """Return the outcome once all parties have it, after checking that all have the same, signed by all."""
    await parties.wait_for_state(auction, AuctionState.FINAL)
    certificates = [await service.queries.certificate(auction) for service in parties.services.values()]
    assert {one.body.digest for one in certificates} == {certificates[0].body.digest}
    assert all(len(one.signatures) == parties.size for one in certificates)
    assert not parties.network.refused
    return certificates[0].body


async def opened(parties: Parties, **changes: object) -> AuctionSpec:
    spec = parties.draft(**changes)
    await parties.create(spec)
    await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    return spec


async def test_all_parties_compute_with_one_cost_model_whatever_each_measured(
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch
) -> None:
    cost_models = []

    async def recorded(
        runtime: Runtime,
        task: ComputationTask,
        shares: Vector,
        on_progress: OnProgress,
        cost_model: CostModel,
        *,
        recovered: bool,
    ) -> ComputationResult:
        cost_models.append(cost_model)
        return await compute(runtime, task, shares, on_progress, cost_model, recovered=recovered)

    monkeypatch.setattr(execution, "compute", recorded)
    parties = await start_parties()
    parties.network.round_s = {1: 0.08, 2: 1e9, 3: 0.06, 4: 1e-9}  # party 5 has measured nothing yet
    spec = await opened(parties)
    for price in ("500", "320", "321"):
        await parties.bid(spec, price)
    parties.clock.move(601)
    assert (await outcome(parties, spec.auction_id)).prices == ("320",)
    assert cost_models == [CostModel(round_s=0.0625)] * parties.size


async def test_the_lowest_bid_wins(start_parties: StartParties) -> None:
    parties = await start_parties()
    spec = await opened(parties)
    await parties.bid(spec, "500")
    winner = await parties.bid(spec, "320")
    await parties.bid(spec, "321")
    parties.clock.move(601)
    body = await outcome(parties, spec.auction_id)
    assert [one.bidder for one in body.winners] == [winner.uid]
    assert body.prices == ("320",)


@pytest.mark.parametrize(("size", "threshold"), [(3, 1), (5, 1), (6, 2), (7, 3)])
async def test_the_highest_bid_wins_a_forward_auction(start_parties: StartParties, size: int, threshold: int) -> None:
    parties = await start_parties(size, threshold)
    spec = await opened(parties, direction="forward", minimum="10.00", maximum="99.95", step="0.05")
    await parties.bid(spec, "10.00")
    winner = await parties.bid(spec, "99.95")
    parties.clock.move(601)
    body = await outcome(parties, spec.auction_id)
    assert [one.bidder for one in body.winners] == [winner.uid]
    assert body.prices == ("99.95",)


async def test_equal_bids_are_decided_by_the_tie_break_seed(start_parties: StartParties) -> None:
    parties = await start_parties()
    spec = await opened(parties)
    bidders = {(await parties.bid(spec, "7")).uid for _ in range(4)}
    parties.clock.move(601)
    body = await outcome(parties, spec.auction_id)
    assert {one.bidder for one in body.winners} < bidders
    assert body.prices == ("7",)


async def test_bids_above_the_reserve_do_not_win_and_are_not_opened(start_parties: StartParties) -> None:
    parties = await start_parties()
    spec = await opened(parties, reserve_price="100")
    await parties.bid(spec, "101")
    await parties.bid(spec, "700")
    parties.clock.move(601)
    body = await outcome(parties, spec.auction_id)
    assert (body.outcome, body.winners, body.prices) == ("reserve-not-met", (), ())


async def test_too_few_bids_end_an_auction_without_a_computation(start_parties: StartParties) -> None:
    parties = await start_parties()
    spec = await opened(parties, minimum_bids=2)
    await parties.bid(spec, "101")
    parties.clock.move(601)
    body = await outcome(parties, spec.auction_id)
    assert (body.outcome, body.winners, body.tie_break_seed) == ("too-few-bids", (), None)


async def test_only_the_last_revision_of_a_bid_counts(start_parties: StartParties) -> None:
    parties = await start_parties()
    spec = await opened(parties)
    low = await parties.bid(spec, "100")
    await parties.bid(spec, "900", low, revision=2)
    winner = await parties.bid(spec, "400")
    parties.clock.move(601)
    assert [one.bidder for one in (await outcome(parties, spec.auction_id)).winners] == [winner.uid]


async def test_a_withdrawn_bid_does_not_count(start_parties: StartParties) -> None:
    parties = await start_parties()
    spec = await opened(parties)
    low = await parties.bid(spec, "100")
    winner = await parties.bid(spec, "400")
    await parties.withdraw(spec, low, revision=2)
    assert (await parties.services[parties.cluster.numbers[0]].queries.auction(spec.auction_id)).bids == 1
    parties.clock.move(601)
    assert [one.bidder for one in (await outcome(parties, spec.auction_id)).winners] == [winner.uid]


async def test_a_bid_that_t_plus_one_parties_hold_counts_and_no_fewer(start_parties: StartParties) -> None:
    parties = await start_parties()
    spec = await opened(parties)
    await parties.bid(spec, "100", parties=[1, 2])
    winner = await parties.bid(spec, "400", parties=[2, 4, 5])
    await parties.bid(spec, "500")
    parties.clock.move(601)
    assert [one.bidder for one in (await outcome(parties, spec.auction_id)).winners] == [winner.uid]


async def test_auctions_run_side_by_side(start_parties: StartParties) -> None:
    parties = await start_parties()
    specs = [await opened(parties, title=f"Lot {number}") for number in range(4)]
    winners = {}
    for number, spec in enumerate(specs):
        winners[spec.auction_id] = await parties.bid(spec, f"{100 + number}")
        await parties.bid(spec, f"{200 + number}")
    parties.clock.move(601)
    for number, spec in enumerate(specs):
        body = await outcome(parties, spec.auction_id)
        assert body.winners[0].bidder == winners[spec.auction_id].uid
        assert body.prices == (f"{100 + number}",)


async def test_the_record_tells_what_was_opened_and_names_no_bidder(start_parties: StartParties) -> None:
    parties = await start_parties()
    spec = await opened(parties)
    bidders = [await parties.bid(spec, price) for price in ("500", "320")]
    parties.clock.move(601)
    await outcome(parties, spec.auction_id)
    for service in parties.services.values():
        record = await record_at(service, spec.auction_id)
        verify_record(record)
        text = record.encode().decode()
        assert all(bidder.uid not in text for bidder in bidders)
        found = next(entry for entry in record.entries if entry.action == "outcome-found")
        assert "'320'" in str(found.details["revealed"])
        assert "'500'" not in str(found.details["revealed"])


async def test_the_sealing_key_is_destroyed_with_the_outcome(start_parties: StartParties) -> None:
    parties = await start_parties()
    spec = await opened(parties)
    await parties.bid(spec, "5")
    parties.clock.move(601)
    await outcome(parties, spec.auction_id)
    for database in parties.repositories.values():
        assert await database.sealing_private(spec.auction_id) is None


class TestOrders:
    async def test_an_early_close_takes_effect_when_t_plus_one_parties_heard_it(
        self, start_parties: StartParties
    ) -> None:
        parties = await start_parties()
        spec = await opened(parties)
        winner = await parties.bid(spec, "5")
        for number in (1, 2):
            view = await parties.service(number).close(parties.auctioneer, spec.auction_id)
            assert view.state is AuctionState.OPEN
        await parties.service(3).close(parties.auctioneer, spec.auction_id)
        assert [one.bidder for one in (await outcome(parties, spec.auction_id)).winners] == [winner.uid]

    async def test_a_cancelled_auction_ends_everywhere_and_opens_nothing(self, start_parties: StartParties) -> None:
        parties = await start_parties()
        spec = await opened(parties)
        bidder = await parties.bid(spec, "5")
        for number in (1, 2, 3):
            await parties.service(number).cancel(parties.auctioneer, spec.auction_id)
        await parties.wait_for_state(spec.auction_id, AuctionState.CANCELLED)
        parties.clock.move(601)
        with pytest.raises(NoOutcomeYetError):
            await parties.service(1).queries.certificate(spec.auction_id)
        with pytest.raises(AuctionNotOpenError):
            await parties.bid(spec, "6", bidder, revision=2, parties=[5])

    async def test_a_cancellation_that_too_few_parties_heard_changes_nothing(self, start_parties: StartParties) -> None:
        parties = await start_parties()
        spec = await opened(parties)
        winner = await parties.bid(spec, "5")
        for number in (1, 2):
            await parties.service(number).cancel(parties.auctioneer, spec.auction_id)
        parties.clock.move(601)
        assert [one.bidder for one in (await outcome(parties, spec.auction_id)).winners] == [winner.uid]

    async def test_parties_hear_of_an_auction_from_t_plus_one_peers(self, start_parties: StartParties) -> None:
        parties = await start_parties()
        spec = parties.draft()
        await parties.create(spec, [1, 3])
        with pytest.raises(UnknownAuctionError):
            await parties.service(2).queries.auction(spec.auction_id)
        await parties.create(spec, [5])
        await parties.wait_for_known(spec.auction_id)
        await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)

    async def test_rules_can_exclude_orders(self, start_parties: StartParties) -> None:
        parties = await start_parties()
        spec = await opened(parties, early_close_allowed=False, cancel_allowed=False)
        with pytest.raises(OrderNotAllowedError):
            await parties.service(1).close(parties.auctioneer, spec.auction_id)
        with pytest.raises(OrderNotAllowedError):
            await parties.service(1).cancel(parties.auctioneer, spec.auction_id)

    async def test_only_the_auctioneer_gives_orders_and_only_before_the_close(
        self, start_parties: StartParties
    ) -> None:
        parties = await start_parties()
        spec = await opened(parties)
        other = Principal(uid=new_bidder().uid, email="other@example.org", is_admin=True)
        for person in (other, new_bidder()):
            with pytest.raises(NotAuctioneerError):
                await parties.service(1).close(person, spec.auction_id)
        parties.clock.move(601)
        with pytest.raises(OrderTooLateError):
            await parties.service(1).cancel(parties.auctioneer, spec.auction_id)


class TestRefusals:
    async def test_auctions_are_created_by_their_auctioneer_for_this_cluster(self, start_parties: StartParties) -> None:
        parties = await start_parties()
        service, spec = parties.service(1), parties.draft()
        with pytest.raises(NotAuctioneerError):
            await service.create(new_bidder(), spec.canonical_bytes)
        for change in ({"threshold": 1}, {"cluster": "0" * 64}):
            rules = parse_canonical_json(spec.canonical_bytes)
            assert isinstance(rules, dict)
            with pytest.raises(SpecForOthersError):
                await service.create(parties.auctioneer, canonical_json(rules | change))
        past = parties.draft(closes_at=parties.clock.now(), opens_at=parties.clock.now() - timedelta(hours=1))
        with pytest.raises(AuctionEndsTooSoonError):
            await service.create(parties.auctioneer, past.canonical_bytes)

    async def test_creating_an_auction_again_changes_nothing(self, start_parties: StartParties) -> None:
        parties = await start_parties()
        spec = await opened(parties)
        view, is_new = await parties.service(1).create(parties.auctioneer, spec.canonical_bytes)
        assert not is_new
        assert view.state is AuctionState.OPEN

    async def test_bids_come_from_their_bidder(self, start_parties: StartParties) -> None:
        parties = await start_parties()
        spec = await opened(parties)
        content = await parties.seal(spec, new_bidder(), "5")
        with pytest.raises(NotYourBundleError):
            await parties.service(1).submit(new_bidder(), spec.auction_id, content)
        with pytest.raises(AuctioneerBidsError):
            await parties.bid(spec, "5", parties.auctioneer)

    async def test_only_the_invited_bid(self, start_parties: StartParties) -> None:
        parties = await start_parties()
        invited = new_bidder()
        spec = await opened(parties, invited=[invited.email])
        with pytest.raises(NotInvitedError):
            await parties.bid(spec, "5")
        await parties.bid(spec, "5", invited)

    async def test_bids_come_in_time(self, start_parties: StartParties) -> None:
        parties = await start_parties()
        now = parties.clock.now()
        spec = parties.draft(opens_at=now + timedelta(seconds=10), closes_at=now + timedelta(seconds=20))
        await parties.create(spec)
        await parties.wait_for_keys(spec.auction_id)
        bidder = new_bidder()
        content = await parties.seal(spec, bidder, "5")
        with pytest.raises(AuctionNotOpenError):
            await parties.service(1).submit(bidder, spec.auction_id, content)
        parties.clock.move(10)
        await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
        parties.clock.move(10)
        on_the_dot = await parties.service(1).submit(bidder, spec.auction_id, content)
        assert on_the_dot.receipt.content.received_at == spec.closes_at
        parties.clock.move(0.001)
        with pytest.raises(BidTooLateError):
            await parties.service(2).submit(bidder, spec.auction_id, content)
        await parties.wait_for_state(spec.auction_id, AuctionState.FINAL)
        with pytest.raises(BidTooLateError):
            await parties.service(2).submit(bidder, spec.auction_id, content)
        again = await parties.service(1).submit(bidder, spec.auction_id, content)
        assert (again.receipt, again.is_new) == (on_the_dot.receipt, False)

    async def test_revisions_go_up(self, start_parties: StartParties) -> None:
        parties = await start_parties()
        spec = await opened(parties)
        bidder = await parties.bid(spec, "5", revision=3)
        for revision in (1, 3):
            with pytest.raises(RevisionOutdatedError):
                await parties.bid(spec, "6", bidder, revision=revision)
        (bid,) = await parties.service(4).queries.own_bids(bidder, spec.auction_id)
        assert (bid.revision, bid.withdrawal, bid.receipt.content.party) == (3, False, 4)
