"""Banned phrasings: what documents and texts do not say stands in ``docs/glossary.md``, with the better wording."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from .pages import DOCS, REPOSITORY, WRITTEN, documents, name_of, prose_of

CHECKED: Final[tuple[str, ...]] = (
    "src/aukciszek/accounts",
    "src/aukciszek/auctions",
    "src/aukciszek/server",
    "src/aukciszek/storage",
    "web/src",
)
"""Folders whose comments, docstrings and texts are checked along with the documents."""

GLOSSARY: Final = DOCS / "glossary.md"
_SECTION: Final = "## Wording"


def banned() -> dict[str, str]:
    """Return what is not said, with what is said instead."""
    _, _, table = GLOSSARY.read_text().partition(_SECTION)
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", table, re.MULTILINE)[1:]
    return {phrase.strip(): better for phrases, better in rows for phrase in phrases.split(",")}


PATTERN: Final = re.compile(
    r"(?<![\w-])(" + "|".join(re.escape(one) for one in sorted(banned(), key=len, reverse=True)) + r")(?![\w-])",
    re.IGNORECASE,
)


def texts_of(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file that people read, with their numbers; of Python, comments and strings alone."""
    text = file.read_text()
    if file == GLOSSARY:
        text = text.partition(_SECTION)[0]
    if file.name == "CHANGELOG.md":
        text = prose_of(text)  # its code lists former names
    if file.suffix != ".py":
        yield from enumerate(text.splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in {tokenize.COMMENT, tokenize.STRING, tokenize.FSTRING_MIDDLE}:
            yield from enumerate(token.string.splitlines(), token.start[0])


def said(file: Path) -> list[str]:
    """Return every banned phrasing of a file, with its line and the better wording."""
    better = {phrase.lower(): instead for phrase, instead in banned().items()}
    numbered = list(texts_of(file))
    found = []
    for (number, line), (_, following) in zip(numbered, [*numbered[1:], (0, "")], strict=True):
        # A phrase may be broken over two lines.
        joined = f"{line.rstrip()} {following.strip().lstrip('#/*').lstrip()}"
        found += [
            f"{name_of(file)}:{number}: {hit[0]!r}: rather {better[hit[0].lower()]!r}"
            for hit in PATTERN.finditer(joined)
            if hit.start() < len(line)
        ]
    return found


def checked() -> list[Path]:
    """Return the files that are checked."""
    suffixes = {".py", ".json", ".ts", ".svelte"}
    in_folders = [
        file
        for folder in CHECKED
        for file in sorted((REPOSITORY / folder).rglob("*"))
        if file.suffix in suffixes and "node_modules" not in file.parts
    ]
    # What the program writes is checked along with the program.
    return [one for one in documents() if WRITTEN not in one.parents or "src" in CHECKED] + in_folders


def test_the_list_says_what_to_say_instead() -> None:
    assert len(banned()) > 40
    assert all(better for better in banned().values())
    assert not any(PATTERN.search(better) for better in banned().values())


@pytest.mark.parametrize("file", checked(), ids=name_of)
def test_nothing_is_said_that_is_not_said(file: Path) -> None:
    assert said(file) == []


def test_a_phrasing_is_found_in_a_comment_and_over_two_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.name_of", lambda file: file.name)
    file = tmp_path / "some.py"
    file.write_text('"""A party is not held\nup."""\nmended = 1  # Mended.\n')
    assert [one.split(":")[1] for one in said(file)] == ["1", "3"]
