"""The keys for shared randomness that this party holds for one auction, in memory and on its disk."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from contextlib import asynccontextmanager

from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.keys.envelopes import AuctionKey
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.sharing.prss import Members
from aukciszek.protocol.evidence.key_tables import Attestation, members_mask, members_of
from aukciszek.protocol.rules.states import AuctionState, has_no_keys
from aukciszek.secret import Secret
from aukciszek.storage.backends.connection import DatabaseConnection
from aukciszek.storage.rows import AuctionKeyRow


class HeldKeys:
    """What is here. Stored before it is in memory; nothing is stored any more once the auction is over."""

    def __init__(self, context: AuctionContext) -> None:
        self._context = context
        self._keys: dict[tuple[Members, PartyNumber], AuctionKey] = {}
        self._one_at_a_time = asyncio.Lock()

    async def load(self) -> None:
        """Load what is stored."""
        for row in await self._context.party.repository.auction_keys(self._context.auction):
            self._take_up([AuctionKey(members_of(row.members), PartyNumber(row.dealer), Secret(row.key))])

    def __iter__(self) -> Iterator[AuctionKey]:
        return iter(self._keys.values())

    def get(self, members: Members, dealer: PartyNumber) -> AuctionKey | None:
        """Return the key that ``dealer`` made for ``members``, if it is here."""
        return self._keys.get((members, dealer))

    def attestations(self) -> list[Attestation]:
        """Return what this party can attest."""
        return [one.attestation(self._context.auction) for one in self]

    async def keep(self, keys: Iterable[AuctionKey]) -> None:
        """Store keys of sets and dealers of which there is none here."""
        async with self._one_at_a_time:
            new = [one for one in keys if (one.members, one.dealer) not in self._keys]
            await self._store(new, replaced=())

    async def put_right(self, keys: Collection[AuctionKey]) -> None:
        """Store keys in place of others of the same sets and dealers."""
        async with self._one_at_a_time:
            await self._store(keys, replaced=[one.id for one in keys])

    @asynccontextmanager
    async def forgetting_all_but(self, attestations: Iterable[Attestation]) -> AsyncIterator[DatabaseConnection]:
        """Delete the keys that are not attested, in one transaction with what the caller does inside."""
        auction, repository = self._context.auction, self._context.party.repository
        attested = set(attestations)
        async with self._one_at_a_time:
            others = [one for one in self if one.attestation(auction) not in attested]
            async with self._context.party.database.transaction() as connection:
                key_ids = [one.id for one in others]
                await repository.forget_auction_keys(auction, key_ids, connection=connection)
                yield connection
            for one in others:
                del self._keys[one.members, one.dealer]

    async def _store(self, keys: Collection[AuctionKey], *, replaced: Collection[tuple[int, int]]) -> None:
        party_context, auction = self._context.party, self._context.auction
        if not keys:
            return
        async with party_context.database.transaction() as connection:
            row = await party_context.repository.auction(auction, connection=connection)
            if row is None or has_no_keys(AuctionState(row.state)):
                return  # the keys have been destroyed, and none may come after them
            await party_context.repository.forget_auction_keys(auction, replaced, connection=connection)
            await party_context.repository.put_auction_keys((self._row(one) for one in keys), connection=connection)
        self._take_up(keys)

    def _row(self, one: AuctionKey) -> AuctionKeyRow:
        return AuctionKeyRow(
            auction_id=self._context.auction,
            members=members_mask(one.members),
            dealer=one.dealer,
            key=one.key.reveal(),
        )

    def _take_up(self, keys: Iterable[AuctionKey]) -> None:
        self._keys |= {(one.members, one.dealer): one for one in keys}
