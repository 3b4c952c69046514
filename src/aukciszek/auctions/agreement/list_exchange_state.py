"""How the parties come to have the same receipt lists: a state machine without input or output.

``docs/protocol.md``, "Receipts and the input set". A party tells the others which lists it has, asks for those that it
lacks, and goes on when all parties, or, after a timeout, enough of them, have the same. Messages go in; messages to
send and decisions come out. :mod:`~aukciszek.auctions.agreement.list_exchange` sends, stores and waits.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Protocol

from aukciszek.auctions.agreement.messages import ListsSeen, ListWanted
from aukciszek.auctions.agreement.receipt_lists import ListId, ReceiptLists
from aukciszek.auctions.context.change_notifier import STRAGGLER_TIMEOUT_S
from aukciszek.auctions.context.peer_network import MessageKind, Outgoing
from aukciszek.cluster import PartyNumber


class ProposalHead(Protocol):
    """What matters here about a verified proposal."""

    @property
    def attempt(self) -> int:
        """For which attempt it is."""
        ...

    @property
    def input_set(self) -> str:
        """On which input set."""
        ...


class KnownProposals(Protocol):
    """On which input sets sessions may have begun, as far as this party knows."""

    @property
    def locked(self) -> ProposalHead | None:
        """The proposal with the highest attempt that is known."""
        ...

    @property
    def began_at(self) -> int:
        """The attempt of the proposal on which this party began a session last; 0: on none."""
        ...

    @property
    def proof(self) -> bytes | None:
        """The proposal on which this party began, or, before, the latest on which any party may have."""
        ...


class ListExchangeState:
    """Which lists the parties have, as far as one party knows."""

    def __init__(
        self,
        own: PartyNumber,
        numbers: Collection[PartyNumber],
        *,
        quorum: int,
        lists: ReceiptLists,
        proposals: KnownProposals,
    ) -> None:
        """Begin without knowing what peers have.

        Args:
            own: this party.
            numbers: all parties.
            quorum: how many parties must have the same lists.
            lists: what is here.
            proposals: on which input sets sessions may have begun.
        """
        self._own = own
        self._numbers = frozenset(numbers)
        self._peers = tuple(sorted(self._numbers - {own}))
        self._quorum = quorum
        self._lists = lists
        self._proposals = proposals
        self._seen: dict[PartyNumber, ListsSeen] = {}
        self._asking = False
        self._started_at_s = 0.0

    def start(self, now_s: float) -> None:
        """Start asking peers which lists they have."""
        self._asking, self._started_at_s = True, now_s

    def stop(self) -> None:
        """Stop asking; questions are still answered."""
        self._asking = False

    def receive_seen(self, sender: PartyNumber, message: ListsSeen) -> list[Outgoing]:
        """Note which lists a peer has; request the missing ones from it, and answer its question."""
        self._seen[sender] = message
        outgoing = [
            Outgoing((sender,), MessageKind.LIST_WANTED, ListWanted(party=party, digest=digest).encode())
            for party, digest in sorted(message.ids - self._lists.all)
        ]
        # Two parties that have both finished do not ask, so they do not answer each other without end.
        if message.asking and not self._asking:
            outgoing += self._tell_seen((sender,))
        return outgoing

    def receive_wanted(self, sender: PartyNumber, wanted: ListWanted) -> list[Outgoing]:
        """Return the list that a peer requests."""
        signed = self._lists.find((wanted.party, wanted.digest))
        return [] if signed is None else [Outgoing((sender,), MessageKind.RECEIPT_LIST, signed.encode())]

    def note_new_list(self) -> list[Outgoing]:
        """React to a list that was not here before and may count."""
        return self._tell_seen(self._peers) if self._asking else []

    def announcement(self, to: Iterable[PartyNumber]) -> list[Outgoing]:
        """Return this party's lists for the peers that lack them, and for all which lists are here."""
        receivers = tuple(to)
        outgoing = []
        for list_id in sorted(self._lists.of(self._own)):
            signed = self._lists.find(list_id)
            lacking = tuple(party for party in receivers if list_id not in self._seen_by(party))
            if signed is not None:
                outgoing.append(Outgoing(lacking, MessageKind.RECEIPT_LIST, signed.encode()))
        return outgoing + self._tell_seen(receivers)

    @property
    def absent(self) -> frozenset[PartyNumber]:
        """The parties whose list is not here or that do not have the same lists as this one."""
        missing = self._numbers - {party for party, _ in self._lists.counted}
        return missing | {party for party in self._peers if self._seen_by(party) != self._lists.all}

    def is_complete(self, now_s: float) -> bool:
        """Tell whether this party may go on: enough parties have the same lists, or peers have begun on some of them.

        That is all parties or, after a timeout, as many as can go on without the others.
        """
        absent = self.absent
        waited = now_s - self._started_at_s >= STRAGGLER_TIMEOUT_S
        return not absent or (waited and len(self._numbers) - len(absent) >= self._quorum) or self.is_behind

    @property
    def is_behind(self) -> bool:
        """Whether peers began a session on lists that are here."""
        return any(True for _ in self.begun_by_peers())

    def begun_by_peers(self) -> Iterator[tuple[str, frozenset[ListId]]]:
        """Yield the input set that peers say they began a session on, with lists of theirs that are here.

        It is not believed without the proposal, the highest that is known: so many were ready for that set at one time.
        """
        locked = self._proposals.locked
        if locked is None or self.bound_to:
            return
        begun = {peer: seen for peer, seen in self._seen.items() if seen.began == locked.input_set}
        for _, seen in sorted(begun.items()):
            lists = frozenset(seen.began_lists)
            authors = {party for party, _ in lists}
            if len(authors) >= self._quorum and lists <= self._lists.all:
                yield str(seen.began), lists

    @property
    def bound_to(self) -> str | None:
        """The digest of the input set that this party began a session on, if it did and must stay with it.

        Where not all parties are needed it need not, once it knows a higher proposal for another set: had its own
        beginning come to anything, enough parties would be bound to it that there could be no such proposal.
        """
        fixed, locked = self._lists.fixed, self._proposals.locked
        if fixed is None or self._quorum == len(self._numbers) or locked is None:
            return fixed
        return fixed if locked.input_set == fixed or locked.attempt <= self._proposals.began_at else None

    @property
    def locked(self) -> tuple[str, frozenset[ListId]] | None:
        """The input set of the highest proposal that is known, with the lists that it follows from, if they are here.

        None for a party that is bound to the set on which it began.
        """
        locked = self._proposals.locked
        lists = None if locked is None or self.bound_to else self._lists.lists_of(locked.input_set)
        if locked is None or lists is None or not lists <= self._lists.all:
            return None
        return locked.input_set, lists

    def _seen_by(self, party: PartyNumber) -> frozenset[ListId]:
        seen = self._seen.get(party)
        return frozenset() if seen is None else seen.ids

    def _tell_seen(self, to: tuple[PartyNumber, ...]) -> list[Outgoing]:
        began, began_lists = self._lists.fixed, self._lists.counted
        if began is None and (locked := self._proposals.locked) is not None:
            # Perhaps no party has begun on it, but one may have: all must know by which lists it is.
            began, began_lists = locked.input_set, self._lists.lists_of(locked.input_set) or frozenset()
        seen = ListsSeen(
            asking=self._asking,
            began=began,
            began_lists=tuple(sorted(began_lists)) if began else (),
            lists=tuple(sorted(self._lists.all)),
        )
        proof = self._proposals.proof
        proved = [] if proof is None else [Outgoing(to, MessageKind.PROPOSAL, proof)]
        return [*proved, Outgoing(to, MessageKind.LISTS_SEEN, seen.encode())]
