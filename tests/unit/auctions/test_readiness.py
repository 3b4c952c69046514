"""What parties announce before a session, and what they make of it."""

import pytest

from aukciszek.auctions.errors import MalformedStatementError
from aukciszek.auctions.identifiers import AuctionId
from aukciszek.auctions.readiness import LONGEST_ROUND_US, Readiness, Ready, common_pace, in_microseconds
from aukciszek.auctions.statements import read_verified_statement, sign
from aukciszek.cluster import PartyNumber
from aukciszek.encoding import canonical_json, parse_canonical_json
from aukciszek.identity import Identity
from aukciszek.mpc.ranking import FASTEST_ROUND_S, SLOWEST_ROUND_S, Pace

IDENTITIES = [Identity.new() for _ in range(5)]


def announcement(party: int, round_us: int) -> Readiness:
    return Readiness(
        auction=AuctionId("a" * 64),
        party=PartyNumber(party),
        attempt=1,
        input_set="b" * 64,
        began=False,
        cancels=False,
        nonce="c" * 64,
        round_us=round_us,
        unusable=(),
    )


def ready(*rounds_us: int) -> Ready:
    return {
        PartyNumber(party): sign(announcement(party, round_us), IDENTITIES[party - 1])
        for party, round_us in enumerate(rounds_us, start=1)
    }


@pytest.mark.parametrize(
    ("measured_s", "announced_us"),
    [(0.0123, 12_300), (0.0, 1), (1e-9, 1), (1e9, LONGEST_ROUND_US), (None, round(1e6 * Pace().round_s))],
)
def test_a_measurement_is_announced_in_microseconds(measured_s: float | None, announced_us: int) -> None:
    assert in_microseconds(measured_s) == announced_us


def test_the_pace_is_the_median_of_what_the_participants_announced() -> None:
    assert common_pace(ready(8_000, 1, 9_000, LONGEST_ROUND_US, 7_000)).round_s == 2**-7


@pytest.mark.parametrize("lie", [1, LONGEST_ROUND_US])
def test_liars_cannot_push_the_pace_out_of_what_honest_parties_announced(lie: int) -> None:
    assert common_pace(ready(30_000, 32_000, 31_000, lie, lie)).round_s == 2**-5


def test_a_pace_has_bounds_even_if_all_lie() -> None:
    assert common_pace(ready(*[1] * 5)).round_s == FASTEST_ROUND_S
    assert common_pace(ready(*[LONGEST_ROUND_US] * 5)).round_s == SLOWEST_ROUND_S


@pytest.mark.parametrize("round_us", [0, -1, LONGEST_ROUND_US + 1, "1000", None])
def test_an_announcement_that_names_no_duration_is_refused(round_us: str | int | None) -> None:
    signed = sign(announcement(1, 1_000), IDENTITIES[0])
    assert read_verified_statement(Readiness, signed.encode()).content == signed.content
    body = parse_canonical_json(signed.content.body())
    assert isinstance(body, dict)
    with pytest.raises(MalformedStatementError):
        read_verified_statement(Readiness, signed.signature + canonical_json(body | {"round_us": round_us}))
