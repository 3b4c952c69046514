"""Before a party signs anything about an auction it asks the others what it has signed before.

``docs/protocol.md``, "A lost database". A party whose database is new, or an older backup, does not know what it said:
with another sealing key, list or receipt it would contradict itself, as corrupt parties do. So it adopts its own
statements, which its peers hold, and signs nothing that contradicts them. Where all parties are needed it waits
for the answers of all. A new auction is no exception: then nobody has anything, and the answers come at once.
"""

from collections.abc import Callable, Sequence
from typing import Annotated

from pydantic import Field

from aukciszek.auctions.agreement.messages import MOST_LISTS_OF_A_PARTY, MOST_RECEIPTS_A_MESSAGE, Message
from aukciszek.auctions.context.auction_context import LOST_MEMORY, AuctionContext
from aukciszek.auctions.context.change_notifier import STRAGGLER_TIMEOUT_S
from aukciszek.auctions.context.peer_network import MessageKind
from aukciszek.auctions.session.readiness import Readiness
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.key_tables import KeyTable
from aukciszek.protocol.evidence.receipt_list import OtherReceipt, OtherReceiptsField, ReceiptListStatement
from aukciszek.protocol.evidence.statements import (
    OrderStatement,
    Receipt,
    SealingKeyStatement,
    Signed,
    Statement,
    read_statement,
    sign,
    statement_digest,
)
from aukciszek.protocol.rules.errors import MalformedStatementError
from aukciszek.protocol.rules.fields import BytesField
from aukciszek.protocol.sealing.keys import SealingKeyPair
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

    def __init__(
        self, context: AuctionContext, announced_by: Callable[[PartyNumber], Signed[Readiness] | None]
    ) -> None:
        """Begin; ``announced_by`` gives the latest announcement of a party."""
        self._context = context
        self._announced_by = announced_by
        self._after: dict[PartyNumber, str] = {}
        self._answered: set[PartyNumber] = set()
        self._found_something = False
        self._started_at_s = 0.0

    async def run(self) -> None:
        """Return when this party knows what it has signed, and has stored that it does.

        If it has signed no sealing key yet, it has one then.
        """
        context = self._context
        self._started_at_s = context.party.clock.monotonic_s()
        await context.signal.wait_announcing(self._has_heard_enough, self._ask)
        context.wait_for_parties(())
        await self._conclude()

    async def receive_wanted(self, sender: PartyNumber, content: bytes) -> None:
        """Answer a peer that asks what it has signed.

        Raises:
            MalformedStatementError: the message is not of its form.
        """
        after = RecallWanted.decode(content).after
        answer = await self._answer(sender, after)
        await self._context.send([sender], MessageKind.RECALLED, answer.encode())

    async def receive_recalled(self, sender: PartyNumber, content: bytes) -> None:
        """Take up what this party signed, as a peer has it.

        Raises:
            StatementError: the message is malformed, or holds something that this party did not sign.
        """
        answer = Recalled.decode(content)
        if self._context.recalled or sender in self._answered or answer.after != self._after.get(sender, ""):
            return
        await self._take_up(answer)
        if answer.more and answer.receipts:
            self._after[sender] = answer.receipts[-1].bundle
            await self._ask_one(sender)
        else:
            self._answered.add(sender)
        self._context.signal.notify()

    def _has_heard_enough(self) -> bool:
        party_context = self._context.party
        missing = frozenset(self._context.peers) - self._answered
        self._context.wait_for_parties(missing)
        waited_s = party_context.clock.monotonic_s() - self._started_at_s
        return not missing or (waited_s >= STRAGGLER_TIMEOUT_S and len(self._answered) + 1 >= party_context.quorum)

    async def _ask(self) -> None:
        for peer in self._context.peers:
            if peer not in self._answered:
                await self._ask_one(peer)

    async def _ask_one(self, peer: PartyNumber) -> None:
        wanted = RecallWanted(after=self._after.get(peer, ""))
        await self._context.send([peer], MessageKind.RECALL, wanted.encode())

    async def _take_up(self, answer: Recalled) -> None:
        context, repository, number = self._context, self._context.party.repository, self._context.party.number
        if answer.sealing_key is not None:
            self._read(SealingKeyStatement, answer.sealing_key)
            await repository.put_sealing_key(context.auction, number, answer.sealing_key)
        if answer.key_table is not None:
            self._read(KeyTable, answer.key_table)
            await repository.put_key_table(context.auction, number, answer.key_table)
        for content in answer.orders:
            order = self._read(OrderStatement, content).content
            await repository.put_order(context.auction, order.kind, number, content)
        for content in answer.lists:
            digest = statement_digest(self._read(ReceiptListStatement, content).content)
            await repository.put_list(context.auction, number, digest, content)
        if answer.readiness is not None:
            await repository.next_attempt(context.auction, self._read(Readiness, answer.readiness).content.attempt)
        if answer.receipts:
            await self._take_up_receipts(answer.receipts)
        told = (answer.sealing_key, answer.key_table, answer.readiness)
        self._found_something |= any(one is not None for one in told) or bool(answer.lists or answer.receipts)

    async def _take_up_receipts(self, receipts: Sequence[OtherReceipt]) -> None:
        context, number = self._context, self._context.party.number
        rows = []
        for receipt in receipts:
            if receipt.party != number:
                raise MalformedStatementError("what a party is told that it signed names another party")
            content = receipt.claimed(context.auction).encode()
            self._read(Receipt, content)
            rows.append(ReceiptRow(context.auction, receipt.bundle, number, content))
        await context.party.repository.put_own_receipts(rows, {one.bundle: one.received_at for one in receipts})

    def _read[S: Statement](self, kind: type[S], content: bytes) -> Signed[S]:
        signed = read_statement(kind, content, self._context.party.cluster)
        if (signed.content.auction, signed.content.party) != (self._context.auction, self._context.party.number):
            raise MalformedStatementError("what a party is told that it signed is about another auction or party")
        return signed

    async def _conclude(self) -> None:
        """Store that this party knows what it signed; make its sealing key if it never signed one."""
        context, party_context = self._context, self._context.party
        repository, auction = party_context.repository, context.auction
        signed = {row.party for row in await repository.sealing_keys(auction)}
        was_lost = self._found_something or context.has_lost_memory
        async with party_context.database.transaction() as connection:
            await repository.set_recalled(auction, recalled=True, connection=connection)
            if party_context.number not in signed:
                key_pair = SealingKeyPair.new()
                statement = sign(
                    SealingKeyStatement(auction=auction, party=party_context.number, public_key=key_pair.public_bytes),
                    party_context.identity,
                )
                await repository.put_sealing_private(auction, key_pair.to_bytes(), connection=connection)
                await repository.put_sealing_key(
                    auction, party_context.number, statement.encode(), connection=connection
                )
            if was_lost:
                await repository.append_record(
                    auction, party_context.clock.now(), party_context.actor, LOST_MEMORY, {}, connection=connection
                )
        if was_lost:
            await context.report("memory-lost", party_context.number, {"answers": sorted(self._answered)})
        context.recalled, context.has_lost_memory = True, was_lost

    async def _answer(self, peer: PartyNumber, after: str) -> Recalled:
        repository, auction = self._context.party.repository, self._context.auction
        receipts = await repository.receipts_of_party(auction, peer, after, MOST_RECEIPTS_A_MESSAGE + 1)
        packed = tuple(OtherReceipt.stored(row.statement) for row in receipts[:MOST_RECEIPTS_A_MESSAGE])
        more = len(receipts) > MOST_RECEIPTS_A_MESSAGE
        if after:
            return Recalled(after=after, is_known=True, receipts=packed, more=more)
        readiness = self._announced_by(peer)
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
