"""The pages of the reference are complete: every command, option and operation, as the program has them today."""

import ast
import dataclasses
import re
from typing import Any
from unittest.mock import MagicMock

from pydantic import BaseModel

import aukciszek.client
from aukciszek.client import AukciszekClient
from aukciszek.server.http.app import create_app

from .pages import DOCS
from .reference import REFERENCE, commands, pages

OUTDATED = "run `make docs`, which writes this page"


def test_the_pages_that_are_written_by_the_program_are_current() -> None:
    for file, content in pages().items():
        assert file.read_text() == content, OUTDATED


def test_every_command_and_every_option_is_in_the_reference() -> None:
    page = (REFERENCE / "commands.md").read_text()
    sections = {part.partition("\n")[0]: part for part in page.split("\n## ")[1:]}
    found = dict(commands())
    assert len(found) > 25
    assert sections.keys() == found.keys()
    for path, command in found.items():
        for parameter in command.params:
            names: list[str] = [*parameter.opts, *parameter.secondary_opts]
            for name in names:
                shown = f"`{name}`" if name.startswith("-") else str(parameter.metavar or name).upper()
                assert shown in sections[path], f"{path} {name}"


def test_every_operation_of_the_interface_is_in_the_reference() -> None:
    description: dict[str, Any] = create_app(MagicMock()).openapi()
    page = (REFERENCE / "http-interface.md").read_text().splitlines()
    operations = [(method, path) for path, methods in description["paths"].items() for method in methods]
    assert len(operations) >= 16
    for method, path in operations:
        assert f"## {method.upper()} {path}" in page


def test_every_public_name_of_the_client_is_in_the_reference() -> None:
    page = (REFERENCE / "python-client.md").read_text()
    methods = [name for name in vars(AukciszekClient) if not name.startswith("_")]
    assert len(methods) > 15
    for name in [*aukciszek.client.__all__, *methods]:
        assert re.search(rf"(?:`|\u2500 |^|^### ){name}\b", page, re.MULTILINE), name


def test_every_attribute_of_the_clients_types_is_in_the_reference() -> None:
    sections = (REFERENCE / "python-client.md").read_text().split("\n### ")[1:]
    shown = {section.partition("\n")[0]: section for section in sections}
    for name in aukciszek.client.__all__:
        value = getattr(aukciszek.client, name)
        if dataclasses.is_dataclass(value):
            assert all(f"| `{one.name}` |" in shown[name] for one in dataclasses.fields(value)), name
        elif issubclass(value if isinstance(value, type) else object, BaseModel):
            assert all(f"| `{one}` |" in shown[name] for one in value.model_fields), name


def test_programs_in_documents_need_the_public_client_alone() -> None:
    blocks = [
        block
        for file in DOCS.rglob("*.md")
        for block in re.findall(r"^```python\n(.*?)^```", file.read_text(), re.MULTILINE | re.DOTALL)
    ]
    assert blocks
    for node in (node for block in blocks for node in ast.walk(ast.parse(block))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aukciszek"):
            assert node.module == "aukciszek.client"
            assert {alias.name for alias in node.names} <= set(aukciszek.client.__all__)


def test_every_code_that_an_operation_answers_with_is_among_the_errors() -> None:
    errors = (REFERENCE.parent / "errors.md").read_text()
    description: dict[str, Any] = create_app(MagicMock()).openapi()
    for path, methods in description["paths"].items():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                codes = [] if status.startswith("2") else answer["description"].split("`")[1::2]
                assert all(f"| `{code}` |" in errors for code in codes), path
