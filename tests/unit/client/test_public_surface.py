"""``aukciszek.client``: what it names is there, is documented, and is all that a program needs."""

import ast
import builtins
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import aukciszek.client
from aukciszek.client import errors

from .annotations import functions_of, named_by

EXAMPLES: Final = sorted((Path(__file__).parents[3] / "examples").glob("*.py"))
HOME_OF: Final[dict[str, str]] = vars(aukciszek.client)["_HOME_OF"]
HIDDEN: Final = {
    "Parties": "`AukciszekClient.open` makes them",
    "Identity": "a party's own signing key: no program of a user has one",
}
"""Types that a public signature names, but no program can get hold of; and why."""


@pytest.mark.parametrize("name", aukciszek.client.__all__)
def test_every_public_name_is_defined_where_it_is_loaded_from(name: str) -> None:
    value = getattr(aukciszek.client, name)
    assert value.__module__ == HOME_OF[name]
    assert value.__doc__


def test_the_list_the_homes_and_the_types_agree() -> None:
    names = aukciszek.client.__all__
    assert names == sorted(names)
    assert set(names) == set(HOME_OF)
    for_checkers = ast.parse(Path(aukciszek.client.__file__).with_suffix(".pyi").read_text())
    typed = {
        alias.name: node.module
        for node in for_checkers.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == HOME_OF
    listed = for_checkers.body[-1]
    assert isinstance(listed, ast.Assign)
    assert ast.literal_eval(listed.value) == names


def test_every_error_of_the_client_is_public_and_drawn() -> None:
    own = {name for name, value in vars(errors).items() if isinstance(value, type) and name.endswith("Error")}
    assert own <= set(aukciszek.client.__all__)
    public = {name for name in aukciszek.client.__all__ if name.endswith("Error")}
    above: list[str] = []
    drawn = set()
    for line in (errors.__doc__ or "").splitlines():
        if branch := re.match(r"    ((?:[\u2502 ]   )*(?:[\u251c\u2514]\u2500\u2500 )?)(\w+Error)\b", line):
            depth, name = len(branch[1]) // 4, branch[2]
            above[depth:] = [name]
            drawn.add(name)
            bases = [base.__name__ for base in getattr(aukciszek.client, name).__bases__]
            assert bases == (above[depth - 1 : depth] or ["Exception"])
    assert drawn == public


def test_every_type_in_a_public_signature_is_public() -> None:
    public = [getattr(aukciszek.client, name) for name in aukciszek.client.__all__]
    hidden = {found.__name__: place for value in public for place, found in named_by(value) if found not in public}
    assert {name: place for name, place in hidden.items() if name not in HIDDEN} == {}
    assert hidden.keys() == HIDDEN.keys()


def test_every_error_that_a_public_function_raises_is_public() -> None:
    for name in aukciszek.client.__all__:
        for function in functions_of(getattr(aukciszek.client, name)):
            raised = (inspect.getdoc(function) or "").partition("Raises:")[2]
            for error in re.findall(r"^\s+(\w+Error):", raised, re.MULTILINE):
                builtin = hasattr(builtins, error)
                assert builtin or error in aukciszek.client.__all__, f"{function.__qualname__} raises {error}"


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
