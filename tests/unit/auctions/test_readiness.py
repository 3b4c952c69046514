"""What parties announce before a session, what a proposal must hold, and what follows from it."""

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, strategies as st

from aukciszek.auctions.session.readiness import (
    LARGEST_ATTEMPT,
    LONGEST_ROUND_US,
    Proposal,
    Readiness,
    UnlawfulProposalError,
    in_microseconds,
    pack_asks,
    read_asks,
)
from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.encoding import canonical_json, parse_canonical_json, to_base64url
from aukciszek.identity import Identity
from aukciszek.mpc.circuits.ranking import FASTEST_ROUND_S, SLOWEST_ROUND_S, CostModel
from aukciszek.protocol.evidence.statements import Signed, read_verified_statement, sign
from aukciszek.protocol.rules.errors import MalformedStatementError, StatementError, WrongSignatureError
from aukciszek.protocol.rules.identifiers import AuctionId

AUCTION, OTHER_AUCTION = AuctionId("a" * 64), AuctionId("e" * 64)
EVERYBODY = range(1, 6)


def announcement(party: int, **changes: object) -> Readiness:
    fields: dict[str, object] = {
        "auction": AUCTION,
        "party": PartyNumber(party),
        "attempt": 1,
        "input_set": "b" * 64,
        "cancelled": False,
        "confirms": 0,
        "nonce": "c" * 64,
        "round_us": 1_000,
        "asks": b"",
    }
    return Readiness.model_validate(fields | changes)


class Parties:
    """Five parties that sign."""

    def __init__(self, identities: Sequence[Identity]) -> None:
        self._identities = identities

    def says(self, party: int, **changes: object) -> Signed[Readiness]:
        return sign(announcement(party, **changes), self._identities[party - 1])

    def proposal(self, parties: Iterable[int] = EVERYBODY, **changes: object) -> Proposal:
        return Proposal({PartyNumber(party): self.says(party, **changes) for party in parties})

    def with_rounds(self, *rounds_us: int) -> Proposal:
        return Proposal(
            {PartyNumber(party): self.says(party, round_us=one) for party, one in enumerate(rounds_us, start=1)}
        )


@pytest.fixture
def parties(identities: list[Identity]) -> Parties:
    return Parties(identities)


def encoded(*announcements: Signed[Readiness]) -> bytes:
    return canonical_json([to_base64url(one.encode()) for one in announcements])


@pytest.mark.parametrize(
    ("measured_s", "announced_us"),
    [(0.0123, 12_300), (0.0, 1), (1e-9, 1), (1e9, LONGEST_ROUND_US), (None, round(1e6 * CostModel().round_s))],
)
def test_a_measurement_is_announced_in_microseconds(measured_s: float | None, announced_us: int) -> None:
    assert in_microseconds(measured_s) == announced_us


def test_the_cost_model_uses_the_median_of_what_the_participants_announced(parties: Parties) -> None:
    assert parties.with_rounds(8_000, 1, 9_000, LONGEST_ROUND_US, 7_000).cost_model().round_s == 2**-7


@pytest.mark.parametrize("lie", [1, LONGEST_ROUND_US])
def test_corrupt_parties_cannot_move_the_cost_model_out_of_what_honest_parties_announced(
    parties: Parties, lie: int
) -> None:
    assert parties.with_rounds(30_000, 32_000, 31_000, lie, lie).cost_model().round_s == 2**-5


def test_a_cost_model_has_bounds_even_if_all_lie(parties: Parties) -> None:
    assert parties.with_rounds(*[1] * 5).cost_model().round_s == FASTEST_ROUND_S
    assert parties.with_rounds(*[LONGEST_ROUND_US] * 5).cost_model().round_s == SLOWEST_ROUND_S


@pytest.mark.parametrize(
    "change",
    [
        *({"round_us": value} for value in (0, -1, LONGEST_ROUND_US + 1, "1000", None)),
        *({"attempt": value} for value in (0, -1, LARGEST_ATTEMPT + 1, "1", True)),
        *({"confirms": value} for value in (-1, LARGEST_ATTEMPT + 1, False)),
        {"cancelled": 1},
        {"asks": "A"},
        {"asks": None},
        {"nonce": "c" * 63},
        {"began": False},
    ],
    ids=str,
)
def test_an_announcement_out_of_form_is_refused(parties: Parties, change: dict[str, object]) -> None:
    signed = parties.says(1)
    assert read_verified_statement(Readiness, signed.encode()).content == signed.content
    body = parse_canonical_json(signed.content.body())
    assert isinstance(body, dict)
    with pytest.raises(MalformedStatementError):
        read_verified_statement(Readiness, signed.signature + canonical_json(body | change))


@pytest.mark.parametrize("who", [(1, 2, 3, 4), (1, 3, 4, 5), EVERYBODY])
def test_a_proposal_is_read_as_it_was_put_together(parties: Parties, cluster: Cluster, who: Iterable[int]) -> None:
    proposal = parties.proposal(who, attempt=7, cancelled=True, confirms=3)
    again = Proposal.read(proposal.encode(), cluster, AUCTION, quorum=4)
    assert again == proposal
    assert (again.attempt, again.input_set, again.cancelled) == (7, "b" * 64, True)
    assert again.participants == tuple(who)
    assert again.encode() == proposal.encode()


@pytest.mark.parametrize(
    "change",
    [{"attempt": 2}, {"input_set": "d" * 64}, {"cancelled": True}, {"auction": OTHER_AUCTION}],
    ids=lambda change: next(iter(change)),
)
def test_a_proposal_of_words_that_do_not_belong_together_is_refused(
    parties: Parties, cluster: Cluster, change: dict[str, object]
) -> None:
    words = [parties.says(party) for party in (1, 2, 3, 4)]
    with pytest.raises(UnlawfulProposalError):
        Proposal.read(encoded(*words, parties.says(5, **change)), cluster, AUCTION, quorum=4)


def test_a_proposal_of_too_few_or_of_one_party_twice_is_refused(parties: Parties, cluster: Cluster) -> None:
    words = [parties.says(party) for party in (1, 2, 3)]
    for more in ([], [parties.says(3)], [parties.says(3, nonce="d" * 64)]):
        with pytest.raises(UnlawfulProposalError):
            Proposal.read(encoded(*words, *more), cluster, AUCTION, quorum=4)
    assert Proposal.read(encoded(*words, parties.says(4)), cluster, AUCTION, quorum=4).participants == (1, 2, 3, 4)
    with pytest.raises(UnlawfulProposalError):
        Proposal.read(encoded(*words, parties.says(4), parties.says(4)), cluster, AUCTION, quorum=4)


def test_a_proposal_for_another_auction_is_refused(parties: Parties, cluster: Cluster) -> None:
    with pytest.raises(UnlawfulProposalError):
        Proposal.read(parties.proposal().encode(), cluster, OTHER_AUCTION, quorum=4)


def test_a_word_that_its_party_did_not_sign_spoils_a_proposal(
    parties: Parties, cluster: Cluster, identities: list[Identity]
) -> None:
    words = [parties.says(party) for party in (1, 2, 3, 4)]
    forged = sign(announcement(5), identities[0])
    changed = Signed(announcement(5, nonce="d" * 64), parties.says(5).signature)
    for wrong in (forged, changed):
        with pytest.raises(WrongSignatureError):
            Proposal.read(encoded(*words, wrong), cluster, AUCTION, quorum=4)


@pytest.mark.parametrize(
    "content",
    [b"", b"[", b"{}", b"null", b"[1]", b"[[]]", b'["!"]', b"[]", canonical_json(["AAAA"] * 100)],
)
def test_what_is_no_proposal_is_refused(cluster: Cluster, content: bytes) -> None:
    with pytest.raises(StatementError):
        Proposal.read(content, cluster, AUCTION, quorum=4)


def test_every_word_makes_another_session(parties: Parties) -> None:
    proposals = [
        parties.proposal(),
        parties.proposal(attempt=2),
        parties.proposal(input_set="d" * 64),
        parties.proposal(nonce="d" * 64),
        parties.proposal((1, 2, 3, 4)),
        parties.proposal((1, 2, 3, 5)),
        parties.proposal(round_us=2_000),
        parties.proposal(asks=b"\x01"),
    ]
    sessions = {one.session_id(AUCTION) for one in proposals} | {parties.proposal().session_id(OTHER_AUCTION)}
    assert len(sessions) == len(proposals) + 1
    assert {len(session) for session in sessions} == {32}


def test_a_proposal_is_confirmed_when_each_party_in_it_confirms_an_earlier_attempt(parties: Parties) -> None:
    assert parties.proposal(attempt=3, cancelled=True, confirms=2).confirmed
    assert parties.proposal(attempt=3, cancelled=True, confirms=1).confirmed
    assert not parties.proposal(attempt=3, cancelled=True, confirms=3).confirmed
    assert not parties.proposal(attempt=3, cancelled=True, confirms=4).confirmed
    assert not parties.proposal(attempt=3, confirms=2).confirmed, "it is about computing"
    words = {party: parties.says(party, attempt=3, cancelled=True, confirms=2) for party in map(PartyNumber, (1, 2, 3))}
    words[PartyNumber(4)] = parties.says(4, attempt=3, cancelled=True)
    assert not Proposal(words).confirmed


def test_who_asks_for_which_bids_stands_in_the_proposal(parties: Parties) -> None:
    asks = {1: pack_asks([0, 9], 10), 2: b"", 3: pack_asks([3], 80), 4: b"\xff", 5: pack_asks([7, 2], 10)}
    words = {PartyNumber(party): parties.says(party, asks=packed) for party, packed in asks.items()}
    # What is of another length asks for nothing.
    assert Proposal(words).requests(10) == {1: (0, 9), 5: (2, 7)}
    assert parties.proposal().requests(10) == {}


@given(data=st.data(), bids=st.integers(1, 300))
def test_asks_come_back_as_they_were_packed(data: st.DataObject, bids: int) -> None:
    places = data.draw(st.sets(st.integers(0, bids - 1)))
    packed = pack_asks(sorted(places), bids)
    assert read_asks(packed, bids) == tuple(sorted(places))
    assert len(packed) == (-(-bids // 8) if places else 0)


@given(packed=st.binary(max_size=40), bids=st.integers(0, 300))
def test_whatever_is_asked_there_is_no_place_beyond_the_bids(packed: bytes, bids: int) -> None:
    places = read_asks(packed, bids)
    assert all(0 <= place < bids for place in places)
    assert list(places) == sorted(set(places))
    assert not places or len(packed) == -(-bids // 8)
