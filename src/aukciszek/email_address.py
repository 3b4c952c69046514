"""E-mail addresses, each in one spelling: what an account and an invitation go by."""

import unicodedata
from typing import Final

from pydantic import EmailStr, TypeAdapter, ValidationError

from aukciszek.errors import AukciszekError

_LONGEST_EMAIL: Final = 254
"""RFC 5321 leaves no room for more."""


class MalformedEmailError(AukciszekError):
    """The text is not an e-mail address."""

    code = "malformed-email"


def normal_email(text: str) -> str:
    """Return the one spelling under which an address has its account: NFKC, lower case.

    Raises:
        MalformedEmailError: ``text`` is not an e-mail address alone.
    """
    try:
        # A name beside the address, as in "Anna <anna@example.org>", would be dropped silently.
        if "<" not in text and len(text) <= _LONGEST_EMAIL:
            address = TypeAdapter(EmailStr).validate_python(text.strip())
            return unicodedata.normalize("NFKC", address).lower()
    except ValidationError:
        pass
    raise MalformedEmailError("that is not an e-mail address: write it as name@example.org")
