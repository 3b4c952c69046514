"""Which types of ``aukciszek`` the signatures and attributes of a public name name in their turn."""

import inspect
import sys
import typing
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal, NewType, TypeAliasType, TypeVar

OWN = "aukciszek"


def named_by(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield each type of ``aukciszek`` that ``value`` names, with the place where it does."""
    for place, annotation, module in _annotations(value):
        for found in _types(annotation, module):
            yield place, found


def functions_of(value: Any) -> Iterator[Any]:
    """Yield a public function, or the public methods and properties of a class."""
    if inspect.isfunction(value):
        yield value
    for owner in _owners(value):
        for name, member in vars(owner).items():
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            function = member.func if isinstance(member, cached_property) else function
            if inspect.isfunction(function) and (name == "__init__" or not name.startswith("_")):
                yield inspect.unwrap(function)


def _annotations(value: Any) -> Iterator[tuple[str, Any, str]]:
    if isinstance(value, TypeAliasType):
        yield value.__name__, value.__value__, value.__module__ or ""
    for owner in _owners(value):
        for name, annotation in inspect.get_annotations(owner).items():
            if not name.startswith("_"):
                yield f"{value.__name__}.{name}", annotation, owner.__module__
    for function in functions_of(value):
        for name, annotation in function.__annotations__.items():
            yield f"{function.__qualname__}: {name}", annotation, function.__module__


def _owners(value: Any) -> list[type]:
    return [one for one in value.__mro__ if one.__module__.startswith(OWN)] if isinstance(value, type) else []


def _types(annotation: Any, module: str) -> Iterator[Any]:
    if isinstance(annotation, str):
        # A name in quotes may be a type parameter, which is nobody's type.
        parameters = {"T": TypeVar("T"), "S": TypeVar("S")}
        annotation = eval(annotation, parameters | vars(sys.modules[module]))  # noqa: S307 -- our own source
    origin = typing.get_origin(annotation)
    if isinstance(annotation, TypeAliasType) and typing.get_origin(annotation.__value__) is typing.Annotated:
        # Says how a member is validated; for a program it is the type below.
        yield from _types(annotation.__value__, annotation.__module__ or "")
    elif origin is typing.Annotated:
        yield from _types(annotation.__origin__, module)
    elif origin is not None and origin is not Literal:
        yield from _types(origin, module)
        for argument in typing.get_args(annotation):
            for one in argument if isinstance(argument, list) else [argument]:
                yield from _types(one, module)
    elif isinstance(annotation, type | TypeAliasType | NewType) and (annotation.__module__ or "").startswith(OWN):
        yield annotation
