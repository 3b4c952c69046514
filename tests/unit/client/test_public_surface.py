"""``aukciszek.client``: what it names is there, is documented, and is all that a program needs."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import aukciszek.client
from aukciszek.client import errors

EXAMPLES: Final = sorted((Path(__file__).parents[3] / "examples").glob("*.py"))


@pytest.mark.parametrize("name", aukciszek.client.__all__)
def test_every_public_name_is_defined_where_it_is_loaded_from(name: str) -> None:
    value = getattr(aukciszek.client, name)
    assert value.__module__ == aukciszek.client._HOME_OF[name]
    assert value.__doc__


def test_the_list_the_homes_and_the_types_agree() -> None:
    names = aukciszek.client.__all__
    assert names == sorted(names)
    assert set(names) == set(aukciszek.client._HOME_OF)
    for_checkers = next(
        node for node in ast.parse(Path(aukciszek.client.__file__).read_text()).body if isinstance(node, ast.If)
    )
    typed = {
        alias.name: node.module
        for node in for_checkers.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == aukciszek.client._HOME_OF


def test_every_error_of_the_client_is_public_and_drawn() -> None:
    own = {name for name, value in vars(errors).items() if isinstance(value, type) and name.endswith("Error")}
    assert own <= set(aukciszek.client.__all__)
    drawing = (aukciszek.client.__doc__ or "").partition("AukciszekError\n")[2]
    public = {name for name in aukciszek.client.__all__ if name.endswith("Error")} - {"AukciszekError"}
    assert all(f"\u2500 {name} " in drawing for name in public)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        getattr(aukciszek.client, "Nonsense")  # noqa: B009 -- mypy knows that it is not there


def test_all_names_are_listed() -> None:
    assert set(aukciszek.client.__all__) <= set(dir(aukciszek.client))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_needs_the_public_surface_alone(example: Path) -> None:
    imported = [
        (node.module, alias.name)
        for node in ast.walk(ast.parse(example.read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if (node.module or "").startswith("aukciszek")
    ]
    assert imported
    assert {module for module, _ in imported} == {"aukciszek.client"}
    assert {name for _, name in imported} <= set(aukciszek.client.__all__)


def test_importing_the_package_loads_nothing_of_it() -> None:
    program = "import sys, aukciszek.client; print(*sorted(sys.modules))"
    command = [sys.executable, "-c", program]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()  # noqa: S603 -- our own
    assert "aukciszek.client" in loaded
    assert not {"aiohttp", "pydantic", "cryptography", "aukciszek.client.sdk"} & set(loaded)
