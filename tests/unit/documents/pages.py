"""What the documents are, their headings, and the texts of the program that speak of them."""

import re
from functools import cache
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[3]
DOCS: Final = REPOSITORY / "docs"
WRITTEN: Final = DOCS / "reference"
"""Pages that ``reference.py`` writes; they say what the program says."""

FRONT: Final = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
"""Documents beside the site: those that a host of repositories shows."""

_FENCE: Final = re.compile(r"^([ \t]*)```.*?^\1```", re.MULTILINE | re.DOTALL)


def documents() -> list[Path]:
    """Return every document, those of the site and those beside it."""
    return [*sorted(DOCS.rglob("*.md")), *(REPOSITORY / name for name in FRONT)]


def name_of(file: Path) -> str:
    """Return how a document is called in the output of tests."""
    return str(file.relative_to(REPOSITORY))


def prose_of(text: str) -> str:
    """Return a document without its blocks of code."""
    return _FENCE.sub("", text)


@cache
def headings_of(file: Path) -> frozenset[str]:
    """Return the titles of a document's sections."""
    found = re.findall(r"^#+ (.+)$", prose_of(file.read_text()), re.MULTILINE)
    return frozenset(title.replace("`", "") for title in found)


def anchor_of(title: str) -> str:
    """Return the anchor that a title gets, at a host of repositories and in the site."""
    return re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")


def console_of(text: str) -> list[str]:
    """Return the commands in the ``console`` blocks of a document, one for each prompt."""
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]
