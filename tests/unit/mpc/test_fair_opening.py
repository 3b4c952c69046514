"""Fair openings: what they are made of, and who knows what, if parties withhold or alter what they owe."""

import hashlib
import json
from collections.abc import Callable, Mapping
from itertools import combinations

import numpy as np
import pytest

from aukciszek.encoding import canonical_json
from aukciszek.mpc.errors import InconsistentSharesError, PartiesMissingError, PrssKeysDifferError
from aukciszek.mpc.memory_channel import Delivery, Network, Payload
from aukciszek.mpc.protocols.fair_opening import (
    COMMITMENT_BYTES,
    MOST_OPENINGS,
    Exchange,
    MalformedMaskedOpeningError,
    MaskedOpening,
    OpeningKeys,
    commitment,
    expand,
    mask_shares,
    members_text,
    opening_key,
    opening_keys,
)
from aukciszek.mpc.protocols.round_release import RoundRelease
from aukciszek.mpc.protocols.runtime import Revealed, Runtime
from aukciszek.mpc.protocols.shared import Shared
from aukciszek.mpc.sharing.field import P, Vector, add, subtract, to_bytes
from aukciszek.mpc.sharing.prss import Members, PrssKeys, deal_prss_keys, large_sets, prss_sets
from aukciszek.mpc.sharing.shamir import combine, lagrange, share_values
from aukciszek.mpc.simulation import Simulation, simulate
from support.auction_case import AuctionCase

CLUSTERS = [(3, 1), (5, 2), (7, 3), (9, 4)]
ALL_NEEDED = [*CLUSTERS, (4, 1), (6, 2), (8, 3)]
SESSION = bytes(range(32))
VALUES = [3, P - 1, 0, 12345]


def sets_of(n: int, t: int) -> list[Members]:
    return [members for members in prss_sets(n, t) if len(members) == n - t]


def masked_opening(keys: list[PrssKeys], *, number: int = 0) -> MaskedOpening:
    """Open ``VALUES`` under a mask, as honest parties do."""
    mode = keys[0].mode
    own = {one.party: opening_keys(one, SESSION, number) for one in keys}
    shares = share_values(VALUES, mode.parties, mode.threshold)
    masked = [
        add(shares[one.party - 1], mask_shares(one, own[one.party], len(VALUES))) for one in keys[: mode.threshold + 1]
    ]
    weights = lagrange(tuple(range(1, mode.threshold + 2)))
    commitments = {
        members: commitment(SESSION, number, members, key) for held in own.values() for members, key in held.items()
    }
    return MaskedOpening(
        session=SESSION,
        number=number,
        reasons=(("winners", 1), ("prices", 3)),
        context=b"the lot",
        masked=combine(weights, masked),
        commitments=commitments,
    )


@pytest.fixture(scope="module")
def keys() -> list[PrssKeys]:
    return deal_prss_keys(5, 2)


@pytest.fixture(scope="module")
def opening(keys: list[PrssKeys]) -> MaskedOpening:
    return masked_opening(keys)


# What it is made of


def test_masks_are_expanded_as_the_protocol_says() -> None:
    expected = [200943225464400292, 2013776648672879012, 1140852933135396318, 1952645848204395996]
    assert expand(bytes(range(32)), 4).tolist() == expected
    assert expand(bytes(range(32)), 2).tolist() == expected[:2]
    assert expand(bytes(32), 1000).max() < P


def test_a_word_outside_the_field_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [2**64 - 1, 8 * P, 8 * 5 + 7, *[2**64 - 1] * 9, 8 * 6, 8 * 7] + [8 * 9] * 40

    class Answer:
        def __init__(self, _: bytes) -> None: ...

        def digest(self, length: int) -> bytes:
            return b"".join(word.to_bytes(8, "little") for word in words)[:length]

    monkeypatch.setattr(hashlib, "shake_256", Answer)
    assert expand(bytes(32), 3).tolist() == [5, 6, 7]


def test_commitments_are_computed_as_the_protocol_says() -> None:
    found = commitment(bytes(32), 1, frozenset({4, 1, 2}), bytes(range(32)))
    assert found.hex() == "73dfb8ce14aa63d2de6072492fba8d2b73764af1171b9368a5891541971565f7"


def test_a_commitment_belongs_to_one_session_opening_set_and_key() -> None:
    members, key = frozenset({1, 2}), bytes(32)
    found = {
        commitment(SESSION, 0, members, key),
        commitment(bytes(32), 0, members, key),
        commitment(SESSION, 1, members, key),
        commitment(SESSION, 0, frozenset({1, 3}), key),
        commitment(SESSION, 0, members, bytes(31) + b"1"),
    }
    assert len(found) == 5
    assert {len(one) for one in found} == {COMMITMENT_BYTES}


def test_keys_differ_between_sets_sessions_and_openings(keys: list[PrssKeys]) -> None:
    sets = large_sets(keys[0])
    found = {
        opening_key(keys[0], members, session, number)
        for members in sets
        for session in (SESSION, bytes(32))
        for number in range(MOST_OPENINGS)
    }
    assert len(found) == len(sets) * 2 * MOST_OPENINGS


def test_a_wrong_key_is_refused(keys: list[PrssKeys], opening: MaskedOpening) -> None:
    everything = {members: key for one in keys for members, key in opening_keys(one, SESSION, 0).items()}
    assert opening.unmask(everything) == {"winners": [3], "prices": [P - 1, 0, 12345]}
    for members, key in everything.items():
        other = opening_key(keys[min(members) - 1], members, SESSION, 1)
        assert opening.accepts(members, key)
        for wrong in (bytes(32), key[:-1], key + b"0", b"", other):
            assert not opening.accepts(members, wrong)
            with pytest.raises(ValueError, match="the key of every set"):
                opening.unmask({**everything, members: wrong})
        with pytest.raises(ValueError, match="the key of every set"):
            opening.unmask({held: one for held, one in everything.items() if held != members})
    assert not opening.accepts(frozenset({1, 2}), bytes(32))


def test_nothing_of_an_opening_is_shown(opening: MaskedOpening) -> None:
    shown = repr(opening)
    assert not any(str(int(element)) in shown for element in opening.masked)
    assert not any(value.hex() in shown or repr(value) in shown for value in opening.commitments.values())


# Its byte form


def test_an_opening_is_read_as_it_was_written(opening: MaskedOpening) -> None:
    content = opening.encode()
    read = MaskedOpening.decode(content, sets_of(5, 2))
    assert read.encode() == content
    assert (read.session, read.number, read.reasons, read.context) == (
        opening.session,
        opening.number,
        opening.reasons,
        opening.context,
    )
    assert read.masked.tolist() == opening.masked.tolist()
    assert read.commitments == opening.commitments


def changed(**changes: object) -> Callable[[dict[str, object]], object]:
    return lambda fields: fields | changes


def without(name: str) -> Callable[[dict[str, object]], object]:
    return lambda fields: {field: value for field, value in fields.items() if field != name}


def with_commitments(change: Callable[[dict[str, str]], Mapping[str, object]]) -> Callable[[dict[str, object]], object]:
    return lambda fields: fields | {"commitments": change(dict(fields["commitments"]))}  # type: ignore[call-overload]


MALFORMED: dict[str, Callable[[dict[str, object]], object]] = {
    "no object": lambda fields: [fields],
    "a field too many": changed(more=1),
    **{
        f"without {name}": without(name)
        for name in ("session", "number", "reasons", "context", "masked", "commitments")
    },
    "a negative number": changed(number=-1),
    "a number beyond the last": changed(number=MOST_OPENINGS),
    "a truth value for a number": changed(number=False),
    "a text for a number": changed(number="0"),
    "a short session": changed(session="00" * 31),
    "a session in capitals": changed(session="AB" * 32),
    "a session that is no text": changed(session=1),
    "no reasons": changed(reasons=[]),
    "reasons that are no list": changed(reasons={"winners": 4}),
    "a reason without a number": changed(reasons=[["winners"]]),
    "a reason of no elements": changed(reasons=[["winners", 0], ["prices", 4]]),
    "a reason of fewer than no elements": changed(reasons=[["winners", -1], ["prices", 5]]),
    "a reason of a truth value": changed(reasons=[["winners", True], ["prices", 3]]),
    "a reason that is no text": changed(reasons=[[1, 4]]),
    "one reason twice": changed(reasons=[["prices", 1], ["prices", 3]]),
    "more elements than there are": changed(reasons=[["winners", 5]]),
    "fewer elements than there are": changed(reasons=[["winners", 3]]),
    "an element outside the field": changed(masked="_________w" * 3 + "_________w"),
    "a context that is no base64url": changed(context="="),
    "a commitment too few": with_commitments(lambda claimed: dict(list(claimed.items())[1:])),
    "a commitment of a foreign set": with_commitments(lambda claimed: claimed | {"1,2": "00" * 32}),
    "a commitment too short": with_commitments(lambda claimed: claimed | {"1,2,3": "00" * 31}),
    "a commitment in capitals": with_commitments(lambda claimed: claimed | {"1,2,3": "AB" * 32}),
    "a commitment under another spelling": with_commitments(
        lambda claimed: {{"1,2,3": "3,2,1"}.get(name, name): value for name, value in claimed.items()}
    ),
    "commitments that are no object": changed(commitments=[]),
}


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED)
def test_another_form_of_an_opening_is_refused(
    opening: MaskedOpening, change: Callable[[dict[str, object]], object]
) -> None:
    fields = json.loads(opening.encode())
    with pytest.raises(MalformedMaskedOpeningError):
        MaskedOpening.decode(canonical_json(change(fields)), sets_of(5, 2))  # type: ignore[arg-type]  # as JSON is


def test_bytes_in_another_order_or_of_another_cluster_are_refused(opening: MaskedOpening) -> None:
    content = opening.encode()
    for other in (b"", b"{", content + b" ", b" " + content, json.dumps(json.loads(content), indent=1).encode()):
        with pytest.raises(MalformedMaskedOpeningError):
            MaskedOpening.decode(other, sets_of(5, 2))
    with pytest.raises(MalformedMaskedOpeningError):
        MaskedOpening.decode(content, sets_of(5, 1))


# Who knows what


@pytest.mark.parametrize(("n", "t"), ALL_NEEDED)
def test_before_the_first_honest_release_exactly_one_key_is_unknown_to_any_t_parties(n: int, t: int) -> None:
    keys = deal_prss_keys(n, t)
    opening = masked_opening(keys)
    held = {one.party: opening_keys(one, SESSION, 0) for one in keys}
    parties = frozenset(range(1, n + 1))
    for corrupt in combinations(range(1, n + 1), t):
        honest = parties - set(corrupt)
        known = {members: key for party in corrupt for members, key in held[party].items()}
        assert opening.missing(known) == [honest]
        # All that they can take off leaves the values under one mask that they know nothing of.
        rest = opening.masked
        for key in known.values():
            rest = subtract(rest, expand(key, len(VALUES)))
        mask = expand(held[min(honest)][honest], len(VALUES))
        assert subtract(rest, mask).tolist() == VALUES


@pytest.mark.parametrize(("n", "t"), ALL_NEEDED)
def test_after_the_first_honest_release_the_honest_parties_need_nobody_else(n: int, t: int) -> None:
    keys = deal_prss_keys(n, t)
    opening = masked_opening(keys)
    held = {one.party: opening_keys(one, SESSION, 0) for one in keys}
    expected = {"winners": VALUES[:1], "prices": VALUES[1:]}
    for corrupt in combinations(range(1, n + 1), t):
        honest = set(range(1, n + 1)) - set(corrupt)
        released = {members: key for party in honest for members, key in held[party].items()}
        # The corrupt parties release garbage for every set that they are in, and it is not taken.
        garbage = {members: bytes(32) for members in sets_of(n, t) if members & set(corrupt)}
        assert not any(opening.accepts(members, key) for members, key in garbage.items())
        assert opening.missing(released) == []
        assert opening.unmask(released) == expected
        # One release is enough for whoever holds the keys of the corrupt parties.
        others = {members: key for party in corrupt for members, key in held[party].items()}
        for first in honest:
            assert opening.unmask({**others, **held[first]}) == expected


@pytest.mark.parametrize(("n", "t"), ALL_NEEDED)
def test_the_shares_of_a_mask_lie_on_polynomials_of_degree_t(n: int, t: int) -> None:
    keys = deal_prss_keys(n, t)
    shares = {one.party: mask_shares(one, opening_keys(one, SESSION, 0), 5) for one in keys}
    everything = {members: key for one in keys for members, key in opening_keys(one, SESSION, 0).items()}
    total = np.zeros(5, dtype=np.uint64)
    for key in everything.values():
        total = add(total, expand(key, 5))
    for points in combinations(range(1, n + 1), t + 1):
        assert combine(lagrange(points), (shares[point] for point in points)).tolist() == total.tolist()


# Sessions in which a party does not do what it owes

MASKED, SIGNED, RELEASED = 2, 3, 4
"""The rounds of a session that opens at once."""


class Watched:
    """One session of a program that opens ``VALUES``, and everything that was delivered in it."""

    def __init__(
        self, n: int, t: int, interfere: Callable[[Delivery], Payload | None] = lambda one: one.payload
    ) -> None:
        self.n, self.t = n, t
        self.keys = deal_prss_keys(n, t)
        self.deliveries: list[Delivery] = []
        self.openings: dict[int, MaskedOpening] = {}
        self._interfere = interfere

    def _note(self, delivery: Delivery) -> Payload | None:
        payload = self._interfere(delivery)
        if payload is not None:
            self.deliveries.append(Delivery(delivery.round, delivery.sender, delivery.receiver, payload))
        return payload

    async def run(self, monkeypatch: pytest.MonkeyPatch) -> Simulation[dict[str, list[int]]]:
        shares = share_values(VALUES, self.n, self.t)
        faithful = RoundRelease.release

        async def release(
            port: RoundRelease, opening: MaskedOpening, own: OpeningKeys, exchange: Exchange
        ) -> OpeningKeys:
            self.openings[port._party] = opening
            return await faithful(port, opening, own, exchange)

        monkeypatch.setattr(RoundRelease, "release", release)

        async def program(runtime: Runtime) -> dict[str, list[int]]:
            await runtime.start()
            return await runtime.reveal({"values": Shared(shares[runtime.party - 1])})

        network = Network(self.n, interfere=self._note)
        return await simulate(program, n=self.n, t=self.t, network=network, keys=self.keys)

    def released_to(self, party: int) -> dict[Members, bytes]:
        """Return the keys that a party holds itself or was sent."""
        opening = self.openings[party]
        found = dict(opening_keys(self.keys[party - 1], opening.session, opening.number))
        for delivery in self.deliveries:
            if delivery.round == RELEASED and delivery.receiver == party:
                sets = [members for members in opening.commitments if delivery.sender in members]
                for place, members in enumerate(sets):
                    key = bytes(delivery.payload[32 * place :][:32])
                    if opening.accepts(members, key):
                        found[members] = key
        return found


def dropping(senders: set[int], number: int) -> Callable[[Delivery], Payload | None]:
    return lambda one: None if one.sender in senders and one.round == number else one.payload


@pytest.mark.parametrize(("n", "t"), CLUSTERS)
async def test_without_all_signatures_nobody_honest_releases_anything(
    monkeypatch: pytest.MonkeyPatch, n: int, t: int
) -> None:
    corrupt = set(range(1, t + 1))
    watched = Watched(n, t, dropping(corrupt, SIGNED))
    simulation = await watched.run(monkeypatch)
    honest = set(range(1, n + 1)) - corrupt
    for party in honest:
        error = simulation.errors[party]
        assert isinstance(error, PartiesMissingError)
        assert error.parties == corrupt
        assert not simulation.runtimes[party].revealed
    assert {one.sender for one in watched.deliveries if one.round == RELEASED} <= corrupt
    known = {members: key for party in corrupt for members, key in watched.released_to(party).items()}
    assert watched.openings[1].missing(known) == [honest]


@pytest.mark.parametrize(("n", "t"), CLUSTERS)
async def test_who_withholds_its_keys_keeps_the_values_from_nobody_who_goes_through_what_arrived(
    monkeypatch: pytest.MonkeyPatch, n: int, t: int
) -> None:
    """In rounds the session ends all the same; messages that outlive it are what finishes the opening then."""
    corrupt = set(range(1, t + 1))
    watched = Watched(n, t, dropping(corrupt, RELEASED))
    simulation = await watched.run(monkeypatch)
    for party in set(range(1, n + 1)) - corrupt:
        assert isinstance(simulation.errors[party], PartiesMissingError)
        assert not simulation.runtimes[party].revealed
        assert watched.openings[party].unmask(watched.released_to(party)) == {"values": VALUES}


@pytest.mark.parametrize(("n", "t"), CLUSTERS)
async def test_whoever_signs_something_else_ends_the_session_before_any_release(
    monkeypatch: pytest.MonkeyPatch, n: int, t: int
) -> None:
    def interfere(one: Delivery) -> Payload:
        return (
            bytes(one.payload).replace(b'"number":0', b'"number":1')
            if (one.sender, one.round) == (1, SIGNED)
            else one.payload
        )

    watched = Watched(n, t, interfere)
    simulation = await watched.run(monkeypatch)
    for party in range(2, n + 1):
        error = simulation.errors[party]
        assert isinstance(error, InconsistentSharesError)
        assert error.suspects == {1}
    assert {one.sender for one in watched.deliveries if one.round == RELEASED} <= {1}


@pytest.mark.parametrize(("n", "t"), CLUSTERS)
async def test_wrong_keys_change_nothing(monkeypatch: pytest.MonkeyPatch, n: int, t: int) -> None:
    corrupt = set(range(1, t + 1))
    watched = Watched(
        n, t, lambda one: bytes(len(one.payload)) if one.sender in corrupt and one.round == RELEASED else one.payload
    )
    simulation = await watched.run(monkeypatch)
    assert not simulation.errors
    assert simulation.result == {"values": VALUES}


@pytest.mark.parametrize("number", range(MOST_OPENINGS))
async def test_different_commitments_end_the_session_at_its_start(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Party 2 tells party 4 another commitment, of one set after the other, party 4's own sets and others."""
    liars_sets = [members for members in sets_of(5, 2) if 2 in members]
    for place, members in enumerate(liars_sets):
        from_the_end = COMMITMENT_BYTES * ((MOST_OPENINGS - number) * len(liars_sets) - place)

        def interfere(one: Delivery, from_the_end: int = from_the_end) -> Payload:
            if (one.sender, one.receiver, one.round) != (2, 4, 1):
                return one.payload
            payload = bytearray(one.payload)
            payload[-from_the_end] ^= 1
            return payload

        watched = Watched(5, 2, interfere)
        simulation = await watched.run(monkeypatch)
        error = simulation.errors[4]
        assert isinstance(error, PrssKeysDifferError)
        assert error.parties == ({2} if 4 in members else members)
        assert len(simulation.errors) == 5
        assert not watched.openings
        assert {one.sender for one in watched.deliveries if one.round == MASKED} <= {1, 2, 3, 5}


async def test_commitments_to_keys_that_nobody_holds_end_the_session_at_every_other_party(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interfere(one: Delivery) -> Payload:
        if (one.sender, one.round) != (2, 1):
            return one.payload
        return bytes(one.payload[:-COMMITMENT_BYTES]) + bytes(COMMITMENT_BYTES)

    simulation = await Watched(5, 2, interfere).run(monkeypatch)
    members = [one for one in sets_of(5, 2) if 2 in one][-1]
    for party in (1, 3, 4, 5):
        error = simulation.errors[party]
        assert isinstance(error, PrssKeysDifferError)
        assert error.parties == ({2} if party in members else members)


async def test_a_session_has_no_more_openings_than_it_committed_to_masks_for() -> None:
    async def program(runtime: Runtime) -> int:
        await runtime.start()
        for _ in range(MOST_OPENINGS):
            await runtime.reveal({"a": runtime.random(1)})
        with pytest.raises(RuntimeError, match="no more openings"):
            await runtime.reveal({"a": runtime.random(1)})
        return len(runtime.revealed)

    assert (await simulate(program, n=3, t=1)).result == MOST_OPENINGS


async def test_all_honest_parties_sign_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(7, 3)
    await watched.run(monkeypatch)
    (content,) = {opening.encode() for opening in watched.openings.values()}
    assert MaskedOpening.decode(content, sets_of(7, 3)).commitments.keys() == set(sets_of(7, 3))
    assert members_text(frozenset({3, 1, 2, 7})) == "1,2,3,7"


async def test_the_port_is_entered_before_any_share_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(3, 1)

    async def fail(_: RoundRelease, reasons: tuple[str, ...]) -> None:
        assert reasons == ("values",)
        raise OSError

    monkeypatch.setattr(RoundRelease, "enter", fail)
    simulation = await watched.run(monkeypatch)
    assert {type(error) for error in simulation.errors.values()} == {OSError}
    assert {one.round for one in watched.deliveries} == {1}


# The gate: the outcome stands behind the input checks


@pytest.mark.parametrize(("n", "t"), [(3, 1), (4, 1), (5, 1)])
@pytest.mark.parametrize("failed", [False, True])
async def test_behind_a_gate_that_is_not_zero_nothing_is_returned_or_listed(n: int, t: int, failed: bool) -> None:  # noqa: FBT001 -- one of two cases
    shares = share_values([17 * failed, 5, 6], n, t)

    async def program(runtime: Runtime) -> dict[str, list[int]]:
        await runtime.start()
        own = Shared(shares[runtime.party - 1])
        return await runtime.reveal({"gate": own[:1], "prices": own[1:]}, gate="gate")

    simulation = await simulate(program, n=n, t=t)
    expected = {"gate": [17]} if failed else {"gate": [0], "prices": [5, 6]}
    assert simulation.result == expected
    listed = tuple(Revealed(reason, tuple(values)) for reason, values in expected.items())
    assert {runtime.revealed for runtime in simulation.runtimes.values()} == {listed}


BINS = 4


class Unmasked:
    """What the first opening of each session contains at party 1, behind the gate as well."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: list[dict[str, list[int]]] = []
        faithful = MaskedOpening.unmask
        seen: set[bytes] = set()

        def unmask(opening: MaskedOpening, keys: OpeningKeys) -> dict[str, list[int]]:
            values = faithful(opening, keys)
            if opening.number == 0 and to_bytes(opening.masked) not in seen:
                seen.add(to_bytes(opening.masked))
                self.found.append(values)
            return values

        monkeypatch.setattr(MaskedOpening, "unmask", unmask)

    async def after_auctions(self, runs: int) -> Vector:
        """Run auctions with a faulty bundle; a row for each: the gate, the winner's position, the price."""
        for _ in range(runs):
            result = (await AuctionCase([9, 3, [0, 0, 1, 2], 7]).run()).result
            assert result.left_out == ((2, "not-bits"),)
            assert (result.winners, result.prices) == ((1,), (3,))
            reasons = [revealed.reason for revealed in result.revealed]
            assert reasons[1] == "input checks of all bundles"
            assert reasons[2] == "input checks of each bundle: elements that are no bits"
            assert reasons[3:] == ["winners", "prices"]
            assert result.revealed[1].values == tuple(self.found[-1]["input checks of all bundles"])
        assert len(self.found) == runs
        return np.array([[element for part in one.values() for element in part] for one in self.found], dtype=np.uint64)


def largest_deviation(rows: Vector) -> float:
    """In standard deviations of chi-square: how far any pair of columns is from uniform and independent."""
    digits = (rows // np.uint64(-(-P // BINS))).astype(np.int64)
    freedom = BINS**2 - 1
    worst = 0.0
    for one, other in combinations(range(rows.shape[1]), 2):
        counts = np.bincount(digits[:, one] * BINS + digits[:, other], minlength=BINS**2)
        expected = len(rows) / BINS**2
        chi_square = float(((counts - expected) ** 2 / expected).sum())
        worst = max(worst, (chi_square - freedom) / (2 * freedom) ** 0.5)
    return worst


async def test_with_a_faulty_bundle_what_stands_behind_the_gate_is_uniform(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = await Unmasked(monkeypatch).after_auctions(320)
    assert rows.shape == (320, 3)
    assert largest_deviation(rows) < 7


def one_value(_: Runtime, count: int) -> Shared:
    return Shared(np.full(count, 2**59 + 1, dtype=np.uint64))


def no_masks(_: Runtime, count: int) -> Shared:
    return Shared(np.concatenate([[1], np.zeros(count - 1)]).astype(np.uint64))


@pytest.mark.parametrize("random", [one_value, no_masks])
async def test_the_uniformity_test_notices_masks_that_are_none_or_the_same(
    monkeypatch: pytest.MonkeyPatch, random: Callable[[Runtime, int], Shared]
) -> None:
    monkeypatch.setattr(Runtime, "random", random)
    unmasked = Unmasked(monkeypatch)
    for _ in range(80):
        await AuctionCase([9, 3, [0, 0, 1, 2], 7]).run()
    rows = np.array([[element for part in one.values() for element in part] for one in unmasked.found], dtype=np.uint64)
    assert largest_deviation(rows) > 7
