"""A clock that stands still, cheap hashes, and the accounts of a login server."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aukciszek.accounts.embedded_users import EmbeddedUserStore
from aukciszek.accounts.passwords import HashCost, PasswordHasher
from aukciszek.accounts.service import Accounts
from aukciszek.accounts.throttle import LoginThrottle
from aukciszek.accounts.tokens import TokenIssuer
from aukciszek.secret import Secret
from aukciszek.storage.database import Database
from aukciszek.storage.repositories.logins import LoginMarkRepository


class StandingClock:
    """Moves only when a test moves it."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic_s(self) -> float:
        return self.moment.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def hasher() -> Iterator[PasswordHasher]:
    hasher = PasswordHasher(HashCost(memory_kib=8, passes=1), threads=2)
    yield hasher
    hasher.close()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(f"sqlite:///{tmp_path / 'login.db'}")
    yield database
    await database.close()


@pytest.fixture
def store(database: Database, clock: StandingClock) -> EmbeddedUserStore:
    return EmbeddedUserStore(database, clock)


@pytest.fixture
def throttle(database: Database, clock: StandingClock) -> LoginThrottle:
    return LoginThrottle(LoginMarkRepository(database), clock)


URLS = [f"https://party{number}.example.org" for number in range(1, 6)]


@pytest.fixture
def token_keys() -> dict[str, Secret[str]]:
    return {url: Secret(f"token-key-for-{url}-nobody-sees") for url in URLS}


@pytest.fixture
def issuer(token_keys: dict[str, Secret[str]], clock: StandingClock) -> TokenIssuer:
    return TokenIssuer(token_keys, login_server_url=URLS[0], lifetime=timedelta(hours=1), clock=clock)


@pytest.fixture
def accounts(
    store: EmbeddedUserStore, hasher: PasswordHasher, issuer: TokenIssuer, throttle: LoginThrottle
) -> Accounts:
    return Accounts(store, hasher, issuer, throttle)
