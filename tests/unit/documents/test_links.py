"""Links, paths and sections that documents and the program's own comments name are there."""

import re
from pathlib import Path
from typing import Final

import pytest

from .pages import REPOSITORY, anchor_of, documents, headings_of, name_of, prose_of

SPEAKS_OF_DOCUMENTS: Final = ("src", "web/src", "bench", "tests")
_SOURCES: Final = {".py", ".ts", ".svelte", ".sql"}

_PATH: Final = re.compile(r"`((?:[\w.-]+/)+[\w.-]*)`")
_FROM_ROOT: Final = re.compile(r"(?<![\w/.:-])((?:src|tests|docs|docs-theme|examples|web|bench|supabase)/[\w./-]*\w)")
_ROOTS: Final = (REPOSITORY, REPOSITORY / "src" / "aukciszek", REPOSITORY / "tests", REPOSITORY / "web" / "src")
"""Where a path in a document may begin: documents leave out ``src/aukciszek`` and what a page is about."""

_MADE: Final = ("dist/", "site/", ".tools/", "node_modules/")
"""What is made by a command, and so not in the repository."""

_MENTION: Final = re.compile(
    r"(docs/[\w/-]+\.md)`{0,2},? \"([^\"]+)\"(?:(?:,| and| or) \"([^\"]+)\")?(?:(?:,| and| or) \"([^\"]+)\")?"
)
_NAMED_DOCUMENT: Final = re.compile(r"\bdocs/[\w/-]+\.md\b")


def sources() -> list[Path]:
    """Return every text of the program that may speak of documents."""
    return [
        file
        for folder in SPEAKS_OF_DOCUMENTS
        for file in sorted((REPOSITORY / folder).rglob("*"))
        if file.suffix in _SOURCES and "node_modules" not in file.parts
    ]


def flowing(text: str) -> str:
    """Return a text with the marks and ends of lines of its comments taken out."""
    return re.sub(r"\s*\n\s*(?:#|//|--|\*)?\s*", " ", text)


@pytest.mark.parametrize("file", documents(), ids=name_of)
def test_every_link_leads_somewhere(file: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", prose_of(file.read_text()))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        place, _, anchor = target.partition("#")
        leads_to = (file.parent / place) if place else file
        assert leads_to.exists(), target
        if anchor:
            assert anchor in {anchor_of(title) for title in headings_of(leads_to.resolve())}, target


@pytest.mark.parametrize("file", documents(), ids=name_of)
def test_every_path_that_is_named_exists(file: Path) -> None:
    for path in _PATH.findall(file.read_text()):
        if path.startswith(_MADE) or not re.search(r"\.(py|md|sql|ts|svelte|toml|json|svg|html)$|/$", path):
            continue
        assert any((root / path).exists() for root in _ROOTS), path
    for path in _FROM_ROOT.findall(file.read_text()):
        assert any((root / path).exists() for root in _ROOTS), path


@pytest.mark.parametrize("file", documents(), ids=name_of)
def test_every_section_that_a_document_names_exists(file: Path) -> None:
    text = flowing(file.read_text())
    for name, *sections in re.findall(r"\]\(([\w/.-]+\.md)\),? \"([^\"]+)\"(?: and \"([^\"]+)\")?", text):
        titles = headings_of((file.parent / name).resolve())
        assert {section for section in sections if section} <= titles, name


def test_every_section_that_the_program_names_exists() -> None:
    missing, seen = [], 0
    for file in sources():
        text = flowing(file.read_text())
        named = _NAMED_DOCUMENT.findall(text)
        missing += [f"{name_of(file)}: {name}" for name in named if not (REPOSITORY / name).is_file()]
        for name, *sections in _MENTION.findall(text):
            seen += 1
            titles = headings_of(REPOSITORY / name) if (REPOSITORY / name).is_file() else frozenset()
            missing += [f'{name_of(file)}: {name}, "{one}"' for one in sections if one and one not in titles]
    assert seen > 90, "the form of these references is the one that is looked for"
    assert missing == []
