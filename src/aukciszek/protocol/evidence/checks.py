"""One line of a verification: the question, the answer, and what it means; see :mod:`.verification`."""

from dataclasses import dataclass
from typing import Literal

type Verdict = Literal["passed", "failed", "not-checked"]
type CheckName = Literal["cluster", "signatures", "outcome", "receipts", "own-bid", "opening", "opened-bid"]


@dataclass(frozen=True, slots=True)
class Check:
    """One question, its answer, and what it means."""

    name: CheckName
    verdict: Verdict
    text: str
