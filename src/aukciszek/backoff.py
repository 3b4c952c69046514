"""Pauses between attempts: each is twice as long as the one before, up to a limit."""

import math
import random

from aukciszek.clock import Clock

_SHORTEST_PART = 0.5
"""A pause with jitter is at least this part of its full length."""


class Backoff:
    """The pauses of one series of attempts.

    Without jitter the series is deterministic: ``first_s``, ``2 * first_s``, ``4 * first_s``, ... and from there on
    ``longest_s``.
    """

    def __init__(
        self, clock: Clock, *, first_s: float, longest_s: float = math.inf, jitter: random.Random | None = None
    ) -> None:
        """Begin a series.

        Args:
            clock: what the pauses are measured by.
            first_s: the first pause.
            longest_s: no pause is longer.
            jitter: shortens each pause by up to a half, at random, so that many who failed together do not try again
                together.
        """
        self._clock = clock
        self._first_s = first_s
        self._longest_s = longest_s
        self._jitter = jitter
        self._next_s = first_s

    def next_s(self) -> float:
        """Return the length of the next pause in seconds, for a caller that waits for something else meanwhile."""
        pause_s = min(self._next_s, self._longest_s)
        self._next_s = min(2 * pause_s, self._longest_s)
        return pause_s if self._jitter is None else pause_s * self._jitter.uniform(_SHORTEST_PART, 1.0)

    async def pause(self, *, at_most_s: float = math.inf) -> None:
        """Sleep until the next attempt is due, but no longer than ``at_most_s``."""
        await self._clock.sleep(min(self.next_s(), at_most_s))

    def reset(self) -> None:
        """Begin again with the first pause: an attempt succeeded."""
        self._next_s = self._first_s
