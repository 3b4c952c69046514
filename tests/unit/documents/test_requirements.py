"""What the system description asks for in so many words: the language, the framework, the libraries."""

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest
from fastapi import FastAPI

from aukciszek.server.http.app import create_app

REPOSITORY: Final = Path(__file__).parents[3]
SOURCES: Final = REPOSITORY / "src" / "aukciszek"

IMPORTANT: Final = {
    "fastapi": ("0.115.12", "fastapi", "server"),
    "aiohttp": ("3.12.6", "aiohttp", "client"),
    "argon2-cffi": ("23.1.0", "passlib.handlers.argon2", "accounts"),
    "passlib": ("1.7.4", "passlib", "accounts"),
    "pydantic": ("2.11.5", "pydantic", "auctions"),
    "pyjwt": ("2.10.1", "jwt", "accounts"),
    "python-decouple": ("3.8", "decouple", "settings"),
    "supabase": ("2.15.2", "supabase", "accounts"),
    "uvicorn": ("0.34.2", "uvicorn", "server"),
}
"""For each library: the version that is named, the module that shows its use, and the layer that uses it."""


def dependencies() -> dict[str, str]:
    """Return the lower bounds of what this project depends on, by name."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    found = (re.fullmatch(r"([\w-]+)(?:\[[\w,]+\])?>=([\d.]+)", one) for one in project["dependencies"])
    return {match[1]: match[2] for match in found if match is not None}


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def test_it_runs_on_the_python_that_is_asked_for() -> None:
    assert (REPOSITORY / ".python-version").read_text().startswith("3.13")
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.13"
    assert sys.version_info >= (3, 13)


def test_the_interface_is_built_on_fastapi() -> None:
    assert create_app.__annotations__["return"] is FastAPI


@pytest.mark.parametrize("library", IMPORTANT)
def test_the_important_libraries_are_used_and_none_is_older(library: str) -> None:
    assert number(dependencies()[library]) >= number(IMPORTANT[library][0])


def test_pydantic_comes_with_e_mail_support() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert any(one.startswith("pydantic[email]") for one in project["dependencies"])


@pytest.mark.parametrize("library", IMPORTANT)
def test_each_important_library_does_its_work_somewhere(library: str) -> None:
    _, module, layer = IMPORTANT[library]
    assert any(module in imported_by(file) for file in (SOURCES / layer).rglob("*.py")), (
        f"{layer} does not import {module}"
    )


def imported_by(file: Path) -> set[str]:
    """Return every module that a file imports, with the modules around it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module)
    return {".".join(name.split(".")[:length]) for name in found for length in range(1, name.count(".") + 2)}
