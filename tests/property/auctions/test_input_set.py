"""Agreement against a plain model: over random histories, with and without corrupt parties."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given, strategies as st

from aukciszek.auctions.agreement.input_set import InputSet, form_input_set
from aukciszek.auctions.agreement.tally import Tally, tally_receipts
from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.identity import Identity
from aukciszek.protocol.evidence.receipt_list import ListedReceipt, OtherReceipt, ReceiptListStatement
from aukciszek.protocol.evidence.statements import Signed, read_statement, sign
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest, UserId, labelled_sha256
from aukciszek.protocol.sealing.bundle import BundleHeader
from support.receipts import give_receipt

type ClusterOf = Callable[[int], tuple[Cluster, list[Identity]]]

AUCTION = AuctionId("ab" * 32)
CLOSE = datetime(2026, 3, 1, 12, tzinfo=UTC)
BIDDERS = [UserId(f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}") for digit in "abc"]
SIZES = [(3, 1), (4, 1), (5, 2), (5, 1), (7, 3)]

offsets = st.integers(-2, 2)
"""Milliseconds after the close; 0 is in time."""


@dataclass(frozen=True)
class History:
    """What really happened: who got which bundle, and when."""

    size: int
    threshold: int
    headers: Mapping[BundleDigest, BundleHeader]
    received: Mapping[int, Mapping[BundleDigest, int]]
    """By party and bundle, in milliseconds after the close."""

    def in_time(self, parties: Iterable[int]) -> dict[BundleDigest, set[int]]:
        return {
            bundle: {party for party in parties if self.received[party].get(bundle, 1) <= 0} for bundle in self.headers
        }


@st.composite
def histories(draw: st.DrawFn) -> History:
    size, threshold = draw(st.sampled_from(SIZES))
    headers: dict[BundleDigest, BundleHeader] = {}
    for number in range(draw(st.integers(0, 6))):
        digest = BundleDigest(labelled_sha256("bundle", bytes([number])).hex())
        headers[digest] = BundleHeader(
            digest=digest,
            auction=AUCTION,
            bidder=draw(st.sampled_from(BIDDERS)),
            # So few revisions that bidders who send the same one twice are common.
            revision=draw(st.integers(1, 3)),
            withdrawal=draw(st.integers(0, 3)) == 0,
        )
    delivery = st.fixed_dictionaries({}, optional=dict.fromkeys(headers, offsets))
    received = {party: draw(delivery) for party in range(1, size + 1)}
    return History(size, threshold, headers, received)


def plain_model(history: History) -> list[BundleDigest]:
    """Decide who counts as the rules are told to people: no signatures, no lists."""
    in_time = history.in_time(history.received)
    chosen = []
    for bidder in BIDDERS:
        own = [
            header
            for digest, header in history.headers.items()
            if header.bidder == bidder and len(in_time[digest]) >= history.threshold + 1
        ]
        if own:
            last = max(header.revision for header in own)
            best = min((header for header in own if header.revision == last), key=lambda header: header.digest)
            if not best.withdrawal:
                chosen.append(best.digest)
    return sorted(chosen)


class World:
    """Turns histories into signed lists, and lists into input sets."""

    def __init__(self, cluster_of: ClusterOf) -> None:
        self._cluster_of = cluster_of
        self.receipt = cache(self._receipt)

    def _receipt(self, size: int, party: int, bundle: BundleDigest, offset: int) -> OtherReceipt:
        identity = self._cluster_of(size)[1][party - 1]
        moment = CLOSE + timedelta(milliseconds=offset)
        return OtherReceipt.of(
            give_receipt(identity, PartyNumber(party), auction=AUCTION, bundle=bundle, received_at=moment)
        )

    def listing(
        self, size: int, party: int, held: Mapping[BundleDigest, int], others: Iterable[OtherReceipt]
    ) -> Signed[ReceiptListStatement]:
        cluster, identities = self._cluster_of(size)
        own_receipts = [
            ListedReceipt(bundle, CLOSE + timedelta(milliseconds=offset)) for bundle, offset in held.items()
        ]
        content = ReceiptListStatement.of(AUCTION, PartyNumber(party), own_receipts, others)
        # As it goes over the network.
        return read_statement(ReceiptListStatement, sign(content, identities[party - 1]).encode(), cluster)

    def tally(self, history: History, lists: Iterable[Signed[ReceiptListStatement]]) -> Tally:
        cluster = self._cluster_of(history.size)[0]
        return tally_receipts(AUCTION, cluster=cluster, threshold=history.threshold, closes_at=CLOSE, lists=lists)

    def honest_list(self, history: History, party: int, data: st.DataObject) -> Signed[ReceiptListStatement]:
        """Return an honest party's list, with whatever receipts of others have reached it."""
        carried = []
        for other, held in history.received.items():
            for bundle, offset in held.items():
                if other != party and data.draw(st.booleans()):
                    carried.append(self.receipt(history.size, other, bundle, offset))
        return self.listing(history.size, party, history.received[party], carried)


@pytest.fixture(scope="session")
def world(cluster_of: ClusterOf) -> World:
    return World(cluster_of)


@given(history=histories(), data=st.data())
def test_honest_parties_agree_on_what_the_rules_say(world: World, history: History, data: st.DataObject) -> None:
    lists = [world.honest_list(history, party, data) for party in history.received]
    tally = world.tally(history, data.draw(st.permutations(lists)))
    assert tally.contradictions == ()
    assert tally.missing(history.headers) == ()
    inputs = form_input_set(tally, history.headers)
    assert list(inputs.digests) == plain_model(history)
    named = set().union(*history.received.values())
    assert {digest for digest, _ in inputs.not_counted} | set(inputs.digests) == named
    assert all(set(bid.receipts) == history.in_time(history.received)[bid.digest] for bid in inputs.bids)


class CorruptParty:
    """A party that signs whatever it likes, as often as it likes."""

    def __init__(self, world: World, history: History, number: int) -> None:
        self._world = world
        self._history = history
        self._number = number

    def lists(self, data: st.DataObject) -> list[Signed[ReceiptListStatement]]:
        history, bundles = self._history, [*self._history.headers, BundleDigest("0" * 64)]
        lists = []
        for _ in range(data.draw(st.integers(0, 2), label=f"lists of corrupt party {self._number}")):
            held = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(bundles, offsets)))
            carried = [self._other_receipt(data, bundles) for _ in range(data.draw(st.integers(0, 3)))]
            lists.append(self._world.listing(history.size, self._number, held, carried))
        return lists

    def _other_receipt(self, data: st.DataObject, bundles: list[BundleDigest]) -> OtherReceipt:
        """Return a receipt that exists, or one that was made up from it."""
        bundle = data.draw(st.sampled_from(bundles))
        party = data.draw(st.sampled_from(sorted(self._history.received)))
        offset = self._history.received[party].get(bundle)
        claimed = data.draw(offsets)
        if offset is None:
            moment = CLOSE + timedelta(milliseconds=claimed)
            return OtherReceipt(bundle, PartyNumber(party), moment, b"\x01" * 64)
        genuine = self._world.receipt(self._history.size, party, bundle, offset)
        moment = CLOSE + timedelta(milliseconds=claimed)
        return OtherReceipt(bundle, PartyNumber(party), moment, genuine.signature)


@given(history=histories(), data=st.data())
def test_corrupt_parties_can_neither_drop_nor_add_nor_re_date_a_bid(
    world: World, history: History, data: st.DataObject
) -> None:
    everybody = sorted(history.received)
    corrupt_parties = data.draw(
        st.sets(st.sampled_from(everybody), min_size=1, max_size=history.threshold), label="corrupt_parties"
    )
    honest = [party for party in everybody if party not in corrupt_parties]
    honest_lists = [world.honest_list(history, party, data) for party in honest]
    lies = [
        lie
        for corrupt_party in sorted(corrupt_parties)
        for lie in CorruptParty(world, history, corrupt_party).lists(data)
    ]
    lists = [*honest_lists, *lies]
    tally = world.tally(history, lists)

    # Nothing is added, and nothing that was late at every honest party becomes punctual.
    honest_in_time = history.in_time(honest)
    assert all(honest_in_time.get(bundle) for bundle in tally.settled)
    # What enough honest parties had in time stays, and so does a corrupt party's receipt that an honest party carries.
    proofs = {bundle: set(parties) for bundle, parties in honest_in_time.items()}
    for signed in honest_lists:
        for receipt in signed.content.other_receipts:
            if receipt.received_at <= CLOSE:
                proofs[receipt.bundle].add(receipt.party)
    enough = history.threshold + 1
    assert {bundle for bundle, parties in proofs.items() if len(parties) >= enough} <= set(tally.settled)
    # Of those that no corrupt party voted on, exactly the honest verdict remains.
    assert all(tally.in_time[bundle] - corrupt_parties == honest_in_time.get(bundle, set()) for bundle in tally.in_time)
    # No honest party is ever blamed.
    assert {one.party for one in tally.contradictions} <= corrupt_parties
    # And everybody who has these lists, in whatever order and however often, finds the same.
    shuffled = data.draw(st.permutations(lists * 2))
    assert world.tally(history, shuffled) == tally
    assert _digest(tally, history) == _digest(world.tally(history, shuffled), history)


def _digest(tally: Tally, history: History) -> str:
    inputs: InputSet = form_input_set(tally, history.headers)
    assert len({bid.bidder for bid in inputs.bids}) == len(inputs.bids)
    return inputs.digest


@given(history=histories(), data=st.data())
def test_one_silent_party_changes_nothing_that_enough_others_saw(
    world: World, history: History, data: st.DataObject
) -> None:
    silent = data.draw(st.sampled_from(sorted(history.received)))
    others = [party for party in history.received if party != silent]
    tally = world.tally(history, [world.honest_list(history, party, data) for party in others])
    seen = history.in_time(others)
    enough = history.threshold + 1
    assert {bundle for bundle, parties in seen.items() if len(parties) >= enough} <= set(tally.settled)
    assert tally.contradictions == ()
    assert silent not in tally.heard
