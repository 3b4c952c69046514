"""The key tables of all parties for one auction, as far as they are here.

``docs/protocol.md``, "Dealing the PRSS keys".
"""

from collections.abc import Iterable, Mapping

from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.context.peer_network import MessageKind
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.sharing.prss import Members
from aukciszek.protocol.evidence.key_tables import Attestation, ChosenKeys, KeyTable, choose_keys, disputed_keys
from aukciszek.protocol.evidence.statements import Signed, read_verified_statement
from aukciszek.storage.backends.connection import DatabaseConnection


class KeyTables:
    """What the parties signed about the keys that they hold; of each party the first table counts."""

    def __init__(self, context: AuctionContext) -> None:
        self._context = context
        self._tables: dict[PartyNumber, Signed[KeyTable]] = {}
        self._contradicted: set[PartyNumber] = set()
        self._disputed: set[tuple[Members, PartyNumber]] = set()
        self.chosen: ChosenKeys | None = None
        """The keys of all sets, as soon as the tables that are here give them."""

    async def load(self) -> None:
        """Load the tables that are stored."""
        for row in await self._context.party.repository.key_tables(self._context.auction):
            signed = read_verified_statement(KeyTable, row.statement)
            self._tables[signed.content.party] = signed
        self._look_again()
        # What was reported before the restart is not reported again.
        self._disputed.update(disputed_keys(self._context.party.mode, self.attested))

    @property
    def attested(self) -> Mapping[PartyNumber, tuple[Attestation, ...]]:
        """What each party attests whose table is here."""
        return {party: signed.content.attestations for party, signed in sorted(self._tables.items())}

    @property
    def encoded(self) -> tuple[bytes, ...]:
        """All tables that are here, as they were signed."""
        return tuple(sorted(signed.encode() for signed in self._tables.values()))

    @property
    def missing(self) -> frozenset[PartyNumber]:
        """The parties whose table is not here yet."""
        return frozenset(self._context.party.cluster.numbers) - self._tables.keys()

    async def read(self, content: bytes) -> Signed[KeyTable] | None:
        """Return the table in a message if it is its party's first one; a second, different one is an incident.

        Raises:
            StatementError: it is not signed by the party that it names.
        """
        context = self._context
        signed = context.read(KeyTable, content)
        party = signed.content.party
        known = self._tables.get(party)
        if known is None:
            return signed
        if known.content != signed.content and party not in self._contradicted:
            self._contradicted.add(party)
            await context.report("two-key-tables", party, {})
        return None

    async def store(self, signed: Signed[KeyTable], *, connection: DatabaseConnection | None = None) -> None:
        """Store a party's first table."""
        context = self._context
        await context.party.repository.put_key_table(
            context.auction, signed.content.party, signed.encode(), connection=connection
        )

    async def take_up(self, signed: Signed[KeyTable]) -> None:
        """Count a table that has been stored; what it disputes with others is an incident."""
        context = self._context
        self._tables[signed.content.party] = signed
        self._look_again()
        for members, dealer in disputed_keys(context.party.mode, self.attested):
            if (members, dealer) not in self._disputed:
                self._disputed.add((members, dealer))
                # Either the dealer gave different keys, or a member attests another one than it was given.
                await context.report("keys-disputed", None, {"members": sorted(members), "dealer": dealer})
        context.signal.notify()

    async def announce(self, to: Iterable[PartyNumber]) -> None:
        """Send peers all tables that are here, their own ones, too: they may have lost them."""
        parties = list(to)
        for _, signed in sorted(self._tables.items()):
            await self._context.send(parties, MessageKind.KEY_TABLE, signed.encode())

    def _look_again(self) -> None:
        self.chosen = choose_keys(self._context.party.mode, self.attested)
