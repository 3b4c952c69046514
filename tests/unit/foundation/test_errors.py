import importlib
import inspect
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator

import pytest

import aukciszek
from aukciszek.errors import AukciszekError


def all_errors() -> list[type[AukciszekError]]:
    for module in pkgutil.walk_packages(aukciszek.__path__, "aukciszek."):
        # Alembic's files run when it loads them, and nowhere else; a program's entry point runs the program.
        if ".migrations." not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)

    def below(error: type[AukciszekError]) -> Iterator[type[AukciszekError]]:
        for child in error.__subclasses__():
            # Tests define errors of their own, which are nobody else's business.
            if child.__module__.startswith("aukciszek."):
                yield child
            yield from below(child)

    return sorted(set(below(AukciszekError)), key=lambda error: error.__qualname__)


def test_an_error_is_its_message() -> None:
    class SampleError(AukciszekError):
        code = "sample"

    error = SampleError("do this instead")
    assert (error.message, str(error), error.code) == ("do this instead", "do this instead", "sample")


def test_every_error_has_a_code_of_its_own() -> None:
    errors = all_errors()
    assert len(errors) > 30
    for error in errors:
        assert "code" in vars(error), f"{error.__name__} has no code of its own"
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", error.code), error
    assert [code for code, count in Counter(error.code for error in errors).items() if count > 1] == []


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.__name__)
def test_every_error_says_what_it_means(error: type[AukciszekError]) -> None:
    assert error.__name__.endswith("Error")
    assert inspect.getdoc(error) != inspect.getdoc(error.__base__)
