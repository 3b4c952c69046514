"""The signed receipt lists of one auction that are here: whose they are, what they say together, which of them count.

``docs/protocol.md``, "Receipts and the input set". A party that signs contradicting lists is caught by its own
signatures, and all of them count. Once a session began on what some lists say, those are the lists that count: what
comes later is kept as evidence, and changes nothing.

No input or output; :mod:`~aukciszek.auctions.agreement.list_store` stores what is here.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from aukciszek.auctions.agreement.messages import MOST_LISTS_OF_A_PARTY
from aukciszek.auctions.agreement.tally import Tally
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.receipt_list import ReceiptListStatement
from aukciszek.protocol.evidence.statements import Signed
from aukciszek.protocol.rules.identifiers import BundleDigest

type ListId = tuple[PartyNumber, str]
"""Who signed a list, and its digest."""

type SignedList = Signed[ReceiptListStatement]


class ReceiptLists:
    """See the module."""

    def __init__(self, count: Callable[[Sequence[SignedList]], Tally]) -> None:
        """Begin without any list; ``count`` computes what lists say together."""
        self._count = count
        self._held: dict[ListId, SignedList] = {}
        self._fixed: str | None = None
        self._began_on: frozenset[ListId] = frozenset()
        self._sets: dict[str, frozenset[ListId]] = {}
        # What the lists say, with the lists that say it: it is expensive to compute, and is needed repeatedly.
        self._tallied: tuple[frozenset[ListId], Tally] | None = None

    @property
    def fixed(self) -> str | None:
        """The digest of the input set that this party began a session on, if it did."""
        return self._fixed

    @property
    def counted(self) -> frozenset[ListId]:
        """The lists that count here: those that a session began on, or, before, all.

        A party that signed too many of them counts as if it had signed none: otherwise it could keep showing different
        ones to different parties.
        """
        if self._fixed is not None:
            return self._began_on
        signed = Counter(party for party, _ in self._held)
        return frozenset(list_id for list_id in self._held if signed[list_id[0]] <= MOST_LISTS_OF_A_PARTY)

    @property
    def all(self) -> frozenset[ListId]:
        """All lists that are here, whether they count or not."""
        return frozenset(self._held)

    def find(self, list_id: ListId) -> SignedList | None:
        """Return a list, if it is here."""
        return self._held.get(list_id)

    def of(self, party: PartyNumber) -> list[ListId]:
        """Return all lists of a party that are here, those that came late among them."""
        return [list_id for list_id in self._held if list_id[0] == party]

    def complaints_of(self, party: PartyNumber) -> frozenset[BundleDigest]:
        """Return the bundles that a party complains about in its lists."""
        return frozenset(bundle for one in self._signed_by(party) for bundle in one.content.complaints)

    def received_by(self, party: PartyNumber) -> frozenset[BundleDigest]:
        """Return the bundles for which a party gave receipts, by its lists."""
        return frozenset(receipt.bundle for one in self._signed_by(party) for receipt in one.content.own_receipts)

    def contradicts(self, signed: SignedList) -> bool:
        """Tell whether a party said something else of itself before; what it lists of others may grow."""
        told = [one.content.own_receipts for one in self._signed_by(signed.content.party)]
        return any(own_receipts != signed.content.own_receipts for own_receipts in told)

    def tally(self, lists: frozenset[ListId]) -> Tally:
        """Return who signed what in time, by some of the lists that are here."""
        if self._tallied is None or self._tallied[0] != lists:
            self._tallied = lists, self._count([self._held[list_id] for list_id in sorted(lists)])
        return self._tallied[1]

    def add(self, signed: SignedList, digest: str) -> None:
        """Add a list that is stored."""
        self._held[signed.content.party, digest] = signed

    def lists_of(self, input_set: str) -> frozenset[ListId] | None:
        """Return the lists by which this party was ready for an input set, if it was."""
        return self._sets.get(input_set)

    def remember(self, input_set: str, lists: frozenset[ListId]) -> None:
        """Note by which lists this party is ready for an input set; that is stored."""
        self._sets[input_set] = lists

    def fix(self, input_set: str, lists: Iterable[ListId]) -> None:
        """Note that a session began on what these lists say; that is stored."""
        if self._fixed != input_set:
            self._fixed, self._began_on = input_set, frozenset(lists)

    def _signed_by(self, party: PartyNumber) -> list[SignedList]:
        return [signed for (author, _), signed in self._held.items() if author == party]
