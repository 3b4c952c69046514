"""After the close: bring the parties' signed lists together until all know the same, and fetch missing bundles.

``docs/protocol.md``, "Receipts and the input set". Every party sends its signed list to all, passes on what it gets
when asked, and tells the others which lists it has. A party that tells two stories is caught by its own signatures,
and both stories stay: evidence only adds up, so parties that have the same lists have the same input set. A party signs
a longer list when a bidder brings receipts of others without which a bid would not count; of itself it says the same.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from aukciszek.auctions.agreement import InputSet, Tally, form_input_set
from aukciszek.auctions.bundle import BundleHeader, header_of
from aukciszek.auctions.desk import PATIENCE_S, AuctionDesk
from aukciszek.auctions.holdings import Holding, HoldingsStatement, OtherReceipt
from aukciszek.auctions.identifiers import BundleDigest
from aukciszek.auctions.lists import ListPlace, Lists
from aukciszek.auctions.messages import MOST_LISTS_OF_A_PARTY, ListsSeen, ListWanted
from aukciszek.auctions.ports import MessageKind
from aukciszek.auctions.replication import Replication
from aukciszek.auctions.statements import Signed, sign, statement_digest
from aukciszek.cluster import PartyNumber


class Gathering:
    """The lists and bundles of one auction, as this party has them."""

    def __init__(self, desk: AuctionDesk, replication: Replication) -> None:
        self._desk = desk
        self._replication = replication
        self._lists = Lists(desk)
        self._seen: dict[PartyNumber, ListsSeen] = {}
        self._handed_on: set[BundleDigest] = set()
        self._found: tuple[frozenset[ListPlace], InputSet] | None = None
        self._lists_of: dict[str, frozenset[ListPlace]] = {}
        self._asking = False
        self._started_at_s = 0.0

    async def load(self) -> None:
        """Take up the lists that were stored before a restart."""
        await self._lists.load()

    async def sign_own_list(self) -> tuple[Signed[HoldingsStatement], str]:
        """Return this party's list of everything that it gave receipts for, not stored yet, and its digest."""
        desk, context = self._desk, self._desk.context
        holdings = [
            Holding(BundleDigest(head.digest), head.received_at)
            for head in await context.repository.own_receipts(desk.auction)
            if head.received_at is not None
        ]
        others = [
            OtherReceipt.stored(row.statement)
            for row in await context.repository.auction_receipts(desk.auction)
            if row.party != context.number
        ]
        signed = sign(HoldingsStatement.of(desk.auction, context.number, holdings, others), context.identity)
        return signed, statement_digest(signed.content)

    def keep_own_list(self, signed: Signed[HoldingsStatement], digest: str) -> None:
        """Take up this party's list as it is stored."""
        self._lists.add(signed, digest)

    def weigh_again(self, bundle: BundleDigest) -> None:
        """Note that a bidder handed on receipts of others for a bundle; they are stored."""
        self._handed_on.add(bundle)
        self._desk.signal.notify()

    async def run(self) -> None:
        """Return when all parties, or enough, have the same lists, or a session began on lists that are here."""
        self._asking = True
        self._started_at_s = self._desk.context.clock.monotonic_s()
        try:
            await self._desk.signal.wait_announcing(self._is_gathered, self._announce_to_all)
            while await self._extend_own_list():
                await self._desk.signal.wait_announcing(self._is_gathered, self._announce_to_all)
        finally:
            self._asking = False
        for one in self.tally().contradictions:
            await self._desk.report(one.kind, one.party, {"bundle": one.bundle})

    async def input_set(self) -> InputSet:
        """Return the bids that count, once their bundles are here.

        By all lists that are here; or by fewer, if peers began a session on what those say: it cannot change any more.
        """
        for begun, lists in self._begun_by_peers():
            found = await self._input_set_by(lists)
            if found.digest == begun:
                return found
        while self._found is None or self._found[0] != self._lists.places:
            # A list that comes meanwhile may settle a bundle that is not here.
            lists = self._lists.places
            self._found = lists, await self._input_set_by(lists)
        return self._found[1]

    async def fix(self, input_set: str) -> bool:
        """Store, for good, that a session begins on an input set returned before; False if it began on another one."""
        return await self._lists.fix(input_set, self._lists_of[input_set])

    async def _input_set_by(self, lists: frozenset[ListPlace]) -> InputSet:
        tally = self._lists.tally(lists)
        await self._fetch_bundles(tally)
        headers = await asyncio.to_thread(_headers, await self.bundles(tally.settled))
        found = form_input_set(tally, headers)
        self._lists_of[found.digest] = lists
        return found

    async def bundles(self, digests: Iterable[BundleDigest]) -> dict[BundleDigest, bytes]:
        """Return the bytes of those of these bundles that are here."""
        contents = await self._desk.context.repository.bundle_contents(list(digests))
        return {BundleDigest(digest): content for digest, content in contents.items()}

    def tally(self) -> Tally:
        """Return who signed what in time, by the lists that are here."""
        return self._lists.tally(self._lists.places)

    async def receive_list(self, content: bytes) -> None:
        """Keep a signed list, whoever sent it.

        Raises:
            StatementError: it is not signed by the party that it names.
            TooManyListsError: that party signed too many different lists.
        """
        if await self._lists.receive(content):
            self._desk.signal.notify()
            if self._asking:
                await self._send_seen(self._desk.peers)

    async def receive_seen(self, sender: PartyNumber, content: bytes) -> None:
        """Note which lists a peer has, and ask for those that are not here.

        Raises:
            MalformedStatementError: the message is not of its form.
        """
        message = ListsSeen.decode(content)
        self._seen[sender] = message
        self._desk.signal.notify()
        for party, digest in sorted(message.places - self._lists.places):
            wanted = ListWanted(party=party, digest=digest)
            await self._desk.send([sender], MessageKind.HOLDINGS_WANTED, wanted.encode())
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
            await self._desk.send([sender], MessageKind.HOLDINGS, signed.encode())

    async def _extend_own_list(self) -> bool:
        """Sign a longer list if a bid that a bidder handed receipts on for would not count; tell whether it was so.

        Only then: a list is long, and whoever has it already would need the longer one, too.
        """
        handed_on, self._handed_on = self._handed_on, set()
        desk, number = self._desk, self._desk.context.number
        lists = self._lists.of(number)
        if not handed_on or handed_on <= set(self.tally().settled) or len(lists) >= MOST_LISTS_OF_A_PARTY:
            return False
        signed, digest = await self.sign_own_list()
        if (number, digest) in lists or self._is_behind():
            return False
        await desk.context.repository.put_list(desk.auction, number, digest, signed.encode())
        await desk.note("list-extended", {"list": digest, "receipts": len(signed.content.other_receipts)})
        self._lists.add(signed, digest)
        return True

    def _is_gathered(self) -> bool:
        return self._enough_see_the_same() or self._is_behind()

    def _enough_see_the_same(self) -> bool:
        """Whether all parties have the same lists, or, after some patience, as many as can go on without the others."""
        context, own = self._desk.context, self._lists.places
        missing = frozenset(context.cluster.numbers) - {party for party, _ in own}
        differing = {party for party in self._desk.peers if self._seen_by(party) != own}
        absent = missing | differing
        self._desk.wait_for_parties(absent)
        waited_s = context.clock.monotonic_s() - self._started_at_s
        return not absent or (waited_s >= PATIENCE_S and context.cluster.size - len(absent) >= context.quorum)

    def _is_behind(self) -> bool:
        return any(True for _ in self._begun_by_peers())

    def _begun_by_peers(self) -> Iterator[tuple[str, frozenset[ListPlace]]]:
        """Yield the input sets that enough peers say they began a session on, with lists of theirs that are here.

        Where all parties are needed, one is enough: without it nothing is computed. Else one of them must be honest.
        """
        context = self._desk.context
        begun = {} if self._lists.fixed else {peer: seen for peer, seen in self._seen.items() if seen.began}
        sayings = Counter(seen.began for seen in begun.values())
        for _, seen in sorted(begun.items()):
            authors = {party for party, _ in seen.lists}
            is_said_enough = sayings[seen.began] > context.cluster.size - context.quorum
            if is_said_enough and len(authors) >= context.quorum and seen.places <= self._lists.places:
                yield str(seen.began), seen.places

    def _seen_by(self, party: PartyNumber) -> frozenset[ListPlace]:
        seen = self._seen.get(party)
        return frozenset() if seen is None else seen.places

    async def announce(self, to: Iterable[PartyNumber]) -> None:
        """Send this party's list to those who lack it, and tell which lists are here."""
        receivers = tuple(to)
        for place in sorted(self._lists.of(self._desk.context.number)):
            signed = self._lists.find(place)
            lacking = [party for party in receivers if place not in self._seen_by(party)]
            if signed is not None:
                await self._desk.send(lacking, MessageKind.HOLDINGS, signed.encode())
        await self._send_seen(receivers)

    async def _announce_to_all(self) -> None:
        await self.announce(self._desk.peers)

    async def _send_seen(self, to: Iterable[PartyNumber]) -> None:
        seen = ListsSeen(asking=self._asking, began=self._lists.fixed, lists=tuple(sorted(self._lists.places)))
        await self._desk.send(to, MessageKind.HOLDINGS_SEEN, seen.encode())

    async def _fetch_bundles(self, tally: Tally) -> None:
        here = await self._desk.context.repository.bundle_digests(self._desk.auction)
        missing = tally.missing([BundleDigest(digest) for digest in here])
        await self._replication.fetch({digest: tally.in_time[digest] for digest in missing})


def _headers(contents: Mapping[BundleDigest, bytes]) -> dict[BundleDigest, BundleHeader]:
    return {digest: header_of(content) for digest, content in contents.items()}
