"""One value, one spelling: canonical JSON and base64url, for everything that is hashed or signed.

Canonical JSON is RFC 8785 (JCS) restricted to what needs no number formatting: objects with ASCII keys, arrays,
strings, integers within 2**53, booleans and null. A browser produces the same bytes with ``JSON.stringify`` over
sorted keys. Decoding is strict: a text that is not in canonical form is refused.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence

from aukciszek.errors import AukciszekError

type Json = bool | int | str | Sequence[Json] | Mapping[str, Json] | None

_LARGEST_SAFE_INTEGER = 2**53 - 1

# `default` is asked for mappings that are no dict, such as read-only views of one.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=dict)


class MalformedEncodingError(AukciszekError):
    """A text or byte string is not in the one form that we accept."""

    code = "malformed-encoding"


def canonical_json(value: Json) -> bytes:
    """Return the only spelling of ``value``.

    Raises:
        ValueError: ``value`` holds a float, an integer beyond 2**53, a key that is not ASCII, or another type.
    """
    _refuse_what_has_two_spellings(value)
    return _CANONICAL.encode(value).encode()


def parse_canonical_json(text: bytes) -> Json:
    """Read canonical JSON.

    Raises:
        MalformedEncodingError: the text is not JSON, or not in canonical form.
    """
    try:
        value: Json = json.loads(text.decode())
        if canonical_json(value) == text:
            return value
    except (ValueError, RecursionError):
        pass
    raise MalformedEncodingError("the text is not canonical JSON: sort the keys and leave out all white space")


def sha256_hex(content: bytes) -> str:
    """Return the SHA-256 of ``content`` as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def to_base64url(content: bytes) -> str:
    """Encode without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Decode what :func:`to_base64url` wrote, and nothing else.

    Raises:
        MalformedEncodingError: foreign characters, padding, or bits that no encoder would set.
    """
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if to_base64url(content) == text:
            return content
    except (ValueError, binascii.Error):
        pass
    raise MalformedEncodingError("the text is not unpadded base64url")


def _refuse_what_has_two_spellings(value: Json) -> None:
    # Nearly every value is an ASCII text, and each bid brings a dozen of them.
    if (type(value) is str and value.isascii()) or value is None or isinstance(value, bool):
        return
    match value:
        case int():
            if abs(value) > _LARGEST_SAFE_INTEGER:
                raise ValueError("write integers beyond 2**53 as text")
        case str():
            value.encode()  # a lone surrogate has no UTF-8 form
        case Mapping():
            if not all(key.isascii() for key in value):
                raise ValueError("keys must be ASCII text")
            for member in value.values():
                _refuse_what_has_two_spellings(member)
        case list() | tuple():
            for member in value:
                _refuse_what_has_two_spellings(member)
        case _:
            raise ValueError(f"a {type(value).__name__} has no canonical JSON form")
