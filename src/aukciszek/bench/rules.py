"""The rules of the auctions that benchmarks hold: first price, 32 bits, open for hours."""

import secrets
from datetime import datetime, timedelta
from decimal import Decimal

from aukciszek.cluster import Cluster
from aukciszek.protocol.rules.draft import AuctionDraft
from aukciszek.protocol.rules.identifiers import UserId
from aukciszek.protocol.rules.spec import AuctionSpec


def benchmark_rules(cluster: Cluster, threshold: int, auctioneer: UserId, now: datetime) -> AuctionSpec:
    """Return the rules of a new auction that opens at once."""
    draft = AuctionDraft(
        title="Benchmark",
        minimum=Decimal("0.00"),
        maximum=Decimal("42949672.95"),
        step=Decimal("0.01"),
        opens_at=now,
        closes_at=now + timedelta(hours=6),
    )
    return draft.freeze(cluster=cluster, threshold=threshold, auctioneer=auctioneer, nonce=secrets.token_bytes(32))
