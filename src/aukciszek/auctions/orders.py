"""The auctioneer's orders: one takes effect when ``t + 1`` parties vouch that the auctioneer gave it.

``docs/adr/0002-orders-take-effect-by-t-plus-one-parties.md`` says why. This module keeps the statements of one
auction, gives this party's own, and tells which orders are in force.
"""

from collections.abc import Iterable
from typing import Final, Literal

from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.context.peer_network import MessageKind
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.statements import OrderStatement, Signed, read_verified_statement, sign
from aukciszek.protocol.rules.errors import StatementError
from aukciszek.protocol.rules.identifiers import UserId
from aukciszek.protocol.rules.spec import AuctionSpec

type OrderKind = Literal["create", "close", "cancel"]

_KINDS: Final[tuple[OrderKind, ...]] = ("create", "close", "cancel")


class UnlawfulOrderError(StatementError):
    """A party vouches for an order that the auction's rules do not allow, or that its auctioneer cannot have given."""

    code = "unlawful-order"


class Orders:
    """All parties' statements about the orders of one auction."""

    def __init__(self, context: AuctionContext) -> None:
        self._context = context
        self._statements: dict[OrderKind, dict[PartyNumber, Signed[OrderStatement]]] = {kind: {} for kind in _KINDS}

    async def load(self) -> None:
        """Load the statements that were stored before a restart."""
        for row in await self._context.party.repository.orders(self._context.auction):
            self._keep(read_verified_statement(OrderStatement, row.statement))

    async def give(self, kind: OrderKind, by: UserId) -> None:
        """Vouch that the auctioneer gave an order: store, put on record, tell the peers. Again: nothing changes."""
        party_context, context = self._context.party, self._context
        if party_context.number not in self._statements[kind]:
            statement = sign(new_order(context, kind, by), party_context.identity)
            async with party_context.database.transaction() as connection:
                await party_context.repository.put_order(
                    context.auction, kind, party_context.number, statement.encode(), connection=connection
                )
                await party_context.repository.append_record(
                    context.auction,
                    statement.content.at,
                    f"auctioneer {by}",
                    f"ordered-{kind}",
                    {},
                    connection=connection,
                )
            self._keep(statement)
            context.signal.notify()
        await context.send(context.peers, MessageKind.ORDER, self._statements[kind][party_context.number].encode())

    async def receive(self, content: bytes) -> None:
        """Keep a peer's statement.

        Raises:
            StatementError: it is not signed by the party that it names.
            UnlawfulOrderError: the auction's rules do not allow the order.
        """
        statement = self._context.read(OrderStatement, content)
        check_order(statement.content, self._context)
        order = statement.content
        if order.party not in self._statements[order.kind]:
            await self._context.party.repository.put_order(self._context.auction, order.kind, order.party, content)
            self._keep(statement)
            self._context.signal.notify()

    def in_force(self, kind: OrderKind) -> bool:
        """Tell whether enough parties vouch for an order."""
        return len(self._statements[kind]) >= self._context.party.vouchers_needed

    def vouchers(self, kind: OrderKind) -> tuple[PartyNumber, ...]:
        """Return which parties vouch for an order, in ascending order."""
        return tuple(sorted(self._statements[kind]))

    async def announce(self, to: Iterable[PartyNumber], kinds: Iterable[OrderKind] = _KINDS) -> None:
        """Pass on every statement of these kinds, of all parties."""
        receivers = tuple(to)
        for kind in kinds:
            for statement in self._statements[kind].values():
                await self._context.send(receivers, MessageKind.ORDER, statement.encode())

    @property
    def for_list(self) -> tuple[bytes, ...]:
        """The statements of orders to close and to cancel that are here, as a receipt list carries them."""
        kinds: tuple[OrderKind, ...] = ("close", "cancel")
        return tuple(sorted(one.encode() for kind in kinds for one in self._statements[kind].values()))

    def _keep(self, statement: Signed[OrderStatement]) -> None:
        self._statements[statement.content.kind][statement.content.party] = statement


def new_order(context: AuctionContext, kind: OrderKind, by: UserId) -> OrderStatement:
    """Return this party's unsigned statement that the auctioneer gave an order now."""
    return OrderStatement(
        auction=context.auction,
        party=context.party.number,
        kind=kind,
        by=by,
        at=context.party.clock.now(),
        spec=context.spec.canonical_bytes.decode() if kind == "create" else None,
    )


def is_allowed(order: OrderStatement, spec: AuctionSpec) -> bool:
    """Tell whether an auction's rules allow an order that is said to be its auctioneer's."""
    return _fault(order, spec) is None


def check_order(order: OrderStatement, context: AuctionContext) -> None:
    """Check an order against the rules of its auction.

    Raises:
        UnlawfulOrderError: another auctioneer, an order that the rules exclude, or one given after the close.
    """
    if (fault := _fault(order, context.spec)) is not None:
        raise UnlawfulOrderError(f"party {order.party} vouches for an order {fault}")


def _fault(order: OrderStatement, spec: AuctionSpec) -> str | None:
    allowed = {"create": True, "close": spec.early_close_allowed, "cancel": spec.cancel_allowed}
    if order.by != spec.auctioneer:
        return "of somebody who is not the auctioneer"
    if not allowed[order.kind]:
        return f"to {order.kind}, which the rules exclude"
    return "that came after the close" if order.at > spec.closes_at else None
