import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from aukciszek.accounts.errors import TooManyLoginsError
from aukciszek.accounts.passwords import HashCost, PasswordHasher
from aukciszek.secret import Secret

PASSWORD = Secret("seven green bottles")


class Observed:
    """Stands before the hashing context and writes down what is asked of it, and in which thread."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self.verified: list[str] = []
        self.threads: set[int] = set()
        self.at_once = 0
        self.most_at_once = 0
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self._lock = threading.Lock()

    def _observe(self, work: Callable[[], Any]) -> Any:
        with self._lock:
            self.threads.add(threading.get_ident())
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.entered.release()
        assert self.gate.wait(timeout=30)
        try:
            return work()
        finally:
            with self._lock:
                self.at_once -= 1

    def hash(self, password: str) -> Any:
        return self._observe(lambda: self._context.hash(password))

    def verify(self, password: str, password_hash: str) -> Any:
        self.verified.append(password_hash)
        return self._observe(lambda: self._context.verify(password, password_hash))

    def needs_update(self, password_hash: str) -> Any:
        return self._context.needs_update(password_hash)


@pytest.fixture
def observed(hasher: PasswordHasher) -> Observed:
    observed = Observed(hasher._context)
    hasher._context = observed
    return observed


async def test_a_hash_verifies_its_password_alone(hasher: PasswordHasher) -> None:
    password_hash = await hasher.hash(PASSWORD)
    assert await hasher.verify(PASSWORD, password_hash)
    assert not await hasher.verify(Secret("seven green bottle"), password_hash)
    assert not await hasher.verify(Secret(""), password_hash)
    assert not await hasher.verify(PASSWORD, None)


async def test_two_hashes_of_one_password_differ(hasher: PasswordHasher) -> None:
    assert await hasher.hash(PASSWORD) != await hasher.hash(PASSWORD)


async def test_the_parameters_are_those_of_owasp_or_stronger() -> None:
    hasher = PasswordHasher(threads=1)
    password_hash = await hasher.hash(PASSWORD)
    hasher.close()
    kind, version, parameters = password_hash.split("$")[1:4]
    values = {name: int(value) for name, value in (each.split("=") for each in parameters.split(","))}
    assert (kind, version) == ("argon2id", "v=19")
    # The pairs of memory and passes in OWASP's Password Storage Cheat Sheet.
    enough = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)]
    assert any(values["m"] >= memory_kib and values["t"] >= passes for memory_kib, passes in enough)
    assert values["p"] == 1


async def test_one_spelling_of_a_password_is_as_good_as_another(hasher: PasswordHasher) -> None:
    password_hash = await hasher.hash(Secret("zażółć gęślą jaźń"))
    assert await hasher.verify(
        Secret("zaz\u0307o\u0301łc\u0301 ge\u0328s\u0301la\u0328 jaz\u0301n\u0301"), password_hash
    )


@pytest.mark.parametrize("impossible", ["x" * 257, "x" * 1_000_000, "seven\x00green bottles", "seven \ud800 bottles"])
async def test_an_impossible_password_costs_the_same_and_is_wrong(
    hasher: PasswordHasher, observed: Observed, impossible: str
) -> None:
    password_hash = await hasher.hash(PASSWORD)
    assert not await hasher.verify(Secret(impossible), password_hash)
    assert len(observed.verified) == 1


async def test_every_verification_computes_one_hash_of_equal_cost(hasher: PasswordHasher, observed: Observed) -> None:
    password_hash = await hasher.hash(PASSWORD)
    attempts = [(PASSWORD, password_hash), (Secret("wrong"), password_hash), (PASSWORD, None), (Secret(""), None)]
    for password, compared in attempts:
        await hasher.verify(password, compared)
    assert len(observed.verified) == len(attempts)
    assert {each.rsplit("$", 2)[0] for each in observed.verified} == {password_hash.rsplit("$", 2)[0]}


async def test_nobody_can_log_in_with_the_decoy_hash(hasher: PasswordHasher) -> None:
    hasher._decoy_hash = await hasher.hash(PASSWORD)
    assert not await hasher.verify(PASSWORD, None)


async def test_hashing_leaves_the_event_loop_free_and_is_bounded(hasher: PasswordHasher, observed: Observed) -> None:
    observed.gate.clear()
    waiting = [asyncio.create_task(hasher.hash(PASSWORD)) for _ in range(6)]
    # While every thread is held up, the loop still runs: these waits themselves go through it.
    for _ in range(2):
        assert await asyncio.to_thread(observed.entered.acquire, timeout=30)
    assert not any(task.done() for task in waiting)
    observed.gate.set()
    assert len(set(await asyncio.gather(*waiting))) == 6
    assert observed.most_at_once == 2
    assert threading.get_ident() not in observed.threads
    assert len(observed.threads) == 2


async def test_a_flood_is_turned_away_and_the_server_recovers() -> None:
    hasher = PasswordHasher(HashCost(memory_kib=8), threads=1, most_waiting=2)
    observed = Observed(hasher._context)
    hasher._context = observed
    observed.gate.clear()
    accepted = [asyncio.create_task(hasher.hash(PASSWORD)) for _ in range(3)]
    assert await asyncio.to_thread(observed.entered.acquire, timeout=30)
    with pytest.raises(TooManyLoginsError, match="try again"):
        await hasher.hash(PASSWORD)
    observed.gate.set()
    await asyncio.gather(*accepted)
    assert await hasher.verify(PASSWORD, await hasher.hash(PASSWORD))
    hasher.close()


async def test_a_caller_who_hangs_up_gives_the_place_back() -> None:
    hasher = PasswordHasher(HashCost(memory_kib=8), threads=1, most_waiting=1)
    observed = Observed(hasher._context)
    hasher._context = observed
    observed.gate.clear()
    at_work = asyncio.create_task(hasher.hash(PASSWORD))
    assert await asyncio.to_thread(observed.entered.acquire, timeout=30)
    in_queue = asyncio.create_task(hasher.hash(PASSWORD))
    await asyncio.sleep(0)
    for task in (at_work, in_queue):
        task.cancel()
    await asyncio.gather(at_work, in_queue, return_exceptions=True)
    replacement = asyncio.create_task(hasher.hash(PASSWORD))
    observed.gate.set()
    assert await replacement
    hasher.close()


async def test_a_closed_hasher_says_so_and_keeps_no_place(hasher: PasswordHasher) -> None:
    hasher.close()
    for _ in range(300):
        with pytest.raises(RuntimeError, match="shutdown"):
            await hasher.hash(PASSWORD)


async def test_hashes_with_other_parameters_are_outdated(hasher: PasswordHasher) -> None:
    password_hash = await hasher.hash(PASSWORD)
    assert not hasher.is_outdated(password_hash)
    stronger = PasswordHasher(HashCost(memory_kib=16), threads=1)
    assert stronger.is_outdated(password_hash)
    assert await stronger.verify(PASSWORD, password_hash)
    stronger.close()
