"""Password hashes: argon2id, off the event loop, a few at a time.

Parameters as OWASP's Password Storage Cheat Sheet recommends them (46 MiB, one pass, one lane). A verification takes
about 50 ms of one core, so a few threads bound both processor time and memory, and a bounded queue refuses a flood of
log-ins.

The same work is done for an address without an account as for one with: see :meth:`PasswordHasher.verify`.
"""

import asyncio
import os
import secrets
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from passlib.context import CryptContext
from passlib.handlers.argon2 import argon2

from aukciszek.accounts.errors import TooManyLoginsError
from aukciszek.accounts.password_policy import is_usable, prepare
from aukciszek.secret import Secret

_MOST_THREADS: Final = 4
_MOST_WAITING: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class HashCost:
    """The cost of computing one hash."""

    memory_kib: int = 47_104
    passes: int = 1
    lanes: int = 1


class PasswordHasher:
    """Hashes and verifies passwords without blocking the event loop. Call :meth:`close` at the end."""

    def __init__(
        self, cost: HashCost | None = None, *, threads: int | None = None, most_waiting: int = _MOST_WAITING
    ) -> None:
        cost = cost or HashCost()
        _load_argon2()
        self._context = CryptContext(
            schemes=["argon2"],
            argon2__type="ID",
            argon2__memory_cost=cost.memory_kib,
            argon2__time_cost=cost.passes,
            argon2__parallelism=cost.lanes,
        )
        count = threads or min(_MOST_THREADS, os.process_cpu_count() or 1)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="passwords")
        self._slots = threading.BoundedSemaphore(count + most_waiting)
        self._decoy_hash: str = self._context.hash(secrets.token_urlsafe(16))

    async def hash(self, password: Secret[str], *, check: Callable[[], None] | None = None) -> str:
        """Return a salted hash in the PHC string format.

        Args:
            password: what is hashed.
            check: called beforehand, in the same thread; what it raises is raised here.

        Raises:
            TooManyLoginsError: too many passwords are waiting already.
        """
        prepared = prepare(password.reveal())

        def work() -> str:
            if check is not None:
                check()
            hashed: str = self._context.hash(prepared)
            return hashed

        return await self._in_thread(work)

    async def verify(self, password: Secret[str], password_hash: str | None) -> bool:
        """Return whether ``password_hash`` was made from ``password``.

        Every call computes exactly one verification: without a hash (no account has the address) or for an unusable
        password, against the hash of a random password, whose result is discarded.

        Raises:
            TooManyLoginsError: too many passwords are waiting already.
        """
        usable = is_usable(password.reveal())
        prepared = prepare(password.reveal()) if usable else ""
        compared = password_hash if usable and password_hash is not None else self._decoy_hash
        matches: bool = await self._in_thread(lambda: self._context.verify(prepared, compared))
        return matches and compared == password_hash

    def is_outdated(self, password_hash: str) -> bool:
        """Return whether a hash was made with other parameters than the current ones."""
        return bool(self._context.needs_update(password_hash))

    def close(self) -> None:
        """End the threads; waiting work is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_thread[Result](self, work: Callable[[], Result]) -> Result:
        if not self._slots.acquire(blocking=False):
            raise TooManyLoginsError("many users are logging in: try again in a few seconds")
        try:
            future = self._threads.submit(work)
        except RuntimeError:
            self._slots.release()
            raise
        # Freed when the work ends, not when the caller stops waiting: disconnecting does not free a slot early.
        future.add_done_callback(lambda _: self._slots.release())
        return await asyncio.wrap_future(future)


def _load_argon2() -> None:
    with warnings.catch_warnings():
        # passlib 1.7.4, its last release, uses a deprecated attribute of argon2-cffi.
        warnings.filterwarnings("ignore", r"Accessing argon2\.__version__ is deprecated", DeprecationWarning)
        argon2.set_backend("argon2_cffi")
