from typing import Protocol

import pytest

from aukciszek.accounts.errors import TooManyAttemptsError
from aukciszek.accounts.throttle import LoginThrottle
from aukciszek.clock import Clock

ANNA = "anna@example.org"
HERE = "192.0.2.1"


class MovableClock(Clock, Protocol):
    def pass_time(self, seconds: float) -> None: ...


def wait_of_next(throttle: LoginThrottle, email: str = ANNA, origin: str = HERE) -> int:
    with pytest.raises(TooManyAttemptsError) as caught:
        throttle.begin(email, origin)
    assert str(caught.value.retry_after_s) in caught.value.message
    return caught.value.retry_after_s


def test_ten_attempts_are_free_and_then_the_wait_doubles(clock: MovableClock) -> None:
    throttle = LoginThrottle(clock)
    for _ in range(10):
        throttle.begin(ANNA, HERE)
    waits = []
    for _ in range(12):
        waits.append(wait_of_next(throttle))
        clock.pass_time(waits[-1] - 1)
        assert wait_of_next(throttle) == 1
        clock.pass_time(1)
        throttle.begin(ANNA, HERE)
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_a_right_password_forgives(clock: MovableClock) -> None:
    throttle = LoginThrottle(clock)
    for _ in range(10):
        throttle.begin(ANNA, HERE)
    throttle.forgive(ANNA, HERE)
    throttle.begin(ANNA, HERE)
    throttle.forgive("nobody@example.org", HERE)


def test_a_guesser_elsewhere_locks_nobody_out(clock: MovableClock) -> None:
    throttle = LoginThrottle(clock)
    for _ in range(10):
        throttle.begin(ANNA, "198.51.100.9")
    wait_of_next(throttle, ANNA, "198.51.100.9")
    throttle.begin(ANNA, HERE)
    throttle.begin("bert@example.org", "198.51.100.9")


def test_old_failures_are_forgotten(clock: MovableClock) -> None:
    throttle = LoginThrottle(clock)
    for _ in range(10):
        throttle.begin(ANNA, HERE)
    clock.pass_time(24 * 3600 + 1)
    for _ in range(10):
        throttle.begin(ANNA, HERE)
    wait_of_next(throttle)


def test_memory_is_bounded_and_the_longest_unseen_goes_first(clock: MovableClock) -> None:
    throttle = LoginThrottle(clock, most_pairs=3)
    for _ in range(10):
        throttle.begin(ANNA, HERE)
    for number in range(50):
        wait_of_next(throttle)
        throttle.begin(f"{number}@example.org", HERE)
    assert len(throttle._failures) == 3
    wait_of_next(throttle)
