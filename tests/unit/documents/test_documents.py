"""What documents promise about the repository is so: tests, commands and settings that they name exist."""

import ast
import re
from functools import cache
from typing import Final

import pytest
import typer
from typer.main import get_command

from aukciszek.cli.main import build_app
from aukciszek.settings import VARIABLES

from .pages import DOCS, FRONT, REPOSITORY, documents, name_of

_TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_COMMAND: Final = re.compile(r"(?:^\s*\$ |`|/bin/)aukciszek ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", re.MULTILINE)


def read(name: str) -> str:
    return (DOCS / name).read_text()


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


def test_every_test_that_any_document_names_exists() -> None:
    for file in documents():
        for path, test in _TEST.findall(file.read_text()):
            assert test in functions_of(path), f"{name_of(file)}: {path}::{test}"


def test_every_sentence_of_the_description_has_a_test() -> None:
    rows = [line for line in read("compliance.md").splitlines() if line.startswith('| "')]
    assert len(rows) == 15
    for row in rows:
        sentence, how, tests = row.strip("| ").split(" | ")
        assert len(sentence) > 20
        assert len(how) > 10
        assert _TEST.findall(tests), sentence


def test_every_command_that_readers_are_told_exists() -> None:
    known = _commands()
    told = {file: _COMMAND.findall(file.read_text()) for file in documents()}
    assert len(told[DOCS / "operations.md"]) > 8
    for file, commands in told.items():
        for first, second in commands:
            assert first in known, f"{name_of(file)}: {first}"
            if known[first] and second:
                assert second in known[first], f"{name_of(file)}: {first} {second}"


def test_every_command_that_operators_are_told_exists() -> None:
    known = _commands()
    told = _COMMAND.findall(read("operations.md"))
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


def test_every_target_of_make_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    for file in documents():
        told = re.findall(r"(?:^\s*\$ |`)make ([a-z]+)", file.read_text(), re.MULTILINE)
        assert set(told) <= targets, name_of(file)
    assert all((REPOSITORY / name).is_file() for name in FRONT)
