import base64
import json
from collections.abc import Callable
from typing import Any, Protocol

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import HealthCheck, given, settings, strategies

from aukciszek.accounts.errors import TokenAudienceError, TokenError, TokenExpiredError, TokenInvalidError
from aukciszek.accounts.tokens import Principal, TokenIssuer, TokenVerifier
from aukciszek.accounts.users import User
from aukciszek.clock import Clock
from aukciszek.secret import Secret

LOGIN = "https://party1.example.org"
OWN = "https://party3.example.org"
OTHER = "https://party4.example.org"
ANNA = User("0b5c7a1e-3f52-4c1d-9a58-5d0f4f7a9b11", "anna@example.org", is_admin=False)


class MovableClock(Clock, Protocol):
    def pass_time(self, seconds: float) -> None: ...


@pytest.fixture
def verifier(token_keys: dict[str, Secret[str]], clock: MovableClock) -> TokenVerifier:
    return TokenVerifier(token_keys[OWN], url=OWN, login_server_url=LOGIN, clock=clock)


@pytest.fixture
def claims(clock: MovableClock) -> dict[str, Any]:
    """What a good token for the party under test says."""
    now_s = int(clock.now().timestamp())
    return {
        "iss": LOGIN,
        "aud": OWN,
        "iat": now_s,
        "exp": now_s + 3600,
        "uid": ANNA.uid,
        "isAdmin": False,
        "email": ANNA.email,
    }


@pytest.fixture
def sign(token_keys: dict[str, Secret[str]]) -> Callable[[dict[str, Any]], str]:
    return lambda content: jwt.encode(content, token_keys[OWN].reveal(), algorithm="HS256")


def test_every_party_gets_its_own_token(
    issuer: TokenIssuer, token_keys: dict[str, Secret[str]], clock: MovableClock
) -> None:
    tokens = issuer.issue(User(ANNA.uid, ANNA.email, is_admin=True))
    assert [token.server_url for token in tokens] == list(token_keys)
    for token in tokens:
        own = TokenVerifier(token_keys[token.server_url], url=token.server_url, login_server_url=LOGIN, clock=clock)
        assert own.verify(token.token) == Principal(ANNA.uid, ANNA.email, is_admin=True)


def test_a_token_is_valid_at_one_party_only(issuer: TokenIssuer, verifier: TokenVerifier) -> None:
    for token in issuer.issue(ANNA):
        if token.server_url != OWN:
            with pytest.raises(TokenAudienceError, match="another server"):
                verifier.verify(token.token)


def test_a_token_for_another_party_is_refused_even_under_our_key(
    verifier: TokenVerifier, claims: dict[str, Any], sign: Callable[[dict[str, Any]], str]
) -> None:
    with pytest.raises(TokenAudienceError):
        verifier.verify(sign(claims | {"aud": OTHER}))


def test_a_token_expires(issuer: TokenIssuer, verifier: TokenVerifier, clock: MovableClock) -> None:
    token = next(token.token for token in issuer.issue(ANNA) if token.server_url == OWN)
    clock.pass_time(3599.9)
    assert verifier.verify(token).uid == ANNA.uid
    clock.pass_time(0.1)
    with pytest.raises(TokenExpiredError, match="log in again"):
        verifier.verify(token)


def test_a_clock_that_is_a_little_behind_is_forgiven(
    verifier: TokenVerifier, claims: dict[str, Any], sign: Callable[[dict[str, Any]], str], clock: MovableClock
) -> None:
    clock.pass_time(-60)
    assert verifier.verify(sign(claims)).uid == ANNA.uid
    clock.pass_time(-1)
    with pytest.raises(TokenInvalidError):
        verifier.verify(sign(claims))


@pytest.mark.parametrize("missing", ["iss", "aud", "iat", "exp", "uid", "isAdmin", "email"])
def test_every_claim_is_needed(
    verifier: TokenVerifier, claims: dict[str, Any], sign: Callable[[dict[str, Any]], str], missing: str
) -> None:
    assert verifier.verify(sign(claims)).uid == ANNA.uid
    del claims[missing]
    with pytest.raises(TokenInvalidError):
        verifier.verify(sign(claims))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", OTHER),
        ("iss", [LOGIN]),
        ("aud", [OWN, OTHER]),
        ("aud", [OWN]),
        ("iat", "1769860800"),
        ("iat", True),
        ("iat", 1.5),
        ("exp", None),
        ("exp", 10**30),
        ("exp", 1),
        ("uid", "anna"),
        ("uid", "0B5C7A1E-3F52-4C1D-9A58-5D0F4F7A9B11"),
        ("uid", 7),
        ("isAdmin", "true"),
        ("isAdmin", 1),
        ("isAdmin", None),
        ("email", ""),
        ("email", None),
        ("nbf", 0),
        ("admin", True),
        ("is_admin", True),
        ("role", "service_role"),
    ],
)
def test_a_wrong_or_unknown_claim_is_refused(
    verifier: TokenVerifier, claims: dict[str, Any], sign: Callable[[dict[str, Any]], str], claim: str, value: object
) -> None:
    token = encode_by_hand({"alg": "HS256", "typ": "JWT"}, claims | {claim: value}, sign)
    with pytest.raises(TokenInvalidError):
        verifier.verify(token)


def encode_by_hand(header: object, content: object, sign: Callable[[dict[str, Any]], str]) -> str:
    """Sign claims that PyJWT would refuse to encode."""
    assert isinstance(content, dict)
    try:
        return sign(content)
    except TypeError:
        signing_input = f"{base64_json(header)}.{base64_json(content)}"
        algorithm = jwt.get_algorithm_by_name("HS256")
        key = algorithm.prepare_key(f"token-key-for-{OWN}-nobody-sees")
        return f"{signing_input}.{base64url(algorithm.sign(signing_input.encode(), key))}"


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def base64_json(value: object) -> str:
    return base64url(json.dumps(value).encode())


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE"])
def test_a_token_without_a_signature_is_refused(
    verifier: TokenVerifier, claims: dict[str, Any], algorithm: str
) -> None:
    unsigned = f"{base64_json({'alg': algorithm, 'typ': 'JWT'})}.{base64_json(claims)}."
    with pytest.raises(TokenInvalidError):
        verifier.verify(unsigned)


def test_another_algorithm_is_refused_even_with_the_right_key(
    verifier: TokenVerifier, claims: dict[str, Any], token_keys: dict[str, Secret[str]]
) -> None:
    long_enough = Secret(token_keys[OWN].reveal() * 2)
    patient = TokenVerifier(long_enough, url=OWN, login_server_url=LOGIN, clock=verifier._clock)
    for algorithm in ("HS384", "HS512"):
        with pytest.raises(TokenInvalidError):
            patient.verify(jwt.encode(claims, long_enough.reveal(), algorithm=algorithm))
    rsa = generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(TokenInvalidError):
        verifier.verify(jwt.encode(claims, rsa, algorithm="RS256"))


def test_a_wrong_key_is_refused(verifier: TokenVerifier, claims: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalidError):
        verifier.verify(jwt.encode(claims, "guessed-key-of-sufficient-length-for-hs256", algorithm="HS256"))


def test_a_changed_token_is_refused(
    verifier: TokenVerifier, claims: dict[str, Any], sign: Callable[[dict[str, Any]], str]
) -> None:
    header, _, signature = sign(claims).split(".")
    for forged in (
        f"{header}.{base64_json(claims | {'isAdmin': True})}.{signature}",
        f"{header}.{base64_json(claims)}.{signature[:-2]}",
        sign(claims) + ".",
        sign(claims) + "A",
        " " + sign(claims),
    ):
        with pytest.raises(TokenError):
            verifier.verify(forged)


def test_a_lifetime_beyond_a_day_is_refused(
    verifier: TokenVerifier, claims: dict[str, Any], sign: Callable[[dict[str, Any]], str]
) -> None:
    assert verifier.verify(sign(claims | {"exp": claims["iat"] + 86_400})).uid == ANNA.uid
    with pytest.raises(TokenInvalidError):
        verifier.verify(sign(claims | {"exp": claims["iat"] + 86_401}))


def test_a_token_that_is_too_long_is_not_even_decoded(
    verifier: TokenVerifier, claims: dict[str, Any], sign: Callable[[dict[str, Any]], str]
) -> None:
    with pytest.raises(TokenInvalidError):
        verifier.verify(sign(claims | {"email": "a" * 5000}))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(token=strategies.text(max_size=80) | strategies.from_regex(r"[\w-]{1,20}\.[\w-]{0,20}\.[\w-]{0,20}"))
def test_garbage_is_refused_and_never_an_accident(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(TokenError):
        verifier.verify(token)


def test_neither_tokens_nor_keys_are_shown(
    issuer: TokenIssuer, verifier: TokenVerifier, token_keys: dict[str, Secret[str]]
) -> None:
    tokens = issuer.issue(ANNA)
    with pytest.raises(TokenError) as caught:
        verifier.verify(tokens[0].token)
    shown = f"{tokens!r} {issuer!r} {verifier!r} {token_keys!r} {caught.value!r} {caught.value}"
    assert "nobody-sees" not in shown
    assert not any(token.token in shown for token in tokens)
    assert caught.value.__cause__ is None


def test_a_token_that_is_shown_again_is_checked_against_the_time_again(
    issuer: TokenIssuer, verifier: TokenVerifier, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = next(token.token for token in issuer.issue(ANNA) if token.server_url == OWN)
    assert verifier.verify(token).uid == ANNA.uid
    monkeypatch.setattr(jwt, "decode", None)
    assert verifier.verify(token).uid == ANNA.uid, "the signature was checked before"
    clock.pass_time(60 * 60 * 24)
    with pytest.raises(TokenExpiredError):
        verifier.verify(token)


def test_only_so_many_tokens_are_kept_in_mind(
    issuer: TokenIssuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aukciszek.accounts.tokens._MOST_KNOWN", 2)
    people = [User(f"0b5c7a1e-3f52-4c1d-9a58-5d0f4f7a9b1{number}", ANNA.email, is_admin=False) for number in range(5)]
    tokens = [next(t.token for t in issuer.issue(user) if t.server_url == OWN) for user in people]
    for user, token in zip(people * 2, tokens * 2, strict=True):
        assert verifier.verify(token).uid == user.uid
    assert len(verifier._known) == 2
    with pytest.raises(TokenInvalidError):
        verifier.verify(tokens[0] + "A")
