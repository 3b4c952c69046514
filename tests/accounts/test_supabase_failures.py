"""Supabase slow, down, or not what it should be: the caller learns it in time, and nothing is given away."""

import asyncio
import logging

import pytest

from aukciszek.accounts.errors import AccountsUnavailableError, EmailTakenError
from aukciszek.accounts.supabase_users import SupabaseUserStore
from aukciszek.secret import Secret
from support.supabase import Front

ANNA = "anna@example.org"
HASH = "$argon2id$v=19$m=47104,t=1,p=1$c29tZXNhbHQ$aGFzaA"
KEY = Secret("service-key-that-nobody-may-see")


@pytest.mark.parametrize(
    "failure", ["silent", "hang-up", "empty", "not-json", "moved", "401", "404", "429", "500", "503"]
)
async def test_whatever_is_wrong_accounts_are_unavailable_and_come_back(
    front: Front, failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = Secret(front.project.key("service_role"))
    async with SupabaseUserStore.open(front.url, key, deadline_s=0.3) as store:
        front.failure = failure
        for call in (store.by_email(ANNA), store.add(ANNA, HASH), store.grant_admin(ANNA)):
            with pytest.raises(AccountsUnavailableError, match="try again") as caught:
                await call
            assert caught.value.__cause__ is None
            assert ANNA not in caught.value.message
        front.failure = None
        await store.add(ANNA, HASH)
        with pytest.raises(EmailTakenError):
            await store.add(ANNA, HASH)
    assert not any(hidden in caplog.text for hidden in (ANNA, HASH, key.reveal()))


async def test_nobody_listening_is_an_outage_too() -> None:
    unused = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    host, port = unused.sockets[0].getsockname()
    unused.close()
    await unused.wait_closed()
    async with SupabaseUserStore.open(f"http://{host}:{port}", KEY, deadline_s=0.3) as store:
        with pytest.raises(AccountsUnavailableError):
            await store.by_email(ANNA)


async def test_a_redirect_is_not_followed_so_the_key_goes_nowhere_else(front: Front) -> None:
    async with SupabaseUserStore.open(front.url, KEY) as store:
        front.failure = "moved"
        with pytest.raises(AccountsUnavailableError):
            await store.by_email(ANNA)
    assert front.asked == ["GET /rest/v1/users"]


async def test_others_do_not_wait_for_who_waits_for_supabase(front: Front) -> None:
    front.failure = "silent"
    async with SupabaseUserStore.open(front.url, KEY, deadline_s=60) as store:
        waiting = asyncio.create_task(store.by_email(ANNA))
        await front.waiting.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_the_client_shows_neither_addresses_nor_the_key(
    front: Front, supabase_store: SupabaseUserStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await supabase_store.add(ANNA, HASH)
    await supabase_store.by_email(ANNA)
    shown = f"{caplog.text} {supabase_store!r}"
    assert not any(hidden in shown for hidden in ("anna", "argon2", front.project.key("service_role")))
