"""One party's shares of the bids: from its envelopes, or recovered; what it takes as its own, and what it keeps."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from aukciszek.auctions.agreement.opened_envelopes import OpenedEnvelopes
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.sharing.dealing import challenge
from aukciszek.mpc.sharing.field import P, Vector, to_bytes, to_vector
from aukciszek.mpc.sharing.sizes import MASKS
from aukciszek.protocol.rules.identifiers import AuctionId, UserId
from aukciszek.protocol.sealing.bundle import BidKey, Bundle
from aukciszek.protocol.sealing.envelope import OwnEnvelope, _proof_context, seal_bid
from aukciszek.protocol.sealing.keys import SealingKeyPair, SealingPublicKey
from aukciszek.storage.database import Database
from aukciszek.storage.repositories.auctions import AuctionRepository
from aukciszek.storage.rows import AuctionRow, BundleRow

AUCTION = AuctionId("ab" * 32)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OWN = 2
BITS = (1, 0, 1, 1)


class Opening:
    """What limits how many envelopes are opened at once."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        return None


@dataclass
class Scene:
    """A party with its database, and bidders."""

    repository: AuctionRepository
    database: Database
    pairs: Sequence[SealingKeyPair]
    has_lost_memory: bool = False
    bidders: int = 0

    def envelopes(self, key_pair: SealingKeyPair | None) -> OpenedEnvelopes:
        party = SimpleNamespace(
            number=PartyNumber(OWN),
            repository=self.repository,
            database=self.database,
            computing=SimpleNamespace(opening=Opening()),
        )
        context = SimpleNamespace(auction=AUCTION, party=party, has_lost_memory=self.has_lost_memory)
        return OpenedEnvelopes(cast("AuctionContext", context), key_pair)

    async def bid(self, change: Callable[[Bundle], Bundle] = lambda bundle: bundle) -> Bundle:
        """Store a bundle, spoilt on purpose or not."""
        self.bidders += 1
        bidder = UserId(f"00000000-0000-4000-8000-{self.bidders:012d}")
        keys = [SealingPublicKey(pair.public_bytes) for pair in self.pairs]
        bid_key = BidKey(auction=AUCTION, bidder=bidder, revision=1)
        bundle = change(seal_bid(bid_key, BITS, threshold=1, sealing_keys=keys))
        await self.repository.put_bundle(
            BundleRow(
                digest=bundle.digest(),
                auction_id=AUCTION,
                bidder=bidder,
                revision=1,
                withdrawal=False,
                received_at=None,
                content=bundle.encode(),
            )
        )
        return bundle

    def dealt(self, bundle: Bundle) -> Vector:
        return OwnEnvelope.of(bundle, OWN).open(self.pairs[OWN - 1]).dealt()

    def stored(self) -> Any:
        return self.repository.recovered(AUCTION)


def files_with(content: bytes, folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if content in path.read_bytes()]


def without_own_envelope(bundle: Bundle) -> Bundle:
    spoilt = [bytes(len(one)) if party == OWN else one for party, one in enumerate(bundle.envelopes, start=1)]
    return replace(bundle, envelopes=tuple(spoilt))


def with_another_commitment(bundle: Bundle) -> Bundle:
    """Commit to something else for this party; the proof of degree covers the commitments, so nothing fits."""
    changed = [bytes(32) if party == OWN else one for party, one in enumerate(bundle.commitments, start=1)]
    return replace(bundle, commitments=tuple(changed))


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    database = await Database.open(f"sqlite:///{tmp_path / 'party.db'}")
    repository = AuctionRepository(database)
    await repository.create_auction(
        AuctionRow(id=AUCTION, spec="{}", state="open", state_since=NOON, auctioneer="u", attempt=0, created_at=NOON)
    )
    yield Scene(repository, database, [SealingKeyPair.new() for _ in range(3)])
    await database.close()


async def test_shares_come_from_the_envelopes_and_bad_ones_are_told(scene: Scene) -> None:
    good, bad = await scene.bid(), await scene.bid(without_own_envelope)
    envelopes = scene.envelopes(scene.pairs[OWN - 1])
    assert await envelopes.unusable([good.digest(), bad.digest()]) == {bad.digest()}
    rows = await envelopes.rows([good.digest(), bad.digest()])
    assert rows.keys() == {good.digest()}
    assert np.array_equal(rows[good.digest()], scene.dealt(good))
    assert envelopes._key_pair is not None


async def test_a_party_without_its_key_has_no_shares_and_blames_nobody(scene: Scene) -> None:
    good, bad = await scene.bid(), await scene.bid(without_own_envelope)
    envelopes = scene.envelopes(None)
    assert envelopes._key_pair is None
    assert await envelopes.unusable([good.digest(), bad.digest()]) == frozenset()
    assert await envelopes.rows([good.digest()]) == {}


async def test_a_recovered_share_is_kept_sealed_and_found_after_a_restart(scene: Scene, tmp_path: Path) -> None:
    bundle = await scene.bid()
    row = scene.dealt(bundle)
    assert await scene.envelopes(None).keep({bundle.digest(): row}) is None
    assert (await scene.stored()).keys() == {bundle.digest()}
    assert files_with(to_bytes(row), tmp_path) == []
    again = scene.envelopes(None)
    await again.load()
    rows = await again.rows([bundle.digest()])
    assert np.array_equal(rows[bundle.digest()], row)
    # Nothing of it can be read once the auction's keys are destroyed.
    await scene.repository.erase_secrets(AUCTION)
    after = scene.envelopes(None)
    await after.load()
    assert await after.rows([bundle.digest()]) == {}


async def test_a_recovered_share_that_is_not_committed_to_is_kept_by_nobody_and_no_other_with_it(scene: Scene) -> None:
    good, other = await scene.bid(), await scene.bid()
    wrong = scene.dealt(other).copy()
    wrong[0] += np.uint64(1)
    envelopes = scene.envelopes(None)
    found = {good.digest(): scene.dealt(good), other.digest(): wrong}
    assert await envelopes.keep(found) == other.digest()
    assert await scene.stored() == {}
    assert await envelopes.rows(list(found)) == {}


async def test_the_share_of_another_bundle_or_party_is_not_taken(scene: Scene) -> None:
    one, other = await scene.bid(), await scene.bid()
    envelopes = scene.envelopes(None)
    assert await envelopes.keep({one.digest(): scene.dealt(other)}) == one.digest()
    of_party_1 = OwnEnvelope.of(one, 1).open(scene.pairs[0]).dealt()
    assert await envelopes.keep({one.digest(): of_party_1}) == one.digest()
    assert await envelopes.keep({one.digest(): scene.dealt(one)[:-1]}) == one.digest()


async def fitting_the_proof_alone(scene: Scene) -> tuple[Bundle, Vector]:
    """Return a bundle whose own envelope is no good, and a row that fits its proof but not its commitment.

    The masks, which are this party's own, take up a change of another element.
    """
    bundle = await scene.bid(without_own_envelope)
    others = [OwnEnvelope.of(bundle, party).open(scene.pairs[party - 1]).dealt() for party in (1, 3)]
    # On a line party 2 lies in the middle of parties 1 and 3.
    row = [(int(one) + int(two)) * pow(2, -1, P) % P for one, two in zip(*others, strict=True)]
    envelope = OwnEnvelope.of(bundle, OWN)
    assert envelope.fits_proof(to_vector(row))
    context = _proof_context(envelope.bid_key, envelope.threshold, envelope.bits, envelope.commitments)
    rho = challenge(context, len(row) - MASKS).tolist()
    row[0] = (row[0] + 1) % P
    for mask in range(MASKS):
        row[mask - MASKS] = (row[mask - MASKS] - rho[0][mask]) % P
    return bundle, to_vector(row)


async def test_only_who_opened_its_envelope_and_could_not_use_it_takes_what_fits_the_proof_alone(scene: Scene) -> None:
    bundle, shifted = await fitting_the_proof_alone(scene)
    envelope = OwnEnvelope.of(bundle, OWN)
    assert envelope.fits_proof(shifted)
    lost = scene.envelopes(None)
    assert await lost.keep({bundle.digest(): shifted}) == bundle.digest(), "a party that lost its key"
    complainer = scene.envelopes(scene.pairs[OWN - 1])
    assert await complainer.keep({bundle.digest(): shifted}) == bundle.digest(), "it has not looked yet"
    assert await complainer.unusable([bundle.digest()]) == {bundle.digest()}
    scene.has_lost_memory = True
    forgetful = scene.envelopes(scene.pairs[OWN - 1])
    await forgetful.unusable([bundle.digest()])
    assert await forgetful.keep({bundle.digest(): shifted}) == bundle.digest(), "it may have used another before"
    assert await scene.stored() == {}
    assert await complainer.keep({bundle.digest(): shifted}) is None
    rows = await complainer.rows([bundle.digest()])
    assert np.array_equal(rows[bundle.digest()], shifted)


async def test_the_first_share_that_was_kept_stays(scene: Scene) -> None:
    bundle, shifted = await fitting_the_proof_alone(scene)
    complainer = scene.envelopes(scene.pairs[OWN - 1])
    await complainer.unusable([bundle.digest()])
    await complainer.keep({bundle.digest(): shifted})
    stored = await scene.stored()
    await complainer.keep({bundle.digest(): shifted})
    assert await scene.stored() == stored


async def test_a_bundle_that_commits_to_nothing_for_this_party_is_unusable(scene: Scene) -> None:
    bundle = await scene.bid(with_another_commitment)
    envelopes = scene.envelopes(scene.pairs[OWN - 1])
    assert await envelopes.unusable([bundle.digest()]) == {bundle.digest()}
    assert await envelopes.rows([bundle.digest()]) == {}
