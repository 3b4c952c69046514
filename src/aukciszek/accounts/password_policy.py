"""Which passwords are accepted, after NIST SP 800-63B-4, section 3.1.1.

A password that is the only factor has at least 15 characters. There are no rules about kinds of characters, all of
Unicode is allowed, and passwords do not expire. Easily guessed passwords are refused: zxcvbn (Wheeler, USENIX Security
2016), with its lists of common passwords, names and words, estimates the number of guesses.
"""

import re
import unicodedata
from typing import Final

from zxcvbn_rs_py import zxcvbn

from aukciszek.accounts.errors import PasswordPolicyError

SHORTEST_PASSWORD: Final = 15
LONGEST_PASSWORD: Final = 256
FEWEST_GUESSES_LOG10: Final = 8.0
"""What zxcvbn calls safely unguessable, even against stolen hashes that are slow to compute."""
_EXAMINED: Final = 32
"""Characters that the estimate examines: its work grows faster than the text, and more text only takes more guesses."""
_UNUSABLE: Final = {"Cc", "Cs"}
"""Control characters cannot be typed, and lone surrogates have no bytes."""
_OF_OURS: Final = ("aukciszek", "auction", "sealed", "bid", "aukcja")


def prepare(password: str) -> str:
    """Return the form of a password that is hashed, so that it can be typed on any keyboard (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def is_usable(password: str) -> bool:
    """Return whether a password can be hashed at all; cheap, so that long texts cost the server nothing."""
    return len(password) <= LONGEST_PASSWORD and not any(unicodedata.category(each) in _UNUSABLE for each in password)


def check_form(password: str) -> None:
    """Refuse a new password that is too short or too long, or cannot be typed; cheap.

    Raises:
        PasswordPolicyError: with the reason.
    """
    if len(password) > LONGEST_PASSWORD:
        raise PasswordPolicyError(f"the password is too long: use at most {LONGEST_PASSWORD} characters")
    if not is_usable(password):
        raise PasswordPolicyError("the password holds a character that cannot be typed: use letters, digits, spaces")
    if len(prepare(password)) < SHORTEST_PASSWORD:
        raise PasswordPolicyError(f"the password is too short: use at least {SHORTEST_PASSWORD} characters")


def check_guesses(password: str, email: str) -> None:
    """Refuse a new password that is easily guessed. Takes some 25 ms: not for the event loop.

    Args:
        password: one that :func:`check_form` accepted.
        email: the user's address, whose parts a guesser tries too.

    Raises:
        PasswordPolicyError: it is made of common passwords, names, words, dates, rows of keys or the address.
    """
    known = [email, email.partition("@")[0], *re.split(r"[\W_]+", email), *_OF_OURS]
    if zxcvbn(prepare(password)[:_EXAMINED], known).guesses_log10 < FEWEST_GUESSES_LOG10:
        raise PasswordPolicyError(
            "the password is too easy to guess: use several words that do not belong together, not your address"
        )
