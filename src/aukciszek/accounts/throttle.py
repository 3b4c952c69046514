"""Slows down guessing: wrong passwords for one address make it wait (NIST SP 800-63B-4, section 3.2.2).

They count for the place that they come from: whoever guesses elsewhere cannot lock a bidder out before the close.
E-mail addresses with and without an account are treated alike, so that the wait says nothing about which it is. Counts
live in memory and are bounded; a restart forgives, which a guesser cannot bring about.
"""

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from typing import Final

from aukciszek.accounts.errors import TooManyAttemptsError
from aukciszek.clock import Clock

_FREE_ATTEMPTS: Final = 10
_FIRST_WAIT_S: Final = 2.0
_LONGEST_WAIT_S: Final = 15 * 60.0
_FORGOTTEN_AFTER_S: Final = 24 * 60 * 60.0
_MOST_PAIRS: Final = 100_000


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    last_s: float


class LoginThrottle:
    """Counts wrong passwords for each pair of e-mail address and origin."""

    def __init__(self, clock: Clock, *, most_pairs: int = _MOST_PAIRS) -> None:
        self._clock = clock
        self._most_pairs = most_pairs
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def begin(self, email: str, origin: str) -> None:
        """Count an attempt as wrong until :meth:`forgive` says otherwise, so that many at once count as many.

        The wait doubles with every wrong password after the tenth, up to a quarter of an hour.

        Raises:
            TooManyAttemptsError: it comes too early, and is not counted; with the seconds to wait.
        """
        now_s = self._clock.monotonic_s()
        failures = self._failures.pop((email, origin), None)
        if failures is None or now_s - failures.last_s > _FORGOTTEN_AFTER_S:
            failures = _Failures(0, now_s)
        left_s = ceil(failures.last_s + _wait_s(failures.count) - now_s)
        if left_s <= 0:
            failures = _Failures(failures.count + 1, now_s)
        self._failures[email, origin] = failures
        while len(self._failures) > self._most_pairs:
            self._failures.popitem(last=False)
        if left_s > 0:
            raise TooManyAttemptsError(
                f"too many wrong passwords for this address: try again in {left_s} seconds", retry_after_s=left_s
            )

    def forgive(self, email: str, origin: str) -> None:
        """Forget wrong passwords after a right one."""
        self._failures.pop((email, origin), None)


def _wait_s(count: int) -> float:
    if count < _FREE_ATTEMPTS:
        return 0.0
    return min(_FIRST_WAIT_S * 2.0 ** min(count - _FREE_ATTEMPTS, 16), _LONGEST_WAIT_S)
