from datetime import UTC, datetime

import jwt
import pytest

from aukciszek.client.errors import AnswerNotUnderstoodError, NotLoggedInError
from aukciszek.client.tokens import UserTokens

UID = "22222222-2222-4222-8222-222222222222"


def token(**claims: object) -> str:
    known = {"uid": UID, "email": "ada@example.org", "isAdmin": True, "exp": 2_000_000_000}
    return jwt.encode(known | claims, "x" * 32, algorithm="HS256")


def test_the_tokens_say_who_the_user_is() -> None:
    tokens = UserTokens.read({1: token(), 2: token(exp=1_900_000_000)})
    assert (tokens.uid, tokens.email, tokens.is_admin) == (UID, "ada@example.org", True)
    assert tokens.expires_at == datetime.fromtimestamp(1_900_000_000, UTC)


def test_each_party_gets_its_own_token() -> None:
    first, second = token(aud="1"), token(aud="2")
    tokens = UserTokens.read({1: first, 2: second})
    assert (tokens.at(1), tokens.at(2)) == (first, second)
    with pytest.raises(NotLoggedInError):
        tokens.at(3)


@pytest.mark.parametrize("other", [token(uid="33333333-3333-4333-8333-333333333333"), token(isAdmin=False)])
def test_tokens_of_different_users_are_refused(other: str) -> None:
    with pytest.raises(AnswerNotUnderstoodError):
        UserTokens.read({1: token(), 2: other})


@pytest.mark.parametrize("text", ["", "a.b.c", token(uid="not a uid"), token(exp=10**20), token(email=None)])
def test_what_is_no_token_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(AnswerNotUnderstoodError) as told:
        UserTokens.read({1: text})
    assert not text or text not in told.value.message


def test_no_token_is_shown() -> None:
    text = token()
    assert text not in repr(UserTokens.read({1: text}))
