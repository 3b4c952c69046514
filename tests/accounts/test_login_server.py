"""A login server as its users meet it: with accounts in Supabase, and while many log in at once."""

import asyncio
import itertools
import secrets
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from aukciszek.accounts.passwords import HashCost
from aukciszek.cli.main import build_app
from aukciszek.clock import SystemClock
from aukciszek.cluster import Cluster, PartyEntry
from aukciszek.identity import Identity
from aukciszek.server.http.app import create_app
from aukciszek.server.party import Party
from aukciszek.settings import SettingsError, load_settings
from support.supabase import Front

ANNA = {"email": "anna@example.org", "password": "seven green bottles"}
CHEAP = HashCost(memory_kib=8)
NO_AUCTION = f"/api/auctions/{'0' * 64}/bids"
LOGIN_SERVER, OTHER = 1, 2


class Site:
    """The settings of three parties; each runs by itself, since nothing here needs them to be connected."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._keys = [secrets.token_urlsafe(32) for _ in range(3)]
        identities = [Identity.new() for _ in self._keys]
        entries = [
            PartyEntry(
                number=number,
                name=f"Party {number}",
                url=self.url(number),
                address=f"127.0.0.{number}",
                identity_key=identity.public.text,
            )
            for number, identity in enumerate(identities, 1)
        ]
        (directory / "cluster.json").write_bytes(Cluster.build(entries)[1])
        for number, identity in enumerate(identities, 1):
            (directory / str(number)).mkdir(mode=0o700)
            identity.write(directory / str(number) / "identity.pem")

    @staticmethod
    def url(number: int) -> str:
        return f"http://127.0.0.{number}:{5000 + number}"

    def environment(self, number: int, front: Front | None = None) -> dict[str, str]:
        keys = self._keys if number == LOGIN_SERVER else self._keys[number - 1 : number]
        supabase = (
            {} if front is None else {"SUPABASE_URL": front.url, "SUPABASE_KEY": front.project.key("service_role")}
        )
        return {
            "PARTY_ID": str(number),
            "CLUSTER_FILE": str(self._directory / "cluster.json"),
            "DATA_DIR": str(self._directory / str(number)),
            "SECRET_KEYS_JWT": ",".join(keys),
            **supabase,
        }

    @asynccontextmanager
    async def party(self, number: int, front: Front | None = None) -> AsyncIterator[tuple[Party, httpx.AsyncClient]]:
        party = await Party.open(load_settings(self.environment(number, front)), SystemClock(), hash_cost=CHEAP)
        transport = httpx.ASGITransport(create_app(party), client=("192.0.2.1", 40_000))
        try:
            async with httpx.AsyncClient(transport=transport, base_url=self.url(number)) as client:
                yield party, client
        finally:
            await party.close()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def code(answer: httpx.Response) -> str:
    assert answer.headers["Content-Type"] == "application/problem+json"
    text: str = answer.json()["code"]
    return text


async def token_for(client: httpx.AsyncClient, url: str, credentials: Mapping[str, str] = ANNA) -> str:
    answer = await client.post("/api/auth/login", json=credentials)
    assert answer.status_code == 200, answer.text
    tokens: dict[str, str] = {one["server"]: one["access_token"] for one in answer.json()["access_tokens"]}
    return tokens[url]


async def is_let_in(client: httpx.AsyncClient, token: str) -> bool:
    answer = await client.get(NO_AUCTION, headers={"Authorization": f"Bearer {token}"})
    return (answer.status_code, code(answer)) == (404, "unknown-auction")


async def test_accounts_are_kept_in_supabase(site: Site, front: Front) -> None:
    async with site.party(LOGIN_SERVER, front) as (_, client), site.party(OTHER) as (_, other):
        registered = await client.post("/api/auth/register", json=ANNA | {"email": "Anna@Example.org"})
        assert registered.status_code == 201
        rows = front.project.server.run('select uid, email, "isAdmin" from public.users')
        assert rows == f"{registered.json()['uid']}|anna@example.org|f"
        assert front.project.server.run("select left(password, 10) from public.users") == "$argon2id$"
        assert await is_let_in(client, await token_for(client, site.url(LOGIN_SERVER)))
        assert await is_let_in(other, await token_for(client, site.url(OTHER)))
        wrong = await client.post("/api/auth/login", json=ANNA | {"password": "eight green bottles"})
        unknown = await client.post("/api/auth/login", json=ANNA | {"email": "bert@example.org"})
        assert (wrong.status_code, code(wrong)) == (401, "wrong-credentials")
        assert wrong.content == unknown.content


async def test_of_two_registrations_at_the_same_instant_one_gets_409(site: Site, front: Front) -> None:
    async with site.party(LOGIN_SERVER, front) as (_, client):
        spellings = (ANNA, ANNA | {"email": "ANNA@example.org"})
        answers = await asyncio.gather(*(client.post("/api/auth/register", json=each) for each in spellings))
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert [code(answer) for answer in answers if answer.status_code == 409] == ["email-taken"]


async def test_an_operator_grants_the_privilege_in_supabase(
    site: Site, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    def grant(email: str) -> Any:
        environment = site.environment(LOGIN_SERVER, front)
        return CliRunner().invoke(build_app("users"), ["users", "grant-admin", email], env=environment)

    async with site.party(LOGIN_SERVER, front) as (_, client):
        too_early = await asyncio.to_thread(grant, ANNA["email"])
        assert too_early.exit_code != 0
        assert "registers first" in too_early.stderr
        await client.post("/api/auth/register", json=ANNA)
        before = await token_for(client, site.url(LOGIN_SERVER))
        assert (await asyncio.to_thread(grant, "Anna@Example.org")).exit_code == 0
        after = await token_for(client, site.url(LOGIN_SERVER))
        for token, status in ((before, 403), (after, 200)):
            answer = await client.get("/api/incidents", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == status


async def test_while_supabase_is_silent_everything_else_goes_on(site: Site, front: Front) -> None:
    async with site.party(LOGIN_SERVER, front) as (_, client), site.party(OTHER) as (_, other):
        await client.post("/api/auth/register", json=ANNA)
        own, for_other = [await token_for(client, site.url(number)) for number in (LOGIN_SERVER, OTHER)]
        front.failure = "silent"
        waiting = [asyncio.create_task(client.post("/api/auth/login", json=ANNA)) for _ in range(5)]
        waiting.append(asyncio.create_task(client.post("/api/auth/register", json=ANNA | {"email": "b@example.org"})))
        await front.waiting.wait()
        for path in ("/api/status", "/api/cluster", "/api/auctions"):
            assert (await client.get(path)).status_code == 200
        assert await is_let_in(client, own)
        assert await is_let_in(other, for_other)
        assert not any(task.done() for task in waiting)
        front.stop()
        for answer in await asyncio.gather(*waiting):
            assert (answer.status_code, code(answer)) == (503, "accounts-unavailable")
            assert int(answer.headers["Retry-After"]) > 0
            assert "anna" not in answer.text


async def test_a_login_server_starts_while_supabase_is_down_and_recovers_with_it(site: Site, front: Front) -> None:
    front.failure = "500"
    async with site.party(LOGIN_SERVER, front) as (_, client):
        for path in ("/api/auth/register", "/api/auth/login"):
            answer = await client.post(path, json=ANNA)
            assert (answer.status_code, code(answer)) == (503, "accounts-unavailable")
        assert (await client.get("/api/status")).status_code == 200
        front.failure = None
        assert (await client.post("/api/auth/register", json=ANNA)).status_code == 201
        assert await is_let_in(client, await token_for(client, site.url(LOGIN_SERVER)))


def test_only_the_login_server_may_know_supabase(site: Site, front: Front) -> None:
    load_settings(site.environment(LOGIN_SERVER, front))
    with pytest.raises(SettingsError, match="SUPABASE_KEY: belongs to the login server"):
        load_settings(site.environment(OTHER, front))


async def test_guessing_stays_slow_after_a_restart(site: Site) -> None:
    for number in range(3):
        async with site.party(LOGIN_SERVER) as (_, client):
            answers = [await client.post("/api/auth/login", json=ANNA) for _ in range(4)]
            expected = [401, 401, 429, 429] if number == 2 else [401] * 4
            assert [answer.status_code for answer in answers] == expected
            if number == 2:
                assert (code(answers[-1]), answers[-1].headers["Retry-After"]) == ("too-many-attempts", "2")


async def test_headers_that_name_another_address_do_not_make_a_guesser_another(site: Site) -> None:
    async with site.party(LOGIN_SERVER) as (_, client):
        statuses = []
        for number in range(12):
            forged = f"198.51.100.{number}"
            headers = {"X-Forwarded-For": forged, "X-Real-IP": forged, "Forwarded": f"for={forged}"}
            statuses.append((await client.post("/api/auth/login", json=ANNA, headers=headers)).status_code)
        assert statuses == [401] * 10 + [429] * 2


class HeldHashes:
    """Stands before the hashing context, holds every hash up until told otherwise, and counts them."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def verify(self, password: str, password_hash: str) -> Any:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self.begun.set()
        assert self.go_on.wait(timeout=60)
        try:
            return self._context.verify(password, password_hash)
        finally:
            with self._lock:
                self._now -= 1

    def needs_update(self, password_hash: str) -> Any:
        return self._context.needs_update(password_hash)


async def test_fifty_log_ins_at_once_hold_up_nobody_else_and_take_bounded_memory(site: Site) -> None:
    """However long hashing takes, and it takes for ever here, other requests are answered."""
    async with site.party(LOGIN_SERVER) as (party, client):
        assert (await client.post("/api/auth/register", json=ANNA)).status_code == 201
        token = await token_for(client, site.url(LOGIN_SERVER))
        assert party.accounts is not None
        hasher = party.accounts._hasher
        held = HeldHashes(hasher._context)
        hasher._context = held
        strangers = [{"email": f"{number}@example.org", "password": "x"} for number in range(25)]
        people = [*[ANNA] * 25, *strangers]
        log_ins = [asyncio.create_task(client.post("/api/auth/login", json=each)) for each in people]
        assert await asyncio.to_thread(held.begun.wait, 60)
        for _ in range(20):
            assert (await client.get("/api/status")).status_code == 200
            assert await is_let_in(client, token)
        assert not any(task.done() for task in log_ins)
        held.go_on.set()
        answers = await asyncio.gather(*log_ins)
        assert [answer.status_code for answer in answers] == [200] * 25 + [401] * 25
        assert held.most <= hasher._threads._max_workers <= 4, "each hash in progress takes 46 MiB"


async def test_a_flood_of_log_ins_is_turned_away_with_the_time_to_come_back(site: Site) -> None:
    async with site.party(LOGIN_SERVER) as (party, client):
        assert party.accounts is not None
        hasher = party.accounts._hasher
        held = HeldHashes(hasher._context)
        hasher._context = held
        people = [{"email": f"{number}@example.org", "password": "x"} for number in range(300)]
        log_ins = [asyncio.create_task(client.post("/api/auth/login", json=each)) for each in people]
        for finished in itertools.islice(asyncio.as_completed(log_ins), 300 - 256):
            answer = await finished
            assert (answer.status_code, code(answer)) == (503, "too-many-logins")
            assert int(answer.headers["Retry-After"]) > 0
        assert (await client.get("/api/status")).status_code == 200
        held.go_on.set()
        answers = await asyncio.gather(*log_ins)
        assert sorted(answer.status_code for answer in answers) == [401] * 256 + [503] * 44
