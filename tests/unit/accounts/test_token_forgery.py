"""Parties that hold every key but one, and everything that is public, make no token that the one accepts."""

import base64
import hashlib
import hmac
import json
from itertools import product
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aukciszek.accounts.errors import TokenError
from aukciszek.accounts.tokens import TokenVerifier
from aukciszek.clock import Clock
from aukciszek.cluster import Cluster, PartyEntry
from aukciszek.identity import Identity
from aukciszek.secret import Secret

LOGIN = "https://party1.example.org"
VICTIM = "https://party3.example.org"


@pytest.fixture
def verifier(token_keys: dict[str, Secret[str]], clock: Clock) -> TokenVerifier:
    return TokenVerifier(token_keys[VICTIM], url=VICTIM, login_server_url=LOGIN, clock=clock)


@pytest.fixture
def claims(clock: Clock) -> dict[str, Any]:
    now_s = int(clock.now().timestamp())
    return {
        "iss": LOGIN,
        "aud": VICTIM,
        "iat": now_s,
        "exp": now_s + 3600,
        "uid": "0b5c7a1e-3f52-4c1d-9a58-5d0f4f7a9b11",
        "isAdmin": True,
        "email": "anna@example.org",
    }


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def sign(header: dict[str, Any], claims: dict[str, Any], key: bytes, hash_name: str = "sha256") -> str:
    """Make a token as anybody can who does not ask a library for permission."""
    text = f"{base64url(json.dumps(header).encode())}.{base64url(json.dumps(claims).encode())}"
    return f"{text}.{base64url(hmac.digest(key, text.encode(), hash_name))}"


def refused(verifier: TokenVerifier, token: str) -> bool:
    with pytest.raises(TokenError):
        verifier.verify(token)
    return True


def test_what_is_forged_here_would_be_accepted_with_the_right_key(
    verifier: TokenVerifier, claims: dict[str, Any], token_keys: dict[str, Secret[str]]
) -> None:
    key = token_keys[VICTIM].reveal().encode()
    assert verifier.verify(sign({"alg": "HS256", "typ": "JWT"}, claims, key)).is_admin


def test_all_other_parties_together_make_no_token_that_a_party_accepts(
    verifier: TokenVerifier, claims: dict[str, Any], token_keys: dict[str, Secret[str]]
) -> None:
    others = [key.reveal().encode() for url, key in token_keys.items() if url != VICTIM]
    keys = [*others, b"".join(others), hashlib.sha256(b"".join(others)).digest(), b""]
    for key, audience in product(keys, [*token_keys, [*token_keys], None]):
        assert refused(verifier, sign({"alg": "HS256", "typ": "JWT"}, claims | {"aud": audience}, key))


def test_the_key_is_the_partys_own_whatever_the_header_says(
    verifier: TokenVerifier, claims: dict[str, Any], token_keys: dict[str, Secret[str]]
) -> None:
    """A header that brings, names or points at a key is a forger's: the key is not looked up there."""
    key = token_keys["https://party2.example.org"].reveal().encode()
    for extra in (
        {"jwk": {"kty": "oct", "k": base64url(key)}},
        {"kid": "https://party2.example.org"},
        {"kid": "../../dev/null"},
        {"jku": "https://party2.example.org/keys.json"},
        {"x5c": [base64.b64encode(key).decode()]},
        {"crit": ["exp"]},
        {"b64": False, "crit": ["b64"]},
    ):
        assert refused(verifier, sign({"alg": "HS256", "typ": "JWT"} | extra, claims, key))


@pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA", "HS257", "", None])
def test_one_algorithm_is_accepted_even_with_the_right_key(
    verifier: TokenVerifier, claims: dict[str, Any], token_keys: dict[str, Secret[str]], algorithm: str | None
) -> None:
    key = token_keys[VICTIM].reveal().encode()
    for hash_name in ("sha256", "sha384", "sha512"):
        assert refused(verifier, sign({"alg": algorithm, "typ": "JWT"}, claims, key, hash_name))


def test_public_keys_are_not_taken_for_secrets_nor_identity_signatures_for_tokens(
    verifier: TokenVerifier, claims: dict[str, Any]
) -> None:
    identity = Identity.new()
    entry = PartyEntry(number=1, name="Office", url=LOGIN, address="192.0.2.1", identity_key=identity.public.text)
    others = [
        PartyEntry(
            number=number,
            name=f"Office {number}",
            url=f"https://party{number}.example.org",
            address=f"192.0.2.{number}",
            identity_key=Identity.new().public.text,
        )
        for number in (2, 3)
    ]
    _, cluster_file = Cluster.build([entry, *others])
    public = identity.public.key
    for known in (
        identity.public.text.encode(),
        public.public_bytes(Encoding.Raw, PublicFormat.Raw),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        cluster_file,
        hashlib.sha256(cluster_file).hexdigest().encode(),
    ):
        assert refused(verifier, sign({"alg": "HS256", "typ": "JWT"}, claims, known))
    assert refused(verifier, jwt.encode(claims, identity.key, algorithm="EdDSA"))


def test_a_party_cannot_turn_its_own_token_into_anothers(
    verifier: TokenVerifier, claims: dict[str, Any], token_keys: dict[str, Secret[str]]
) -> None:
    """Whoever holds a token for one party, as every bidder and every party does, can move no part of it elsewhere."""
    url = "https://party2.example.org"
    own = sign({"alg": "HS256", "typ": "JWT"}, claims | {"aud": url}, token_keys[url].reveal().encode())
    genuine = sign({"alg": "HS256", "typ": "JWT"}, claims | {"isAdmin": False}, token_keys[VICTIM].reveal().encode())
    for header, content, signature in product(*zip(own.split("."), genuine.split("."), strict=True)):
        token = f"{header}.{content}.{signature}"
        if token != genuine:
            assert refused(verifier, token)
    assert not verifier.verify(genuine).is_admin
