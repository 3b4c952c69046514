"""What a benchmark is asked to measure."""

from dataclasses import dataclass
from typing import Final

from aukciszek.protocol.rules.spec import AuctionFormat

EMPTY_PATH: Final = "/"
"""Where the endpoint that the intake is compared with takes what is sent to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineBenchmark:
    """The options of one benchmark of the engine.

    Attributes:
        latency_s: how much later than by itself every message arrives.
    """

    bidders: int
    bits: int
    parties: int
    threshold: int
    auction_format: AuctionFormat
    winners: int
    repeat: int
    seed: int
    latency_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeBenchmark:
    """The options of one benchmark of the intake."""

    seconds: int
    bidders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingsBenchmark:
    """The options of one benchmark of auctions that close at the same moment.

    Attributes:
        at_once: how many a party may compute at once; None for as many as it does by itself.
    """

    auctions: int
    bidders: int
    threshold: int
    at_once: int | None
