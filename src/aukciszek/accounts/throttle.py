"""Slows down guessing (NIST SP 800-63B-4, section 3.2.2); the counts survive a restart.

``docs/adr/0008-guessing-is-slowed-down-not-locked-out.md``. Wrong passwords count against three limits:

- for an address *from one network*: ten are free, then each doubles the wait, up to a quarter of an hour;
- for the network alone: a hundred in an hour for any addresses, then one every 36 seconds;
- for the address alone: a hundred in a day from any networks. From then on a network that is new to the address waits
  a quarter of an hour and then has one attempt, however many others are guessing.

A network from which the address has logged in within 90 days is subject to the first limit alone. So guesses from
elsewhere never lock a user out of a known network, and delay them by a quarter of an hour on a new one. Addresses with
and without an account are treated alike, so that no wait discloses which it is. A network is an IPv4 address, or the
/64 network of an IPv6 address.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from aukciszek.accounts.errors import TooManyAttemptsError
from aukciszek.clock import Clock
from aukciszek.storage.repositories.logins import Changes, LoginMarkRepository, Marks
from aukciszek.storage.rows import LoginMarkRow

FREE_ATTEMPTS: Final = 10
_FIRST_WAIT_S: Final = 2.0
LONGEST_WAIT_S: Final = 15 * 60.0
_FORGOTTEN_AFTER_S: Final = 24 * 60 * 60.0
_KNOWN_FOR_S: Final = 90 * 24 * 60 * 60.0
_LARGEST_STEP_BACK: Final = timedelta(minutes=1)
"""A mark from further in the future was made while the clock was wrong, and is ignored."""
MOST_MARKS: Final = 200_000
_TIDIED_EVERY: Final = 256


@dataclass(frozen=True, slots=True)
class _Limit:
    """A number of wrong passwords in a period; they are forgotten one by one, evenly."""

    capacity: int
    period_s: float

    def level(self, mark: LoginMarkRow | None, now: datetime) -> float:
        if mark is None:
            return 0.0
        return max(0.0, mark.level - _elapsed_s(mark, now) * self.capacity / self.period_s)

    def wait_s(self, mark: LoginMarkRow | None, now: datetime) -> float:
        """Return how long it takes until one more is allowed."""
        return max(0.0, self.level(mark, now) + 1 - self.capacity) * self.period_s / self.capacity

    def one_more(self, key: str, mark: LoginMarkRow | None, now: datetime) -> LoginMarkRow:
        return _mark(key, self.level(mark, now) + 1, now, self.period_s * 2)


FROM_NETWORK: Final = _Limit(100, 60 * 60.0)
FOR_ADDRESS: Final = _Limit(100, 24 * 60 * 60.0)


class LoginThrottle:
    """Counts wrong passwords, and determines when the next attempt is allowed.

    An attempt begins with :meth:`begin` and ends with one of :meth:`failed`, :meth:`succeeded` and :meth:`take_back`.
    """

    def __init__(self, marks: LoginMarkRepository, clock: Clock, *, most_marks: int = MOST_MARKS) -> None:
        self._marks = marks
        self._clock = clock
        self._most_marks = most_marks
        self._begun = 0

    async def begin(self, email: str, origin: str) -> None:
        """Count an attempt as wrong until it ends otherwise, so that concurrent ones all count.

        Raises:
            TooManyAttemptsError: it comes too early and is not counted; with the seconds to wait.
        """
        now = self._clock.now()
        if self._begun % _TIDIED_EVERY == 0:
            await self._marks.tidy(now, most=self._most_marks)
        self._begun += 1
        attempt = _Attempt.of(email, origin)
        _refuse(await self._marks.change(attempt.keys, now, lambda marks: attempt.admit(_sound(marks, now), now)))

    async def failed(self, email: str, origin: str) -> None:
        """Count a wrong password against the network and the address, in addition to what :meth:`begin` counted."""
        now, attempt = self._clock.now(), _Attempt.of(email, origin)

        def decide(marks: Marks) -> tuple[None, Changes]:
            return None, {
                attempt.network: FROM_NETWORK.one_more(attempt.network, marks.get(attempt.network), now),
                attempt.address: FOR_ADDRESS.one_more(attempt.address, marks.get(attempt.address), now),
            }

        await self._marks.change((attempt.network, attempt.address), now, decide)

    async def succeeded(self, email: str, origin: str) -> None:
        """Forget the wrong passwords for this address from this network, which is known from now on."""
        now, attempt = self._clock.now(), _Attempt.of(email, origin)
        changes = {attempt.pair: None, attempt.turn: None, attempt.known: _mark(attempt.known, 0, now, _KNOWN_FOR_S)}
        await self._marks.change((), now, lambda _: (None, changes))

    async def take_back(self, email: str, origin: str) -> None:
        """Uncount an attempt whose password was never checked."""
        now, attempt = self._clock.now(), _Attempt.of(email, origin)

        def decide(marks: Marks) -> tuple[None, Changes]:
            mark = marks.get(attempt.pair)
            if mark is None or mark.level <= 1:
                return None, {attempt.pair: None}
            return None, {attempt.pair: _mark(attempt.pair, mark.level - 1, mark.at, _FORGOTTEN_AFTER_S)}

        await self._marks.change((attempt.pair,), now, decide)

    async def check_network(self, origin: str) -> None:
        """Refuse a registration from a network that has made too many wrong attempts.

        Raises:
            TooManyAttemptsError: with the seconds to wait.
        """
        now, key = self._clock.now(), _network_key(origin)
        _refuse(
            await self._marks.change(
                (key,), now, lambda marks: (FROM_NETWORK.wait_s(_sound(marks, now).get(key), now), {})
            )
        )

    async def found_taken(self, origin: str) -> None:
        """Count a registration of an address that is taken: trying many would reveal who has an account."""
        now, key = self._clock.now(), _network_key(origin)
        await self._marks.change(
            (key,), now, lambda marks: (None, {key: FROM_NETWORK.one_more(key, marks.get(key), now)})
        )


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The keys of the marks that one attempt to log in is judged by."""

    pair: str
    """How many wrong passwords there were for this address from this network, and when the last one was."""
    network: str
    address: str
    known: str
    """Present where the address has logged in from this network."""
    turn: str
    """Since when this network waits for its attempt at an address under attack."""

    @classmethod
    def of(cls, email: str, origin: str) -> "_Attempt":
        network = _network_of(origin)
        return cls(
            pair=_key("pair", email, network),
            network=_network_key(origin),
            address=_key("address", email),
            known=_key("known", email, network),
            turn=_key("turn", email, network),
        )

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.pair, self.network, self.address, self.known, self.turn)

    def admit(self, marks: Marks, now: datetime) -> tuple[float, Changes]:
        """Return how long the attempt has to wait (0: go on), and the marks to store."""
        pair = marks.get(self.pair)
        failures = 0.0 if pair is None else pair.level
        wait_s = 0.0 if pair is None else _wait_s(failures) - _elapsed_s(pair, now)
        changes: dict[str, LoginMarkRow | None] = {}
        if self.known not in marks:
            wait_s = max(wait_s, FROM_NETWORK.wait_s(marks.get(self.network), now))
            if wait_s <= 0 and FOR_ADDRESS.wait_s(marks.get(self.address), now) > 0:
                wait_s, changes = self._take_turn(marks, now)
        if wait_s <= 0:
            changes[self.pair] = _mark(self.pair, failures + 1, now, _FORGOTTEN_AFTER_S)
        return max(0.0, wait_s), changes

    def _take_turn(self, marks: Marks, now: datetime) -> tuple[float, dict[str, LoginMarkRow | None]]:
        turn = marks.get(self.turn)
        if turn is None:
            return LONGEST_WAIT_S, {self.turn: _mark(self.turn, 0, now, 2 * LONGEST_WAIT_S)}
        wait_s = LONGEST_WAIT_S - _elapsed_s(turn, now)
        return (wait_s, {}) if wait_s > 0 else (0.0, {self.turn: None})


def _refuse(wait_s: float) -> None:
    left_s = ceil(wait_s)
    if left_s > 0:
        raise TooManyAttemptsError(f"too many wrong attempts: try again in {left_s} seconds", retry_after_s=left_s)


def _wait_s(failures: float) -> float:
    if failures < FREE_ATTEMPTS:
        return 0.0
    doublings = min(int(failures) - FREE_ATTEMPTS, 16)
    return min(_FIRST_WAIT_S * (1 << doublings), LONGEST_WAIT_S)


def _elapsed_s(mark: LoginMarkRow, now: datetime) -> float:
    return max(0.0, (now - mark.at).total_seconds())


def _sound(marks: Marks, now: datetime) -> Marks:
    return {key: mark for key, mark in marks.items() if mark.at <= now + _LARGEST_STEP_BACK}


def _mark(key: str, level: float, now: datetime, lasts_s: float) -> LoginMarkRow:
    return LoginMarkRow(key=key, level=level, at=now, expires_at=now + timedelta(seconds=lasts_s))


def _network_of(origin: str) -> str:
    try:
        address = ipaddress.ip_address(origin.partition("%")[0])
    except ValueError:
        return origin
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(address), 64), strict=False))
    return str(address)


def _network_key(origin: str) -> str:
    return _key("network", _network_of(origin))


def _key(*parts: str) -> str:
    return hashlib.sha256("\n".join(("aukciszek log-in mark", *parts)).encode()).hexdigest()
