"""Which passwords are accepted, after NIST SP 800-63B-4, section 3.1.1.

A password that is the only factor has at least 15 characters. Nothing is prescribed about their kinds, spaces and all
of Unicode are welcome, and nobody has to change a password from time to time. Refused is what a guesser tries first.
"""

import unicodedata
from typing import Final

from aukciszek.accounts.errors import PasswordPolicyError

SHORTEST_PASSWORD: Final = 15
LONGEST_PASSWORD: Final = 256
_FEWEST_DIFFERENT: Final = 6
_UNUSABLE: Final = {"Cc", "Cs"}
"""Control characters cannot be typed, and lone surrogates have no bytes."""
_RUNS: Final = (
    "0123456789" * 4,
    "abcdefghijklmnopqrstuvwxyz" * 2,
    "qwertyuiopasdfghjklzxcvbnm" * 2,
    "password" * 4,
)


def prepare(password: str) -> str:
    """Return the form of a password that is hashed, so that it can be typed on any keyboard (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def is_usable(password: str) -> bool:
    """Tell whether a password can be hashed at all; cheap, so that long texts cost a guesser's time and not ours."""
    return len(password) <= LONGEST_PASSWORD and not any(unicodedata.category(each) in _UNUSABLE for each in password)


def check_policy(password: str, email: str) -> None:
    """Refuse a new password that is easy to guess.

    Raises:
        PasswordPolicyError: with the reason.
    """
    if len(password) > LONGEST_PASSWORD:
        raise PasswordPolicyError(f"the password is too long: use at most {LONGEST_PASSWORD} characters")
    if not is_usable(password):
        raise PasswordPolicyError("the password holds a character that cannot be typed: use letters, digits, spaces")
    text = prepare(password).lower()
    if len(text) < SHORTEST_PASSWORD:
        raise PasswordPolicyError(f"the password is too short: use at least {SHORTEST_PASSWORD} characters")
    if len(set(text)) < _FEWEST_DIFFERENT or any(text in run or text in run[::-1] for run in _RUNS):
        raise PasswordPolicyError("the password is too regular: use several words that do not belong together")
    # Take the address out and look at what is left.
    local_part = email.partition("@")[0]
    if len(text.replace(email, "").replace(local_part, "")) < SHORTEST_PASSWORD // 2:
        raise PasswordPolicyError("the password is little more than your address: use several other words")
