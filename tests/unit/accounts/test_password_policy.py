import pytest
from hypothesis import example, given, strategies

from aukciszek.accounts.errors import PasswordPolicyError
from aukciszek.accounts.password_policy import LONGEST_PASSWORD, SHORTEST_PASSWORD, check_form, check_guesses

EMAIL = "anna.kowalska@example.org"


def check_policy(password: str) -> None:
    check_form(password)
    check_guesses(password, EMAIL)


@pytest.mark.parametrize(
    "password",
    [
        "seven green bottles",
        "zażółć gęślą jaźń",
        "q8Zr!mW2#uT5&xL9",
        "correct horse battery staple anna",
        "пятнадцать букв и ещё",
        "🐎🔋📎🌊🎻🧭 six pictures",
        "seven green bottles " * 12,
    ],
)
def test_a_long_password_of_any_kind_will_do(password: str) -> None:
    check_policy(password)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "too short"),
        ("q8Zr!mW2#uT5&x", "too short"),
        ("x1y2z3" * 43, "too long"),
        ("aaaaaaaaaaaaaaaa", "too easy to guess"),
        ("a" * 256, "too easy to guess"),
        ("abababababababab", "too easy to guess"),
        ("1234567890123456", "too easy to guess"),
        ("6543210987654321", "too easy to guess"),
        ("ABCDEFGHIJKLMNOPQRST", "too easy to guess"),
        ("qwertyuiopasdfgh", "too easy to guess"),
        ("1q2w3e4r5t6y7u8i", "too easy to guess"),
        ("PasswordPassword", "too easy to guess"),
        ("P@ssw0rdP@ssw0rd", "too easy to guess"),
        ("Password12345678", "too easy to guess"),
        ("password12345678" * 16, "too easy to guess"),
        ("iloveyouiloveyou", "too easy to guess"),
        ("sunshine123456789", "too easy to guess"),
        ("trustno1trustno1", "too easy to guess"),
        ("manchesterunited", "too easy to guess"),
        ("unbelievable2024", "too easy to guess"),
        ("anna.kowalska@example.org", "too easy to guess"),
        ("Anna.Kowalska123", "too easy to guess"),
        ("kowalskakowalska", "too easy to guess"),
        ("aukciszekaukciszek", "too easy to guess"),
        ("seven green\nbottles", "cannot be typed"),
        ("seven green\x00bottles", "cannot be typed"),
        ("seven green \udc80bottles", "cannot be typed"),
    ],
)
def test_what_a_guesser_tries_first_is_refused_with_the_reason(password: str, reason: str) -> None:
    with pytest.raises(PasswordPolicyError, match=reason):
        check_policy(password)


def refusal(password: str) -> str | None:
    try:
        check_policy(password)
    except PasswordPolicyError as error:
        return error.message
    return None


@given(strategies.text(max_size=300))
@example("\u0130\u1e9e\u0149\ufb01\u200d\u0300\u2028 \U0001f40e\U0001f50b ab")
@example("aA@4$5sS1!lL3eE0oO7tT+|(<aA@4$5sS1!lL3eE0oO7tT+|(<" * 4)
def test_no_text_is_an_accident_and_no_refusal_quotes_it(password: str) -> None:
    message = refusal(password)
    if message is None:
        assert len(password) <= LONGEST_PASSWORD
    else:
        assert len(password) < SHORTEST_PASSWORD or password not in message
