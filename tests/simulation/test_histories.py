"""Histories that hypothesis makes up, judged by a plain model.

Without settings always the same few. ``make histories`` lives through thousands of new ones and prints their ``SEED``,
which brings the same ones back. A history that fails is printed as a call of :func:`simulation.runner.run_history`,
made as short as it can be; it becomes a named test in ``test_found.py``.
"""

import os
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, note, seed, settings

from simulation.operations import History
from simulation.runner import run_history
from simulation.strategies import attacks, histories

HISTORIES: Final = int(os.environ.get("HISTORIES", "60"))
"""How many histories in all."""

SEED: Final = os.environ.get("SEED", "")
"""Which ones."""

CLUSTERS: Final = {
    "three-need-one-another": (3, 1, 5),
    "four-notice-lies-at-once": (4, 1, 2),
    "five-can-lose-one": (5, 1, 4),
    "five-need-one-another": (5, 2, 1),
}
"""By name: size, threshold, and how many twelfths of all histories, in tests of their own that run side by side."""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("cluster", "part"), [(name, part) for name, (_, _, parts) in CLUSTERS.items() for part in range(parts)]
)
def test_nothing_is_lost_and_nothing_is_wrong_in(cluster: str, part: int) -> None:
    size, threshold, _ = CLUSTERS[cluster]

    @seed(f"{SEED}/{cluster}/{part}")
    @settings(
        max_examples=max(1, HISTORIES // 12),
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.reuse, Phase.generate, Phase.shrink],
    )
    @given(histories(size, threshold) | attacks(size, threshold))
    def all_hold(history: History) -> None:
        note(f"run_history({history!r})")
        run_history(history)

    all_hold()
