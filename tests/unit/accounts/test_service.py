import asyncio
import inspect
from collections.abc import Callable
from typing import Protocol

import pytest

from aukciszek.accounts.embedded_users import EmbeddedUserStore
from aukciszek.accounts.errors import (
    AccountsUnavailableError,
    EmailTakenError,
    PasswordPolicyError,
    TooManyAttemptsError,
    TooManyLoginsError,
    WrongCredentialsError,
)
from aukciszek.accounts.passwords import HashCost, PasswordHasher
from aukciszek.accounts.service import Accounts
from aukciszek.accounts.throttle import LoginThrottle
from aukciszek.accounts.tokens import TokenIssuer, TokenVerifier
from aukciszek.accounts.users import StoredUser, User
from aukciszek.clock import Clock
from aukciszek.email_address import MalformedEmailError
from aukciszek.errors import AukciszekError
from aukciszek.secret import Secret

ANNA = "anna@example.org"
PASSWORD = Secret("seven green bottles")
WRONG = Secret("eight green bottles")


def noting(asked: list[str], name: str, work: Callable[..., object]) -> Callable[..., object]:
    def note(*arguments: str) -> object:
        asked.append(name)
        return work(*arguments)

    return note


class MovableClock(Clock, Protocol):
    def pass_time(self, seconds: float) -> None: ...


async def test_who_registers_can_log_in_in_any_spelling_of_the_address(
    accounts: Accounts, token_keys: dict[str, Secret[str]], clock: MovableClock
) -> None:
    registered = await accounts.register("Anna@Example.org", PASSWORD)
    user, tokens = await accounts.log_in("ANNA@example.ORG", PASSWORD)
    assert user == registered
    assert user.email == ANNA
    urls = list(token_keys)
    assert [token.server_url for token in tokens] == urls
    for url, token in zip(urls, tokens, strict=True):
        verifier = TokenVerifier(token_keys[url], url=url, login_server_url=urls[0], clock=clock)
        principal = verifier.verify(token.token)
        assert (principal.uid, principal.email, principal.is_admin) == (user.uid, ANNA, False)


async def test_the_stored_hash_is_not_the_password(accounts: Accounts, store: EmbeddedUserStore) -> None:
    await accounts.register(ANNA, PASSWORD)
    stored = await store.by_email(ANNA)
    assert stored is not None
    assert stored.password_hash.startswith("$argon2id$")
    assert PASSWORD.reveal() not in stored.password_hash


async def test_nobody_becomes_an_administrator_by_registering(accounts: Accounts) -> None:
    assert set(inspect.signature(accounts.register).parameters) == {"email", "password", "origin"}
    assert not (await accounts.register(ANNA, PASSWORD)).is_admin
    assert not (await accounts.log_in(ANNA, PASSWORD))[0].is_admin
    reachable = {name for name in dir(accounts) if not name.startswith("_")}
    assert reachable == {"register", "log_in"}


async def test_a_grant_reaches_the_next_log_in(
    accounts: Accounts, store: EmbeddedUserStore, token_keys: dict[str, Secret[str]], clock: MovableClock
) -> None:
    await accounts.register(ANNA, PASSWORD)
    await store.grant_admin(ANNA)
    user, tokens = await accounts.log_in(ANNA, PASSWORD)
    assert user.is_admin
    urls = list(token_keys)
    verifier = TokenVerifier(token_keys[urls[1]], url=urls[1], login_server_url=urls[0], clock=clock)
    assert verifier.verify(tokens[1].token).is_admin


async def test_an_address_registers_once_even_at_the_same_moment(accounts: Accounts) -> None:
    answers = await asyncio.gather(
        accounts.register(ANNA, PASSWORD), accounts.register("ANNA@example.org", WRONG), return_exceptions=True
    )
    assert sum(isinstance(answer, EmailTakenError) for answer in answers) == 1
    right = PASSWORD if not isinstance(answers[0], BaseException) else WRONG
    await accounts.log_in(ANNA, right)


async def test_registration_asks_for_an_address_and_a_good_password(accounts: Accounts) -> None:
    with pytest.raises(MalformedEmailError):
        await accounts.register("anna", PASSWORD)
    with pytest.raises(PasswordPolicyError):
        await accounts.register(ANNA, Secret("short"))


async def test_unknown_and_wrong_get_the_same_answer_after_the_same_work(
    accounts: Accounts, hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    await accounts.register(ANNA, PASSWORD)
    asked: list[str] = []
    for name in ("verify", "hash"):
        monkeypatch.setattr(hasher._context, name, noting(asked, name, getattr(hasher._context, name)))
    answers = []
    for email, password in [(ANNA, WRONG), ("bert@example.org", PASSWORD), (ANNA, Secret("x" * 5000))]:
        asked.clear()
        with pytest.raises(WrongCredentialsError) as caught:
            await accounts.log_in(email, password)
        assert asked == ["verify"]
        answers.append((type(caught.value), caught.value.message, caught.value.code))
    assert len(set(answers)) == 1


async def test_guessing_becomes_slow_for_known_and_unknown_alike(accounts: Accounts, clock: MovableClock) -> None:
    await accounts.register(ANNA, PASSWORD)
    waits = []
    for email in (ANNA, "bert@example.org"):
        for _ in range(10):
            with pytest.raises(WrongCredentialsError):
                await accounts.log_in(email, WRONG, origin="198.51.100.9")
        with pytest.raises(TooManyAttemptsError) as caught:
            await accounts.log_in(email, PASSWORD, origin="198.51.100.9")
        waits.append(caught.value.retry_after_s)
    assert waits[0] == waits[1] > 0
    await accounts.log_in(ANNA, PASSWORD, origin="192.0.2.1")
    clock.pass_time(waits[0])
    await accounts.log_in(ANNA, PASSWORD, origin="198.51.100.9")


async def test_guesses_sent_all_at_once_are_counted_too(accounts: Accounts) -> None:
    answers = await asyncio.gather(*(accounts.log_in(ANNA, WRONG) for _ in range(30)), return_exceptions=True)
    assert sum(isinstance(answer, WrongCredentialsError) for answer in answers) == 10
    assert sum(isinstance(answer, TooManyAttemptsError) for answer in answers) == 20


async def test_right_passwords_sent_all_at_once_are_no_guesses(accounts: Accounts) -> None:
    await accounts.register(ANNA, PASSWORD)
    answers = await asyncio.gather(*(accounts.log_in(ANNA, PASSWORD) for _ in range(50)))
    assert {user.email for user, _ in answers} == {ANNA}
    for _ in range(10):
        with pytest.raises(WrongCredentialsError):
            await accounts.log_in(ANNA, WRONG)
    with pytest.raises(TooManyAttemptsError):
        await accounts.log_in(ANNA, PASSWORD)


async def test_who_waits_for_others_and_gives_up_leaves_nothing_behind(
    failing: Accounts, failing_store: "FailingStore"
) -> None:
    await failing.register(ANNA, PASSWORD)
    await failing_store.waiting.acquire()
    failing_store.gate.clear()
    attempts = [asyncio.create_task(failing.log_in(ANNA, PASSWORD)) for _ in range(15)]
    for _ in range(10):
        await failing_store.waiting.acquire()
    for attempt in attempts[10:]:
        attempt.cancel()
    failing_store.gate.set()
    answers = await asyncio.gather(*attempts, return_exceptions=True)
    assert [isinstance(answer, asyncio.CancelledError) for answer in answers] == [False] * 10 + [True] * 5
    await failing.log_in(ANNA, PASSWORD)
    assert failing._attempts._concurrent == {}


async def test_an_old_hash_is_renewed_at_the_next_log_in(
    accounts: Accounts, store: EmbeddedUserStore, issuer: TokenIssuer, throttle: LoginThrottle
) -> None:
    await accounts.register(ANNA, PASSWORD)
    before = await store.by_email(ANNA)
    stronger = PasswordHasher(HashCost(memory_kib=16), threads=1)
    renewed = Accounts(store, stronger, issuer, throttle)
    with pytest.raises(WrongCredentialsError):
        await renewed.log_in(ANNA, WRONG)
    assert await store.by_email(ANNA) == before
    await renewed.log_in(ANNA, PASSWORD)
    after = await store.by_email(ANNA)
    assert after is not None
    assert "m=16" in after.password_hash
    await renewed.log_in(ANNA, PASSWORD)
    stronger.close()


async def test_no_error_shows_a_password(accounts: Accounts) -> None:
    hidden = Secret("hidden hidden words")
    for attempt in (
        accounts.register("anna", hidden),
        accounts.log_in(ANNA, hidden),
        accounts.register(ANNA, Secret("hidden")),
    ):
        with pytest.raises(AukciszekError) as caught:
            await attempt
        assert "hidden" not in f"{caught.value!r} {caught.value}"


class FailingStore:
    """Accounts whose place does not answer, as long as a test says so."""

    def __init__(self, store: EmbeddedUserStore) -> None:
        self._store = store
        self.failing: set[str] = set()
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = asyncio.Semaphore(0)

    async def _reach(self, method: str) -> None:
        self.waiting.release()
        await self.gate.wait()
        if method in self.failing:
            raise AccountsUnavailableError("not now")

    async def add(self, email: str, password_hash: str) -> User:
        await self._reach("add")
        return await self._store.add(email, password_hash)

    async def by_email(self, email: str) -> StoredUser | None:
        await self._reach("by_email")
        return await self._store.by_email(email)

    async def replace_hash(self, uid: str, new_hash: str) -> None:
        await self._reach("replace_hash")
        await self._store.replace_hash(uid, new_hash)

    async def grant_admin(self, email: str) -> User:
        return await self._store.grant_admin(email)


@pytest.fixture
def failing_store(store: EmbeddedUserStore) -> FailingStore:
    return FailingStore(store)


@pytest.fixture
def failing(
    failing_store: FailingStore, hasher: PasswordHasher, issuer: TokenIssuer, throttle: LoginThrottle
) -> Accounts:
    return Accounts(failing_store, hasher, issuer, throttle, most_at_once=20)


async def test_an_outage_is_told_and_does_not_count_as_guessing(failing: Accounts, failing_store: FailingStore) -> None:
    await failing.register(ANNA, PASSWORD)
    failing_store.failing = {"by_email", "add"}
    for _ in range(30):
        with pytest.raises(AccountsUnavailableError):
            await failing.log_in(ANNA, PASSWORD)
    with pytest.raises(AccountsUnavailableError):
        await failing.register("bert@example.org", PASSWORD)
    failing_store.failing = set()
    await failing.log_in(ANNA, PASSWORD)


async def test_a_hash_that_cannot_be_renewed_now_keeps_nobody_out(
    failing: Accounts, failing_store: FailingStore, hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    await failing.register(ANNA, PASSWORD)
    failing_store.failing = {"replace_hash"}
    monkeypatch.setattr(hasher, "is_outdated", lambda _hash: True)
    user, tokens = await failing.log_in(ANNA, PASSWORD)
    assert user.email == ANNA
    assert len(tokens) == 5


async def test_no_more_are_let_in_than_can_be_served_and_no_work_is_done_for_the_rest(
    failing: Accounts, failing_store: FailingStore
) -> None:
    failing_store.gate.clear()
    attempts = [asyncio.create_task(failing.log_in(f"{number}@example.org", PASSWORD)) for number in range(20)]
    for _ in range(20):
        await failing_store.waiting.acquire()
    for attempt in (failing.log_in(ANNA, PASSWORD), failing.register(ANNA, PASSWORD)):
        with pytest.raises(TooManyLoginsError, match="try again"):
            await attempt
    assert failing_store.waiting.locked(), "nobody else came this far"
    failing_store.gate.set()
    answers = await asyncio.gather(*attempts, return_exceptions=True)
    assert {type(answer) for answer in answers} == {WrongCredentialsError}
    await failing.register(ANNA, PASSWORD)
    await failing.log_in(ANNA, PASSWORD)


async def test_who_gives_up_waiting_makes_room(failing: Accounts, failing_store: FailingStore) -> None:
    failing_store.gate.clear()
    attempts = [asyncio.create_task(failing.log_in(f"{number}@example.org", PASSWORD)) for number in range(20)]
    for _ in range(20):
        await failing_store.waiting.acquire()
    for attempt in attempts:
        attempt.cancel()
    await asyncio.gather(*attempts, return_exceptions=True)
    failing_store.gate.set()
    await failing.register(ANNA, PASSWORD)


async def test_finding_out_who_has_an_account_by_registering_becomes_slow(accounts: Accounts) -> None:
    await accounts.register(ANNA, PASSWORD)
    for _ in range(100):
        with pytest.raises(EmailTakenError):
            await accounts.register(ANNA, PASSWORD, origin="198.51.100.9")
    for email in (ANNA, "nobody@example.org"):
        with pytest.raises(TooManyAttemptsError):
            await accounts.register(email, PASSWORD, origin="198.51.100.9")
    await accounts.register("bert@example.org", PASSWORD, origin="192.0.2.1")


async def test_trying_one_password_at_many_addresses_becomes_slow_from_that_place(accounts: Accounts) -> None:
    await accounts.register(ANNA, PASSWORD)
    for number in range(100):
        with pytest.raises(WrongCredentialsError):
            await accounts.log_in(f"{number}@example.org", WRONG, origin="198.51.100.9")
    for email in (ANNA, "nobody@example.org"):
        with pytest.raises(TooManyAttemptsError):
            await accounts.log_in(email, PASSWORD, origin="198.51.100.9")
    await accounts.log_in(ANNA, PASSWORD, origin="192.0.2.1")
