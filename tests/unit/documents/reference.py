"""Writes the pages of the reference that follow from the program: its commands, HTTP interface and Python client.

``make docs`` runs this; ``test_reference.py`` fails where a page is not what this would write.
"""

import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final
from unittest.mock import MagicMock

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from aukciszek.cli.main import build_app
from aukciszek.server.http.app import create_app

from .python_client import client_page

REFERENCE: Final = Path(__file__).parents[3] / "docs" / "reference"

_COMMANDS: Final = """\
# Commands

Everything that `aukciszek` does, as `aukciszek COMMAND --help` says it. This page is written by `make docs`.

Prices and times are texts: a price as `"1250.50"`, a time as `2026-01-31T12:00:00Z` or as `30m`, `2h` or `3d` from now.
With `--json` a command prints exactly one JSON object on standard output and everything else on standard error.

| exit status | meaning |
|---|---|
| 0 | done |
| 1 | the answer is no: a certificate is not valid, a check found a fault |
| 2 | wrong usage |
| 3 | a party refused |
| 4 | a party is unreachable |
| 5 | a file, a setting or an answer is not usable |
| 130, 143 | interrupted, terminated |

"""

_INTERFACE: Final = """\
# HTTP interface

Every party serves the same interface. Its complete description (OpenAPI: parameters, schemas and one recorded example
of each operation) is at `/api/openapi.json` of any party, and for people at `/docs`. This page lists the operations
and names each answer by its schema there. It is written by `make docs`.

- A *token* goes into the header `Authorization: Bearer TOKEN`. The login server issues one for each party;
  `POST /api/auth/login` returns them all. No other party accepts it.
- Refusals are problem documents (RFC 9457) with a stable `code`: see [Errors](../errors.md). Answers with status 429
  and 503 carry `Retry-After`.
- Identifiers are lower-case hexadecimal digits, prices are texts, byte strings are unpadded base64url, and times are
  UTC with milliseconds, such as `2026-11-27T12:04:06.107Z`.
- `/peer` is the WebSocket between parties. It answers nobody else.

"""


def pages() -> Mapping[Path, str]:
    """Return the content of each page, by its file."""
    return {
        REFERENCE / "commands.md": commands_page(),
        REFERENCE / "http-interface.md": interface_page(),
        REFERENCE / "python-client.md": client_page(),
    }


def commands_page() -> str:
    """Return the page of all commands."""
    return _COMMANDS + "\n".join(_command(path, command) for path, command in commands())


def commands() -> Iterator[tuple[str, TyperCommand]]:
    """Yield every command that does something, with its name in full."""
    program = get_command(build_app())
    assert isinstance(program, TyperGroup)
    yield from _below("aukciszek", program)


def _below(path: str, group: TyperGroup) -> Iterator[tuple[str, TyperCommand]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, TyperGroup):
            yield from _below(f"{path} {name}", command)
        else:
            assert isinstance(command, TyperCommand)
            yield f"{path} {name}", command


def _command(path: str, command: TyperCommand) -> str:
    parameters = [one for one in command.params if not getattr(one, "hidden", False)]
    arguments = [one for one in parameters if isinstance(one, TyperArgument)]
    options = [one for one in parameters if isinstance(one, TyperOption)]
    usage = " ".join([path, *(_argument(one) for one in arguments), *(["[OPTIONS]"] if options else [])])
    rows = [f"| `{_argument(one)}` | {_kind(one)} | {_meaning(one)} |" for one in arguments]
    rows += [f"| {_names(one)} | {_kind(one)} | {_meaning(one)} |" for one in options]
    table = "\n| argument or option | takes | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n" if rows else ""
    return f"## {path}\n\n```text\n{usage}\n```\n\n{_prose(command.help or '')}\n{table}"


def _prose(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n")).replace("\b", "").strip()


def _argument(argument: TyperArgument) -> str:
    name = (argument.metavar or argument.name or "").upper()
    name += "..." if argument.nargs != 1 else ""
    return name if argument.required else f"[{name}]"


def _names(option: TyperOption) -> str:
    return ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])


def _kind(parameter: TyperArgument | TyperOption) -> str:
    if getattr(parameter, "is_flag", False):
        return ""
    annotation = parameter.type_descriptor.annotation
    inner = [one for one in typing.get_args(annotation) if one is not NoneType]
    if inner and (typing.get_origin(annotation) in {UnionType, typing.Union, list}):
        (annotation,) = inner
    word = {"str": "text", "int": "number", "float": "number", "Path": "file"}.get(annotation.__name__, "text")
    if parameter.min is not None:
        word += f", from {parameter.min:g}"
    if parameter.max is not None:
        word += f" to {parameter.max:g}"
    return word


def _meaning(parameter: TyperArgument | TyperOption) -> str:
    meaning = _prose(parameter.help or "").replace("|", "\\|")
    if isinstance(parameter, TyperArgument):
        return meaning
    if parameter.required:
        return f"**Required.** {meaning}"
    default = parameter.default
    if default is True and parameter.secondary_opts:
        return f"{meaning} Default: `{parameter.opts[0]}`."
    if default is None or callable(default) or isinstance(default, bool) or default in ("", (), []):
        return meaning
    return f"{meaning} Default: `{default:g}`." if isinstance(default, float) else f"{meaning} Default: `{default}`."


def interface_page() -> str:
    """Return the page of all operations of the HTTP interface."""
    description = create_app(MagicMock()).openapi()
    return _INTERFACE + "\n".join(
        _operation(f"{method.upper()} {path}", operation)
        for path, methods in sorted(description["paths"].items())
        for method, operation in sorted(methods.items())
    )


def _operation(name: str, operation: Mapping[str, Any]) -> str:
    public = "" if operation.get("security") else " No token is needed."
    prose = _prose(operation.get("description", "")).replace("``", "`")
    answers: Mapping[str, Mapping[str, Any]] = operation["responses"]
    rows = [f"| {status} | {_answer(status, answer)} |" for status, answer in sorted(answers.items())]
    table = "| status | answer |\n|---|---|\n" + "\n".join(rows)
    return f"## {name}\n\n{prose}{public}\n\n{table}\n"


def _answer(status: str, answer: Mapping[str, Any]) -> str:
    text = str(answer["description"])
    if not status.startswith("2"):
        return text.removeprefix("A problem with the code ").removesuffix(".")
    ((media_type, content),) = answer["content"].items()
    schema = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    form = f"`{schema or media_type}`"
    return form if text == "Done." else f"{form}. {text}"


def write() -> None:
    """Write all pages."""
    for file, content in pages().items():
        file.write_text(content)


if __name__ == "__main__":
    write()
