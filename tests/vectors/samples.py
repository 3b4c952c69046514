"""The parties, people and rules that the known answers speak of. No key here guards anything."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aukciszek.cluster import Cluster, PartyEntry, PartyNumber
from aukciszek.encoding import Json
from aukciszek.identity import Identity
from aukciszek.protocol.rules.errors import AuctionError
from aukciszek.protocol.rules.identifiers import BundleDigest, UserId
from aukciszek.protocol.rules.spec import AuctionSpec

type Answers = dict[str, Json]

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
AUCTIONEER: Final = UserId("11111111-1111-4111-8111-111111111111")
BIDDER: Final = UserId("22222222-2222-4222-8222-222222222222")
OTHER_BIDDER: Final = UserId("33333333-3333-4333-8333-333333333333")
A, B, C, D = (BundleDigest(digit * 64) for digit in "abcd")
ONE: Final = PartyNumber(1)
TWO: Final = PartyNumber(2)


def code_of(attempt: Callable[[], object]) -> str:
    """Return the code of the error that ``attempt`` ends in."""
    try:
        attempt()
    except AuctionError as error:
        return error.code
    raise AssertionError("this should have been refused")


def identities() -> list[Identity]:
    """Return the keys of five parties."""
    return [Identity(Ed25519PrivateKey.from_private_bytes(bytes([party]) * 32)) for party in range(1, 6)]


def cluster() -> Cluster:
    """Return the cluster of the five parties."""
    entries = [
        PartyEntry(
            number=party,
            name=f"Party {party}",
            url=f"https://party{party}.example",
            address=f"192.0.2.{party}",
            identity_key=identity.public.text,
        )
        for party, identity in enumerate(identities(), start=1)
    ]
    return Cluster.build(entries)[0]


def spec(**changes: object) -> AuctionSpec:
    """Return the rules of an auction, with some of them changed."""
    rules: dict[str, object] = {
        "title": "Buraki cukrowe 🍬 „400 t”",
        "description": 'Line one.\nLine "two" \\ </script> \u00a0end',
        "direction": "reverse",
        "format": "first-price",
        "winners": 1,
        "currency": "PLN",
        "minimum": "0.00",
        "maximum": "1000.00",
        "step": "0.50",
        "reserve_price": "900.00",
        "minimum_bids": 2,
        "opens_at": NOON - timedelta(hours=4),
        "closes_at": NOON,
        "abandons_at": NOON + timedelta(days=30),
        "early_close_allowed": True,
        "cancel_allowed": False,
        "invited": None,
        "auctioneer": AUCTIONEER,
        "nonce": "ab" * 32,
        "cluster": cluster().digest,
        "parties": 5,
        "threshold": 2,
    }
    return AuctionSpec.model_validate(rules | changes)
