"""Writes the known answers that the server's and the browser's code must both give.

Run it in ``tests``: ``uv run python -m vectors.make``. All files but those with sealed bids come out the same every
time, and a test sees to it that they are up to date. Sealing is random: ``sealing.json`` and ``openings.json`` are made
only where they are missing. Binary values are base64url without padding, unless they are digests.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from vectors import bids, openings, outcomes
from vectors.samples import Answers

HERE: Final = Path(__file__).parent

ANSWERS: Final[Mapping[str, Callable[[], Answers]]] = {
    "prices.json": bids.prices,
    "rules.json": bids.rules,
    "bundles.json": bids.bundles,
    "statements.json": outcomes.statements,
    "agreement.json": outcomes.agreement,
    "certificates.json": outcomes.certificates,
    "records.json": outcomes.records,
}
"""The files that come out the same every time."""

SEALED: Final[Mapping[str, Callable[[], Answers]]] = {"sealing.json": bids.sealing, "openings.json": openings.openings}
"""The files with sealed bids."""


def spell(answers: Answers) -> str:
    """Return the text of a file."""
    return json.dumps(answers, indent=1) + "\n"


def main() -> None:
    """Write all files."""
    for name, answer in ANSWERS.items():
        (HERE / name).write_text(spell(answer()), encoding="utf-8")
    for name, answer in SEALED.items():
        if not (HERE / name).exists():
            (HERE / name).write_text(spell(answer()), encoding="utf-8")


if __name__ == "__main__":
    main()
