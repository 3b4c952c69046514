"""Opens the user store that the settings name: the one module that knows every kind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from aukciszek.accounts.embedded_users import EmbeddedUserStore
from aukciszek.accounts.users import UserStore
from aukciszek.clock import Clock
from aukciszek.secret import Secret
from aukciszek.settings import Settings
from aukciszek.storage.database import Database


@asynccontextmanager
async def open_user_store(settings: Settings, database: Database, clock: Clock) -> AsyncIterator[UserStore]:
    """Return the accounts in Supabase, where ``SUPABASE_URL`` is set, else those in ``database``.

    Nothing is sent to Supabase yet: while it is down, a login server starts and does everything else.
    """
    if settings.supabase_url is None or settings.supabase_key is None:
        yield EmbeddedUserStore(database, clock)
        return
    opened = await asyncio.to_thread(_supabase, settings, settings.supabase_url, settings.supabase_key)
    async with opened as store:
        yield store


def _supabase(settings: Settings, url: str, key: Secret[str]) -> AbstractAsyncContextManager[UserStore]:
    # Importing Supabase's client takes a second, which only its users pay.
    from aukciszek.accounts.supabase_users import SupabaseUserStore  # noqa: PLC0415 -- see above

    return SupabaseUserStore.open(url, key, ca_file=settings.ssl_ca_file)
