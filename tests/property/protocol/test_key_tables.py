"""Choosing the keys of an auction: whatever up to ``t`` corrupt parties attest, there is one choice at most."""

import random
from collections.abc import Collection, Iterable, Mapping

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from aukciszek.cluster import PartyNumber
from aukciszek.encoding import to_base64url
from aukciszek.identity import Identity
from aukciszek.mpc.mode import Mode
from aukciszek.mpc.sharing.prss import Members, dealt_sets
from aukciszek.protocol.evidence.key_tables import (
    MOST_ATTESTATIONS,
    Attestation,
    ChosenKeys,
    KeyTable,
    attesters_needed,
    choose_keys,
    dealers,
    disputed_keys,
    key_digest,
    members_mask,
    members_of,
)
from aukciszek.protocol.evidence.statements import SIGNATURE_BYTES, read_verified_statement, sign
from aukciszek.protocol.rules.errors import MalformedStatementError
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.secret import Secret

AUCTION = AuctionId("ab" * 32)
MODES = [Mode(n, t) for n in range(3, 10) for t in range(1, (n - 1) // 2 + 1)]
SMALL = [mode for mode in MODES if mode.parties <= 5]

modes = st.sampled_from(SMALL)


def places(mode: Mode, party: int) -> list[tuple[Members, PartyNumber]]:
    sets = [members for members in dealt_sets(mode.parties, mode.threshold) if party in members]
    return [(members, dealer) for members in sets for dealer in dealers(members, mode)]


def honest_digest(members: Members, dealer: int) -> bytes:
    return key_digest(AUCTION, members, PartyNumber(dealer), Secret(bytes(31) + b"k"))


def honest_table(mode: Mode, party: int, silent: Collection[int] = ()) -> list[Attestation]:
    return [
        Attestation(members, dealer, honest_digest(members, dealer))
        for members, dealer in places(mode, party)
        if dealer not in silent
    ]


@st.composite
def attested_by_some(draw: st.DrawFn) -> tuple[Mode, set[int], dict[PartyNumber, list[Attestation]]]:
    """Draw what all parties attest: corrupt ones anything, twice, honest ones what the dealers gave each of them."""
    mode = draw(modes)
    parties = range(1, mode.parties + 1)
    corrupt_parties = draw(st.sets(st.sampled_from(parties), max_size=mode.threshold))
    chance = draw(st.randoms(use_true_random=False))
    attested = {}
    for party in parties:
        said = []
        for members, dealer in places(mode, party):
            kinds = chance.choices(range(4), k=chance.randrange(3)) if party in corrupt_parties else [0]
            if party not in corrupt_parties and dealer in corrupt_parties:
                kinds = [chance.randrange(3)][: chance.randrange(2)]
            said += [Attestation(members, dealer, bytes([kind]) * 32) for kind in kinds]
        attested[PartyNumber(party)] = said
    return mode, corrupt_parties, attested


@given(attested_by_some())
def test_at_most_one_key_of_a_set_and_dealer_qualifies(
    drawn: tuple[Mode, set[int], dict[PartyNumber, list[Attestation]]],
) -> None:
    mode, corrupt_parties, attested = drawn
    for members in dealt_sets(mode.parties, mode.threshold):
        if members <= corrupt_parties:
            continue
        for dealer in dealers(members, mode):
            attesters = [
                {party for party in members if Attestation(members, dealer, digest) in attested[PartyNumber(party)]}
                for digest in (bytes([kind]) * 32 for kind in range(4))
            ]
            assert sum(len(some) >= attesters_needed(members, mode) for some in attesters) <= 1


@given(attested_by_some(), st.randoms(use_true_random=False))
def test_the_choice_is_a_function_of_what_was_signed(
    drawn: tuple[Mode, set[int], dict[PartyNumber, list[Attestation]]], chance: random.Random
) -> None:
    mode, _, attested = drawn
    chosen = choose_keys(mode, attested)
    shuffled = list(attested.items())
    chance.shuffle(shuffled)
    again = choose_keys(mode, {party: chance.sample(said, len(said)) for party, said in shuffled})
    assert again == chosen
    if chosen is not None and again is not None:
        assert again.digest == chosen.digest


@given(modes, st.data())
def test_foreign_attestations_count_for_nothing(mode: Mode, data: st.DataObject) -> None:
    attested: dict[PartyNumber, list[Attestation]] = {
        PartyNumber(party): honest_table(mode, party) for party in range(1, mode.parties + 1)
    }
    chosen = choose_keys(mode, attested)
    assert chosen is not None
    for party, said in attested.items():
        foreign = [one for one in dealt_sets(mode.parties, mode.threshold) if party not in one]
        if foreign:
            members = data.draw(st.sampled_from(foreign))
            said.append(Attestation(members, dealers(members, mode)[0], bytes(32)))
    assert choose_keys(mode, attested) == chosen


@given(st.sampled_from([mode for mode in MODES if mode.corrects]), st.data())
def test_where_lies_are_corrected_no_corrupt_party_keeps_a_set_without_key(mode: Mode, data: st.DataObject) -> None:
    parties = range(1, mode.parties + 1)
    corrupt_parties = data.draw(st.sets(st.sampled_from(parties), max_size=mode.threshold))
    attested = {
        PartyNumber(party): honest_table(mode, party, silent=corrupt_parties)
        for party in parties
        if party not in corrupt_parties
    }
    chosen = choose_keys(mode, attested)
    assert chosen is not None
    assert {chosen[members].dealer for members in chosen} & corrupt_parties == set()
    assert all(choice.dealer == min(members - corrupt_parties) for members, choice in chosen.items())


@pytest.mark.parametrize("mode", [mode for mode in MODES if not mode.corrects], ids=str)
def test_where_all_are_needed_all_members_must_attest_the_key(mode: Mode) -> None:
    attested = {PartyNumber(party): honest_table(mode, party) for party in range(1, mode.parties + 1)}
    chosen = choose_keys(mode, attested)
    assert chosen is not None
    assert disputed_keys(mode, attested) == []
    for members in dealt_sets(mode.parties, mode.threshold):
        assert chosen[members] == (min(members), honest_digest(members, min(members)))
        # A member that lacks the key, one that attests another, and one whose table is not here.
        one = PartyNumber(max(members))
        without = [each for each in attested[one] if each.members != members]
        other = [*without, Attestation(members, PartyNumber(min(members)), bytes(32))]
        for said in (without, other):
            assert choose_keys(mode, attested | {one: said}) is None
            assert disputed_keys(mode, attested | {one: said}) == [(members, min(members))]
        rest = {party: said for party, said in attested.items() if party != one}
        assert choose_keys(mode, rest) is None
        assert disputed_keys(mode, rest) == []


def test_of_two_keys_the_lowest_dealers_is_chosen() -> None:
    mode = Mode(5, 1)
    attested = {PartyNumber(party): honest_table(mode, party) for party in range(1, 6)}
    first = choose_keys(mode, attested)
    assert first is not None
    assert first[frozenset({1, 2, 3, 4})].dealer == 1
    # Two of four members attest another key of party 1 than the other two: three would be needed.
    for party in (PartyNumber(3), PartyNumber(4)):
        attested[party] = [
            Attestation(one.members, one.dealer, bytes(32)) if one.dealer == 1 else one for one in attested[party]
        ]
    chosen = choose_keys(mode, attested)
    assert chosen is not None
    assert chosen[frozenset({1, 2, 3, 4})].dealer == 2
    assert chosen.digest != first.digest
    assert (frozenset({1, 2, 3, 4}), 1) in disputed_keys(mode, attested)


def test_the_largest_table_has_its_place() -> None:
    most = max(len(places(mode, party)) for mode in MODES for party in range(1, mode.parties + 1))
    assert most == MOST_ATTESTATIONS
    signed = sign(KeyTable.of(AUCTION, PartyNumber(1), honest_table(Mode(9, 2), 1)), Identity.new())
    assert read_verified_statement(KeyTable, signed.encode()).content == signed.content


@given(modes, st.data())
def test_a_table_is_read_back_in_its_one_spelling(mode: Mode, data: st.DataObject) -> None:
    party = data.draw(st.integers(1, mode.parties))
    some = data.draw(st.lists(st.sampled_from(honest_table(mode, party)), unique_by=lambda one: one.sort_key))
    table = KeyTable.of(AUCTION, PartyNumber(party), some)
    assert set(table.attestations) == set(some)
    assert read_verified_statement(KeyTable, bytes(SIGNATURE_BYTES) + table.body()).content == table


@pytest.mark.parametrize(
    "attestations",
    [
        pytest.param([(3, 1), (3, 1)], id="twice"),
        pytest.param([(5, 1), (3, 1)], id="not ascending"),
        pytest.param([(3, 3)], id="made by nobody of the set"),
        pytest.param([(0, 1)], id="set of nobody"),
        pytest.param([(1 << 9, 10)], id="set of party 10"),
    ],
)
def test_what_no_honest_party_attests_is_refused(attestations: Iterable[tuple[int, int]]) -> None:
    table = KeyTable(auction=AUCTION, party=PartyNumber(1), attestations=())
    packed = b"".join(mask.to_bytes(2) + bytes([dealer]) + bytes(32) for mask, dealer in attestations)
    body = table.body().replace(b'"attestations":""', f'"attestations":"{to_base64url(packed)}"'.encode())
    with pytest.raises(MalformedStatementError):
        read_verified_statement(KeyTable, bytes(SIGNATURE_BYTES) + body)


def test_a_table_is_checked_when_it_is_made() -> None:
    short = Attestation(frozenset({1, 2}), PartyNumber(1), bytes(31))
    with pytest.raises(ValidationError, match="32 bytes"):
        KeyTable(auction=AUCTION, party=PartyNumber(1), attestations=(short,))


@given(st.sets(st.integers(1, 9), min_size=1))
def test_a_set_of_parties_has_one_number(members: set[int]) -> None:
    assert members_of(members_mask(frozenset(members))) == members


def test_the_choice_does_not_depend_on_the_order_in_which_it_is_told() -> None:
    attested: Mapping[PartyNumber, list[Attestation]] = {
        PartyNumber(party): honest_table(Mode(3, 1), party) for party in (1, 2, 3)
    }
    chosen = choose_keys(Mode(3, 1), attested)
    assert chosen is not None
    assert ChosenKeys(dict(reversed(list(chosen.items())))) == chosen
    assert hash(ChosenKeys(dict(reversed(list(chosen.items()))))) == hash(chosen)
    assert len(chosen.digest) == 64


def test_a_key_is_attested_for_its_place_alone() -> None:
    key = Secret(bytes(32))
    digests = {
        key_digest(auction, frozenset(members), PartyNumber(dealer), key)
        for auction in (AUCTION, AuctionId("cd" * 32))
        for members in ({1, 2}, {1, 2, 3})
        for dealer in (1, 2)
    }
    assert len(digests) == 8
