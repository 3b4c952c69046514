"""What is computed on: brought together from the parties' signed lists, the same wherever the lists are the same.

``docs/protocol.md``, "Receipts and the input set". A bundle counts if at least ``t + 1`` different parties signed that
they had it by the close: one of them is honest. What a party has signed once, in a list or in a receipt that another
list carries, stays signed. A bundle that ``t + 1`` parties could not use is left out; the auction is cancelled if
``t + 1`` parties' words for that stand in the lists; the keys are those that the tables in the lists agree on. So
evidence only ever adds up: the order in which lists arrive does not matter, a list that arrives twice changes nothing,
and a party that says something else later is named but takes nothing back.

No input or output: :func:`tally_receipts`, then :meth:`Tally.missing` to fetch what is not here, then
:func:`form_input_set`.
"""

import struct
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property, partial
from typing import Final, Literal

from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.mpc.mode import Mode
from aukciszek.protocol.evidence.key_tables import Attestation, ChosenKeys, KeyTable, choose_keys
from aukciszek.protocol.evidence.receipt_list import ListedReceipt, OtherReceipt, ReceiptListStatement
from aukciszek.protocol.evidence.receipts import in_time
from aukciszek.protocol.evidence.statements import OrderStatement, Signed, read_statement, verify
from aukciszek.protocol.rules.errors import AgreementError, StatementError
from aukciszek.protocol.rules.identifiers import (
    DIGEST_BYTES,
    AuctionId,
    BundleDigest,
    UserId,
    labelled_sha256,
)
from aukciszek.protocol.sealing.bundle import BundleHeader

type ContradictionKind = Literal["two-lists", "denied-receipt", "false-receipt", "false-order", "false-table"]
"""A party signed two lists that differ in what it says of itself; its list denies a receipt that it signed; its list
carries a receipt, a word for an order or a key table that the party named there did not sign."""

type NotCountedReason = Literal["too-few-receipts", "replaced", "withdrawn", "same-revision-twice"]


@dataclass(frozen=True, slots=True, order=True)
class Contradiction:
    """A party's own signatures against it. ``bundle`` is empty where it is about no bundle."""

    party: PartyNumber
    kind: ContradictionKind
    bundle: BundleDigest | Literal[""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Who signed what in time.

    Attributes:
        auction: the auction.
        threshold: ``t``.
        heard: the parties whose lists went in.
        in_time: for every bundle named anywhere, the parties that signed that they had it by the close.
        complaints: for every bundle that somebody complains about, the parties that do and signed no receipt for it.
        orders: by kind, the parties whose word for an order stands in a list.
        attested: what each party says of its keys.
        contradictions: what was noticed on the way; it changes nothing about what counts.
    """

    auction: AuctionId
    threshold: int
    heard: frozenset[PartyNumber]
    in_time: Mapping[BundleDigest, frozenset[PartyNumber]]
    complaints: Mapping[BundleDigest, frozenset[PartyNumber]]
    orders: Mapping[str, frozenset[PartyNumber]]
    attested: Mapping[PartyNumber, frozenset[Attestation]]
    contradictions: tuple[Contradiction, ...]

    @property
    def settled(self) -> tuple[BundleDigest, ...]:
        """The bundles that enough parties signed for, ascending."""
        return tuple(sorted(bundle for bundle, parties in self.in_time.items() if len(parties) > self.threshold))

    @property
    def cancelled(self) -> bool:
        """Whether the auctioneer's order to cancel counts: ``t + 1`` parties vouch for it, so one of them is honest."""
        return len(self.orders.get("cancel", ())) > self.threshold

    def unusable(self, bundle: BundleDigest) -> bool:
        """Tell whether a bundle is left out. Fewer complaints may all be lies; who makes them recovers its share."""
        return len(self.complaints.get(bundle, ())) > self.threshold

    def missing(self, known: Collection[BundleDigest]) -> tuple[BundleDigest, ...]:
        """Return the settled bundles that are not among ``known``: fetch them from the parties that signed."""
        known_set = frozenset(known)
        return tuple(bundle for bundle in self.settled if bundle not in known_set)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedBid:
    """A bid that goes into the computation."""

    digest: BundleDigest
    bidder: UserId
    revision: int
    receipts: tuple[PartyNumber, ...]
    """The parties known to have signed in time, ascending. Not part of the input set's digest."""


@dataclass(frozen=True, kw_only=True)
class InputSet:
    """What the parties agree on before a session: the bids that count, and all else that decides what is computed.

    Attributes:
        auction: the auction.
        bids: those that count, ascending by bundle digest, at most one for each bidder.
        unusable: those among them that are left out, as too many parties could not use their envelope; ascending.
        cancelled: whether the auctioneer's order to cancel counts, so that nothing is computed.
        keys: the keys for shared randomness; None if the parties' tables do not give any.
        not_counted: every other bundle that was named, with the reason, for the audit record. Not part of the digest.
    """

    auction: AuctionId
    bids: tuple[CountedBid, ...]
    unusable: tuple[BundleDigest, ...] = ()
    cancelled: bool = False
    keys: ChosenKeys | None = None
    not_counted: tuple[tuple[BundleDigest, NotCountedReason], ...] = ()

    @property
    def digests(self) -> tuple[BundleDigest, ...]:
        """The bundles that count, ascending."""
        return tuple(bid.digest for bid in self.bids)

    @property
    def computed(self) -> tuple[CountedBid, ...]:
        """The bids that are computed on: all but those left out."""
        left_out = frozenset(self.unusable)
        return tuple(bid for bid in self.bids if bid.digest not in left_out)

    @cached_property
    def digest(self) -> str:
        """What the parties compare before a session starts; 64 hexadecimal digits."""
        keys = bytes(DIGEST_BYTES) if self.keys is None else bytes.fromhex(self.keys.digest)
        named = (bytes.fromhex(digest) for digest in (*self.digests, *self.unusable))
        counts = _COUNTS.pack(self.cancelled, len(self.bids), len(self.unusable))
        return labelled_sha256("input-set", bytes.fromhex(self.auction), keys, counts, *named).hex()


def tally_receipts(  # noqa: PLR0913 -- whatever decides what counts
    auction: AuctionId,
    *,
    cluster: Cluster,
    threshold: int,
    closes_at: datetime,
    lists: Iterable[Signed[ReceiptListStatement]],
    allows: Callable[[OrderStatement], bool] = lambda _order: True,
) -> Tally:
    """Count who signed what in time.

    Args:
        auction: the auction.
        cluster: whose parties signed.
        threshold: ``t``.
        closes_at: a bundle received at this moment is still in time.
        lists: verified lists, in any order; several of one party, if it signed several.
        allows: whether the auction's rules allow an order.

    Raises:
        AgreementError: a list belongs to another auction.
    """
    stories = _Stories(auction, lists)
    signed: defaultdict[BundleDigest, set[PartyNumber]] = defaultdict(set)
    gave: defaultdict[BundleDigest, set[PartyNumber]] = defaultdict(set)
    for party, holding in stories.own_receipts():
        parties = signed[holding.bundle]
        gave[holding.bundle].add(party)
        if in_time(holding.received_at, closes_at):
            parties.add(party)
    contradictions = set(stories.two_lists())
    is_genuine = cache(partial(_is_genuine, auction, cluster))
    for author, receipts in stories.receipts_that_tell_more():
        false = next((receipt for receipt in receipts if not is_genuine(receipt)), None)
        if false is not None:
            contradictions.add(Contradiction(author, "false-receipt", false.bundle))
            continue
        for receipt in receipts:
            parties = signed[receipt.bundle]
            gave[receipt.bundle].add(receipt.party)
            if in_time(receipt.received_at, closes_at):
                parties.add(receipt.party)
            if receipt.party in stories.heard:
                contradictions.add(Contradiction(receipt.party, "denied-receipt", receipt.bundle))
    orders, false_orders = stories.orders(cluster, allows)
    attested, false_tables = stories.attested(cluster)
    contradictions |= false_orders | false_tables
    return Tally(
        auction=auction,
        threshold=threshold,
        heard=stories.heard,
        in_time={bundle: frozenset(parties) for bundle, parties in sorted(signed.items())},
        complaints={bundle: parties - gave[bundle] for bundle, parties in stories.complaints().items()},
        orders=orders,
        attested=attested,
        contradictions=tuple(sorted(contradictions)),
    )


def form_input_set(tally: Tally, headers: Mapping[BundleDigest, BundleHeader], mode: Mode | None = None) -> InputSet:
    """Choose the bids that count among the settled bundles.

    Of several bundles of one bidder the highest revision counts; of two with the same revision the one with the lower
    digest. A bidder whose highest revision is a withdrawal has no bid.

    Args:
        tally: what the parties signed.
        headers: of the settled bundles at least, read from the bundles themselves and not from anybody's list.
        mode: decides which keys the parties' tables give; without it none are chosen.

    Raises:
        AgreementError: a settled bundle's header is missing or belongs elsewhere.
    """
    chosen: dict[UserId, BundleHeader] = {}
    settled = frozenset(tally.settled)
    not_counted: dict[BundleDigest, NotCountedReason] = {
        bundle: "too-few-receipts" for bundle in tally.in_time if bundle not in settled
    }
    # Highest revision first, and among equal ones the lower digest first: the first of each bidder is the one.
    for header in sorted(_settled_headers(tally, headers), key=lambda header: (-header.revision, header.digest)):
        best = chosen.setdefault(header.bidder, header)
        if best.digest != header.digest:
            not_counted[header.digest] = "same-revision-twice" if best.revision == header.revision else "replaced"
        elif header.withdrawal:
            not_counted[header.digest] = "withdrawn"
    bids = (
        CountedBid(
            digest=header.digest,
            bidder=header.bidder,
            revision=header.revision,
            receipts=tuple(sorted(tally.in_time[header.digest])),
        )
        for header in chosen.values()
        if not header.withdrawal
    )
    ascending = tuple(sorted(bids, key=lambda bid: bid.digest))
    return InputSet(
        auction=tally.auction,
        bids=ascending,
        unusable=tuple(bid.digest for bid in ascending if tally.unusable(bid.digest)),
        cancelled=tally.cancelled,
        keys=None if mode is None else choose_keys(mode, tally.attested),
        not_counted=tuple(sorted(not_counted.items())),
    )


def _settled_headers(tally: Tally, headers: Mapping[BundleDigest, BundleHeader]) -> Iterator[BundleHeader]:
    for digest in tally.settled:
        header = headers.get(digest)
        if header is None:
            raise AgreementError(f"bundle {digest} is not here yet: fetch it from a party that signed for it")
        if header.digest != digest or header.auction != tally.auction:
            raise AgreementError(f"the header given for bundle {digest} belongs to another bundle or auction")
        yield header


def _is_genuine(auction: AuctionId, cluster: Cluster, receipt: OtherReceipt) -> bool:
    try:
        verify(receipt.claimed(auction), cluster)
    except (StatementError, ValueError):
        return False
    return True


def _read_table(auction: AuctionId, cluster: Cluster, content: bytes) -> KeyTable | None:
    """Return a party's key table; None if it is not one, or is not genuine."""
    try:
        table = read_statement(KeyTable, content, cluster).content
    except StatementError:
        return None
    return table if table.auction == auction else None


def _read_order(auction: AuctionId, cluster: Cluster, content: bytes) -> OrderStatement | None:
    """Return a word for an order to close or to cancel; None if it is not one, or is not genuine."""
    try:
        order = read_statement(OrderStatement, content, cluster).content
    except StatementError:
        return None
    return order if order.auction == auction and order.kind in {"close", "cancel"} else None


_COUNTS: Final = struct.Struct(">?II")
_NOTHING_TOLD: Final[AbstractSet[tuple[BundleDigest, datetime]]] = frozenset()


class _Stories:
    """All lists at once, in an order that does not depend on how they came in."""

    def __init__(self, auction: AuctionId, lists: Iterable[Signed[ReceiptListStatement]]) -> None:
        by_body = {(signed.content.party, signed.content.body()): signed.content for signed in lists}
        if any(content.auction != auction for content in by_body.values()):
            raise AgreementError("a list belongs to another auction: ask its party for the right one")
        self._auction = auction
        self._lists = [by_body[key] for key in sorted(by_body)]
        self.heard = frozenset(content.party for content in self._lists)
        self._told: defaultdict[PartyNumber, set[tuple[BundleDigest, datetime]]] = defaultdict(set)
        for party, holding in self.own_receipts():
            self._told[party].add((holding.bundle, holding.received_at))

    def own_receipts(self) -> Iterator[tuple[PartyNumber, ListedReceipt]]:
        """Yield what parties say of themselves."""
        return ((content.party, holding) for content in self._lists for holding in content.own_receipts)

    def two_lists(self) -> Iterator[Contradiction]:
        """Yield the parties that said different things of themselves; what they know of others may have grown."""
        told = {(content.party, content.own_receipts) for content in self._lists}
        parties = [party for party, _ in told]
        return (Contradiction(party, "two-lists", "") for party in self.heard if parties.count(party) > 1)

    def complaints(self) -> dict[BundleDigest, frozenset[PartyNumber]]:
        """Return, by bundle, the parties that say that they cannot use their envelope."""
        complaints: defaultdict[BundleDigest, set[PartyNumber]] = defaultdict(set)
        for content in self._lists:
            for bundle in content.complaints:
                complaints[bundle].add(content.party)
        return {bundle: frozenset(parties) for bundle, parties in sorted(complaints.items())}

    def attested(self, cluster: Cluster) -> tuple[dict[PartyNumber, frozenset[Attestation]], set[Contradiction]]:
        """Return what each party says of its keys, and whose lists carry tables that nobody signed."""
        attested: defaultdict[PartyNumber, set[Attestation]] = defaultdict(set)
        false: set[Contradiction] = set()
        read = cache(partial(_read_table, self._auction, cluster))
        for content in self._lists:
            tables = [read(table) for table in content.tables]
            genuine = [one for one in tables if one is not None]
            if len(genuine) < len(tables):
                false.add(Contradiction(content.party, "false-table", ""))
                continue
            for table in genuine:
                attested[table.party].update(table.attestations)
        return {party: frozenset(attestations) for party, attestations in attested.items()}, false

    def orders(
        self, cluster: Cluster, allows: Callable[[OrderStatement], bool]
    ) -> tuple[dict[str, frozenset[PartyNumber]], set[Contradiction]]:
        """Return, by kind, whose words stand in the lists, and whose lists carry words that nobody gave."""
        orders: defaultdict[str, set[PartyNumber]] = defaultdict(set)
        false: set[Contradiction] = set()
        read = cache(partial(_read_order, self._auction, cluster))
        for content in self._lists:
            statements = [read(order) for order in content.orders]
            genuine = [one for one in statements if one is not None]
            if len(genuine) < len(statements):
                false.add(Contradiction(content.party, "false-order", ""))
                continue
            for order in filter(allows, genuine):
                orders[order.kind].add(order.party)
        return {kind: frozenset(parties) for kind, parties in sorted(orders.items())}, false

    def receipts_that_tell_more(self) -> Iterator[tuple[PartyNumber, Sequence[OtherReceipt]]]:
        """Yield, list by list with its author, the receipts that say what their own party's lists do not say.

        All others need no verification: in an honest cluster that is every one.
        """
        for content in self._lists:
            yield (
                content.party,
                [
                    receipt
                    for receipt in content.other_receipts
                    if (receipt.bundle, receipt.received_at) not in self._told.get(receipt.party, _NOTHING_TOLD)
                ],
            )
