"""Who signed what in time: the parties' signed lists, put together; the same wherever the lists are the same.

``docs/protocol.md``, "Receipts and the input set". What a party has signed once, in a list or in a receipt that another
list carries, stays signed. So evidence only adds up: the order in which lists arrive does not matter, a list that
arrives twice changes nothing, and a party that contradicts itself later is named and takes nothing back.

No input or output. :mod:`~aukciszek.auctions.agreement.input_set` says what follows.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Final, Literal

from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.protocol.evidence.key_tables import Attestation, KeyTable
from aukciszek.protocol.evidence.receipt_list import ListedReceipt, OtherReceipt, ReceiptListStatement
from aukciszek.protocol.evidence.receipts import in_time
from aukciszek.protocol.evidence.statements import OrderStatement, Signed, read_statement, verify
from aukciszek.protocol.rules.errors import AgreementError, StatementError
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest

type ContradictionKind = Literal["two-lists", "denied-receipt", "false-receipt", "false-order", "false-table"]
"""A party signed two lists that differ in what it says of itself; its list denies a receipt that it signed; its list
carries a receipt, an order statement or a key table that the party named there did not sign."""


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
        in_time: for every bundle that is named, the parties that signed that they had it by the close.
        complaints: for every bundle with complaints, the parties that complain and signed no receipt for it.
        orders: by kind, the parties whose order statement stands in a list.
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
    signed_lists = _SignedLists(auction, lists)
    signed: defaultdict[BundleDigest, set[PartyNumber]] = defaultdict(set)
    gave: defaultdict[BundleDigest, set[PartyNumber]] = defaultdict(set)
    for party, own in signed_lists.own_receipts():
        parties = signed[own.bundle]
        gave[own.bundle].add(party)
        if in_time(own.received_at, closes_at):
            parties.add(party)
    contradictions = set(signed_lists.two_lists())
    is_genuine = cache(partial(_is_genuine, auction, cluster))
    for author, receipts in signed_lists.receipts_that_tell_more():
        false = next((receipt for receipt in receipts if not is_genuine(receipt)), None)
        if false is not None:
            contradictions.add(Contradiction(author, "false-receipt", false.bundle))
            continue
        for receipt in receipts:
            parties = signed[receipt.bundle]
            gave[receipt.bundle].add(receipt.party)
            if in_time(receipt.received_at, closes_at):
                parties.add(receipt.party)
            if receipt.party in signed_lists.heard:
                contradictions.add(Contradiction(receipt.party, "denied-receipt", receipt.bundle))
    orders, false_orders = signed_lists.orders(cluster, allows)
    attested, false_tables = signed_lists.attested(cluster)
    contradictions |= false_orders | false_tables
    return Tally(
        auction=auction,
        threshold=threshold,
        heard=signed_lists.heard,
        in_time={bundle: frozenset(parties) for bundle, parties in sorted(signed.items())},
        complaints={bundle: parties - gave[bundle] for bundle, parties in signed_lists.complaints().items()},
        orders=orders,
        attested=attested,
        contradictions=tuple(sorted(contradictions)),
    )


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
    """Return a statement of an order to close or to cancel; None if it is not one, or is not genuine."""
    try:
        order = read_statement(OrderStatement, content, cluster).content
    except StatementError:
        return None
    return order if order.auction == auction and order.kind in {"close", "cancel"} else None


_NOTHING_TOLD: Final[AbstractSet[tuple[BundleDigest, datetime]]] = frozenset()


class _SignedLists:
    """All lists at once, in an order that does not depend on how they came in."""

    def __init__(self, auction: AuctionId, lists: Iterable[Signed[ReceiptListStatement]]) -> None:
        by_body = {(signed.content.party, signed.content.body()): signed.content for signed in lists}
        if any(content.auction != auction for content in by_body.values()):
            raise AgreementError("a list belongs to another auction: ask its party for the right one")
        self._auction = auction
        self._lists = [by_body[key] for key in sorted(by_body)]
        self.heard = frozenset(content.party for content in self._lists)
        self._told: defaultdict[PartyNumber, set[tuple[BundleDigest, datetime]]] = defaultdict(set)
        for party, receipt in self.own_receipts():
            self._told[party].add((receipt.bundle, receipt.received_at))

    def own_receipts(self) -> Iterator[tuple[PartyNumber, ListedReceipt]]:
        """Yield what parties say of themselves."""
        return ((content.party, receipt) for content in self._lists for receipt in content.own_receipts)

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
        """Return, by kind, whose order statements stand in the lists, and whose lists carry false ones."""
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
