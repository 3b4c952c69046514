"""What ``n`` parties with threshold ``t`` can promise. The mode follows from these two numbers alone.

``docs/protocol.md``, "Adversary": privacy needs ``n >= 2t + 1``; with ``n >= 3t + 1`` a wrong share in an opening is
detected immediately; with ``n >= 4t + 1`` it is corrected, and the corrupt party named.
"""

from dataclasses import dataclass
from enum import StrEnum

SMALLEST_CLUSTER = 3
LARGEST_CLUSTER = 9
"""The number of PRSS keys grows with ``binomial(n, t)``. The engine states its own limits: it knows no cluster file."""


class Security(StrEnum):
    """What holds against up to ``t`` corrupt parties beside privacy, in the literature's words."""

    WITH_ABORT = "with-abort"
    """The outcome is right, or there is none: every product is verified before anything is revealed."""

    WITH_DETECTION = "with-detection"
    """As with abort, and a wrong share is detected in the round in which it is sent."""

    ROBUST = "robust"
    """Wrong and missing shares are corrected: there is always an outcome."""


@dataclass(frozen=True, slots=True)
class Mode:
    """The parameters ``n`` and ``t`` and what follows from them.

    Raises:
        ValueError: ``n`` is not 3..9, or ``t`` is not 1..(n-1)/2.
    """

    parties: int
    threshold: int

    def __post_init__(self) -> None:
        if not SMALLEST_CLUSTER <= self.parties <= LARGEST_CLUSTER:
            raise ValueError(f"the engine runs with {SMALLEST_CLUSTER} to {LARGEST_CLUSTER} parties")
        if not 1 <= self.threshold <= (self.parties - 1) // 2:
            raise ValueError("the threshold t must satisfy t >= 1 and n >= 2t + 1")

    @property
    def corrects(self) -> bool:
        """``n >= 4t + 1``: up to ``t`` wrong or missing shares of an opened product are corrected."""
        return self.parties >= 4 * self.threshold + 1

    @property
    def detects(self) -> bool:
        """``n >= 3t + 1``: up to ``t`` wrong shares of an opened product are detected immediately."""
        return self.parties >= 3 * self.threshold + 1

    @property
    def verifies_products(self) -> bool:
        """``n < 3t + 1``: products carry too little redundancy, so all are verified before anything is revealed."""
        return not self.detects

    @property
    def product_degree(self) -> int:
        """The degree of the polynomial that masks a product.

        ``2t`` where every opening uses its redundancy. Otherwise ``n - 1``: then the honest parties' masked shares are
        jointly uniform even if an earlier wrong share left theirs inconsistent (``docs/protocol.md``,
        "Multiplication").
        """
        return 2 * self.threshold if self.detects else self.parties - 1

    @property
    def needed(self) -> int:
        """How many parties (oneself included) must answer in every round."""
        return self.parties - self.threshold if self.corrects else self.parties

    @property
    def security(self) -> Security:
        """One word for all of it, for reports."""
        if self.corrects:
            return Security.ROBUST
        return Security.WITH_DETECTION if self.detects else Security.WITH_ABORT
