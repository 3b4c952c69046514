"""What documents promise about the repository is so: tests, commands and settings that they name exist."""

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

from .pages import DOCS, FRONT, REPOSITORY, WRITTEN, documents, name_of, prose_of
from .reference import commands

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
    for file, pairs in told.items():
        for first, second in pairs:
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


def test_every_option_that_readers_are_told_exists() -> None:
    options = {
        path.removeprefix("aukciszek "): {name for one in command.params for name in [*one.opts, *one.secondary_opts]}
        for path, command in commands()
    }
    seen = 0
    for file in documents():
        if WRITTEN in file.parents:
            continue
        for line in re.findall(r"(?:\$ |`|\| )aukciszek ([^`\n]+)", file.read_text()):
            words = line.split()
            command = next((" ".join(words[:size]) for size in (2, 1) if " ".join(words[:size]) in options), None)
            for option in re.findall(r"(?<=\s)--?[a-z][a-z-]*", line.partition(" #")[0]):
                seen += 1
                assert command is not None, f"{name_of(file)}: {line}"
                assert option in options[command], f"{name_of(file)}: {line}"
    assert seen > 50


def _commands() -> dict[str, set[str]]:
    """Return every command with its subcommands; those without have an empty set."""
    group = get_command(build_app())
    assert isinstance(group, typer.core.TyperGroup)
    return {name: set(getattr(command, "commands", ())) for name, command in group.commands.items()}


def test_every_setting_that_operators_are_told_exists() -> None:
    told = set(re.findall(r"^\s+([A-Z_]{4,})=", read("operations.md"), re.MULTILINE))
    assert len(told) >= 6
    assert told <= set(VARIABLES)


@cache
def texts_of_the_program() -> str:
    folders = (REPOSITORY / "src", REPOSITORY / "tests" / "simulation")
    return "\n".join(file.read_text() for folder in folders for file in sorted(folder.rglob("*.py")))


@pytest.mark.parametrize("file", documents(), ids=name_of)
def test_every_code_state_and_incident_that_is_named_exists(file: Path) -> None:
    if WRITTEN in file.parents or file.name == "benchmarks.md":  # the latter names other programs' protocols
        return
    named = set(re.findall(r"`([a-z]{3,}(?:-[a-z]{2,})+)`", prose_of(file.read_text())))
    assert [code for code in sorted(named) if f'"{code}"' not in texts_of_the_program()] == []


def test_every_target_of_make_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    for file in documents():
        told = re.findall(r"(?:^\s*\$ |`)make ([a-z]+)", file.read_text(), re.MULTILINE)
        assert set(told) <= targets, name_of(file)
    assert all((REPOSITORY / name).is_file() for name in FRONT)


@pytest.mark.parametrize("file", documents(), ids=name_of)
def test_prose_is_wrapped_at_120_columns(file: Path) -> None:
    if WRITTEN in file.parents:
        return
    lines = prose_of(file.read_text()).splitlines()
    # Tables and lines that are one long link or path cannot be wrapped.
    assert [line for line in lines if len(line) > 120 and not line.startswith("|") and " " in line.strip()[:100]] == []
