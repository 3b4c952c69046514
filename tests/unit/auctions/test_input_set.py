import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import permutations
from types import MappingProxyType

import pytest

from aukciszek.auctions.agreement.input_set import CountedBid, InputSet, form_input_set
from aukciszek.auctions.agreement.tally import Contradiction, Tally, tally_receipts
from aukciszek.auctions.orders import OrderKind
from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.identity import Identity
from aukciszek.mpc.mode import Mode
from aukciszek.mpc.sharing.prss import prss_sets
from aukciszek.protocol.evidence.key_tables import Attestation, ChosenKey, ChosenKeys, KeyTable, dealers
from aukciszek.protocol.evidence.receipt_list import ListedReceipt, OtherReceipt, ReceiptListStatement
from aukciszek.protocol.evidence.statements import OrderStatement, Signed, sign
from aukciszek.protocol.evidence.tie_break import tie_break_order
from aukciszek.protocol.rules.errors import AgreementError, WrongSignatureError
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest, UserId
from aukciszek.protocol.sealing.bundle import BundleHeader
from support.receipts import give_receipt

AUCTION = AuctionId("ab" * 32)
CLOSE = datetime(2026, 3, 1, 12, tzinfo=UTC)
EARLY = CLOSE - timedelta(hours=1)
LATE = CLOSE + timedelta(milliseconds=1)
A, B, C, D = (BundleDigest(digit * 64) for digit in "abcd")
ANN, BOB = (UserId(f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}") for digit in "ab")


MODE = Mode(5, 2)
ONE = PartyNumber(1)
ORDERS: tuple[OrderKind, ...] = ("cancel", "close")


def _hash(members: Collection[int], secret: bytes) -> bytes:
    return hashlib.sha256(secret + bytes(sorted(members))).digest()


def _bids(*digests: BundleDigest) -> tuple[CountedBid, ...]:
    return tuple(CountedBid(digest=digest, bidder=ANN, revision=1, receipts=()) for digest in digests)


class Scene:
    """Five parties with their keys, and what they sign."""

    def __init__(self, identities: list[Identity], cluster: Cluster) -> None:
        self._identities = identities
        self._cluster = cluster

    def listing(
        self,
        party: int,
        held: Mapping[BundleDigest, datetime],
        others: Iterable[OtherReceipt] = (),
        *,
        complaints: Iterable[BundleDigest] = (),
        orders: Iterable[bytes] = (),
        tables: Iterable[bytes] = (),
    ) -> Signed[ReceiptListStatement]:
        content = ReceiptListStatement.of(
            AUCTION,
            PartyNumber(party),
            [ListedReceipt(bundle, moment) for bundle, moment in held.items()],
            others,
            complaints=complaints,
            orders=orders,
            tables=tables,
        )
        return sign(content, self._identities[party - 1])

    def order(self, party: int, kind: OrderKind, auction: AuctionId = AUCTION) -> bytes:
        order = OrderStatement(auction=auction, party=PartyNumber(party), kind=kind, by=ANN, spec=None, at=EARLY)
        return sign(order, self._identities[party - 1]).encode()

    def table(self, party: int, secrets: Mapping[int, bytes] = MappingProxyType({})) -> bytes:
        """Return a table of hashes that follow from the set, and from what ``secrets`` says for its dealer."""
        attestations = [
            Attestation(members, dealer, _hash(members, secrets.get(dealer, b"dealt")))
            for members in prss_sets(MODE.parties, MODE.threshold)
            if party in members
            for dealer in dealers(members, MODE)
        ]
        return sign(KeyTable.of(AUCTION, PartyNumber(party), attestations), self._identities[party - 1]).encode()

    def receipt(self, party: int, bundle: BundleDigest, moment: datetime = EARLY) -> OtherReceipt:
        identity = self._identities[party - 1]
        return OtherReceipt.of(
            give_receipt(identity, PartyNumber(party), auction=AUCTION, bundle=bundle, received_at=moment)
        )

    def tally(
        self,
        lists: Iterable[Signed[ReceiptListStatement]],
        threshold: int = 2,
        allows: Callable[[OrderStatement], bool] = lambda _: True,
    ) -> Tally:
        return tally_receipts(
            AUCTION, cluster=self._cluster, threshold=threshold, closes_at=CLOSE, lists=lists, allows=allows
        )


@pytest.fixture
def scene(identities: list[Identity], cluster: Cluster) -> Scene:
    return Scene(identities, cluster)


def _header(digest: BundleDigest, bidder: UserId = ANN, revision: int = 1, *, withdrawal: bool = False) -> BundleHeader:
    return BundleHeader(digest=digest, auction=AUCTION, bidder=bidder, revision=revision, withdrawal=withdrawal)


def _held_by(scene: Scene, held: dict[BundleDigest, Iterable[int]], silent: Iterable[int] = ()) -> Tally:
    """Return the tally of honest lists: each bundle was held in time by the parties given."""
    return scene.tally(
        scene.listing(party, {bundle: EARLY for bundle, parties in held.items() if party in parties})
        for party in range(1, 6)
        if party not in silent
    )


EVERYBODY = range(1, 6)


def test_a_bundle_counts_when_one_more_than_the_threshold_signed(scene: Scene) -> None:
    tally = _held_by(scene, {A: EVERYBODY, B: (1, 2, 3), C: (4, 5), D: (1,)})
    assert tally.settled == (A, B)
    assert tally.in_time[C] == {4, 5}
    assert tally.heard == {1, 2, 3, 4, 5}
    assert tally.contradictions == ()
    inputs = form_input_set(tally, {A: _header(A), B: _header(B, BOB)})
    assert [(bid.digest, bid.bidder, bid.receipts) for bid in inputs.bids] == [
        (A, ANN, (1, 2, 3, 4, 5)),
        (B, BOB, (1, 2, 3)),
    ]
    assert inputs.not_counted == ((C, "too-few-receipts"), (D, "too-few-receipts"))


def test_the_threshold_decides_how_many_are_enough(scene: Scene) -> None:
    lists = [scene.listing(party, {A: EARLY}) for party in (1, 2)]
    assert scene.tally(lists, threshold=1).settled == (A,)
    assert scene.tally(lists, threshold=2).settled == ()


@pytest.mark.parametrize(("moment", "counts"), [(EARLY, True), (CLOSE, True), (LATE, False)])
def test_only_what_was_received_by_the_close_counts(scene: Scene, moment: datetime, counts: bool) -> None:  # noqa: FBT001 -- a row of the table
    tally = scene.tally(scene.listing(party, {A: EARLY if party < 3 else moment}) for party in (1, 2, 3))
    assert (tally.settled == (A,)) is counts
    assert A in tally.in_time


def test_the_highest_settled_revision_counts(scene: Scene) -> None:
    tally = _held_by(scene, {A: EVERYBODY, B: EVERYBODY, C: (1, 2)})
    headers = {A: _header(A, revision=2), B: _header(B, revision=1), C: _header(C, revision=3)}
    inputs = form_input_set(tally, headers)
    assert inputs.digests == (A,)
    assert inputs.not_counted == ((B, "replaced"), (C, "too-few-receipts"))


def test_a_withdrawal_is_a_revision(scene: Scene) -> None:
    tally = _held_by(scene, {A: EVERYBODY, B: EVERYBODY, C: EVERYBODY})
    withdrawn = {A: _header(A), B: _header(B, revision=2, withdrawal=True), C: _header(C, BOB)}
    inputs = form_input_set(tally, withdrawn)
    assert inputs.digests == (C,)
    assert inputs.not_counted == ((A, "replaced"), (B, "withdrawn"))
    thought_better_of_it = {A: _header(A, revision=3), B: _header(B, revision=2, withdrawal=True), C: _header(C, BOB)}
    assert form_input_set(tally, thought_better_of_it).digests == (A, C)


def test_a_withdrawal_that_too_few_saw_takes_nothing_back(scene: Scene) -> None:
    tally = _held_by(scene, {A: EVERYBODY, B: (1, 2)})
    assert form_input_set(tally, {A: _header(A)}).digests == (A,)


def test_of_two_bundles_with_one_revision_the_lower_digest_counts(scene: Scene) -> None:
    tally = _held_by(scene, {A: (1, 2, 3), B: (3, 4, 5)})
    for first, second in ((A, B), (B, A)):
        inputs = form_input_set(tally, {first: _header(first, revision=7), second: _header(second, revision=7)})
        assert inputs.digests == (A,)
        assert inputs.not_counted == ((B, "same-revision-twice"),)


def test_missing_bundles_are_listed_and_waited_for(scene: Scene) -> None:
    tally = _held_by(scene, {A: EVERYBODY, B: (1, 2, 3), C: (1, 2)})
    assert tally.missing([B]) == (A,)
    assert tally.missing([A, B]) == ()
    with pytest.raises(AgreementError, match=f"{B} is not here yet"):
        form_input_set(tally, {A: _header(A)})


def test_a_header_must_be_that_of_the_bundle(scene: Scene) -> None:
    tally = _held_by(scene, {A: EVERYBODY})
    foreign = BundleHeader(digest=A, auction=AuctionId("cd" * 32), bidder=ANN, revision=1, withdrawal=False)
    for header in (_header(B), foreign):
        with pytest.raises(AgreementError, match="belongs to another"):
            form_input_set(tally, {A: header})


def test_a_list_of_another_auction_is_refused(scene: Scene, identities: list[Identity]) -> None:
    foreign = sign(ReceiptListStatement.of(AuctionId("cd" * 32), PartyNumber(1), []), identities[0])
    with pytest.raises(AgreementError, match="another auction"):
        scene.tally([foreign])


def test_a_party_cannot_deny_a_receipt_that_it_signed(scene: Scene) -> None:
    """Party 3 gave a receipt and then leaves the bundle out; party 1 holds the receipt."""
    carried = [scene.receipt(3, A)]
    lists = [scene.listing(1, {A: EARLY}, carried), scene.listing(2, {A: EARLY}), scene.listing(3, {})]
    tally = scene.tally(lists)
    assert tally.settled == (A,)
    assert tally.contradictions == (Contradiction(PartyNumber(3), "denied-receipt", A),)


def test_a_party_cannot_date_a_receipt_later_than_it_signed(scene: Scene) -> None:
    carried = [scene.receipt(3, A, EARLY)]
    lists = [scene.listing(1, {A: EARLY}, carried), scene.listing(2, {A: EARLY}), scene.listing(3, {A: LATE})]
    tally = scene.tally(lists)
    assert tally.settled == (A,)
    assert tally.contradictions == (Contradiction(PartyNumber(3), "denied-receipt", A),)


def test_a_late_receipt_that_is_carried_stays_late(scene: Scene) -> None:
    carried = [scene.receipt(3, A, LATE)]
    lists = [scene.listing(1, {A: EARLY}, carried), scene.listing(2, {A: EARLY}), scene.listing(3, {})]
    tally = scene.tally(lists)
    assert tally.settled == ()
    assert tally.contradictions == (Contradiction(PartyNumber(3), "denied-receipt", A),)


def test_the_receipt_of_a_party_that_is_silent_counts_without_blame(scene: Scene) -> None:
    carried = [scene.receipt(3, A)]
    tally = scene.tally([scene.listing(1, {A: EARLY}, carried), scene.listing(2, {A: EARLY}, carried)])
    assert tally.settled == (A,)
    assert tally.contradictions == ()
    assert tally.heard == {1, 2}


def test_a_receipt_that_nobody_signed_counts_for_nothing(scene: Scene) -> None:
    """Party 1 invents receipts of party 3 and of a party that does not exist."""
    genuine = scene.receipt(3, B)
    invented = [
        OtherReceipt(A, PartyNumber(3), EARLY, genuine.signature),
        OtherReceipt(B, PartyNumber(9), EARLY, genuine.signature),
        OtherReceipt(B, PartyNumber(250), EARLY, genuine.signature),
        OtherReceipt(C, PartyNumber(0), EARLY, genuine.signature),
    ]
    lists = [scene.listing(1, {A: EARLY}, invented), scene.listing(2, {A: EARLY}), scene.listing(3, {})]
    tally = scene.tally(lists)
    assert tally.settled == ()
    assert set(tally.in_time) == {A}
    assert tally.contradictions == (Contradiction(PartyNumber(1), "false-receipt", A),)


@pytest.mark.parametrize("party", [0, 3, 9, 250])
def test_a_list_with_one_invented_receipt_is_believed_in_nothing_about_others(scene: Scene, party: int) -> None:
    genuine = scene.receipt(3, A)
    invented = OtherReceipt(B, PartyNumber(party), EARLY, genuine.signature)
    lists = [scene.listing(1, {A: EARLY}, [genuine, invented]), scene.listing(2, {A: EARLY}), scene.listing(3, {})]
    tally = scene.tally(lists)
    assert tally.settled == ()
    assert tally.contradictions == (Contradiction(PartyNumber(1), "false-receipt", B),)
    # What the list says of its own author stands, and so does the receipt once an honest list carries it.
    honest = scene.tally([*lists, scene.listing(4, {}, [genuine])])
    assert honest.settled == (A,)


def test_forged_receipts_cost_one_signature_check_a_list(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[object] = []

    def refuse(signed: object, _cluster: Cluster) -> None:
        checked.append(signed)
        raise WrongSignatureError("forged")

    forged = [OtherReceipt(BundleDigest(f"{number:064x}"), PartyNumber(3), EARLY, bytes(64)) for number in range(100)]
    monkeypatch.setattr("aukciszek.auctions.agreement.tally.verify", refuse)
    scene.tally([scene.listing(1, {}, forged), scene.listing(2, {}, forged[50:])])
    assert len(checked) == 2


def test_the_one_who_carries_an_invented_receipt_is_blamed_and_nobody_else(scene: Scene) -> None:
    invented = OtherReceipt(A, PartyNumber(3), EARLY, bytes(64))
    lists = [scene.listing(party, {}, [invented] if party in {2, 4} else []) for party in range(1, 6)]
    assert {one.party for one in scene.tally(lists).contradictions} == {2, 4}


def test_a_receipt_of_another_auction_is_none(scene: Scene, identities: list[Identity]) -> None:
    elsewhere = give_receipt(identities[2], PartyNumber(3), auction=AuctionId("cd" * 32), bundle=A, received_at=EARLY)
    lists = [scene.listing(1, {A: EARLY}, [OtherReceipt.of(elsewhere)]), scene.listing(2, {A: EARLY})]
    tally = scene.tally(lists)
    assert tally.settled == ()
    assert [one.kind for one in tally.contradictions] == ["false-receipt"]


def test_a_party_that_tells_two_stories_is_held_to_both_and_named(scene: Scene) -> None:
    first, second = scene.listing(3, {A: EARLY}), scene.listing(3, {A: LATE, B: EARLY})
    others = [scene.listing(party, {A: EARLY, B: EARLY}) for party in (1, 2)]
    tally = scene.tally([*others, first, second])
    assert tally.settled == (A, B)
    assert tally.contradictions == (Contradiction(PartyNumber(3), "two-lists", ""),)


def test_a_list_that_arrives_twice_changes_nothing(scene: Scene) -> None:
    lists = [scene.listing(party, {A: EARLY}) for party in (1, 2)]
    assert scene.tally([*lists, *lists]) == scene.tally(lists)


def test_the_order_of_lists_does_not_matter(scene: Scene) -> None:
    carried = [scene.receipt(3, A), scene.receipt(4, B)]
    lists = [
        scene.listing(1, {A: EARLY, B: EARLY}, carried),
        scene.listing(2, {B: EARLY, A: EARLY}),
        scene.listing(3, {B: EARLY}),
        scene.listing(3, {B: LATE}),
        scene.listing(4, {}),
    ]
    headers = {A: _header(A), B: _header(B, BOB)}
    tallies = [scene.tally(order) for order in permutations(lists)]
    assert all(tally == tallies[0] for tally in tallies)
    assert len({form_input_set(tally, headers).digest for tally in tallies}) == 1


def test_receipts_that_say_nothing_new_cost_no_signature_check(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("a receipt that its own party confirms was verified")

    lists = [scene.listing(party, {A: EARLY}, [scene.receipt(other, A) for other in EVERYBODY]) for party in EVERYBODY]
    monkeypatch.setattr("aukciszek.auctions.agreement.tally.verify", refuse)
    assert scene.tally(lists).settled == (A,)


def test_an_auction_without_bids_has_an_empty_input_set(scene: Scene) -> None:
    inputs = form_input_set(scene.tally([]), {})
    assert inputs.bids == ()
    assert inputs == InputSet(auction=AUCTION, bids=())


def test_the_digest_tells_input_sets_apart() -> None:
    keys = [None, ChosenKeys({}), *(ChosenKeys({frozenset({1, 2}): ChosenKey(ONE, bytes([i]) * 32)}) for i in (1, 2))]
    digests = {
        InputSet(auction=auction, bids=bids, unusable=unusable, cancelled=cancelled, keys=some).digest
        for auction in (AUCTION, AuctionId("cd" * 32))
        for bids, unusable in [((), ()), (_bids(A), ()), (_bids(A), (A,)), (_bids(A, B), ()), (_bids(A, B), (B,))]
        for cancelled in (False, True)
        for some in keys
    }
    assert len(digests) == 2 * 5 * 2 * 4


def test_more_than_the_threshold_must_complain_of_a_bid_to_leave_it_out(scene: Scene) -> None:
    lists = [scene.listing(party, {A: EARLY, B: EARLY}, [scene.receipt(3, B)]) for party in (1, 2)]
    lists += [
        scene.listing(3, {A: EARLY}, complaints=[B]),
        scene.listing(4, {B: EARLY}, complaints=[A]),
        scene.listing(5, {}, complaints=[A, B]),
    ]
    headers = {A: _header(A), B: _header(B, BOB)}
    tally = scene.tally(lists, threshold=1)
    # Party 3 signed a receipt for B, which says that its envelope is of use.
    assert tally.complaints == {A: {4, 5}, B: {5}}
    inputs = form_input_set(tally, headers)
    assert (inputs.digests, inputs.unusable) == ((A, B), (A,))
    assert [bid.digest for bid in inputs.computed] == [B]
    assert form_input_set(scene.tally(lists, threshold=2), headers).unusable == ()


def test_a_receipt_that_somebody_else_carries_makes_a_complaint_void(scene: Scene) -> None:
    lists = [scene.listing(party, {A: EARLY}) for party in (1, 2, 3)]
    complaints = [scene.listing(party, {}, complaints=[A]) for party in (4, 5)]
    assert scene.tally([*lists, *complaints], threshold=1).unusable(A)
    for moment in (EARLY, LATE):
        carried = scene.listing(1, {A: EARLY}, [scene.receipt(4, A, moment)])
        assert scene.tally([*lists, carried, *complaints], threshold=1).complaints == {A: {5}}


def test_a_complaint_about_a_bid_that_does_not_count_leaves_nothing_out(scene: Scene) -> None:
    lists = [scene.listing(party, {A: EARLY}) for party in (1, 2, 3)]
    lists += [scene.listing(party, {}, complaints=[B]) for party in (4, 5)]
    inputs = form_input_set(scene.tally(lists, threshold=1), {A: _header(A)})
    assert (inputs.digests, inputs.unusable) == ((A,), ())


def test_an_auction_is_cancelled_by_words_that_stand_in_the_lists(scene: Scene) -> None:
    words = [scene.order(party, "cancel") for party in (1, 2, 3)]
    assert scene.tally([scene.listing(4, {}, orders=words)]).cancelled
    apart = [scene.listing(party, {}, orders=[word]) for party, word in zip((1, 5, 5), words, strict=True)]
    assert scene.tally(apart).cancelled
    assert form_input_set(scene.tally(apart), {}).cancelled
    for few in (words[:2], words[:2] * 2, [*words[:2], scene.order(3, "close")]):
        lists = [scene.listing(party, {}, orders=few) for party in EVERYBODY]
        assert not scene.tally(lists).cancelled


def test_words_that_the_rules_do_not_allow_count_for_nothing(scene: Scene) -> None:
    lists = [scene.listing(1, {}, orders=[scene.order(party, kind) for party in EVERYBODY for kind in ORDERS])]
    assert scene.tally(lists).orders == {"cancel": set(EVERYBODY), "close": set(EVERYBODY)}
    allowed = scene.tally(lists, allows=lambda order: order.kind == "close" and order.party != 2)
    assert allowed.orders == {"close": {1, 3, 4, 5}}
    assert not allowed.cancelled


@pytest.mark.parametrize("spoilt", ["not signed", "of another auction", "to create", "no statement"])
def test_a_list_with_one_invented_word_is_believed_in_none_and_its_author_named(scene: Scene, spoilt: str) -> None:
    genuine = scene.order(3, "cancel")
    invented = {
        "not signed": bytes(64) + genuine[64:],
        "of another auction": scene.order(3, "cancel", AuctionId("cd" * 32)),
        "to create": genuine[:64] + genuine[64:].replace(b"cancel", b"create"),
        "no statement": b"words",
    }[spoilt]
    lists = [scene.listing(1, {}, orders=[scene.order(2, "cancel"), invented]), scene.listing(2, {}, orders=[genuine])]
    tally = scene.tally(lists)
    assert tally.orders == {"cancel": {3}}
    assert tally.contradictions == (Contradiction(ONE, "false-order", ""),)


def test_the_keys_are_those_that_the_tables_in_the_lists_agree_on(scene: Scene) -> None:
    tables = [scene.table(party) for party in EVERYBODY]
    whole = form_input_set(scene.tally([scene.listing(4, {}, tables=tables)]), {}, MODE)
    apart = [scene.listing(party, {}, tables=[table]) for party, table in zip(EVERYBODY, tables, strict=True)]
    assert whole.keys is not None
    assert whole.keys == form_input_set(scene.tally(apart), {}, MODE).keys
    assert {key.digest for key in whole.keys.values()} == {_hash(members, b"dealt") for members in whole.keys}
    assert form_input_set(scene.tally(apart[:4]), {}, MODE).keys is None, "one table is missing"
    # One member attests another key: there is no agreement on the sets that it is in.
    other = scene.listing(5, {}, tables=[scene.table(5, {1: b"another"})])
    assert form_input_set(scene.tally([*apart[:4], other]), {}, MODE).keys is None


@pytest.mark.parametrize("spoilt", ["not signed", "no statement"])
def test_a_list_with_one_invented_table_is_believed_in_none_and_its_author_named(scene: Scene, spoilt: str) -> None:
    invented = {"not signed": bytes(64) + scene.table(3)[64:], "no statement": b"table"}[spoilt]
    tally = scene.tally([scene.listing(1, {}, tables=[scene.table(2), invented])])
    assert tally.attested == {}
    assert tally.contradictions == (Contradiction(ONE, "false-table", ""),)


def test_what_decides_does_not_depend_on_the_order_of_lists(scene: Scene) -> None:
    tables = [scene.table(party) for party in EVERYBODY]
    words = [scene.order(party, "cancel") for party in (1, 2, 3)]
    lists = [
        scene.listing(1, {A: EARLY}, orders=words[:2], tables=tables[:3]),
        scene.listing(2, {A: EARLY}, orders=[words[2], b"invented"], tables=tables[3:]),
        scene.listing(3, {A: EARLY}, orders=words[2:], tables=[*tables[:2], b"invented"]),
        scene.listing(4, {}, complaints=[A]),
        scene.listing(5, {}, complaints=[A], orders=words[1:2]),
    ]
    found = {form_input_set(scene.tally(order, 1), {A: _header(A)}, MODE).digest for order in permutations(lists)}
    (digest,) = found
    inputs = form_input_set(scene.tally(lists, 1), {A: _header(A)}, MODE)
    assert (inputs.digest, inputs.cancelled, inputs.unusable) == (digest, True, (A,))
    assert inputs.keys is not None


def test_the_digest_does_not_depend_on_who_signed_beyond_what_is_needed(scene: Scene) -> None:
    few, many = _held_by(scene, {A: (1, 2, 3)}), _held_by(scene, {A: EVERYBODY, B: (2,)})
    assert form_input_set(few, {A: _header(A)}).digest == form_input_set(many, {A: _header(A)}).digest


def test_the_tie_break_seed_orders_bundles_and_not_the_order_they_came_in() -> None:
    orders = {tie_break_order(b"seed", order) for order in permutations([A, B, C, D])}
    assert len(orders) == 1
    assert set(orders.pop()) == {A, B, C, D}


def test_every_order_can_be_drawn() -> None:
    drawn = {tie_break_order(bytes([value]), [A, B, C]) for value in range(64)}
    assert len(drawn) == 6
