import pytest
from hypothesis import given, strategies

from aukciszek.accounts.errors import PasswordPolicyError
from aukciszek.accounts.password_policy import LONGEST_PASSWORD, SHORTEST_PASSWORD, check_policy

EMAIL = "anna.kowalska@example.org"


@pytest.mark.parametrize(
    "password",
    [
        "seven green bottles",
        "zażółć gęślą jaźń",
        "q8Zr!mW2#uT5&xL9",
        "correct horse battery staple anna",
        "пятнадцать букв и ещё",
        "🐎🔋📎🌊🎻🧭 six pictures",
        "x1y2z3" * 42,
    ],
)
def test_a_long_password_of_any_kind_will_do(password: str) -> None:
    check_policy(password, EMAIL)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "too short"),
        ("q8Zr!mW2#uT5&x", "too short"),
        ("x1y2z3" * 43, "too long"),
        ("aaaaaaaaaaaaaaaa", "too regular"),
        ("abababababababab", "too regular"),
        ("1234567890123456", "too regular"),
        ("6543210987654321", "too regular"),
        ("ABCDEFGHIJKLMNOPQRST", "too regular"),
        ("qwertyuiopasdfgh", "too regular"),
        ("PasswordPassword", "too regular"),
        ("anna.kowalska@example.org", "little more than your address"),
        ("Anna.Kowalska123", "little more than your address"),
        ("seven green\nbottles", "cannot be typed"),
        ("seven green\x00bottles", "cannot be typed"),
        ("seven green \udc80bottles", "cannot be typed"),
    ],
)
def test_what_a_guesser_tries_first_is_refused_with_the_reason(password: str, reason: str) -> None:
    with pytest.raises(PasswordPolicyError, match=reason):
        check_policy(password, EMAIL)


def refusal(password: str) -> str | None:
    try:
        check_policy(password, EMAIL)
    except PasswordPolicyError as error:
        return error.message
    return None


@given(strategies.text(max_size=300))
def test_no_text_is_an_accident_and_no_refusal_quotes_it(password: str) -> None:
    message = refusal(password)
    if message is None:
        assert len(password) <= LONGEST_PASSWORD
    else:
        assert len(password) < SHORTEST_PASSWORD or password not in message
