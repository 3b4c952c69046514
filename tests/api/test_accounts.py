"""Registering, logging in, and what a token is good for."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt
import pytest

if TYPE_CHECKING:
    from .conftest import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

PASSWORD = "correct horse battery staple"


async def test_who_registers_gets_an_account_and_a_token_for_every_party(site: "Site") -> None:
    credentials = {"email": "Anna@Example.org", "password": PASSWORD}
    registered = await site.post("/api/auth/register", json=credentials)
    assert registered.status == 201
    assert set(registered.json) == {"uid", "email"}
    assert registered.json["email"] == "anna@example.org"
    answer = await site.post("/api/auth/login", json=credentials)
    assert answer.status == 200
    assert set(answer.json) == {"access_tokens", "token_type"}
    assert answer.json["token_type"] == "bearer"
    assert [set(one) for one in answer.json["access_tokens"]] == [{"server", "access_token"}] * 3
    assert [one["server"] for one in answer.json["access_tokens"]] == [site.url(number) for number in (1, 2, 3)]
    again = await site.post("/api/auth/register", json=credentials | {"email": "ANNA@example.org"})
    assert (again.status, again.code) == (409, "email-taken")


@pytest.mark.parametrize("path", ["/api/auth/register", "/api/auth/login"])
async def test_accounts_are_at_the_login_server(site: "Site", path: str) -> None:
    answer = await site.post(path, party=2, json={"email": "a@example.org", "password": PASSWORD})
    assert (answer.status, answer.code) == (404, "not-login-server")
    assert site.url(1) in answer.json["detail"]


@pytest.mark.parametrize("claim", ["isAdmin", "is_admin", "admin", "role", "uid"])
@pytest.mark.parametrize("value", [True, "true", 1, {"$ne": None}])
async def test_nobody_claims_a_privilege(site: "Site", claim: str, value: object) -> None:
    credentials = {"email": f"eve-{claim}@example.org", "password": PASSWORD}
    answer = await site.post("/api/auth/register", json=credentials | {claim: value})
    assert (answer.status, answer.code) == (422, "invalid-request")
    assert answer.json["errors"] == [{"pointer": "#", "detail": "has an unknown member"}]
    unknown = await site.post("/api/auth/login", json=credentials)
    assert (unknown.status, unknown.code) == (401, "wrong-credentials"), "no account was made"


async def test_who_registers_is_no_administrator(site: "Site") -> None:
    user = await site.register("modest")
    for token in user.tokens.values():
        assert jwt.decode(token, options={"verify_signature": False})["isAdmin"] is False


async def test_wrong_password_and_unknown_address_are_answered_alike(site: "Site") -> None:
    user = await site.register("known")
    wrong = await site.post("/api/auth/login", json={"email": user.email, "password": "not the password at all"})
    unknown = await site.post("/api/auth/login", json={"email": "nobody@example.org", "password": PASSWORD})
    assert (wrong.status, wrong.code) == (401, "wrong-credentials")
    assert wrong.content == unknown.content
    same = {"Content-Type", "Content-Length", "WWW-Authenticate"}
    assert {name: wrong.headers[name] for name in same} == {name: unknown.headers[name] for name in same}


async def test_guessing_is_slowed_down(site: "Site") -> None:
    guess = {"email": "guessed@example.org", "password": "not the password at all"}
    answers = [await site.post("/api/auth/login", json=guess) for _ in range(12)]
    assert [answer.status for answer in answers[:10]] == [401] * 10
    assert (answers[-1].status, answers[-1].code) == (429, "too-many-attempts")
    assert int(answers[-1].headers["Retry-After"]) >= 1


@pytest.mark.parametrize("password", ["tiny7", "x" * 3000, "passwordpassword"])
async def test_a_weak_password_is_refused(site: "Site", password: str) -> None:
    answer = await site.post("/api/auth/register", json={"email": "weak@example.org", "password": password})
    assert (answer.status, answer.code) == (422, "weak-password")
    assert password.encode() not in answer.content


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "s3cret@example.org"},
        {"password": "s3cret-password"},
        {"email": None, "password": "s3cret-password"},
        {"email": ["s3cret"], "password": "s3cret-password"},
        {"email": {"s3cret": "s3cret"}, "password": ["s3cret"]},
        {"email": 5, "password": 7},
        {"email": "s3cret" * 100 + "@example.org", "password": "s3cret-password"},
        {"email": "s3cret@example.org", "password": "s3cret" * 2000},
        {"email": "s3cret@example.org", "password": "s3cret-password", "s3cret": "s3cret"},
        ["s3cret"],
        "s3cret",
        5,
    ],
)
async def test_a_malformed_body_is_told_without_being_quoted(site: "Site", body: Any) -> None:
    for path in ("/api/auth/register", "/api/auth/login"):
        answer = await site.post(path, json=body)
        assert (answer.status, answer.code) == (422, "invalid-request")
        assert answer.json["errors"]
        assert b"s3cret" not in answer.content


@pytest.mark.parametrize(
    "email",
    ["s3cret", "s3cret@", "@s3cret", "s3cret@@example.org", "Anna <s3cret@example.org>", "s3cret\x00@example.org"],
)
async def test_a_malformed_address_is_told_without_being_quoted(site: "Site", email: str) -> None:
    answer = await site.post("/api/auth/register", json={"email": email, "password": PASSWORD})
    assert (answer.status, answer.code) == (422, "malformed-email")
    assert b"s3cret" not in answer.content


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b'{"email": "s3cret', b"[" * 5000, b"NaN", b"null", b'{"a":1}{"b":2}']
)
async def test_what_is_not_json_is_told_without_being_quoted(site: "Site", content: bytes) -> None:
    answer = await site.post("/api/auth/login", data=content, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (422, "invalid-request")
    assert b"s3cret" not in answer.content


async def test_a_token_is_good_at_its_own_party_only(site: "Site") -> None:
    user = await site.register("roaming", admin=True)
    for party in (1, 2, 3):
        for other in (1, 2, 3):
            answer = await site.get("/api/incidents", party=party, token=user.tokens[site.url(other)])
            assert (answer.status == 200) == (party == other)
            if party != other:
                assert (answer.status, answer.code) == (401, "token-wrong-audience")


async def test_a_token_expires(site: "Site") -> None:
    user = await site.register("patient")
    path = f"/api/auctions/{'0' * 64}/bids"
    assert (await site.get(path, user=user)).code == "unknown-auction"
    site.clock.ahead = timedelta(hours=2)
    try:
        answer = await site.get(path, user=user)
    finally:
        site.clock.ahead = timedelta()
    assert (answer.status, answer.code) == (401, "token-expired")


def forged(site: "Site", token: str, **changes: object) -> str:
    claims = jwt.decode(token, options={"verify_signature": False}) | changes
    return jwt.encode(claims, site.token_keys[1], algorithm="HS256")


async def test_a_party_cannot_make_tokens_for_another(site: "Site") -> None:
    """Party 2 knows its own key; it must be worth nothing elsewhere, whatever the token says."""
    user = await site.register("victim")
    token = user.tokens[site.url(2)]
    good = forged(site, token)
    assert (await site.get(f"/api/auctions/{'0' * 64}/bids", party=2, token=good)).code == "unknown-auction"
    for party in (1, 3):
        for audience in (1, 2, 3):
            answer = await site.get(
                "/api/incidents", party=party, token=forged(site, token, aud=site.url(audience), isAdmin=True)
            )
            assert answer.status == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "http://127.0.0.2:1"},
        {"exp": 2**40},
        {"exp": "never"},
        {"iat": 2**40},
        {"uid": "root"},
        {"isAdmin": "yes"},
        {"role": "admin"},
        {"email": None},
        {"aud": ["a", "b"]},
    ],
    ids=str,
)
async def test_a_token_has_exactly_the_agreed_claims(site: "Site", changes: dict[str, object]) -> None:
    user = await site.register("strict")
    token = forged(site, user.tokens[site.url(2)], **changes)
    answer = await site.get(f"/api/auctions/{'0' * 64}/bids", party=2, token=token)
    assert answer.status == 401
    assert answer.code in {"token-invalid", "token-wrong-audience"}


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer a.b.c",
        "Bearer " + "x" * 5000,
        "Bearer eyJhbGciOiJub25lIn0.eyJ1aWQiOiIxIn0.",
        "Basic YWRtaW46YWRtaW4=",
        "bearer",
        "Token abc",
        "",
        "Bearer a b",
        "Bearer \xfc",
    ],
)
async def test_garbage_for_a_token_is_refused(site: "Site", header: str) -> None:
    answer = await site.get("/api/incidents", headers={"Authorization": header})
    assert answer.status == 401
    assert answer.code in {"token-invalid", "token-missing"}
    assert header.removeprefix("Bearer ").encode() not in answer.content or len(header) < 12


async def test_a_token_in_another_place_is_none(site: "Site") -> None:
    user = await site.register("careless", admin=True)
    token = user.tokens[site.url(1)]
    for answer in (
        await site.get(f"/api/incidents?access_token={token}"),
        await site.get("/api/incidents", headers={"Cookie": f"access_token={token}"}),
        await site.get("/api/incidents", headers={"X-Authorization": f"Bearer {token}"}),
    ):
        assert (answer.status, answer.code) == (401, "token-missing")
