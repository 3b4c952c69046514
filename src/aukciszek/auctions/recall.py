"""Before a party signs anything about an auction it asks the others what it has signed before.

``docs/protocol.md``, "A lost database". A party whose database is new, or an older backup, does not know what it said:
with another sealing key, list or receipt it would contradict itself, and look like a liar. So it takes up its own
statements, which its peers hold, and never says anything else. Where all parties are needed it waits for the answers of
all. A new auction is no exception: then nobody has anything, and the answers come at once.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from aukciszek.auctions.desk import LOST_MEMORY, AuctionDesk
from aukciszek.auctions.errors import MalformedStatementError
from aukciszek.auctions.fields import BytesField
from aukciszek.auctions.holdings import HoldingsStatement, OtherReceipt, OtherReceiptsField
from aukciszek.auctions.key_tables import KeyTable
from aukciszek.auctions.messages import MOST_LISTS_OF_A_PARTY, MOST_RECEIPTS_A_MESSAGE, Message
from aukciszek.auctions.ports import MessageKind
from aukciszek.auctions.readiness import Readiness
from aukciszek.auctions.sealing_keys import SealingKeyPair
from aukciszek.auctions.session_setup import SessionSetup
from aukciszek.auctions.signal import PATIENCE_S
from aukciszek.auctions.statements import (
    OrderStatement,
    Receipt,
    SealingKeyStatement,
    Signed,
    Statement,
    read_statement,
    sign,
    statement_digest,
)
from aukciszek.cluster import PartyNumber
from aukciszek.storage.rows import ReceiptRow

type _Bytes = Annotated[BytesField, Field(min_length=1)]


class RecallWanted(Message):
    """The sender asks for what it signed about the auction; for its receipts, beyond a bundle's digest."""

    after: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]


class Recalled(Message):
    """What the receiver signed about the auction, as far as the sender has it."""

    after: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]
    """Of the question."""
    is_known: bool
    """Whether the sender knows the auction."""
    sealing_key: _Bytes | None = None
    key_table: _Bytes | None = None
    orders: Annotated[tuple[_Bytes, ...], Field(max_length=3)] = ()
    lists: Annotated[tuple[_Bytes, ...], Field(max_length=MOST_LISTS_OF_A_PARTY + 1)] = ()
    readiness: _Bytes | None = None
    receipts: Annotated[OtherReceiptsField, Field(max_length=MOST_RECEIPTS_A_MESSAGE)] = ()
    """Ascending by bundle; as many as fit."""
    more: bool = False
    """Whether there are more receipts."""


class Recall:
    """What one party asks, and answers."""

    def __init__(self, desk: AuctionDesk, setup: SessionSetup) -> None:
        self._desk = desk
        self._setup = setup
        self._after: dict[PartyNumber, str] = {}
        self._answered: set[PartyNumber] = set()
        self._found_something = False
        self._started_at_s = 0.0

    async def run(self) -> None:
        """Return when this party knows what it has signed, and has stored that it does.

        If it has signed no sealing key yet, it has one then.
        """
        desk = self._desk
        self._started_at_s = desk.context.clock.monotonic_s()
        await desk.signal.wait_announcing(self._has_heard_enough, self._ask)
        desk.wait_for_parties(())
        await self._conclude()

    async def receive_wanted(self, sender: PartyNumber, content: bytes) -> None:
        """Answer a peer that asks what it has signed.

        Raises:
            MalformedStatementError: the message is not of its form.
        """
        after = RecallWanted.decode(content).after
        answer = await self._answer(sender, after)
        await self._desk.send([sender], MessageKind.RECALLED, answer.encode())

    async def receive_recalled(self, sender: PartyNumber, content: bytes) -> None:
        """Take up what this party signed, as a peer has it.

        Raises:
            StatementError: the message is malformed, or holds something that this party did not sign.
        """
        answer = Recalled.decode(content)
        if self._desk.recalled or sender in self._answered or answer.after != self._after.get(sender, ""):
            return
        await self._take_up(answer)
        if answer.more and answer.receipts:
            self._after[sender] = answer.receipts[-1].bundle
            await self._ask_one(sender)
        else:
            self._answered.add(sender)
        self._desk.signal.notify()

    def _has_heard_enough(self) -> bool:
        context = self._desk.context
        missing = frozenset(self._desk.peers) - self._answered
        self._desk.wait_for_parties(missing)
        waited_s = context.clock.monotonic_s() - self._started_at_s
        return not missing or (waited_s >= PATIENCE_S and len(self._answered) + 1 >= context.quorum)

    async def _ask(self) -> None:
        for peer in self._desk.peers:
            if peer not in self._answered:
                await self._ask_one(peer)

    async def _ask_one(self, peer: PartyNumber) -> None:
        wanted = RecallWanted(after=self._after.get(peer, ""))
        await self._desk.send([peer], MessageKind.RECALL, wanted.encode())

    async def _take_up(self, answer: Recalled) -> None:
        desk, repository, number = self._desk, self._desk.context.repository, self._desk.context.number
        if answer.sealing_key is not None:
            self._read(SealingKeyStatement, answer.sealing_key)
            await repository.put_sealing_key(desk.auction, number, answer.sealing_key)
        if answer.key_table is not None:
            self._read(KeyTable, answer.key_table)
            await repository.put_key_table(desk.auction, number, answer.key_table)
        for content in answer.orders:
            order = self._read(OrderStatement, content).content
            await repository.put_order(desk.auction, order.kind, number, content)
        for content in answer.lists:
            digest = statement_digest(self._read(HoldingsStatement, content).content)
            await repository.put_list(desk.auction, number, digest, content)
        if answer.readiness is not None:
            await repository.next_attempt(desk.auction, self._read(Readiness, answer.readiness).content.attempt)
        if answer.receipts:
            await self._take_up_receipts(answer.receipts)
        told = (answer.sealing_key, answer.key_table, answer.readiness)
        self._found_something |= any(one is not None for one in told) or bool(answer.lists or answer.receipts)

    async def _take_up_receipts(self, receipts: Sequence[OtherReceipt]) -> None:
        desk, number = self._desk, self._desk.context.number
        rows = []
        for receipt in receipts:
            if receipt.party != number:
                raise MalformedStatementError("what a party is told that it signed names another party")
            content = receipt.claimed(desk.auction).encode()
            self._read(Receipt, content)
            rows.append(ReceiptRow(desk.auction, receipt.bundle, number, content))
        await desk.context.repository.put_own_receipts(rows, {one.bundle: one.received_at for one in receipts})

    def _read[S: Statement](self, kind: type[S], content: bytes) -> Signed[S]:
        signed = read_statement(kind, content, self._desk.context.cluster)
        if (signed.content.auction, signed.content.party) != (self._desk.auction, self._desk.context.number):
            raise MalformedStatementError("what a party is told that it signed is about another auction or party")
        return signed

    async def _conclude(self) -> None:
        """Store that this party knows what it signed; make its sealing key if it never signed one."""
        desk, context = self._desk, self._desk.context
        repository, auction = context.repository, desk.auction
        signed = {row.party for row in await repository.sealing_keys(auction)}
        was_lost = self._found_something or desk.has_lost_memory
        async with context.database.transaction() as connection:
            await repository.set_recalled(auction, recalled=True, connection=connection)
            if context.number not in signed:
                key_pair = SealingKeyPair.new()
                statement = sign(
                    SealingKeyStatement(auction=auction, party=context.number, public_key=key_pair.public_bytes),
                    context.identity,
                )
                await repository.put_sealing_private(auction, key_pair.to_bytes(), connection=connection)
                await repository.put_sealing_key(auction, context.number, statement.encode(), connection=connection)
            if was_lost:
                await repository.append_record(
                    auction, context.clock.now(), context.actor, LOST_MEMORY, {}, connection=connection
                )
        if was_lost:
            await desk.report("memory-lost", context.number, {"answers": sorted(self._answered)})
        desk.recalled, desk.has_lost_memory = True, was_lost

    async def _answer(self, peer: PartyNumber, after: str) -> Recalled:
        repository, auction = self._desk.context.repository, self._desk.auction
        receipts = await repository.receipts_of_party(auction, peer, after, MOST_RECEIPTS_A_MESSAGE + 1)
        packed = tuple(OtherReceipt.stored(row.statement) for row in receipts[:MOST_RECEIPTS_A_MESSAGE])
        more = len(receipts) > MOST_RECEIPTS_A_MESSAGE
        if after:
            return Recalled(after=after, is_known=True, receipts=packed, more=more)
        readiness = self._setup.attempts.announced_by(peer)
        sealing_keys = {row.party: row.statement for row in await repository.sealing_keys(auction)}
        key_tables = {row.party: row.statement for row in await repository.key_tables(auction)}
        return Recalled(
            after=after,
            is_known=True,
            sealing_key=sealing_keys.get(peer),
            key_table=key_tables.get(peer),
            orders=tuple(row.statement for row in await repository.orders(auction) if row.party == peer),
            lists=tuple(row.statement for row in await repository.lists(auction) if row.party == peer),
            readiness=None if readiness is None else readiness.encode(),
            receipts=packed,
            more=more,
        )


def not_known() -> bytes:
    """Return the answer of a party that does not know the auction."""
    return Recalled(after="", is_known=False).encode()
