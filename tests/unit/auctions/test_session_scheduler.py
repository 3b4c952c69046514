"""Few sessions at once, in an order that all parties share."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from aukciszek.auctions.context.session_scheduler import (
    EARLIER_AFTER_S,
    OTHERS_AFTER_S,
    Priority,
    SessionScheduler,
    SessionSlot,
    memory_bytes,
)
from aukciszek.mpc.circuits.comparison import digit_count
from aukciszek.mpc.circuits.merging import Shape, plan_merge
from aukciszek.mpc.circuits.ranking import CostModel, choose_widths
from aukciszek.mpc.protocols.verification import WINDOW_TERMS
from aukciszek.mpc.sharing.sizes import ELEMENT_BYTES
from aukciszek.protocol.rules.identifiers import AuctionId
from support.virtual_clock import VirtualClock

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MIB = 2**20


def priority(number: int, *, closes_at: datetime = NOON, attempt: int = 1) -> Priority:
    return Priority.of(closes_at, attempt, AuctionId(f"{number:064x}"))


class Sessions:
    """Sessions that claim slots at one party."""

    def __init__(self, stack: ExitStack, most_sessions: int) -> None:
        self.clock = VirtualClock()
        self.scheduler = SessionScheduler(self.clock, most_sessions=most_sessions, most_memory_mib=10)
        self.woken: list[int] = []
        self._stack = stack
        self._open: dict[int, ExitStack] = {}

    def claim(self, number: int, *, mib: int = 1, attempt: int = 1) -> SessionSlot:
        stack = self._stack.enter_context(ExitStack())
        self._open[number] = stack
        claimed = self.scheduler.claimed(
            priority(number, attempt=attempt), mib * MIB, lambda: self.woken.append(number)
        )
        return stack.enter_context(claimed)

    def end(self, number: int) -> None:
        self._open.pop(number).close()

    def wait(self, seconds: float) -> None:
        self.clock.move(seconds)
        self.scheduler.look_again()


@pytest.fixture
def one() -> Iterator[Sessions]:
    with ExitStack() as stack:
        yield Sessions(stack, 1)


@pytest.fixture
def three() -> Iterator[Sessions]:
    with ExitStack() as stack:
        yield Sessions(stack, 3)


def test_priority_goes_by_the_close_then_the_id_and_later_attempts_stand_further_behind() -> None:
    later = NOON + timedelta(seconds=1)
    in_order = [
        priority(1),
        priority(2),
        priority(0, closes_at=later),
        priority(0, attempt=2),
        priority(0, closes_at=later, attempt=2),
    ]
    backwards = in_order[::-1]
    assert sorted(backwards) == in_order


def test_slots_are_given_in_order_of_priority(one: Sessions) -> None:
    one.claim(5)
    slots = {number: one.claim(number) for number in (3, 1, 2)}
    assert (one.scheduler.held, one.scheduler.waiting) == (1, 3)
    for number in (5, 1, 2):
        one.end(number)
    assert one.woken == [5, 1, 2, 3]
    assert slots[3].is_held


def test_who_leaves_the_line_is_passed_over(one: Sessions) -> None:
    one.claim(1)
    one.claim(2)
    third = one.claim(3)
    one.end(2)
    one.end(1)
    assert third.is_held


def test_as_many_are_let_in_as_there_is_memory_for(three: Sessions) -> None:
    first, second, third = three.claim(1, mib=6), three.claim(2, mib=5), three.claim(3, mib=1)
    # The third one would fit, but then the second one might never.
    assert [one.is_held for one in (first, second, third)] == [True, False, False]
    three.end(1)
    assert second.is_held
    assert third.is_held


def test_one_session_is_let_in_however_large_and_alone(three: Sessions) -> None:
    large, small = three.claim(1, mib=1000), three.claim(2)
    assert (large.is_held, small.is_held) == (True, False)
    three.end(1)
    assert three.scheduler.waiting == 0


def test_a_session_that_does_not_begin_yields_to_an_earlier_one_soon(one: Sessions) -> None:
    holder, earlier = one.claim(2), one.claim(1)
    one.wait(EARLIER_AFTER_S - 0.5)
    before = holder.is_wanted_back
    one.wait(0.5)
    assert (before, holder.is_wanted_back, earlier.is_held) == (False, True, False)
    # Too late: it gives its slot back all the same.
    holder.begin()
    assert not holder.has_begun
    one.end(2)
    assert earlier.is_held


def test_a_session_that_does_not_begin_yields_to_any_other_after_a_timeout(one: Sessions) -> None:
    holder, _ = one.claim(1), one.claim(2)
    one.wait(OTHERS_AFTER_S - 0.5)
    before = holder.is_wanted_back
    one.wait(0.5)
    assert (before, holder.is_wanted_back) == (False, True)


def test_a_session_that_has_begun_keeps_its_slot(one: Sessions) -> None:
    holder = one.claim(2)
    holder.begin()
    one.claim(1)
    one.wait(1000)
    assert holder.has_begun
    assert not holder.is_wanted_back


def test_no_slot_is_asked_for_that_would_not_be_enough(three: Sessions) -> None:
    three.claim(3, mib=9).begin()
    idle = three.claim(4)
    three.claim(1, mib=9)
    three.wait(1000)
    assert not idle.is_wanted_back


def test_the_last_in_line_is_asked_first_and_one_at_a_time(three: Sessions) -> None:
    holders = [three.claim(number) for number in (5, 7, 6)]
    three.claim(1)
    three.wait(EARLIER_AFTER_S)
    assert [one.is_wanted_back for one in holders] == [False, True, False]
    three.wait(EARLIER_AFTER_S)
    assert [one.is_wanted_back for one in holders] == [False, True, False]


def test_a_party_expects_nothing_while_those_who_go_first_take_all_slots(one: Sessions) -> None:
    def is_taken(number: int, since_s: float = -1.0) -> bool:
        return one.scheduler.is_taken_before(priority(number), MIB, since_s)

    assert not is_taken(5)
    one.claim(3)
    assert is_taken(5)
    # A session with a later turn explains nothing, unless it was there before.
    assert not is_taken(1)
    assert is_taken(1, since_s=one.clock.monotonic_s())
    one.end(3)
    assert not is_taken(5)


def test_the_memory_of_the_largest_session_covers_what_its_steps_hold() -> None:
    """By formula: 200,000 bids of 60 bits, 11 to be ranked."""
    bids, bits, ranked = 200_000, 60, 11
    digits, entries = digit_count(bits), 0
    lists, length = bids, 1
    for width in choose_widths(bids, ranked, digits, CostModel()):
        shape = Shape(width, length, ranked)
        groups = -(-lists // width)
        pairs = len(plan_merge(shape).later) * groups
        # Of each pair and digit: both numbers' three parts; both products' factors, and what is linear; two masks, the
        # masked shares and their sum, of the two thirds of the digits that are opened at once.
        entries = max(entries, pairs * digits * (6 + 9 + 2 + 4))
        lists, length = groups, shape.kept
    assert entries > 2**28
    tables = 2 * (WINDOW_TERMS + WINDOW_TERMS // 4)
    inputs = 3 * bids * bits
    assert (entries + tables + inputs) * ELEMENT_BYTES < memory_bytes(bids, bits, ranked)
    # And the tables alone are little beside any session that fills a window.
    assert tables * ELEMENT_BYTES < memory_bytes(10_000, 32, 1)


def test_the_memory_of_a_session_grows_with_bids_bits_and_what_is_ranked() -> None:
    usual = memory_bytes(1000, 32, 2)
    assert memory_bytes(2000, 32, 2) == 2 * usual
    assert memory_bytes(1000, 64, 2) == 2 * usual
    assert usual < memory_bytes(1000, 32, 11) < memory_bytes(1000, 32, 1000) < 20 * usual
    assert memory_bytes(0, 32, 2) == 0
