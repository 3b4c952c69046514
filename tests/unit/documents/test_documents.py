"""What documents promise about the repository is so: tests, commands, settings and files that they name exist."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest
import typer
from typer.main import get_command

from aukciszek.cli.main import build_app
from aukciszek.settings import VARIABLES

REPOSITORY: Final = Path(__file__).parents[3]
DOCUMENTS: Final = ("threat-model.md", "compliance.md", "operations.md")
_TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def read(name: str) -> str:
    return (REPOSITORY / "docs" / name).read_text()


@cache
def functions_of(path: str) -> frozenset[str]:
    file = REPOSITORY / path
    if not file.is_file():
        return frozenset()
    nodes = ast.walk(ast.parse(file.read_text()))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("document", ["threat-model.md", "compliance.md"])
def test_every_test_that_is_named_exists(document: str) -> None:
    named = _TEST.findall(read(document))
    assert len(named) > 20
    assert [f"{path}::{test}" for path, test in named if test not in functions_of(path)] == []
    assert all(test.startswith("test_") for _, test in named)
    assert read(document).count("tests/") == len(named), "each is named in the one form that is checked"


def test_every_sentence_of_the_description_has_a_test() -> None:
    rows = [line for line in read("compliance.md").splitlines() if line.startswith('| "')]
    assert len(rows) == 15
    for row in rows:
        sentence, how, tests = row.strip("| ").split(" | ")
        assert len(sentence) > 20
        assert len(how) > 10
        assert _TEST.findall(tests), sentence


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    text = read(document)
    headings = {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in _headings(text)}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        file, _, place = target.partition("#")
        if file:
            assert (REPOSITORY / "docs" / file).exists(), target
        elif place != "health":  # the short name of a longer heading's first word
            assert place in headings, target


def _headings(text: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", text, re.MULTILINE)


def test_every_command_that_operators_are_told_exists() -> None:
    known = _commands()
    told = re.findall(
        r"(?:^\s*\$ |`|/bin/)aukciszek ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", read("operations.md"), re.MULTILINE
    )
    assert len(told) > 8
    for first, second in told:
        assert first in known, first
        if known[first]:
            assert second in known[first], f"{first} {second}"


def _commands() -> dict[str, set[str]]:
    """Return every command with its subcommands; those without have an empty set."""
    group = get_command(build_app())
    assert isinstance(group, typer.core.TyperGroup)
    return {name: set(getattr(command, "commands", ())) for name, command in group.commands.items()}


def test_every_setting_that_operators_are_told_exists() -> None:
    told = set(re.findall(r"^\s+([A-Z_]{4,})=", read("operations.md"), re.MULTILINE))
    assert len(told) >= 6
    assert told <= set(VARIABLES)
