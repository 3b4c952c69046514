"""Session setup without any network: announcements and proposals go in, messages come out."""

import random
from collections.abc import Iterable

import pytest
from hypothesis import given, strategies as st

from aukciszek.auctions.context.change_notifier import STRAGGLER_TIMEOUT_S
from aukciszek.auctions.context.peer_network import MessageKind, Outgoing
from aukciszek.auctions.session.attempts import Attempts
from aukciszek.auctions.session.readiness import Proposal, Readiness
from aukciszek.auctions.session.setup_state import SetupState
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.mode import Mode
from aukciszek.protocol.evidence.statements import Signed, read_verified_statement
from aukciszek.protocol.rules.errors import WrongSignatureError

from .test_attempts import ONE_SET, OTHER_SET, known, proposal, quorum_of, said

ONE, TWO, THREE = PartyNumber(1), PartyNumber(2), PartyNumber(3)


class Party:
    """One party in session setup."""

    def __init__(self, own: int, mode: Mode = Mode(3, 1)) -> None:  # noqa: B008 -- it is frozen
        numbers = tuple(PartyNumber(number) for number in range(1, mode.parties + 1))
        self.attempts = Attempts(PartyNumber(own), numbers, mode.threshold, quorum_of(mode))
        self.state = SetupState(self.attempts)

    def join(self, attempt: int, input_set: str = ONE_SET, now_s: float = 0.0) -> Signed[Readiness]:
        own = said(self.attempts.own, attempt, input_set)
        self.state.join(own, now_s)
        return own

    def hear(self, *announcements: Signed[Readiness]) -> list[Outgoing]:
        reactions = [self.state.receive_readiness(one.content.party, one, 0.0) for one in announcements]
        return [message for reaction in reactions for message in reaction.outgoing]


def kinds(outgoing: Iterable[Outgoing]) -> list[MessageKind]:
    return [one.kind for one in outgoing]


@given(st.sampled_from([(3, 1), (5, 2), (5, 1)]), st.integers(0, 2**32), st.integers(1, 3))
def test_in_any_order_and_however_often_messages_come_all_come_to_one_session(
    size: tuple[int, int], seed: int, copies: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 -- decides what happens, and protects nothing
    mode = Mode(*size)
    parties = {PartyNumber(number): Party(number, mode) for number in range(1, mode.parties + 1)}
    announced = {number: party.join(1) for number, party in parties.items()}
    underway: list[tuple[PartyNumber, PartyNumber, Signed[Readiness] | Proposal]] = []
    for sender, party in parties.items():
        assert kinds(party.state.announcement(set(parties) - {sender})) == [MessageKind.READY]
        underway.extend((sender, to, announced[sender]) for to in parties if to != sender for _ in range(copies))
    while underway:
        sender, to, content = underway.pop(chance.randrange(len(underway)))
        state, attempts = parties[to].state, parties[to].attempts
        if isinstance(content, Proposal):
            state.receive_proposal(sender, content)
        else:
            assert not state.receive_readiness(sender, content, 0.0).contradicts
        outgoing = state.propose(0.0)
        if outgoing:
            assert attempts.leads
            (message,) = outgoing
            assert set(message.to) == set(parties) - {to}
            assert attempts.current is not None
            underway.extend((to, peer, attempts.current) for peer in message.to for _ in range(copies))
    proposed = parties[ONE].attempts.current
    assert proposed is not None
    assert all(party.attempts.current == proposed for party in parties.values())


def test_only_the_leader_proposes_and_only_once() -> None:
    leader, other = Party(1), Party(2)
    for party in (leader, other):
        party.join(1)
        party.hear(*(said(number, 1) for number in (1, 2, 3) if number != party.attempts.own))
    assert other.state.propose(0.0) == []
    assert kinds(leader.state.propose(0.0)) == [MessageKind.PROPOSAL]
    assert leader.state.propose(0.0) == []
    assert kinds(leader.state.announcement([TWO])) == [MessageKind.READY, MessageKind.PROPOSAL]


def test_a_leader_proposes_nothing_once_the_others_have_moved_on() -> None:
    leader = Party(1)
    leader.join(1)
    leader.hear(said(2, 4), said(3, 4))
    assert leader.attempts.superseded
    assert leader.state.propose(2 * STRAGGLER_TIMEOUT_S) == []


def test_an_announcement_that_another_party_passes_on_is_refused() -> None:
    party = Party(1)
    party.join(1)
    with pytest.raises(WrongSignatureError):
        party.state.receive_readiness(THREE, said(2, 9), 0.0)
    assert party.attempts.announced_by(TWO) is None


def test_two_announcements_for_one_attempt_contradict_each_other_and_the_first_counts() -> None:
    party = Party(1)
    party.join(1)
    assert not party.state.receive_readiness(TWO, said(2, 1), 0.0).contradicts
    assert not party.state.receive_readiness(TWO, said(2, 1), 0.0).contradicts, "the same one, repeated"
    assert party.state.receive_readiness(TWO, said(2, 1, OTHER_SET), 0.0).contradicts
    assert party.attempts.announced_by(TWO) == said(2, 1)


def test_a_peer_that_is_behind_is_told_where_this_party_is() -> None:
    party = Party(1)
    own = party.join(5)
    assert party.hear(said(3, 5)) == []
    (told,) = party.hear(said(2, 4))
    assert (told.to, told.kind) == ((TWO,), MessageKind.READY)
    assert read_verified_statement(Readiness, told.body).content == own.content


def test_a_proposal_begins_a_session_only_if_its_leader_sends_it() -> None:
    party = Party(2)
    party.join(1)
    party.state.receive_proposal(THREE, proposal((1, 2, 3), 1))
    # As proof of what others may have begun it counts all the same.
    assert known(party.attempts) == (None, proposal((1, 2, 3), 1))
    party.state.receive_proposal(ONE, proposal((1, 2, 3), 1))
    assert party.attempts.current == proposal((1, 2, 3), 1)


def test_a_replayed_proposal_with_another_announcement_of_this_party_begins_nothing() -> None:
    party = Party(2)
    party.join(1)
    party.state.receive_proposal(ONE, proposal((1, 2, 3), 1, nonce="7"))
    assert party.attempts.current is None


def test_what_this_party_began_on_is_its_proof_and_else_the_highest_proposal_that_it_knows() -> None:
    party = Party(1)
    assert (party.state.proof, party.state.began_at) == (None, 0)
    low, high = proposal((1, 2, 3), 2), proposal((1, 2, 3), 6, OTHER_SET)
    party.state.receive_proposal(TWO, low)
    party.state.receive_proposal(TWO, high)
    assert party.state.proof == high.encode()
    party.state.keep_beginning(low)
    assert (party.state.proof, party.state.began_at, party.state.locked) == (low.encode(), 2, high)


def test_after_a_restart_the_number_and_the_beginning_are_as_they_were() -> None:
    party = Party(1)
    began = proposal((1, 2, 3), 4)
    party.state.resume(4, began)
    assert party.attempts.number == 4
    assert party.state.began_at == 4
    assert kinds(party.state.announcement([TWO])) == [MessageKind.PROPOSAL], "it has announced nothing yet"
