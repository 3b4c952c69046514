"""The page of the Python client: every public name with its attributes, methods and types, as the source has them."""

import ast
import enum
import inspect
import re
import sys
import textwrap
import typing
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import cache, cached_property
from itertools import pairwise
from types import NoneType, UnionType
from typing import Any, Final

import aukciszek.client
from aukciszek.client import errors
from aukciszek.protocol.rules.fields import StrictModel

_CLIENT: Final = """\
# Python client

`aukciszek.client` is the library for programs that act for an auctioneer, a bidder or an auditor. What it names here is
its public surface; its modules are not. [Write a program](../how-to/write-a-program.md) begins with whole examples.
This page is written by `make docs`.

The client trusts no single party: it checks an auction's rules against the auction's id, sealing keys, receipts and
certificates against the cluster file, and sends orders and bids to every party. A price leaves the process only as
sealed shares.

`Awaitable` stands for the result of a coroutine, `AsyncContextManager` for what `async with` takes. Types that are
signed, hashed or stored as JSON also have `canonical_bytes`, the only byte form of a value.

"""

_OWN: Final = "aukciszek"
_WIDTH: Final = 120


def client_page() -> str:
    """Return the page of the Python client's public surface."""
    public = {name: getattr(aukciszek.client, name) for name in aukciszek.client.__all__}
    first = public.pop("AukciszekClient")
    others = {
        name: value for name, value in public.items() if not (isinstance(value, type) and issubclass(value, Exception))
    }
    return "".join(
        [
            _CLIENT,
            f"## AukciszekClient\n\n{_section('AukciszekClient', first)}",
            "## Other names\n\n",
            *(f"### {name}\n\n{_section(name, value)}" for name, value in others.items()),
            "## Errors\n\nEach has a stable `code` ([Errors](../errors.md)) and a text that says what to do.\n\n",
            f"```text\n{_drawing()}\n```\n",
        ]
    )


def _section(name: str, value: Any) -> str:
    if inspect.isfunction(value):
        return f"{_summary(value)}\n\n```text\n{_call(name, value)} -> {_gives(value)}\n```\n\n"
    if not isinstance(value, type):
        below = value.__supertype__ if isinstance(value, typing.NewType) else value.__value__
        said = _under(sys.modules[value.__module__]).get(name, "")
        return "\n\n".join(filter(None, [said, f"```text\n{name} = {_type(below)}\n```"])) + "\n\n"
    attributes = [_row(f"`{one}`", kind, said) for one, (kind, said) in attributes_of(value).items()]
    methods = [
        _row(f"`{_call(one, method)}`", _gives(method, value), _summary(method)) for one, method in _calls(value)
    ]
    return (
        f"{_wrapped(inspect.getdoc(value) or '')}\n\n"
        + _table(("value" if issubclass(value, enum.Enum) else "attribute", "type", "meaning"), attributes)
        + _table(("method", "gives", "meaning"), methods)
    )


def attributes_of(value: type) -> Mapping[str, tuple[str, str]]:
    """Return the type and the meaning of what can be read from an object of a class."""
    found: dict[str, tuple[str, str]] = {}
    for owner in _owners(value):
        said = {**_under(owner), **_listed(owner)}
        for name, annotation in inspect.get_annotations(owner).items():
            if not str(annotation).startswith("typing.ClassVar"):
                found[name] = (_type(annotation, value), said.get(name, ""))
        for name in [name for name in _listed(owner) if name not in found]:
            # The constructor makes it from a parameter of the same name.
            found[name] = (_type(inspect.get_annotations(owner.__init__)[name], value), said[name])  # type: ignore[misc]
        for name, member in vars(owner).items():
            if isinstance(member, property | cached_property):
                function = member.func if isinstance(member, cached_property) else member.fget
                found[name] = (_gives(function, value), _summary(member))
            elif isinstance(member, enum.Enum):
                found[name] = (repr(member.value), said.get(name, ""))
    return {name: attribute for name, attribute in found.items() if not name.startswith("_")}


def _calls(value: type) -> Iterator[tuple[str, Any]]:
    for owner in _owners(value):
        for name, member in vars(owner).items():
            function = getattr(member, "__func__", member)
            if inspect.isfunction(function) and not name.startswith("_"):
                yield name, function


def _owners(value: type) -> list[type]:
    return [one for one in reversed(value.__mro__) if one.__module__.startswith(_OWN) and one is not StrictModel]


def _call(name: str, function: Callable[..., Any]) -> str:
    shown, keyword_only = [], False
    for one in inspect.signature(function).parameters.values():
        if one.name in {"self", "cls"}:
            continue
        if one.kind is one.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            shown.append("*")
        shown.append(one.name if one.default is one.empty else f"{one.name}=...")
    return f"{name}({', '.join(shown)})"


def _gives(function: Any, owner: type | None = None) -> str:
    inner = inspect.unwrap(function)
    returned = _resolved(inspect.get_annotations(inner)["return"], inner.__module__)
    if inner is not function and typing.get_origin(returned) is AsyncIterator:
        return f"AsyncContextManager[{_type(typing.get_args(returned)[0], owner)}]"
    text = _type(returned, owner)
    return f"Awaitable[{text}]" if inspect.iscoroutinefunction(inner) else text


def _type(annotation: Any, owner: type | None = None) -> str:
    """Spell a type as a program would write it."""
    annotation = _resolved(annotation, owner.__module__ if owner else __name__)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if isinstance(annotation, typing.TypeAliasType) and typing.get_origin(annotation.__value__) is typing.Annotated:
        text = _type(annotation.__value__, owner)  # says how it is validated, too
    elif annotation is typing.Self and owner:
        text = owner.__name__
    elif annotation is None or annotation is NoneType:
        text = "None"
    elif annotation is Ellipsis:
        text = "..."
    elif origin is typing.Annotated:
        text = _type(annotation.__origin__, owner)
    elif origin in {UnionType, typing.Union}:
        text = " | ".join(_type(one, owner) for one in arguments)
    elif origin is typing.Literal:
        text = " | ".join(map(repr, arguments))
    elif isinstance(annotation, list):
        text = f"[{', '.join(_type(one, owner) for one in annotation)}]"
    elif origin is not None:
        text = f"{origin.__name__}[{', '.join(_type(one, owner) for one in arguments)}]"
    else:
        text = str(annotation.__name__)
    return text


def _resolved(annotation: Any, module: str) -> Any:
    return eval(annotation, dict(vars(sys.modules[module]))) if isinstance(annotation, str) else annotation  # noqa: S307 -- our own source


@cache
def _under(place: Any) -> Mapping[str, str]:
    """Return the texts that stand under the attributes of a class, or under the names of a module."""
    body = ast.parse(textwrap.dedent(inspect.getsource(place))).body
    if isinstance(place, type) and isinstance(body[0], ast.ClassDef):
        body = body[0].body
    found = {}
    for before, after in pairwise(body):
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
            match before:
                case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                    found[name] = _plain(after.value.value)
                case ast.TypeAlias(name=ast.Name(id=name)):
                    found[name] = _plain(after.value.value)
    return found


def _listed(owner: type) -> Mapping[str, str]:
    """Return what the section "Attributes" of a class's text says."""
    listed = inspect.cleandoc(owner.__doc__ or "").partition("\n\nAttributes:\n")[2].partition("\n\n")[0]
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", listed, re.MULTILINE)
    return {name: _plain(said[:1].upper() + said[1:]) for name, said in entries}


def _row(*cells: str) -> str:
    name, kind, said = (cell.replace("|", "\\|") for cell in cells)
    return f"| {name} | `{kind}` | {said} |"


def _table(columns: tuple[str, str, str], rows: list[str]) -> str:
    return "\n".join([f"| {' | '.join(columns)} |", "|---|---|---|", *rows]) + "\n\n" if rows else ""


def _summary(value: object) -> str:
    return _plain((inspect.getdoc(value) or "").partition("\n\n")[0])


def _plain(docstring: str) -> str:
    text = re.split(r"\n\n(?:Attributes|Raises|Args):", docstring)[0]
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", text).replace("``", "`")
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _wrapped(docstring: str) -> str:
    return "\n\n".join(textwrap.fill(part, _WIDTH, break_on_hyphens=False) for part in _plain(docstring).split("\n\n"))


def _drawing() -> str:
    document = inspect.getdoc(errors) or ""
    return textwrap.dedent(document[document.index("    AukciszekError\n") :].partition("\n\n")[0])
