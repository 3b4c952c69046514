"""The sealing keys of all parties for one auction: bids are possible once all of them are known here."""

from collections.abc import Iterable

from aukciszek.auctions.desk import AuctionDesk
from aukciszek.auctions.ports import MessageKind
from aukciszek.auctions.sealing_keys import SealingPublicKey
from aukciszek.auctions.statements import SealingKeyStatement, Signed, read_verified_statement
from aukciszek.cluster import PartyNumber


class SealingKeys:
    """What the parties signed about their sealing keys."""

    def __init__(self, desk: AuctionDesk) -> None:
        self._desk = desk
        self._statements: dict[PartyNumber, Signed[SealingKeyStatement]] = {}

    async def load(self) -> None:
        """Take up the statements that are stored, this party's own among them."""
        for row in await self._desk.context.repository.sealing_keys(self._desk.auction):
            self._keep(read_verified_statement(SealingKeyStatement, row.statement))

    async def receive(self, sender: PartyNumber, content: bytes) -> None:
        """Keep a party's statement; a second, different one is an incident, and the first is kept.

        A peer whose own key is new here has just heard of the auction, so it gets this party's key in return.

        Raises:
            StatementError: it is not signed by the party that it names.
        """
        desk = self._desk
        statement = desk.read(SealingKeyStatement, content)
        party = statement.content.party
        known = self._statements.get(party)
        if known is None:
            await desk.context.repository.put_sealing_key(desk.auction, party, content)
            self._keep(statement)
            desk.signal.notify()
            if party == sender:
                await self.announce([sender])
        elif known.content != statement.content:
            await desk.report("two-sealing-keys", party, {})

    async def announce(self, to: Iterable[PartyNumber]) -> None:
        """Send this party's own statement, if it has made one."""
        own = self._statements.get(self._desk.context.number)
        if own is None:
            return
        await self._desk.send(to, MessageKind.SEALING_KEY, own.encode())

    @property
    def missing(self) -> frozenset[PartyNumber]:
        """The parties whose key is not known here yet."""
        return frozenset(self._desk.context.cluster.numbers) - self._statements.keys()

    def of(self, party: PartyNumber) -> SealingPublicKey:
        """Return the key of a party whose statement is here, to seal to."""
        return SealingPublicKey(self._statements[party].content.public_key)

    @property
    def statements(self) -> tuple[Signed[SealingKeyStatement], ...]:
        """All known statements, by party."""
        return tuple(self._statements[party] for party in sorted(self._statements))

    def _keep(self, statement: Signed[SealingKeyStatement]) -> None:
        self._statements[statement.content.party] = statement
