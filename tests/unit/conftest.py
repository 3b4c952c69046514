"""A cluster of five parties, rules of an auction, and keys to seal to."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aukciszek.cluster import Cluster, PartyEntry
from aukciszek.identity import Identity
from aukciszek.protocol.rules.identifiers import AuctionId, UserId
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.sealing.bundle import BidKey
from aukciszek.protocol.sealing.keys import SealingKeyPair, SealingPublicKey

PARTIES = 5
AUCTIONEER = "11111111-1111-4111-8111-111111111111"
BIDDER = "22222222-2222-4222-8222-222222222222"


@pytest.fixture(scope="session")
def identities() -> list[Identity]:
    return [Identity(Ed25519PrivateKey.from_private_bytes(bytes([party]) * 32)) for party in range(1, PARTIES + 1)]


@pytest.fixture(scope="session")
def cluster_file(identities: list[Identity]) -> bytes:
    entries = [
        PartyEntry(
            number=party,
            name=f"Party {party}",
            url=f"https://party{party}.example",
            address=f"192.0.2.{party}",
            identity_key=identity.public.text,
        )
        for party, identity in enumerate(identities, start=1)
    ]
    return Cluster.build(entries)[1]


@pytest.fixture(scope="session")
def cluster(cluster_file: bytes) -> Cluster:
    return Cluster.parse(cluster_file)


type MakeSpec = Callable[..., AuctionSpec]


@pytest.fixture(scope="session")
def make_spec(cluster: Cluster) -> MakeSpec:
    """Return the rules of an auction, with some of them changed."""

    def make(**changes: object) -> AuctionSpec:
        rules: dict[str, object] = {
            "title": "Sugar beet, 400 t",
            "description": "Delivery in October.\nFree on truck.",
            "direction": "reverse",
            "format": "first-price",
            "winners": 1,
            "currency": "EUR",
            "minimum": "0.00",
            "maximum": "1000.00",
            "step": "0.50",
            "reserve_price": "900.00",
            "minimum_bids": 2,
            "opens_at": datetime(2026, 3, 1, 8, tzinfo=UTC),
            "closes_at": datetime(2026, 3, 1, 12, tzinfo=UTC),
            "abandons_at": datetime(2026, 3, 31, 12, tzinfo=UTC),
            "early_close_allowed": True,
            "cancel_allowed": False,
            "invited": None,
            "auctioneer": AUCTIONEER,
            "nonce": "ab" * 32,
            "cluster": cluster.digest,
            "parties": PARTIES,
            "threshold": 2,
        }
        return AuctionSpec.model_validate(rules | changes)

    return make


@pytest.fixture(scope="session")
def spec(make_spec: MakeSpec) -> AuctionSpec:
    return make_spec()


@pytest.fixture(scope="session")
def key_pairs() -> list[SealingKeyPair]:
    return [SealingKeyPair(hashlib.sha256(b"sealing %d" % party).digest()) for party in range(1, PARTIES + 1)]


@pytest.fixture(scope="session")
def sealing_keys(key_pairs: list[SealingKeyPair]) -> list[SealingPublicKey]:
    return [SealingPublicKey(pair.public_bytes) for pair in key_pairs]


@pytest.fixture
def bid_key(spec: AuctionSpec) -> BidKey:
    return BidKey(auction=AuctionId(spec.auction_id), bidder=UserId(BIDDER), revision=1)
