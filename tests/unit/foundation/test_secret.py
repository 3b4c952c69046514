import copy
import pickle

import pytest

from aukciszek.secret import Secret


@pytest.mark.parametrize("secret", [Secret("hidden"), Secret(b"hidden")])
def test_a_secret_shows_stars(secret: Secret[str] | Secret[bytes]) -> None:
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{secret:>20}", f"{[secret]} {(secret,)}"):
        assert "hidden" not in shown
        assert "****" in shown


def test_a_secret_is_revealed_on_request_only() -> None:
    assert Secret("hidden").reveal() == "hidden"
    assert Secret(b"hidden").reveal() == b"hidden"
    assert not hasattr(Secret("hidden"), "__dict__")


def test_equal_secrets_are_equal() -> None:
    assert Secret("ż") == Secret("ż")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret(b"a"), Secret(b"a"), Secret(b"b")}) == 2


def test_text_is_not_bytes() -> None:
    assert Secret("a") != Secret(b"a")


def test_a_secret_knows_its_length() -> None:
    assert (len(Secret("ab")), len(Secret(b""))) == (2, 0)


def test_a_secret_does_not_leave_by_pickle() -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret("hidden"))


def test_a_copy_of_a_secret_is_the_same_secret() -> None:
    secret = Secret("hidden")
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret
