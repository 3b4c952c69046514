"""Who may do what with the table ``users``: tried through PostgREST, with each of a Supabase project's keys."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
import pytest

from aukciszek.accounts.errors import AccountsUnavailableError
from aukciszek.accounts.supabase_users import SupabaseUserStore
from aukciszek.secret import Secret
from support.supabase import Front, Project

ANNA = "anna@example.org"
HASH = "$argon2id$v=19$m=47104,t=1,p=1$c29tZXNhbHQ$aGFzaA"
SERVICE, PUBLIC, LOGGED_IN = "service_role", "anon", "authenticated"
PERMISSION_DENIED = "42501"


@dataclass(frozen=True)
class Answer:
    status: int
    content: Any

    @property
    def code(self) -> str:
        code: str = self.content["code"]
        return code


async def ask(
    front: Front, role: str, method: str, path: str, content: object = None, *, token: str | None = None
) -> Answer:
    headers: Mapping[str, str] = {
        "apikey": front.project.key(SERVICE if role == SERVICE else PUBLIC),
        "Authorization": f"Bearer {token or front.project.key(role)}",
        "Prefer": "return=representation",
    }
    url = f"{front.url}/rest/v1/{path}"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=headers, json=content) as answer,
    ):
        return Answer(answer.status, await answer.json(content_type=None))


@pytest.mark.parametrize("role", [PUBLIC, LOGGED_IN])
@pytest.mark.parametrize(
    "attempt",
    [
        ("GET", "users", None),
        ("GET", "users?select=email", None),
        ("GET", "users?select=count", None),
        ("GET", f"users?email=eq.{ANNA}", None),
        ("HEAD", "users", None),
        ("POST", "users", {"email": "eve@example.org", "password": HASH}),
        ("POST", "users", {"email": "eve@example.org", "password": HASH, "isAdmin": True}),
        ("POST", "users?on_conflict=email", {"email": ANNA, "password": HASH, "isAdmin": True}),
        ("PATCH", f"users?email=eq.{ANNA}", {"isAdmin": True}),
        ("PATCH", f"users?email=eq.{ANNA}", {"password": HASH}),
        ("DELETE", f"users?email=eq.{ANNA}", None),
    ],
)
async def test_without_the_service_key_nothing_is_read_or_written(
    front: Front, supabase_store: SupabaseUserStore, role: str, attempt: tuple[str, str, object]
) -> None:
    method, path, content = attempt
    await supabase_store.add(ANNA, HASH)
    before = front.project.server.run("select * from public.users")
    assert ANNA in before
    answer = await ask(front, role, method, path, content)
    assert answer.status in {401, 403}
    if method != "HEAD":
        assert answer.code == PERMISSION_DENIED
        assert ANNA not in str(answer.content)
    assert front.project.server.run("select * from public.users") == before


async def test_a_role_is_proved_by_the_projects_own_signature(front: Front, supabase_store: SupabaseUserStore) -> None:
    await supabase_store.add(ANNA, HASH)
    forged = jwt.encode({"role": SERVICE}, "another-secret-that-somebody-made-up-here", algorithm="HS256")
    answer = await ask(front, SERVICE, "GET", "users", token=forged)
    assert answer.status == 401
    genuine = await ask(front, SERVICE, "GET", "users")
    assert [row["email"] for row in genuine.content] == [ANNA]


@pytest.mark.parametrize(
    "content",
    [
        {"email": ANNA, "password": HASH, "isAdmin": True},
        {"email": ANNA, "password": HASH, "uid": str(uuid.uuid4())},
        {"email": ANNA, "password": HASH, "created_at": "2020-01-01T00:00:00Z"},
    ],
)
async def test_not_even_the_service_key_makes_an_account_with_a_privilege(
    front: Front, content: Mapping[str, object]
) -> None:
    answer = await ask(front, SERVICE, "POST", "users", content)
    assert (answer.status, answer.code) == (403, PERMISSION_DENIED)
    assert (await ask(front, SERVICE, "POST", "users", {"email": ANNA, "password": HASH})).status == 201


@pytest.mark.parametrize(
    ("email", "password"),
    [("Anna@example.org", HASH), ("", HASH), (ANNA, "seven green bottles"), (ANNA, "$2b$12$abcdefghijklmnopqrstuv")],
)
async def test_the_database_takes_lower_case_addresses_and_argon2id_hashes_alone(
    front: Front, email: str, password: str
) -> None:
    answer = await ask(front, SERVICE, "POST", "users", {"email": email, "password": password})
    assert (answer.status, answer.code) == (400, "23514")


async def test_the_service_key_deletes_nobody(front: Front, supabase_store: SupabaseUserStore) -> None:
    await supabase_store.add(ANNA, HASH)
    assert (await ask(front, SERVICE, "DELETE", f"users?email=eq.{ANNA}")).code == PERMISSION_DENIED
    assert await supabase_store.by_email(ANNA) is not None


def test_row_level_security_is_on_and_has_no_policy(project: Project) -> None:
    shown = project.server.run("select relrowsecurity from pg_class where oid = 'public.users'::regclass")
    assert shown == "t"
    assert project.server.run("select count(*) from pg_policy") == "0"


async def test_with_a_grant_by_mistake_row_level_security_still_shows_nothing(
    front: Front, supabase_store: SupabaseUserStore
) -> None:
    await supabase_store.add(ANNA, HASH)
    front.project.server.run("grant all on public.users to anon, authenticated")
    try:
        for role in (PUBLIC, LOGGED_IN):
            assert (await ask(front, role, "GET", "users")).content == []
            assert (await ask(front, role, "PATCH", "users?uid=not.is.null", {"isAdmin": True})).content == []
            added = await ask(front, role, "POST", "users", {"email": "eve@example.org", "password": HASH})
            assert added.code == PERMISSION_DENIED
    finally:
        front.project.server.run("revoke all on public.users from anon, authenticated")


async def test_the_public_key_in_place_of_the_service_key_is_an_outage_and_not_an_empty_table(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    async with SupabaseUserStore.open(front.url, Secret(front.project.key(PUBLIC))) as store:
        with pytest.raises(AccountsUnavailableError):
            await store.by_email(ANNA)
        with pytest.raises(AccountsUnavailableError):
            await store.add(ANNA, HASH)
    assert "is SUPABASE_KEY the service key?" in caplog.text
    assert ANNA not in caplog.text
