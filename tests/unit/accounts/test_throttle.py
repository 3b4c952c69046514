from typing import Protocol

import pytest
from sqlalchemy import select

from aukciszek.accounts.errors import TooManyAttemptsError
from aukciszek.accounts.throttle import LoginThrottle
from aukciszek.clock import Clock
from aukciszek.storage.database import Database
from aukciszek.storage.repositories.logins import LoginMarkRepository
from aukciszek.storage.schema import login_marks

ANNA = "anna@example.org"
HERE = "192.0.2.1"
ELSEWHERE = "198.51.100.9"
QUARTER_S = 900


class MovableClock(Clock, Protocol):
    def pass_time(self, seconds: float) -> None: ...


async def wait_of_next(throttle: LoginThrottle, email: str = ANNA, origin: str = HERE) -> int:
    with pytest.raises(TooManyAttemptsError) as caught:
        await throttle.begin(email, origin)
    assert str(caught.value.retry_after_s) in caught.value.message
    return caught.value.retry_after_s


async def guess(throttle: LoginThrottle, email: str = ANNA, origin: str = HERE) -> None:
    await throttle.begin(email, origin)
    await throttle.failed(email, origin)


async def log_in(throttle: LoginThrottle, email: str = ANNA, origin: str = HERE) -> None:
    await throttle.begin(email, origin)
    await throttle.succeeded(email, origin)


async def guess_from_everywhere(throttle: LoginThrottle) -> None:
    """Guess from so many places at the same moment that more attempts begin than would otherwise be let in."""
    places = [f"203.0.113.{number}" for number in range(150)]
    for place in places:
        await throttle.begin(ANNA, place)
    for place in places:
        await throttle.failed(ANNA, place)


async def test_ten_attempts_are_free_and_then_the_wait_doubles(throttle: LoginThrottle, clock: MovableClock) -> None:
    for _ in range(10):
        await throttle.begin(ANNA, HERE)
    waits = []
    for _ in range(12):
        waits.append(await wait_of_next(throttle))
        clock.pass_time(waits[-1] - 1)
        assert await wait_of_next(throttle) == 1
        clock.pass_time(1)
        await throttle.begin(ANNA, HERE)
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


async def test_a_restart_forgives_nobody(throttle: LoginThrottle, database: Database, clock: MovableClock) -> None:
    for _ in range(10):
        await throttle.begin(ANNA, HERE)
    for number in range(100):
        await guess(throttle, f"{number}@example.org", ELSEWHERE)
    restarted = LoginThrottle(LoginMarkRepository(database), clock)
    assert await wait_of_next(restarted) == 2
    assert await wait_of_next(restarted, "new@example.org", ELSEWHERE) == 36


async def test_a_right_password_forgives(throttle: LoginThrottle) -> None:
    for _ in range(9):
        await guess(throttle)
    for _ in range(3):
        await log_in(throttle)
    await throttle.begin(ANNA, HERE)


async def test_an_attempt_that_was_not_judged_does_not_count(throttle: LoginThrottle) -> None:
    for _ in range(9):
        await throttle.begin(ANNA, HERE)
    for _ in range(5):
        await throttle.begin(ANNA, HERE)
        await throttle.take_back(ANNA, HERE)
    await throttle.begin(ANNA, HERE)
    await wait_of_next(throttle)
    await throttle.take_back("nobody@example.org", HERE)


async def test_a_guesser_elsewhere_locks_nobody_out(throttle: LoginThrottle) -> None:
    for _ in range(10):
        await guess(throttle, ANNA, ELSEWHERE)
    await wait_of_next(throttle, ANNA, ELSEWHERE)
    await throttle.begin(ANNA, HERE)
    await throttle.begin("bert@example.org", ELSEWHERE)


async def test_old_failures_are_forgotten(throttle: LoginThrottle, clock: MovableClock) -> None:
    for _ in range(10):
        await throttle.begin(ANNA, HERE)
    clock.pass_time(24 * 3600 + 1)
    for _ in range(10):
        await throttle.begin(ANNA, HERE)
    await wait_of_next(throttle)


async def test_one_place_has_a_hundred_wrong_attempts_an_hour_whatever_the_addresses(
    throttle: LoginThrottle, clock: MovableClock
) -> None:
    for number in range(100):
        await guess(throttle, f"{number}@example.org")
    assert await wait_of_next(throttle, "another@example.org") == 36
    await throttle.begin("another@example.org", ELSEWHERE)
    clock.pass_time(36)
    await guess(throttle, "another@example.org")
    assert await wait_of_next(throttle, "third@example.org") == 36
    clock.pass_time(3600)
    for number in range(100):
        await guess(throttle, f"later{number}@example.org")
    await wait_of_next(throttle, "another@example.org")


async def test_right_passwords_do_not_count_against_a_place(throttle: LoginThrottle) -> None:
    """An office of two hundred has one address, and so has whoever owns an account and guesses at others."""
    for number in range(200):
        await log_in(throttle, f"{number}@example.org")
    for number in range(100):
        await guess(throttle, f"guessed{number}@example.org")
        await log_in(throttle, "own@example.org")
    await wait_of_next(throttle, "another@example.org")


async def test_registering_counts_against_the_place_when_the_address_is_taken(throttle: LoginThrottle) -> None:
    for _ in range(100):
        await throttle.check_network(HERE)
        await throttle.found_taken(HERE)
    with pytest.raises(TooManyAttemptsError):
        await throttle.check_network(HERE)
    await wait_of_next(throttle)
    await throttle.check_network(ELSEWHERE)


async def test_the_networks_of_ipv6_count_as_one_place(throttle: LoginThrottle) -> None:
    for number in range(10):
        await guess(throttle, ANNA, f"2001:db8:0:1::{number:x}")
    await wait_of_next(throttle, ANNA, "2001:db8:0:1:ffff::1")
    await wait_of_next(throttle, ANNA, "2001:0DB8:0:1::AB%eth0")
    await throttle.begin(ANNA, "2001:db8:0:2::1")


async def test_guesses_from_everywhere_make_a_new_place_wait_for_its_turn(
    throttle: LoginThrottle, clock: MovableClock
) -> None:
    await guess_from_everywhere(throttle)
    assert await wait_of_next(throttle) == QUARTER_S
    clock.pass_time(QUARTER_S - 1)
    assert await wait_of_next(throttle) == 1
    clock.pass_time(1)
    await guess(throttle)
    assert await wait_of_next(throttle) == QUARTER_S


async def test_who_waits_gets_their_turn_however_many_are_guessing(
    throttle: LoginThrottle, clock: MovableClock
) -> None:
    await guess_from_everywhere(throttle)
    assert await wait_of_next(throttle) == QUARTER_S
    for minute in range(15):
        for number in range(20):
            await wait_of_next(throttle, origin=f"10.0.{minute}.{number}")
        clock.pass_time(60)
    await log_in(throttle)
    await log_in(throttle)


async def test_a_turn_that_is_not_taken_lapses(throttle: LoginThrottle, clock: MovableClock) -> None:
    await guess_from_everywhere(throttle)
    await wait_of_next(throttle)
    clock.pass_time(2 * QUARTER_S + 1)
    assert await wait_of_next(throttle) == QUARTER_S


async def test_at_a_known_place_no_attack_from_elsewhere_is_felt(throttle: LoginThrottle, clock: MovableClock) -> None:
    await log_in(throttle)
    clock.pass_time(80 * 24 * 3600)
    await guess_from_everywhere(throttle)
    await wait_of_next(throttle, origin="203.0.113.250")
    await log_in(throttle)
    clock.pass_time(91 * 24 * 3600)
    await guess_from_everywhere(throttle)
    await wait_of_next(throttle)


async def test_at_a_known_place_others_guesses_at_other_addresses_are_not_felt(throttle: LoginThrottle) -> None:
    await log_in(throttle)
    for number in range(100):
        await guess(throttle, f"{number}@example.org")
    await wait_of_next(throttle, "bert@example.org")
    await log_in(throttle)
    for _ in range(10):
        await guess(throttle)
    await wait_of_next(throttle)


async def test_a_hundred_guesses_in_a_day_are_forgotten_the_next_day(
    throttle: LoginThrottle, clock: MovableClock
) -> None:
    await guess_from_everywhere(throttle)
    await wait_of_next(throttle)
    clock.pass_time(24 * 3600)
    await throttle.begin(ANNA, HERE)
    await throttle.begin(ANNA, ELSEWHERE)


async def test_a_clock_that_was_wrong_once_locks_nobody_out(throttle: LoginThrottle, clock: MovableClock) -> None:
    clock.pass_time(365 * 24 * 3600)
    for _ in range(10):
        await throttle.begin(ANNA, HERE)
    await guess_from_everywhere(throttle)
    clock.pass_time(-365 * 24 * 3600)
    await throttle.begin(ANNA, HERE)
    for _ in range(9):
        await throttle.begin(ANNA, HERE)
    assert await wait_of_next(throttle) == 2


async def test_marks_are_bounded_and_those_of_known_places_go_last(database: Database, clock: MovableClock) -> None:
    marks = LoginMarkRepository(database)
    throttle = LoginThrottle(marks, clock, most_marks=50)
    await log_in(throttle)
    for number in range(300):
        await throttle.begin(f"{number}@example.org", HERE)
    assert await marks.tidy(clock.now(), most=10) == 10
    await guess_from_everywhere(throttle)
    await log_in(throttle)
    clock.pass_time(91 * 24 * 3600)
    assert await marks.tidy(clock.now(), most=10) == 0


async def test_marks_name_neither_addresses_nor_places(throttle: LoginThrottle, database: Database) -> None:
    await guess(throttle)
    await log_in(throttle)
    rows = await database.read(lambda connection: connection.execute(select(login_marks)).all())
    assert len(rows) == 3
    assert not any(hidden in str(rows) for hidden in ("anna", "192.0.2", "example"))
