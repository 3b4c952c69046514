import pytest

from aukciszek.protocol.rules.errors import MalformedIdentifierError
from aukciszek.protocol.rules.identifiers import labelled_sha256, parse_auction_id, parse_user_id


@pytest.mark.parametrize("text", ["", "ab" * 31, "ab" * 33, "AB" * 32, "ag" * 32, "ab" * 32 + "\n", "\u0663" * 64])
def test_an_id_has_one_spelling(text: str) -> None:
    with pytest.raises(MalformedIdentifierError, match="64 digits"):
        parse_auction_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "6b1f0a527c1e4a579c3e0f0d2a9d7b11",
        "6B1F0A52-7C1E-4A57-9C3E-0F0D2A9D7B11",
        "{6b1f0a52-7c1e-4a57-9c3e-0f0d2a9d7b11}",
        "6b1f0a52-7c1e-4a57-9c3e-0f0d2a9d7b1",
    ],
)
def test_a_user_id_has_one_spelling(text: str) -> None:
    with pytest.raises(MalformedIdentifierError, match="lower case"):
        parse_user_id(text)


def test_good_identifiers_come_back() -> None:
    assert parse_auction_id("0f" * 32) == "0f" * 32
    assert parse_user_id("6b1f0a52-7c1e-4a57-9c3e-0f0d2a9d7b11") == "6b1f0a52-7c1e-4a57-9c3e-0f0d2a9d7b11"


def test_the_label_separates_purposes() -> None:
    assert labelled_sha256("tie-break-seed", b"x") != labelled_sha256("tie-break-order", b"x")
    assert labelled_sha256("tie-break-seed", b"x", b"y") == labelled_sha256("tie-break-seed", b"xy")
    assert len(labelled_sha256("tie-break-seed")) == 32
