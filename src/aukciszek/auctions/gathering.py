"""After the close: bring the parties' signed lists together until all know the same, and fetch missing bundles.

``docs/protocol.md``, "Receipts and the input set". Every party sends its signed list to all, passes on what it gets
when asked, and tells the others which lists it has. A party that tells two stories is caught by its own signatures,
and both stories stay: evidence only adds up, so parties that have the same lists have the same input set. A party signs
a longer list when a bidder brings receipts of others without which a bid would not count; of itself it says the same.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

from aukciszek.auctions.agreement import InputSet, Tally, form_input_set, tally_receipts
from aukciszek.auctions.bundle import BundleHeader, header_of
from aukciszek.auctions.desk import PATIENCE_S, AuctionDesk
from aukciszek.auctions.errors import AuctionError
from aukciszek.auctions.holdings import Holding, HoldingsStatement, OtherReceipt
from aukciszek.auctions.identifiers import BundleDigest
from aukciszek.auctions.messages import MOST_LISTS_OF_A_PARTY, ListsSeen, ListWanted
from aukciszek.auctions.ports import MessageKind
from aukciszek.auctions.replication import Replication
from aukciszek.auctions.statements import (
    Signed,
    read_statement,
    read_verified_statement,
    sign,
    statement_digest,
)
from aukciszek.cluster import PartyNumber


class TooManyListsError(AuctionError):
    """A party signed so many different lists that no more of them are kept."""

    code = "too-many-lists"


class Gathering:
    """The lists and bundles of one auction, as this party has them."""

    def __init__(self, desk: AuctionDesk, replication: Replication) -> None:
        self._desk = desk
        self._replication = replication
        self._lists: dict[tuple[PartyNumber, str], Signed[HoldingsStatement]] = {}
        self._seen: dict[PartyNumber, frozenset[tuple[PartyNumber, str]]] = {}
        self._handed_on: set[BundleDigest] = set()
        # What the lists say, with the lists that say it: it takes long to work out, and is asked for again and again.
        self._tallied: tuple[frozenset[tuple[PartyNumber, str]], Tally] | None = None
        self._found: tuple[frozenset[tuple[PartyNumber, str]], InputSet] | None = None
        self._read: set[bytes] = set()
        self._late: Counter[PartyNumber] = Counter()
        self._asking = False
        self._started_at_s = 0.0

    async def load(self) -> None:
        """Take up the lists that were stored before a restart."""
        for row in await self._desk.context.repository.lists(self._desk.auction):
            self._keep(read_verified_statement(HoldingsStatement, row.statement))

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
        self._lists[signed.content.party, digest] = signed

    def weigh_again(self, bundle: BundleDigest) -> None:
        """Note that a bidder handed on receipts of others for a bundle; they are stored."""
        self._handed_on.add(bundle)
        self._desk.signal.notify()

    async def run(self) -> None:
        """Return when all parties, or enough, have the same lists, and every bundle that counts is here."""
        self._asking = True
        self._started_at_s = self._desk.context.clock.monotonic_s()
        try:
            await self._desk.signal.wait_announcing(self._enough_see_the_same, self._announce_to_all)
            while await self._extend_own_list():
                await self._desk.signal.wait_announcing(self._enough_see_the_same, self._announce_to_all)
        finally:
            self._asking = False
        await self._note_contradictions(self.tally())
        await self._fetch_bundles()

    async def input_set(self) -> InputSet:
        """Return the bids that count by the lists that are here, once their bundles are here, too."""
        while self._found is None or self._found[0] != frozenset(self._lists):
            # A list that came after the others had been brought together may settle a bundle that is not here.
            await self._fetch_bundles()
            lists, tally = frozenset(self._lists), self.tally()
            contents = await self.bundles(tally.settled)
            if len(contents) == len(tally.settled):
                headers = await asyncio.to_thread(_headers, contents)
                self._found = lists, form_input_set(tally, headers)
        return self._found[1]

    async def bundles(self, digests: Iterable[BundleDigest]) -> dict[BundleDigest, bytes]:
        """Return the bytes of those of these bundles that are here."""
        contents = await self._desk.context.repository.bundle_contents(list(digests))
        return {BundleDigest(digest): content for digest, content in contents.items()}

    def tally(self) -> Tally:
        """Return who signed what in time, by the lists that are here."""
        lists = frozenset(self._lists)
        if self._tallied is None or self._tallied[0] != lists:
            context, desk = self._desk.context, self._desk
            tally = tally_receipts(
                desk.auction,
                cluster=context.cluster,
                threshold=context.threshold,
                closes_at=desk.spec.closes_at,
                lists=self._lists.values(),
            )
            self._tallied = lists, tally
        return self._tallied[1]

    async def receive_list(self, content: bytes) -> None:
        """Keep a signed list, whoever sent it.

        Raises:
            StatementError: it is not signed by the party that it names.
            TooManyListsError: that party signed too many different lists.
        """
        desk = self._desk
        # A list is long and comes more than once: from its author, and from whoever was asked for it.
        fingerprint = hashlib.sha256(content).digest()
        if fingerprint in self._read:
            return
        signed = read_statement(HoldingsStatement, content, desk.context.cluster)
        party, digest = signed.content.party, statement_digest(signed.content)
        if (party, digest) in self._lists:
            self._read.add(fingerprint)
            return
        earlier = sum(party == author for author, _ in self._lists) + self._late[party]
        if earlier >= MOST_LISTS_OF_A_PARTY:
            raise TooManyListsError(f"party {party} signed more than {MOST_LISTS_OF_A_PARTY} different lists")
        row = await desk.context.repository.auction(desk.auction)
        if row is not None and row.input_set is not None:
            # A session began: what comes to light now can no longer change which bids count.
            self._read.add(fingerprint)
            await self._note_late(signed, digest)
            return
        contradicts = self._contradicts(signed)
        await desk.context.repository.put_list(desk.auction, party, digest, content)
        self._lists[party, digest] = signed
        self._read.add(fingerprint)
        if contradicts:
            await desk.report("two-lists", party, {"list": digest})
        desk.signal.notify()
        if self._asking:
            await self._send_seen(desk.peers)

    async def _note_late(self, signed: Signed[HoldingsStatement], digest: str) -> None:
        """Put a list on record that is not kept; whoever was cut off until now did nothing wrong."""
        party = signed.content.party
        is_first = not self._late[party] and all(party != author for author, _ in self._lists)
        self._late[party] += 1
        if self._contradicts(signed):
            await self._desk.report("two-lists", party, {"list": digest})
        elif is_first:
            await self._desk.note("list-came-late", {"party": party, "list": digest})

    async def receive_seen(self, sender: PartyNumber, content: bytes) -> None:
        """Note which lists a peer has, and ask for those that are not here.

        Raises:
            MalformedStatementError: the message is not of its form.
        """
        message = ListsSeen.decode(content)
        seen = frozenset(message.lists)
        self._seen[sender] = seen
        self._desk.signal.notify()
        for party, digest in sorted(seen - self._lists.keys()):
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
        signed = self._lists.get((wanted.party, wanted.digest))
        if signed is not None:
            await self._desk.send([sender], MessageKind.HOLDINGS, signed.encode())

    async def _extend_own_list(self) -> bool:
        """Sign a longer list if a bid that a bidder handed receipts on for would not count; tell whether it was so.

        Only then: a list is long, and whoever has it already would need the longer one, too.
        """
        handed_on, self._handed_on = self._handed_on, set()
        desk, number = self._desk, self._desk.context.number
        lists = sum(party == number for party, _ in self._lists)
        if not handed_on or handed_on <= set(self.tally().settled) or lists >= MOST_LISTS_OF_A_PARTY:
            return False
        signed, digest = await self.sign_own_list()
        if (number, digest) in self._lists:
            return False
        await desk.context.repository.put_list(desk.auction, number, digest, signed.encode())
        await desk.note("list-extended", {"list": digest, "receipts": len(signed.content.other_receipts)})
        self._lists[number, digest] = signed
        return True

    def _contradicts(self, signed: Signed[HoldingsStatement]) -> bool:
        """Whether a party said something else of itself before; what it knows of others may grow."""
        told = [one.content.holdings for (party, _), one in self._lists.items() if party == signed.content.party]
        return any(holdings != signed.content.holdings for holdings in told)

    def _keep(self, signed: Signed[HoldingsStatement]) -> None:
        self._lists[signed.content.party, statement_digest(signed.content)] = signed

    def _enough_see_the_same(self) -> bool:
        """Whether all parties have the same lists, or, after some patience, as many as can go on without the others."""
        context, own = self._desk.context, frozenset(self._lists)
        missing = frozenset(context.cluster.numbers) - {party for party, _ in own}
        differing = {party for party in self._desk.peers if self._seen.get(party) != own}
        absent = missing | differing
        self._desk.wait_for_parties(absent)
        waited_s = context.clock.monotonic_s() - self._started_at_s
        return not absent or (waited_s >= PATIENCE_S and context.cluster.size - len(absent) >= context.quorum)

    async def announce(self, to: Iterable[PartyNumber]) -> None:
        """Send this party's list to those who lack it, and tell which lists are here."""
        receivers = tuple(to)
        for place, signed in self._lists.items():
            if place[0] == self._desk.context.number:
                lacking = [party for party in receivers if place not in self._seen.get(party, frozenset())]
                await self._desk.send(lacking, MessageKind.HOLDINGS, signed.encode())
        await self._send_seen(receivers)

    async def _announce_to_all(self) -> None:
        await self.announce(self._desk.peers)

    async def _send_seen(self, to: Iterable[PartyNumber]) -> None:
        seen = ListsSeen(asking=self._asking, lists=tuple(sorted(self._lists)))
        await self._desk.send(to, MessageKind.HOLDINGS_SEEN, seen.encode())

    async def _note_contradictions(self, tally: Tally) -> None:
        for one in tally.contradictions:
            await self._desk.report(one.kind, one.party, {"bundle": one.bundle})

    async def _fetch_bundles(self) -> None:
        tally = self.tally()
        here = await self._desk.context.repository.bundle_digests(self._desk.auction)
        missing = tally.missing([BundleDigest(digest) for digest in here])
        await self._replication.fetch({digest: tally.in_time[digest] for digest in missing})


def _headers(contents: Mapping[BundleDigest, bytes]) -> dict[BundleDigest, BundleHeader]:
    return {digest: header_of(content) for digest, content in contents.items()}
