"""Parties that sign: as many as a test asks for, always with the same keys."""

from functools import cache
from typing import Protocol

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aukciszek.cluster import Cluster, PartyEntry
from aukciszek.identity import Identity


class ClusterOf(Protocol):
    """Returns the cluster of so many parties, and their keys in the order of their numbers."""

    def __call__(self, size: int) -> tuple[Cluster, list[Identity]]: ...


@pytest.fixture(scope="session")
def cluster_of() -> ClusterOf:
    @cache
    def build(size: int) -> tuple[Cluster, list[Identity]]:
        identities = [Identity(Ed25519PrivateKey.from_private_bytes(bytes([party]) * 32)) for party in range(size)]
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
        return Cluster.build(entries)[0], identities

    return build
