"""Every error has one code, one status and one line in ``docs/errors.md``."""

import importlib
import inspect
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

import aukciszek
from aukciszek.errors import AukciszekError
from aukciszek.server.statuses import INTERNAL, STATUSES, status_of

REPOSITORY = Path(__file__).parents[3]
NOT_ANSWERED = ("aukciszek.client.", "aukciszek.cli.", "aukciszek.console.", "aukciszek.local_cluster.")
"""Layers beside and above the server: what goes wrong there happens on a user's machine."""


def every_module() -> Iterator[str]:
    for module in pkgutil.walk_packages(aukciszek.__path__, "aukciszek."):
        if not module.name.endswith((".__main__", ".child")) and ".migrations." not in module.name:
            yield module.name


def below(error: type[AukciszekError]) -> Iterator[type[AukciszekError]]:
    for child in error.__subclasses__():
        yield child
        yield from below(child)


@pytest.fixture(scope="module")
def errors() -> list[type[AukciszekError]]:
    for name in every_module():
        importlib.import_module(name)
    found = {error for error in below(AukciszekError) if error.__module__.startswith("aukciszek.")}
    return sorted(found, key=lambda error: (error.__module__, error.__name__))


def test_every_error_that_a_server_can_meet_has_its_place_in_the_table(errors: list[type[AukciszekError]]) -> None:
    ours = [error for error in errors if not error.__module__.startswith(NOT_ANSWERED)]
    assert len(ours) > 80
    missing = [
        f"{error.__module__}.{error.__name__}"
        for error in ours
        if error not in STATUSES and not any(issubclass(error, branch) for branch in INTERNAL)
    ]
    assert missing == []
    assert set(STATUSES) <= set(ours)


def test_every_code_is_used_once(errors: list[type[AukciszekError]]) -> None:
    codes = Counter(error.__dict__.get("code") for error in errors)
    assert None not in codes, [error.__name__ for error in errors if "code" not in error.__dict__]
    assert [code for code, count in codes.items() if count > 1] == []
    assert all(re.fullmatch("[a-z][a-z0-9]*(-[a-z0-9]+)*", str(code)) for code in codes)


def test_the_documentation_lists_every_error_and_no_other(errors: list[type[AukciszekError]]) -> None:
    text = (REPOSITORY / "docs" / "errors.md").read_text()
    listed = set(re.findall(r"^(\| `[a-z0-9-]+` \| (?:[0-9]{3}|-) \|)", text, re.MULTILINE))
    expected = {_line(error): meaning(error) for error in errors}
    assert [f"{line} {expected[line]} |" for line in sorted(expected.keys() - listed)] == [], "lines to add"
    assert sorted(listed - expected.keys()) == [], "lines to remove"


def _line(error: type[AukciszekError]) -> str:
    status = "-" if error.__module__.startswith(NOT_ANSWERED) else str(status_of(error).value)
    return f"| `{error.code}` | {status} |"


def meaning(error: type[AukciszekError]) -> str:
    return " ".join((inspect.getdoc(error) or "").split("\n\n")[0].split())


def test_a_new_error_is_answered_like_the_one_it_derives_from() -> None:
    refused, unknown = (
        next(error for error in STATUSES if error.code == code) for code in ("refused", "unknown-auction")
    )
    assert status_of(type("Newer", (unknown,), {"code": "newer"})) is HTTPStatus.NOT_FOUND
    assert status_of(type("Other", (refused,), {"code": "other"})) is HTTPStatus.CONFLICT
    assert status_of(AukciszekError) is HTTPStatus.INTERNAL_SERVER_ERROR


def test_nothing_internal_is_answered_as_a_users_mistake(errors: list[type[AukciszekError]]) -> None:
    for error in errors:
        if any(issubclass(error, branch) for branch in INTERNAL):
            assert status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR
