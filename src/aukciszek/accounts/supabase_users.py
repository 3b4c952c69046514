"""Accounts in Supabase, through its asynchronous client: ``docs/architecture.md``, "Fixed by the system description".

``supabase/migrations/0001_users.sql`` creates the table; the database itself keeps addresses unique. Every call has a
deadline. When Supabase is slow, down or misconfigured, accounts are unavailable and nothing else fails: tokens that
were issued are verified without it.

Importing Supabase's client takes about a second, so this module is imported only where it is used
(:mod:`aukciszek.accounts.user_stores`).
"""

import asyncio
import logging
import ssl
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Final, Protocol, Self

from httpx import AsyncClient as HttpClient, DecodingError, HTTPError, Limits, Response, Timeout
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from supabase import (
    AsyncClient,
    AsyncClientOptions,
    PostgrestAPIError,
    PostgrestAPIResponse,
    acreate_client,
)

from aukciszek.accounts.errors import AccountsUnavailableError, EmailTakenError, UnknownUserError
from aukciszek.accounts.users import ADDRESS_TAKEN, NO_SUCH_ADDRESS, NO_SUCH_NUMBER, StoredUser, User
from aukciszek.secret import Secret

DEADLINE_S: Final = 5.0
"""How long one call may take in all, and so how long a user waits for the answer that accounts are unavailable."""

_TABLE: Final = "users"
_COLUMNS: Final = "uid,email,password,isAdmin"
_MOST_CONNECTIONS: Final = 16
_UNIQUE_VIOLATION: Final = "23505"
"""PostgreSQL's code; only the address and the number are unique, and numbers are random."""

_log = logging.getLogger(__name__)


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    uid: uuid.UUID
    email: str
    password: str
    is_admin: Annotated[bool, Field(alias="isAdmin", strict=True)]

    @property
    def user(self) -> User:
        return User(str(self.uid), self.email, self.is_admin)


_ROWS: Final = TypeAdapter(list[_Row])


class _Query(Protocol):
    async def execute(self) -> PostgrestAPIResponse: ...


class SupabaseUserStore:
    """A :class:`~aukciszek.accounts.users.UserStore` on Supabase's table ``users``. Create one with :meth:`open`.

    Every method also raises :class:`~aukciszek.accounts.errors.AccountsUnavailableError`.
    """

    def __init__(self, client: AsyncClient, deadline_s: float = DEADLINE_S) -> None:
        self._client = client
        self._deadline_s = deadline_s

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, service_key: Secret[str], *, ca_file: Path | None = None, deadline_s: float = DEADLINE_S
    ) -> AsyncIterator[Self]:
        """Open a store on the Supabase project at ``url``; nothing is sent yet, so it may be down.

        Args:
            url: the project's URL.
            service_key: the key that bypasses row-level security.
            ca_file: authorities to trust in addition to the machine's own.
            deadline_s: how long one call may take.
        """
        # It logs every URL, and here a URL contains a user's address.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        trusted = ssl.create_default_context()
        if ca_file is not None:
            trusted.load_verify_locations(ca_file)
        async with HttpClient(
            verify=trusted,
            timeout=Timeout(deadline_s),
            limits=Limits(max_connections=_MOST_CONNECTIONS),
            # The service key is sent to this host alone: through no proxy, along no redirect.
            trust_env=False,
            follow_redirects=False,
            event_hooks={"response": [_refuse_empty]},
        ) as http:
            options = AsyncClientOptions(httpx_client=http, auto_refresh_token=False, persist_session=False)
            yield cls(await acreate_client(url, service_key.reveal(), options), deadline_s)

    async def add(self, email: str, password_hash: str) -> User:
        """Create an account without privileges.

        Raises:
            EmailTakenError: the address has an account; also when two are made at the same moment.
        """
        values = {"email": email.lower(), "password": password_hash}
        rows = await self._ask(self._client.table(_TABLE).insert(values))
        if not rows:
            raise _unavailable("an account that was added did not come back")
        return rows[0].user

    async def by_email(self, email: str) -> StoredUser | None:
        """Return the account of an address, if there is one."""
        rows = await self._ask(self._client.table(_TABLE).select(_COLUMNS).eq("email", email.lower()).limit(1))
        return StoredUser(rows[0].user, rows[0].password) if rows else None

    async def replace_hash(self, uid: str, new_hash: str) -> None:
        """Store the hash of the same password made with newer parameters.

        Raises:
            UnknownUserError: there is no such account.
        """
        change = self._client.table(_TABLE).update({"password": new_hash})
        if not _is_uuid(uid) or not await self._ask(change.eq("uid", uid)):
            raise UnknownUserError(NO_SUCH_NUMBER)

    async def grant_admin(self, email: str) -> User:
        """Let an account create auctions.

        Raises:
            UnknownUserError: the address has no account.
        """
        rows = await self._ask(self._client.table(_TABLE).update({"isAdmin": True}).eq("email", email.lower()))
        if not rows:
            raise UnknownUserError(NO_SUCH_ADDRESS)
        return rows[0].user

    async def _ask(self, query: _Query) -> list[_Row]:
        try:
            async with asyncio.timeout(self._deadline_s):
                answer = await query.execute()
            return _ROWS.validate_python(answer.data)
        except PostgrestAPIError as error:
            if error.code == _UNIQUE_VIOLATION:
                raise EmailTakenError(ADDRESS_TAKEN) from None
            # Its text and details may quote the row, so they are omitted.
            code = str(error.code)[:16]
            raise _unavailable(f"it refused with code {code!r}; is SUPABASE_KEY the service key?") from None
        except (HTTPError, TimeoutError, ValidationError) as error:
            raise _unavailable(type(error).__name__) from None


async def _refuse_empty(response: Response) -> None:
    """Refuse an empty answer, which Supabase's client takes for one without rows: for an unknown address."""
    if response.is_success and not await response.aread():
        raise DecodingError("an answer without content")


def _unavailable(reason: str) -> AccountsUnavailableError:
    _log.error("Supabase cannot be used: %s", reason)
    return AccountsUnavailableError(
        "accounts cannot be reached now: try again in a minute; users who are logged in are not affected"
    )


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
