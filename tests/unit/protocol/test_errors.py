from collections.abc import Iterator

from aukciszek.protocol.rules import errors
from aukciszek.protocol.rules.errors import AuctionError


def _family(root: type[AuctionError]) -> Iterator[type[AuctionError]]:
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from _family(child)


def test_every_error_stands_in_the_tree_with_a_code_of_its_own() -> None:
    family = list(_family(AuctionError))
    codes = [error.__dict__["code"] for error in family]
    assert len(family) > 20
    assert len(set(codes)) == len(codes)
    assert errors.__doc__ is not None
    lines = [line.split() for line in errors.__doc__.splitlines()]
    for error in family:
        leaf = [line for line in lines if error.__name__ in line]
        assert leaf, f"{error.__name__} is missing in the tree"
        assert leaf[0][-1] in {error.code, error.__name__}
