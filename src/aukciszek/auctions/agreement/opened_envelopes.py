"""This party's shares of the bids: from its envelopes, or, where these are unusable, recovered with the others' help.

``docs/protocol.md``, "Share recovery". What was recovered is stored, sealed to a key that is destroyed with the
auction's, before it is used, so that it is asked for once.
"""

import asyncio
import hmac
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.field import Vector, to_bytes
from aukciszek.protocol.rules.errors import EnvelopeError
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest
from aukciszek.protocol.sealing.bundle import Bundle
from aukciszek.protocol.sealing.envelope import EnvelopeContent, OwnEnvelope
from aukciszek.protocol.sealing.keys import SealingKeyPair, SealingPublicKey

type Rows = dict[BundleDigest, npt.NDArray[np.uint64]]
"""What this party was dealt: for each bundle its shares of the bits, of the salts and of the masks."""


class OpenedEnvelopes:
    """This party's envelopes of one auction, opened, and the rows that it recovered."""

    def __init__(self, context: AuctionContext, key_pair: SealingKeyPair | None) -> None:
        self._context = context
        self._key_pair = key_pair
        self._recovered: dict[BundleDigest, bytes] = {}
        self._usable: dict[BundleDigest, bool] = {}

    def use_key(self, key_pair: SealingKeyPair | None) -> None:
        """Open envelopes with this key from now on; without it, this party has lost its sealing key."""
        self._key_pair = key_pair

    async def load(self) -> None:
        """Load what was recovered before a restart."""
        repository, auction = self._context.party.repository, self._context.auction
        private = await repository.recovery_private(auction)
        if private is not None:
            key_pair, sealed = SealingKeyPair(private), await repository.recovered(auction)
            self._recovered = {
                BundleDigest(digest): key_pair.open(content, _info(auction, digest))
                for digest, content in sealed.items()
            }

    async def unusable(self, bundles: Iterable[BundleDigest]) -> frozenset[BundleDigest]:
        """Return those of the bundles whose envelope this party opened and cannot use; none if it lost its key."""
        if self._key_pair is None:
            return frozenset()
        wanted = list(bundles)
        await self._open([digest for digest in wanted if digest not in self._usable])
        return frozenset(digest for digest in wanted if not self._usable.get(digest, True))

    async def rows(self, bundles: Sequence[BundleDigest]) -> Rows:
        """Return this party's shares of those bundles of which it has any."""
        rows = await self._open([digest for digest in bundles if digest not in self._recovered])
        for digest in bundles:
            if digest in self._recovered:
                rows[digest] = EnvelopeContent(self._recovered[digest]).dealt()
        return rows

    async def keep(self, found: Mapping[BundleDigest, Vector]) -> BundleDigest | None:
        """Check and store recovered shares, all or none; return a bundle whose share does not match, if there is one.

        A share must be the one that the bundle commits to, as the salts that were recovered with it show. Only where
        this party has opened its envelope and found it to hold something else, so that the bidder is to blame, the
        proof of degree has to do; and not if this party lost its memory since the close: it could have taken, and
        used, another share before, and none but that one will do.
        """
        contents = await self._bundles(list(found))
        for digest, row in found.items():
            envelope = OwnEnvelope.of(Bundle.decode(contents[digest]), self._context.party.number)
            blames_bidder = self._usable.get(digest) is False and not self._context.has_lost_memory
            if not (_matches(envelope, row) or (blames_bidder and envelope.fits_proof(row))):
                return digest
        await self._store({digest: to_bytes(row) for digest, row in found.items()})
        return None

    async def _store(self, rows: Mapping[BundleDigest, bytes]) -> None:
        repository, auction = self._context.party.repository, self._context.auction
        async with self._context.party.database.transaction() as connection:
            private = await repository.recovery_private(auction, connection=connection)
            if private is None:
                private = SealingKeyPair.new().to_bytes()
                await repository.put_recovery_private(auction, private, connection=connection)
            public = SealingPublicKey(SealingKeyPair(private).public_bytes)
            sealed = {str(digest): public.seal(row, _info(auction, digest)) for digest, row in rows.items()}
            await repository.put_recovered(auction, sealed, connection=connection)
        self._recovered |= rows

    async def _open(self, bundles: Sequence[BundleDigest]) -> Rows:
        if self._key_pair is None or not bundles:
            return {}
        async with self._context.party.computing.opening:
            contents = await self._bundles(bundles)
            rows = await asyncio.to_thread(_open_all, contents, self._context.party.number, self._key_pair)
        self._usable |= {digest: digest in rows for digest in contents}
        return rows

    async def _bundles(self, digests: Sequence[BundleDigest]) -> dict[BundleDigest, bytes]:
        contents = await self._context.party.repository.bundle_contents(digests)
        return {BundleDigest(digest): content for digest, content in contents.items()}


def _open_all(contents: Mapping[BundleDigest, bytes], number: PartyNumber, key_pair: SealingKeyPair) -> Rows:
    rows: Rows = {}
    for digest, content in contents.items():
        try:
            rows[digest] = OwnEnvelope.of(Bundle.decode(content), number).open(key_pair).dealt()
        except EnvelopeError:
            continue
    return rows


def _matches(envelope: OwnEnvelope, row: Vector) -> bool:
    try:
        return hmac.compare_digest(envelope.check(to_bytes(row)).encode(), to_bytes(row))
    except EnvelopeError:
        return False


def _info(auction: AuctionId, digest: str) -> bytes:
    return b"aukciszek/1/recovered\x00" + bytes.fromhex(auction) + bytes.fromhex(digest)
