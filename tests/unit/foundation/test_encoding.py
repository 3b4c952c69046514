import hashlib
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, strategies

from aukciszek.encoding import (
    Json,
    MalformedEncodingError,
    canonical_json,
    from_base64url,
    parse_canonical_json,
    sha256_hex,
    to_base64url,
)

TEXTS = strategies.text(strategies.characters(exclude_categories=["Cs"]), max_size=20)
KEYS = strategies.text(strategies.characters(max_codepoint=127), max_size=10)
VALUES: strategies.SearchStrategy[Json] = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: strategies.lists(inner, max_size=4) | strategies.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_every_value_has_one_spelling_that_is_read_back(value: Json) -> None:
    text = canonical_json(value)
    assert parse_canonical_json(text) == value
    assert canonical_json(parse_canonical_json(text)) == text


@given(strategies.dictionaries(KEYS, VALUES, min_size=2, max_size=5))
def test_the_order_of_keys_does_not_matter(value: dict[str, Json]) -> None:
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


@given(strategies.binary(max_size=60) | strategies.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_read_back_or_refused(content: bytes) -> None:
    try:
        value = parse_canonical_json(content)
    except MalformedEncodingError:
        return
    assert canonical_json(value) == content


def test_the_spelling_is_that_of_rfc_8785() -> None:
    """Its section 3.2.3, as far as it goes without fractions and beyond ASCII keys."""
    value = {"peach": "This sorting order", "p": [True, None, -7], "B": '\u20ac$\u000f\nA\'B"\\\\"/\u2028\x7f'}
    text = '{"B":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\u2028\x7f","p":[true,null,-7],"peach":"This sorting order"}'
    assert canonical_json(value) == text.encode()


def test_a_tuple_is_an_array_and_a_view_is_an_object() -> None:
    value: Json = {"a": (1, 2), "b": MappingProxyType({"d": 1, "c": MappingProxyType({})})}
    assert canonical_json(value) == b'{"a":[1,2],"b":{"c":{},"d":1}}'


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        2**53,
        -(2**53),
        b"bytes",
        {"ż": 1},
        {"a": {"b": [0.5]}},
        {1, 2},
        "\ud800",
        {"\ud800": 1},
        object(),
    ],
)
def test_what_has_no_one_spelling_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"form|integers|ASCII|surrogates"):
        canonical_json(value)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" 1",
        b"1 ",
        b"1\n",
        b"01",
        b"-0",
        b"1.0",
        b"1e3",
        b"NaN",
        b"Infinity",
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"a": 1}',
        b"[1,]",
        b'"\\u0061"',
        b'"\\/"',
        b'"\\u000A"',
        b'"\\ud800"',
        b'"\\u017c"',
        b"\xef\xbb\xbf1",
        b"\xff",
        '{"ż":1}'.encode(),
        b"9007199254740992",
        b"1" * 5000,
        b"[" * 100_000,
        b"[" * 5000 + b"]" * 5000,
        b"'a'",
        b"None",
    ],
)
def test_any_other_spelling_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedEncodingError, match="canonical JSON"):
        parse_canonical_json(text)


def test_deep_but_not_too_deep() -> None:
    text = b"[" * 50 + b"]" * 50
    assert canonical_json(parse_canonical_json(text)) == text


def test_a_digest_is_sha_256_in_lower_case() -> None:
    assert sha256_hex(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_hex(b"") == hashlib.sha256().hexdigest()


@given(strategies.binary(max_size=100))
def test_base64url_is_read_back(content: bytes) -> None:
    text = to_base64url(content)
    assert from_base64url(text) == content
    assert not set(text) & set("+/=")


@given(strategies.text(max_size=30) | strategies.text("ABab01-_+/=", max_size=8))
def test_any_text_is_base64url_in_one_spelling_or_refused(text: str) -> None:
    try:
        content = from_base64url(text)
    except MalformedEncodingError:
        return
    assert to_base64url(content) == text


@pytest.mark.parametrize("text", ["QQ==", "QQ=", "Q", "QR", "Q+", "Q/==", "QQ\n", " QQ", "Q Q", "ą", "QQ.QQ", "----="])
def test_foreign_base64_is_refused(text: str) -> None:
    with pytest.raises(MalformedEncodingError, match="base64url"):
        from_base64url(text)
