"""How parties come to one attempt, whoever lies about numbers: rules that converge, and cannot be driven."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given, strategies as st

from aukciszek.auctions.context.change_notifier import STRAGGLER_TIMEOUT_S
from aukciszek.auctions.session.attempts import STEP_S, Attempts
from aukciszek.auctions.session.readiness import LARGEST_ATTEMPT, Proposal, Readiness
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.mode import Mode
from aukciszek.protocol.evidence.statements import Signed
from aukciszek.protocol.rules.identifiers import AuctionId

AUCTION = AuctionId("ab" * 32)
ONE_SET, OTHER_SET, THIRD_SET = ("b" * 64, "c" * 64, "d" * 64)
MODES = [Mode(n, t) for n in range(3, 10) for t in range(1, (n - 1) // 2 + 1)]
MANY_STEPS = 200


def quorum_of(mode: Mode) -> int:
    return mode.parties - mode.threshold if mode.corrects else mode.parties


def said(
    party: int, attempt: int, input_set: str = ONE_SET, *, cancelled: bool = False, confirms: int = 0, nonce: str = "0"
) -> Signed[Readiness]:
    content = Readiness(
        auction=AUCTION,
        party=PartyNumber(party),
        attempt=attempt,
        input_set=input_set,
        cancelled=cancelled,
        confirms=confirms,
        nonce=nonce * 64,
        round_us=1_000,
        asks=b"",
    )
    return Signed(content, bytes(64))


def proposal(
    parties: Iterable[int],
    attempt: int,
    input_set: str = ONE_SET,
    *,
    cancelled: bool = False,
    confirms: int = 0,
    nonce: str = "0",
) -> Proposal:
    words = (said(party, attempt, input_set, cancelled=cancelled, confirms=confirms, nonce=nonce) for party in parties)
    return Proposal({word.content.party: word for word in words})


def differ(attempts: Attempts) -> bool:
    return attempts.sets_differ


def known(attempts: Attempts) -> tuple[Proposal | None, Proposal | None]:
    return attempts.current, attempts.locked


def party_of(mode: Mode, own: int = 1) -> Attempts:
    numbers = tuple(PartyNumber(number) for number in range(1, mode.parties + 1))
    return Attempts(PartyNumber(own), numbers, mode.threshold, quorum_of(mode))


def standing(mode: Mode, numbers: Mapping[int, int], own: int = 1, now_s: float = 0.0) -> Attempts:
    """Return what a party makes of the numbers of all."""
    attempts = party_of(mode, own)
    attempts.join(said(own, numbers[own]), now_s)
    for party, number in numbers.items():
        if party != own and number:
            attempts.note(said(party, number), now_s)
    return attempts


@dataclass
class Town:
    """Honest parties that hear of each other at once, and corrupt parties that tell each of them something else."""

    mode: Mode
    start: Mapping[int, int]
    """The honest parties, and the attempt that each is at."""
    failed: bool = True
    """Whether every session fails at once; otherwise an attempt is left only as nothing can come of it."""
    now_s: float = 0.0
    parties: dict[int, Attempts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.parties = {own: party_of(self.mode, own) for own in self.start}
        for own, number in self.start.items():
            self.parties[own].join(said(own, number), self.now_s)
        self._talk()

    @property
    def numbers(self) -> list[int]:
        return [attempts.number for attempts in self.parties.values()]

    @property
    def have_met(self) -> bool:
        """Whether honest parties that are enough for a session are at one attempt."""
        return max(Counter(self.numbers).values()) >= quorum_of(self.mode)

    def step(self, lies: Mapping[int, Mapping[int, int]] | None = None) -> None:
        """Let a while pass. ``lies`` holds, by corrupt party and by who hears it, the numbers claimed; 0: silence."""
        for corrupt_party, told in (lies or {}).items():
            for hearer, number in told.items():
                if hearer in self.parties and number:
                    self.parties[hearer].note(said(corrupt_party, number, nonce="f"), self.now_s)
        self.now_s += 3 * STRAGGLER_TIMEOUT_S
        wanted = {own: attempts.next_number(self.now_s, failed=self.failed) for own, attempts in self.parties.items()}
        for own, attempt in wanted.items():
            if attempt is not None:
                self.parties[own].join(said(own, attempt), self.now_s)
        self._talk()

    def _talk(self) -> None:
        for own, attempts in self.parties.items():
            for other, hearer in self.parties.items():
                if other != own:
                    hearer.note(said(own, attempts.number), self.now_s)

    def steps_until_met(self, lies: Mapping[int, Mapping[int, int]] | None = None) -> int:
        for steps in range(MANY_STEPS):
            if self.have_met:
                return steps
            self.step(lies)
        pytest.fail(f"after {MANY_STEPS} steps the honest parties are at {self.numbers}")


@pytest.mark.parametrize(
    ("mode", "start", "corrupt_parties", "driven"),
    [
        (Mode(5, 2), {1: 5, 2: 6, 3: 7, 4: 8, 5: 9}, (), None),
        (Mode(5, 1), {1: 5, 2: 5, 3: 5, 4: 9}, (5,), None),
        (Mode(5, 1), {1: 5, 2: 5, 3: 5, 4: 6}, (5,), 4),
        (Mode(9, 2), dict.fromkeys(range(1, 7), 5) | {7: 6}, (8, 9), 7),
    ],
)
def test_the_starts_that_kept_honest_parties_apart_converge(
    mode: Mode, start: dict[int, int], corrupt_parties: tuple[int, ...], driven: int | None
) -> None:
    """Of ``h3_attempts.py``: following ``t + 1`` alone, or going on alone, keeps these apart for ever."""
    lies = {} if driven is None else {corrupt_party: {driven: LARGEST_ATTEMPT} for corrupt_party in corrupt_parties}
    assert Town(mode, start).steps_until_met(lies) <= len(start) + 1


@pytest.mark.parametrize(
    ("mode", "start"),
    [
        (Mode(5, 2), {1: 5, 2: 6, 3: 7, 4: 8, 5: 9}),
        (Mode(5, 2), {1: 5, 2: 5, 3: 5, 4: 5, 5: 6}),
        (Mode(5, 1), {1: 5, 2: 5, 3: 5, 4: 6}),
        (Mode(9, 2), dict.fromkeys(range(1, 7), 5) | {7: 6}),
    ],
)
def test_a_party_that_restarted_and_is_ahead_is_followed_although_no_session_failed(
    mode: Mode, start: dict[int, int]
) -> None:
    """The parties at 5 wait for a leader that is silent, and are no longer enough since one of them restarted."""
    town = Town(mode, start, failed=False)
    assert town.steps_until_met() <= len(start) + 1


@st.composite
def towns(draw: st.DrawFn) -> tuple[Town, list[int]]:
    mode = draw(st.sampled_from(MODES))
    most = mode.threshold if quorum_of(mode) < mode.parties else 0
    corrupt_parties = draw(st.sets(st.integers(1, mode.parties), max_size=most))
    honest = [party for party in range(1, mode.parties + 1) if party not in corrupt_parties]
    return Town(mode, {party: draw(st.integers(1, 12)) for party in honest}), sorted(corrupt_parties)


@given(case=towns(), data=st.data())
def test_honest_parties_meet_from_anywhere_whatever_corrupt_parties_tell_each_of_them(
    case: tuple[Town, list[int]], data: st.DataObject
) -> None:
    """In every mode, with as many corrupt parties as the quorum can spare; they say something else at every step."""
    town, corrupt_parties = case
    claims = st.one_of(st.just(0), st.integers(1, 15), st.just(LARGEST_ATTEMPT))
    for _ in range(MANY_STEPS):
        if town.have_met:
            return
        town.step(
            {corrupt_party: {party: data.draw(claims) for party in town.parties} for corrupt_party in corrupt_parties}
        )
    pytest.fail(f"the honest parties are at {town.numbers}")


@given(case=towns(), data=st.data())
def test_a_driver_that_names_huge_numbers_to_single_parties_moves_nobody_far(
    case: tuple[Town, list[int]], data: st.DataObject
) -> None:
    town, corrupt_parties = case
    driven = data.draw(st.sets(st.sampled_from(sorted(town.parties))))
    steps, highest = 30, max(town.numbers)
    for step in range(1, steps + 1):
        town.step({corrupt_party: dict.fromkeys(driven, LARGEST_ATTEMPT) for corrupt_party in corrupt_parties})
        assert max(town.numbers) <= highest + step
    assert {attempts.followed for attempts in town.parties.values()} <= set(town.numbers)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_as_many_corrupt_parties_as_there_may_be_are_followed_nowhere(mode: Mode) -> None:
    honest = range(1, mode.parties - mode.threshold + 1)
    numbers = dict.fromkeys(range(1, mode.parties + 1), LARGEST_ATTEMPT) | dict.fromkeys(honest, 3)
    attempts = standing(mode, numbers)
    assert attempts.followed == 3
    assert not attempts.superseded
    assert attempts.next_number(1e6, failed=True) == 4, "one further, and no more"
    one_more = standing(mode, numbers | {max(honest): 7})
    assert one_more.followed == 7, "an honest party is there"
    assert one_more.next_number(0.0, failed=False) == 7, "and is followed at once"


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_numbers_cannot_be_run_to_their_end(mode: Mode) -> None:
    """However often sessions fail, and whatever corrupt parties say, an attempt lasts as long as a step."""
    numbers = dict.fromkeys(range(1, mode.parties + 1), LARGEST_ATTEMPT)
    numbers |= dict.fromkeys(range(1, mode.parties - mode.threshold + 1), 1)
    town = Town(mode, {party: 1 for party, number in numbers.items() if number == 1})
    for party in town.parties.values():
        for corrupt_party in numbers.keys() - town.parties.keys():
            party.note(said(corrupt_party, LARGEST_ATTEMPT), 0.0)
    ticks = 400
    for tick in range(1, ticks + 1):
        now_s = tick * STEP_S / 4
        for own, attempts in town.parties.items():
            if (number := attempts.next_number(now_s, failed=True)) is not None:
                attempts.join(said(own, number), now_s)
        town._talk()
    assert max(town.numbers) <= 1 + ticks / 4
    # At this rate the numbers last for sixty years.
    assert LARGEST_ATTEMPT * STEP_S > 60 * 365 * 86_400


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_nobody_goes_on_before_a_quorum_has_come_as_far(mode: Mode) -> None:
    needed = quorum_of(mode)
    for here in range(1, mode.parties + 1):
        numbers = {party: 5 if party <= here else 4 for party in range(1, mode.parties + 1)}
        found = standing(mode, numbers).next_number(1e6, failed=True)
        assert found == (6 if here >= needed else None)


def test_an_attempt_is_left_after_a_step_at_the_earliest() -> None:
    attempts = standing(Mode(3, 1), {1: 1, 2: 1, 3: 1}, now_s=10.0)
    assert attempts.next_number(10.0 + STEP_S - 0.01, failed=True) is None
    assert attempts.next_number(10.0 + STEP_S, failed=True) == 2


def test_an_attempt_is_not_left_while_something_may_come_of_it() -> None:
    attempts = standing(Mode(3, 1), {1: 2, 2: 2, 3: 1}, own=1)
    assert attempts.next_number(1e6, failed=False) is None, "party 3 may still come"
    attempts.note(said(3, 2), 50.0)
    assert attempts.next_number(50.0 + 2 * STRAGGLER_TIMEOUT_S - 0.1, failed=False) is None, "the leader has time"
    assert attempts.next_number(50.0 + 2 * STRAGGLER_TIMEOUT_S, failed=False) == 3


def test_a_leader_is_given_more_time_while_others_go_first() -> None:
    attempts = standing(Mode(3, 1), {1: 2, 2: 2, 3: 2}, own=1)
    attempts.give_more_time(30.0)
    assert attempts.next_number(30.0 + 2 * STRAGGLER_TIMEOUT_S - 0.1, failed=False) is None
    assert attempts.next_number(30.0 + 2 * STRAGGLER_TIMEOUT_S, failed=False) == 3


def test_a_leader_proposes_at_once_to_all_and_to_enough_after_a_while() -> None:
    attempts = standing(Mode(5, 1), {1: 1, 2: 1, 3: 1, 4: 1, 5: 0})
    assert attempts.leads
    assert not attempts.may_propose(STRAGGLER_TIMEOUT_S - 0.1)
    assert attempts.may_propose(STRAGGLER_TIMEOUT_S)
    attempts.note(said(5, 1), 0.0)
    assert attempts.may_propose(0.0)
    everybody = standing(Mode(5, 2), {1: 1, 2: 1, 3: 1, 4: 1, 5: 0})
    assert not everybody.may_propose(1e6), "all are needed"
    assert not standing(Mode(5, 1), dict.fromkeys(range(1, 6), 2)).may_propose(1e6), "it is another's turn"


def test_the_turn_goes_round() -> None:
    leaders = [standing(Mode(3, 1), dict.fromkeys((1, 2, 3), number)).leader for number in range(1, 7)]
    assert leaders == [1, 2, 3, 1, 2, 3]


def test_parties_with_different_sets_do_not_wait_for_each_other() -> None:
    attempts = standing(Mode(3, 1), {1: 1, 2: 1, 3: 0})
    assert not differ(attempts)
    attempts.note(said(3, 1, OTHER_SET), 0.0)
    assert differ(attempts)
    assert attempts.absent == {3}
    assert attempts.is_stalled(0.0)
    # Where one can be done without, one may have another set.
    robust = standing(Mode(5, 1), {1: 1, 2: 1, 3: 1, 4: 0, 5: 0})
    robust.note(said(4, 1, OTHER_SET), 0.0)
    assert not differ(robust)
    robust.note(said(5, 1, OTHER_SET), 0.0)
    assert differ(robust)


def test_who_is_ready_to_cancel_is_not_ready_to_compute() -> None:
    attempts = standing(Mode(3, 1), {1: 1, 2: 1, 3: 0})
    attempts.note(said(3, 1, cancelled=True), 0.0)
    assert attempts.absent == {3}
    assert not attempts.may_propose(1e6)


def test_a_party_that_says_two_things_for_one_attempt_is_noticed_and_held_to_the_first() -> None:
    attempts = standing(Mode(3, 1), {1: 1, 2: 1, 3: 1})
    assert not attempts.note(said(2, 1), 0.0)
    assert attempts.note(said(2, 1, nonce="1"), 0.0)
    assert attempts.note(said(2, 1, OTHER_SET), 0.0)
    assert attempts.announced_by(PartyNumber(2)) == said(2, 1)
    assert not attempts.note(said(2, 2, OTHER_SET), 0.0)


@pytest.mark.parametrize(
    ("what", "sender", "begins"),
    [
        (proposal((1, 2, 3), 2), 2, True),
        (proposal((1, 2, 3), 2), 3, False),
        (proposal((1, 2, 3), 3), 2, False),
        (proposal((1, 2, 3), 2, OTHER_SET), 2, False),
        (proposal((1, 2, 3), 2, nonce="1"), 2, False),
    ],
    ids=["its leader's", "another's", "of another attempt", "of another set", "a replay of what was said before"],
)
def test_a_session_begins_on_the_leaders_proposal_of_what_this_party_said(
    what: Proposal,
    sender: int,
    begins: bool,  # noqa: FBT001 -- a row of the table
) -> None:
    attempts = standing(Mode(3, 1), {1: 2, 2: 2, 3: 2})
    attempts.note_proposal(what, PartyNumber(sender))
    assert attempts.current == (what if begins else None)
    assert attempts.locked == what, "it is kept as a proof all the same"


def test_a_party_that_was_left_out_of_a_proposal_knows_that_the_attempt_has_begun() -> None:
    attempts = standing(Mode(5, 1), dict.fromkeys(range(1, 6), 2))
    attempts.note_proposal(proposal((2, 3, 4, 5), 2), PartyNumber(2))
    assert attempts.current is not None
    assert 1 not in attempts.current.participants


def test_the_first_proposal_of_an_attempt_stays_and_a_new_attempt_has_none() -> None:
    attempts = standing(Mode(3, 1), {1: 1, 2: 1, 3: 1})
    own = attempts.propose()
    attempts.note_proposal(proposal((1, 2, 3), 1, nonce="1"), PartyNumber(1))
    assert known(attempts) == (own, own)
    attempts.join(said(1, 2), 0.0)
    assert known(attempts) == (None, own)


def test_the_highest_proposal_locks_whatever_its_set() -> None:
    attempts = party_of(Mode(3, 1))
    assert known(attempts) == (None, None)
    for attempt, input_set, locked in ((3, ONE_SET, 3), (2, OTHER_SET, 3), (5, OTHER_SET, 5), (4, ONE_SET, 5)):
        attempts.note_proposal(proposal((1, 2, 3), attempt, input_set), PartyNumber(2))
        assert attempts.locked is not None
        assert attempts.locked.attempt == locked
    assert attempts._proposals.keys() == {ONE_SET, OTHER_SET}


def test_only_so_many_proposals_are_kept_and_the_highest_among_them() -> None:
    attempts = party_of(Mode(3, 1))
    for attempt in range(1, 101):
        attempts.note_proposal(proposal((1, 2, 3), attempt, f"{attempt:064x}"), PartyNumber(2))
    assert len(attempts._proposals) < 20
    assert attempts.locked is not None
    assert attempts.locked.attempt == 100


def test_a_party_confirms_a_proposal_to_cancel_only_if_it_was_ready_for_nothing_else_since() -> None:
    attempts = party_of(Mode(3, 1))
    assert attempts.confirms(ONE_SET) == 0, "there is no proposal"
    attempts.note_proposal(proposal((1, 2, 3), 4, cancelled=True), PartyNumber(2))
    assert attempts.confirms(ONE_SET) == 4
    assert attempts.confirms(OTHER_SET) == 0
    attempts.join(said(1, 3, OTHER_SET), 0.0)
    assert attempts.confirms(ONE_SET) == 4, "what was said before is of no account"
    attempts.join(said(1, 4, OTHER_SET), 0.0)
    assert attempts.confirms(ONE_SET) == 0
    attempts.note_proposal(proposal((1, 2, 3), 5, cancelled=True), PartyNumber(2))
    assert attempts.confirms(ONE_SET) == 5
    attempts.note_proposal(proposal((1, 2, 3), 6, OTHER_SET), PartyNumber(2))
    assert attempts.confirms(ONE_SET) == 0, "something else may have begun since"


def test_a_proposal_to_compute_is_never_confirmed() -> None:
    attempts = party_of(Mode(3, 1))
    attempts.note_proposal(proposal((1, 2, 3), 4), PartyNumber(2))
    assert attempts.confirms(ONE_SET) == 0


def test_after_a_restart_nothing_is_confirmed_that_this_party_may_have_gone_back_on() -> None:
    attempts = party_of(Mode(3, 1))
    attempts.resume(4)
    attempts.note_proposal(proposal((1, 2, 3), 4, cancelled=True), PartyNumber(2))
    assert attempts.confirms(ONE_SET) == 0
    assert attempts.next_number(0.0, failed=False) == 5, "no number is used twice"
    attempts.note_proposal(proposal((1, 2, 3), 5, cancelled=True), PartyNumber(2))
    assert attempts.confirms(ONE_SET) == 5
    attempts.resume(2)
    assert attempts.number == 4


def test_a_party_that_restarted_follows_those_that_are_ahead() -> None:
    attempts = party_of(Mode(5, 2))
    attempts.resume(2)
    for party in (2, 3, 4):
        attempts.note(said(party, 6 + party), 0.0)
    assert attempts.next_number(0.0, failed=False) == 8


def test_an_auction_is_cancelled_by_a_proposal_of_parties_that_all_confirm_an_earlier_one() -> None:
    cases = [(True, 4, True), (True, 0, False), (True, 5, False), (True, 6, False), (False, 4, False)]
    for cancelled, confirms, confirmed in cases:
        attempts = party_of(Mode(3, 1))
        attempts.note_proposal(proposal((1, 2, 3), 5, cancelled=cancelled, confirms=confirms), PartyNumber(2))
        assert (attempts.cancellation is not None) is confirmed, (cancelled, confirms)
    mixed = {party: said(party, 5, cancelled=True, confirms=0 if party == 3 else 4).content for party in (1, 2, 3)}
    attempts = party_of(Mode(3, 1))
    attempts.note_proposal(
        Proposal(
            {party: Signed(one, bytes(64)) for party, one in zip(map(PartyNumber, mixed), mixed.values(), strict=True)}
        ),
        PartyNumber(2),
    )
    assert attempts.cancellation is None


def test_a_proof_that_the_auction_is_cancelled_is_not_lost_to_higher_proposals() -> None:
    attempts = party_of(Mode(3, 1))
    proof = proposal((1, 2, 3), 5, cancelled=True, confirms=4)
    attempts.note_proposal(proof, PartyNumber(2))
    for attempt in range(6, 60):
        attempts.note_proposal(proposal((1, 2, 3), attempt, f"{attempt:064x}"), PartyNumber(2))
    assert attempts.cancellation == proof


def test_the_second_proposal_to_cancel_follows_the_first_at_once() -> None:
    mode, everybody = Mode(3, 1), (1, 2, 3)
    town = {own: party_of(mode, own) for own in everybody}

    def all_join(number: int) -> None:
        for own, attempts in town.items():
            word = said(own, number, cancelled=True, confirms=attempts.confirms(ONE_SET))
            attempts.join(word, 0.0)
            for other in town.values():
                other.note(word, 0.0)

    for number in (1, 2):
        all_join(number)
        proposed = town[number].propose()
        for attempts in town.values():
            attempts.note_proposal(proposed, PartyNumber(number))
        if number == 1:
            assert {attempts.next_number(0.0, failed=False) for attempts in town.values()} == {2}
    assert all(attempts.cancellation is not None for attempts in town.values())
    assert {attempts.next_number(0.0, failed=False) for attempts in town.values()} == {None}


@pytest.mark.parametrize(
    ("mode", "corrupt_parties"),
    [
        (Mode(3, 1), ()),
        (Mode(5, 1), ()),
        (Mode(5, 1), (5,)),
        (Mode(9, 2), (3, 7)),
    ],
)
def test_corrupt_parties_that_never_confirm_cannot_keep_an_auction_from_being_cancelled(
    mode: Mode, corrupt_parties: tuple[int, ...]
) -> None:
    """Where a quorum can do without them; they are ready in time for every attempt, so that leaders know them."""
    town = {own: party_of(mode, own) for own in range(1, mode.parties + 1) if own not in corrupt_parties}
    for number in range(1, 3 * mode.parties):
        honest = [said(own, number, cancelled=True, confirms=one.confirms(ONE_SET)) for own, one in town.items()]
        for attempts in town.values():
            words = [*honest, *(said(corrupt_party, number, cancelled=True) for corrupt_party in corrupt_parties)]
            attempts.join(next(word for word in words if word.content.party == attempts.own), 0.0)
            for word in words:
                if word.content.party != attempts.own:
                    attempts.note(word, 0.0)
        leader = next(iter(town.values())).leader
        if leader in town:
            proposed = town[leader].propose()
            for attempts in town.values():
                attempts.note_proposal(proposed, leader)
    assert all(attempts.cancellation is not None for attempts in town.values())


def test_a_party_that_never_confirms_cannot_make_the_others_run_through_the_numbers() -> None:
    attempts = standing(Mode(3, 1), {1: 1, 2: 1, 3: 1})
    attempts.note_proposal(proposal((1, 2, 3), 1, cancelled=True), PartyNumber(2))
    attempts.join(said(1, 2, cancelled=True, confirms=1), 0.0)
    words = {1: said(1, 2, cancelled=True, confirms=1), 2: said(2, 2, cancelled=True, confirms=1)}
    words[3] = said(3, 2, cancelled=True)
    for party in (2, 3):
        attempts.note(words[party], 0.0)
    attempts.note_proposal(Proposal({PartyNumber(party): word for party, word in words.items()}), PartyNumber(2))
    assert attempts.current is not None
    assert attempts.next_number(STEP_S - 0.01, failed=True) is None
    assert attempts.next_number(STEP_S, failed=True) == 3


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_session_is_abandoned_once_so_many_have_gone_on_that_it_lacks_some_it_needs(mode: Mode) -> None:
    attempts = standing(mode, dict.fromkeys(range(1, mode.parties + 1), 1))
    attempts.propose()
    assert attempts.current is not None
    dispensable = mode.parties - quorum_of(mode)
    for gone, party in enumerate(range(2, mode.parties + 1)):
        assert attempts.is_abandoned is (gone > dispensable)
        attempts.note(said(party, 2), 0.0)
    assert attempts.is_abandoned


def test_corrupt_parties_alone_cannot_have_a_session_abandoned_where_they_are_not_needed() -> None:
    for mode in (mode for mode in MODES if mode.corrects):
        attempts = standing(mode, dict.fromkeys(range(1, mode.parties + 1), 1))
        for party in range(2, 2 + mode.threshold):
            attempts.note(said(party, LARGEST_ATTEMPT), 0.0)
        assert not attempts.is_abandoned
