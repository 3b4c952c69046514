"""After the close: bring the parties' signed lists together until all know the same, and fetch missing bundles.

``docs/protocol.md``, "Receipts and the input set". Every party sends its signed list to all, passes on what it gets
when asked, and tells the others which lists it has. A party that tells two stories is caught by its own signatures,
and both stories stay: evidence only adds up, so parties that have the same lists have the same input set. A party signs
a longer list when a bidder brings receipts of others without which a bid would not count; of itself it says the same.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from aukciszek.auctions.agreement.input_set import InputSet, Tally, form_input_set
from aukciszek.auctions.agreement.list_store import ListId, ListStore
from aukciszek.auctions.agreement.messages import MOST_LISTS_OF_A_PARTY, ListsSeen, ListWanted
from aukciszek.auctions.agreement.opened_envelopes import OpenedEnvelopes
from aukciszek.auctions.agreement.replication import Replication
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.context.change_notifier import PATIENCE_S
from aukciszek.auctions.context.peer_network import MessageKind
from aukciszek.auctions.session.setup import SessionSetup
from aukciszek.cluster import PartyNumber
from aukciszek.encoding import Json
from aukciszek.protocol.evidence.receipt_list import ListedReceipt, OtherReceipt, ReceiptListStatement
from aukciszek.protocol.evidence.statements import Signed, sign, statement_digest
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.sealing.bundle import BundleHeader, header_of

type CarriedStatements = Callable[[], tuple[Iterable[bytes], Iterable[bytes]]]
"""Returns the signed words for orders that are here, and the signed key tables."""

_KEPT_FOR_COMPLAINTS: Final = 2
"""Of the lists that a party may sign: receipts that bidders bring must not use up all."""


class ListExchange:
    """The lists and bundles of one auction, as this party has them."""

    def __init__(
        self,
        context: AuctionContext,
        replication: Replication,
        envelopes: OpenedEnvelopes,
        carried_statements: CarriedStatements,
        setup: SessionSetup,
    ) -> None:
        """Bring lists together.

        Args:
            context: the auction.
            replication: where bundles come from.
            envelopes: which of this party's envelopes are of no use.
            carried_statements: what a list of this party carries beside receipts.
            setup: on which input sets sessions may have begun.
        """
        self._context = context
        self._replication = replication
        self._envelopes = envelopes
        self._carried_statements = carried_statements
        self._setup = setup
        self._lists = ListStore(context)
        self._seen: dict[PartyNumber, ListsSeen] = {}
        self._relayed: set[BundleDigest] = set()
        self._found: tuple[frozenset[ListId], InputSet] | None = None
        self._lists_of: dict[str, frozenset[ListId]] = {}
        self._asking = False
        self._started_at_s = 0.0

    async def load(self) -> None:
        """Take up the lists that were stored before a restart."""
        await self._lists.load()

    @property
    def has_own_list(self) -> bool:
        """Whether this party has signed a list."""
        return bool(self._lists.of(self._context.party.number))

    async def sign_own_list(self, complaints: Iterable[BundleDigest] = ()) -> tuple[Signed[ReceiptListStatement], str]:
        """Return this party's list of everything that it gave receipts for, not stored yet, and its digest."""
        context, party_context = self._context, self._context.party
        receipts = [
            OtherReceipt.stored(row.statement)
            for row in await party_context.repository.auction_receipts(context.auction)
        ]
        orders, tables = self._carried_statements()
        content = ReceiptListStatement.of(
            context.auction,
            party_context.number,
            [ListedReceipt(one.bundle, one.received_at) for one in receipts if one.party == party_context.number],
            receipts,
            complaints=complaints,
            orders=orders,
            tables=tables,
        )
        signed = sign(content, party_context.identity)
        return signed, statement_digest(signed.content)

    def keep_own_list(self, signed: Signed[ReceiptListStatement], digest: str) -> None:
        """Take up this party's list as it is stored."""
        self._lists.add(signed, digest)

    def reconsider(self, bundle: BundleDigest) -> None:
        """Note that a bidder handed on receipts of others for a bundle; they are stored."""
        self._relayed.add(bundle)
        self._context.signal.notify()

    async def run(self) -> None:
        """Return when all parties, or enough, have the same lists, or a session began on lists that are here.

        This party's own list then holds its complaints about all bundles that count by these lists.
        """
        self._asking = True
        self._started_at_s = self._context.party.clock.monotonic_s()
        try:
            await self._context.signal.wait_announcing(self._is_gathered, self._announce_to_all)
            while await self._extend_own_list():
                await self._context.signal.wait_announcing(self._is_gathered, self._announce_to_all)
        finally:
            self._asking = False
        for one in self.tally().contradictions:
            await self._context.report(one.kind, one.party, {"bundle": one.bundle})

    @property
    def own_complaints(self) -> frozenset[BundleDigest]:
        """The bundles that this party complains about in the lists that are here."""
        own = (self._lists.find(list_id) for list_id in self._lists.of(self._context.party.number))
        return frozenset(bundle for one in own if one is not None for bundle in one.content.complaints)

    async def complain(self) -> None:
        """Make sure that this party's list holds its complaints about all that counts, before it says it is ready."""
        if self._lists.fixed is None:
            while await self._extend_own_list():
                await self._announce_to_all()

    async def input_set(self) -> InputSet:
        """Return the bids that count, once their bundles are here.

        By all lists that are here; or by fewer, if peers began a session on what those say: it cannot change any more.
        """
        for begun, lists in self._begun_by_peers():
            found = await self._input_set_by(lists)
            if found.digest == begun:
                return found
        if (locked := await self._locked()) is not None:
            return locked
        while self._found is None or self._found[0] != self._lists.counted:
            # A list that comes meanwhile may settle a bundle that is not here.
            lists = self._lists.counted
            self._found = lists, await self._input_set_by(lists)
        return self._found[1]

    async def remember(self, input_set: InputSet) -> None:
        """Store by which lists this party is ready for an input set, before it says so."""
        await self._lists.remember(input_set.digest, self._lists_of[input_set.digest])

    async def fix(self, input_set: str, proposal: bytes) -> bool:
        """Store that a session begins on an input set returned before; False if it began on another one before.

        Where not all parties are needed, a proposal with a higher attempt takes the place of an earlier beginning: had
        that come to anything, enough parties would be bound to it that there could be no such proposal.
        """
        party_context = self._context.party
        replace = party_context.quorum < party_context.cluster.size
        return await self._lists.fix(input_set, self._lists_of[input_set], proposal, replace=replace)

    @property
    def bound_to(self) -> str | None:
        """The digest of the input set that this party began a session on, if it did and must stay with it.

        Where not all parties are needed it need not, once it knows a higher proposal for another set: see :meth:`fix`.
        """
        party_context, fixed, locked = self._context.party, self._lists.fixed, self._setup.attempts.locked
        if fixed is None or party_context.quorum == party_context.cluster.size or locked is None:
            return fixed
        return fixed if locked.input_set == fixed or locked.attempt <= self._setup.began_at else None

    async def _locked(self) -> InputSet | None:
        """Return the input set of the highest proposal that is known, if it is known by which lists it is."""
        locked = self._setup.attempts.locked
        lists = None if locked is None or self.bound_to else self._lists.lists_of(locked.input_set)
        if locked is None or lists is None or not lists <= self._lists.all:
            return None
        found = await self._input_set_by(lists)
        return found if found.digest == locked.input_set else None

    async def _input_set_by(self, lists: frozenset[ListId]) -> InputSet:
        tally = self._lists.tally(lists)
        await self._fetch_bundles(tally)
        headers = await asyncio.to_thread(_headers, await self.bundles(tally.settled))
        found = form_input_set(tally, headers, self._context.party.mode)
        self._lists_of[found.digest] = lists
        return found

    async def bundles(self, digests: Iterable[BundleDigest]) -> dict[BundleDigest, bytes]:
        """Return the bytes of those of these bundles that are here."""
        contents = await self._context.party.repository.bundle_contents(list(digests))
        return {BundleDigest(digest): content for digest, content in contents.items()}

    def tally(self) -> Tally:
        """Return who signed what in time, by the lists that are here."""
        return self._lists.tally(self._lists.counted)

    async def receive_list(self, content: bytes) -> None:
        """Keep a signed list, whoever sent it.

        Raises:
            StatementError: it is not signed by the party that it names.
            TooManyListsError: that party signed too many different lists.
        """
        if await self._lists.receive(content):
            self._context.signal.notify()
            if self._asking:
                await self._send_seen(self._context.peers)

    async def receive_seen(self, sender: PartyNumber, content: bytes) -> None:
        """Note which lists a peer has, and ask for those that are not here.

        Raises:
            MalformedStatementError: the message is not of its form.
        """
        message = ListsSeen.decode(content)
        self._seen[sender] = message
        self._context.signal.notify()
        for party, digest in sorted(message.ids - self._lists.all):
            wanted = ListWanted(party=party, digest=digest)
            await self._context.send([sender], MessageKind.HOLDINGS_WANTED, wanted.encode())
        # Two parties that have both gathered do not ask, and so do not answer each other for ever.
        if message.asking and not self._asking:
            await self._send_seen([sender])

    async def receive_list_wanted(self, sender: PartyNumber, content: bytes) -> None:
        """Pass a list on.

        Raises:
            MalformedStatementError: the message is not of its form.
        """
        wanted = ListWanted.decode(content)
        signed = self._lists.find((wanted.party, wanted.digest))
        if signed is not None:
            await self._context.send([sender], MessageKind.HOLDINGS, signed.encode())

    async def _extend_own_list(self) -> bool:
        """Sign a longer list if what this party knows would change what counts; tell whether it was so.

        That is a bid that a bidder handed receipts on for and that would not count, or a bundle that counts and whose
        envelope this party cannot use. Only then: a list is long, and whoever has it already would need the longer one.
        """
        relayed, self._relayed = self._relayed, set()
        context, number = self._context, self._context.party.number
        lists = self._lists.of(number)
        complaints = frozenset[BundleDigest]() if self._lists.fixed else await self._new_complaints()
        most = MOST_LISTS_OF_A_PARTY if complaints else MOST_LISTS_OF_A_PARTY - _KEPT_FOR_COMPLAINTS
        told_more = bool(relayed) and not relayed <= set(self.tally().settled)
        if not (told_more or complaints) or len(lists) >= most:
            return False
        signed, digest = await self.sign_own_list(self.own_complaints | complaints)
        if (number, digest) in lists or self._is_behind():
            return False
        await context.party.repository.put_list(context.auction, number, digest, signed.encode())
        details: dict[str, Json] = {
            "list": digest,
            "receipts": len(signed.content.other_receipts),
            "complaints": list(signed.content.complaints),
        }
        await context.note("list-extended", details)
        self._lists.add(signed, digest)
        return True

    async def _new_complaints(self) -> frozenset[BundleDigest]:
        """Return the bundles that count, that this party cannot use, and about which it has not complained.

        It opens the envelopes of those for which it gave no receipt; the others it has opened before.
        """
        tally = self.tally()
        await self._fetch_bundles(tally)
        own, number = self._lists.of(self._context.party.number), self._context.party.number
        gave = {
            holding.bundle
            for list_id in own
            if (one := self._lists.find(list_id)) is not None
            for holding in one.content.own_receipts
        }
        contents = await self.bundles([bundle for bundle in tally.settled if bundle not in gave])
        bids = [bundle for bundle, content in contents.items() if not header_of(content).withdrawal]
        unusable = await self._envelopes.unusable(bids)
        complained = self.own_complaints
        return frozenset(
            bundle
            for bundle in unusable
            if bundle not in complained and number not in tally.complaints.get(bundle, frozenset())
        )

    def _is_gathered(self) -> bool:
        return self._enough_see_the_same() or self._is_behind()

    def _enough_see_the_same(self) -> bool:
        """Whether all parties have the same lists, or, after some patience, as many as can go on without the others."""
        party_context, own = self._context.party, self._lists.all
        missing = frozenset(party_context.cluster.numbers) - {party for party, _ in self._lists.counted}
        differing = {party for party in self._context.peers if self._seen_by(party) != own}
        absent = missing | differing
        self._context.wait_for_parties(absent)
        waited_s = party_context.clock.monotonic_s() - self._started_at_s
        return not absent or (
            waited_s >= PATIENCE_S and party_context.cluster.size - len(absent) >= party_context.quorum
        )

    def _is_behind(self) -> bool:
        return any(True for _ in self._begun_by_peers())

    def _begun_by_peers(self) -> Iterator[tuple[str, frozenset[ListId]]]:
        """Yield the input set that peers say they began a session on, with lists of theirs that are here.

        It is not believed without the proposal, the highest that is known: so many were ready for that set at one time.
        """
        party_context, locked = self._context.party, self._setup.attempts.locked
        if locked is None or self.bound_to:
            return
        begun = {peer: seen for peer, seen in self._seen.items() if seen.began == locked.input_set}
        for _, seen in sorted(begun.items()):
            lists = frozenset(seen.began_lists)
            authors = {party for party, _ in lists}
            if len(authors) >= party_context.quorum and lists <= self._lists.all:
                yield str(seen.began), lists

    def _seen_by(self, party: PartyNumber) -> frozenset[ListId]:
        seen = self._seen.get(party)
        return frozenset() if seen is None else seen.ids

    async def announce(self, to: Iterable[PartyNumber]) -> None:
        """Send this party's list to those who lack it, and tell which lists are here."""
        receivers = tuple(to)
        for list_id in sorted(self._lists.of(self._context.party.number)):
            signed = self._lists.find(list_id)
            lacking = [party for party in receivers if list_id not in self._seen_by(party)]
            if signed is not None:
                await self._context.send(lacking, MessageKind.HOLDINGS, signed.encode())
        await self._send_seen(receivers)

    async def _announce_to_all(self) -> None:
        await self.announce(self._context.peers)

    async def _send_seen(self, to: Iterable[PartyNumber]) -> None:
        began, began_lists = self._lists.fixed, self._lists.counted
        if began is None and (locked := self._setup.attempts.locked) is not None:
            # Nobody may have begun on it, but somebody may: all must know by which lists it is.
            began, began_lists = locked.input_set, self._lists.lists_of(locked.input_set) or frozenset()
        seen = ListsSeen(
            asking=self._asking,
            began=began,
            began_lists=tuple(sorted(began_lists)) if began else (),
            lists=tuple(sorted(self._lists.all)),
        )
        receivers = tuple(to)
        await self._setup.prove(receivers)
        await self._context.send(receivers, MessageKind.HOLDINGS_SEEN, seen.encode())

    async def _fetch_bundles(self, tally: Tally) -> None:
        here = await self._context.party.repository.bundle_digests(self._context.auction)
        missing = tally.missing([BundleDigest(digest) for digest in here])
        await self._replication.fetch({digest: tally.in_time[digest] for digest in missing})


def _headers(contents: Mapping[BundleDigest, bytes]) -> dict[BundleDigest, BundleHeader]:
    return {digest: header_of(content) for digest, content in contents.items()}
