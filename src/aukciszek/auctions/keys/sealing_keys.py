"""The sealing keys of all parties for one auction: bids are possible once all of them are known here."""

from collections.abc import Iterable

from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.context.peer_network import MessageKind
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.statements import SealingKeyStatement, Signed, read_verified_statement
from aukciszek.protocol.sealing.keys import SealingPublicKey


class SealingKeys:
    """What the parties signed about their sealing keys."""

    def __init__(self, context: AuctionContext) -> None:
        self._context = context
        self._statements: dict[PartyNumber, Signed[SealingKeyStatement]] = {}

    async def load(self) -> None:
        """Load the statements that are stored, this party's own among them."""
        for row in await self._context.party.repository.sealing_keys(self._context.auction):
            self._keep(read_verified_statement(SealingKeyStatement, row.statement))

    async def receive(self, sender: PartyNumber, content: bytes) -> None:
        """Keep a party's statement; a second, different one is an incident, and the first is kept.

        A peer whose own key is new here has just heard of the auction, so it gets this party's key in return.

        Raises:
            StatementError: it is not signed by the party that it names.
        """
        context = self._context
        statement = context.read(SealingKeyStatement, content)
        party = statement.content.party
        known = self._statements.get(party)
        if known is None:
            await context.party.repository.put_sealing_key(context.auction, party, content)
            self._keep(statement)
            context.signal.notify()
            if party == sender:
                await self.announce([sender])
        elif known.content != statement.content:
            await context.report("two-sealing-keys", party, {})

    async def announce(self, to: Iterable[PartyNumber]) -> None:
        """Send this party's own statement, if it has made one."""
        own = self._statements.get(self._context.party.number)
        if own is None:
            return
        await self._context.send(to, MessageKind.SEALING_KEY, own.encode())

    @property
    def missing(self) -> frozenset[PartyNumber]:
        """The parties whose key is not known here yet."""
        return frozenset(self._context.party.cluster.numbers) - self._statements.keys()

    def of(self, party: PartyNumber) -> SealingPublicKey:
        """Return the key of a party whose statement is here, to seal to."""
        return SealingPublicKey(self._statements[party].content.public_key)

    @property
    def statements(self) -> tuple[Signed[SealingKeyStatement], ...]:
        """All known statements, by party."""
        return tuple(self._statements[party] for party in sorted(self._statements))

    def _keep(self, statement: Signed[SealingKeyStatement]) -> None:
        self._statements[statement.content.party] = statement
