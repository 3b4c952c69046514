import hashlib

import numpy as np
import pytest

from aukciszek.mpc.sharing.dealing import Dealing, challenge, share_fits
from aukciszek.mpc.sharing.field import P
from aukciszek.mpc.sharing.opening import fits
from aukciszek.mpc.sharing.random_stream import RandomStream
from aukciszek.mpc.sharing.shamir import interpolate
from aukciszek.mpc.sharing.sizes import MASKS, SALTS, proof_bytes, row_elements

BITS = [1, 0, 1, 1, 0]
COMMITMENTS = bytes(range(32))


@pytest.mark.parametrize(("n", "t"), [(3, 1), (5, 2), (6, 2), (9, 4)])
def test_an_honest_dealing_convinces_every_party(n: int, t: int) -> None:
    dealt = Dealing.of(BITS, n, t)
    proof = dealt.prove(COMMITMENTS)
    assert len(proof) == proof_bytes(t)
    assert all(share_fits(dealt.shares[party - 1], party, t, proof, COMMITMENTS) for party in range(1, n + 1))
    for place, bit in enumerate(BITS):
        word = dict(enumerate(dealt.shares[:, place].tolist(), start=1))
        assert fits(word, t)
        assert not fits(word, t - 1)
        assert interpolate(list(word), list(word.values())) == bit


@pytest.mark.parametrize("place", range(row_elements(len(BITS))))
def test_a_share_off_the_polynomial_convinces_nobody_who_holds_it(place: int) -> None:
    dealt = Dealing.of(BITS, 5, 2)
    dealt.shares[3, place] = (int(dealt.shares[3, place]) + 1) % P
    proof = dealt.prove(COMMITMENTS)
    assert [share_fits(dealt.shares[i - 1], i, 2, proof, COMMITMENTS) for i in range(1, 6)] == [
        True,
        True,
        True,
        False,
        True,
    ]


def test_a_polynomial_of_higher_degree_convinces_at_most_t_plus_one_parties() -> None:
    dealt = Dealing.of(BITS, 5, 1)
    parties = np.arange(1, 6, dtype=np.uint64)
    dealt.shares[:, 0] = (dealt.shares[:, 0] + parties * parties) % np.uint64(P)
    proof = dealt.prove(COMMITMENTS)
    assert sum(share_fits(dealt.shares[i - 1], i, 1, proof, COMMITMENTS) for i in range(1, 6)) <= 2


def test_a_proof_holds_for_its_own_commitments_only() -> None:
    dealt = Dealing.of(BITS, 3, 1)
    proof = dealt.prove(COMMITMENTS)
    assert not share_fits(dealt.shares[0], 1, 1, proof, bytes(32))
    assert not share_fits(dealt.shares[0], 2, 1, proof, COMMITMENTS)


@pytest.mark.parametrize("proof", [b"", bytes(47), bytes(49), b"\xff" * 48])
def test_a_malformed_proof_proves_nothing(proof: bytes) -> None:
    assert not share_fits(Dealing.of(BITS, 3, 1).shares[0], 1, 1, proof, COMMITMENTS)


def test_a_dealing_is_a_function_of_values_and_one_key() -> None:
    asked = []

    def key(count: int) -> bytes:
        asked.append(count)
        return bytes(range(32))

    first, second = (Dealing.of(BITS, 5, 2, key) for _ in range(2))
    assert asked == [32, 32]
    assert first.shares.tolist() == second.shares.tolist()
    assert first.prove(COMMITMENTS) == second.prove(COMMITMENTS)


def test_salts_masks_and_coefficients_come_from_the_key_in_this_order() -> None:
    dealt = Dealing.of(BITS, 3, 1, lambda _: bytes(range(32)))
    stream, width = RandomStream(bytes(range(32))), len(BITS) + SALTS + MASKS
    constant, linear = [*BITS, *stream.take(SALTS + MASKS).tolist()], stream.take(width).tolist()
    for party in (1, 2, 3):
        expected = [(a + party * b) % P for a, b in zip(constant, linear, strict=True)]
        assert dealt.shares[party - 1].tolist() == expected


def test_the_proof_counts_the_salts_as_values() -> None:
    dealt = Dealing.of(BITS, 3, 1)
    rho = challenge(COMMITMENTS, len(BITS) + SALTS).tolist()
    constant = dealt.coefficients[0].tolist()
    proof = dealt.prove(COMMITMENTS)
    for mask in range(MASKS):
        expected = sum(value * row[mask] for value, row in zip(constant[:-MASKS], rho, strict=True))
        found = int.from_bytes(proof[16 * mask : 16 * mask + 8], "little")
        assert found == (expected + constant[mask - MASKS]) % P


def test_the_proof_of_equal_values_is_fresh() -> None:
    assert len({Dealing.of(BITS, 3, 1).prove(COMMITMENTS) for _ in range(20)}) == 20


def test_the_challenge_is_what_the_documents_say() -> None:
    # Value 700 and mask 2 are word 2102: the seventh of block 262.
    block = hashlib.sha512(b"aukciszek/1/degree-proof" + COMMITMENTS + bytes([1, 6])).digest()
    assert int(challenge(COMMITMENTS, 800)[700, 2]) == int.from_bytes(block[48:56]) >> 3


def test_a_challenge_word_outside_the_field_becomes_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ones:
        def __init__(self, _content: bytes) -> None: ...

        def digest(self) -> bytes:
            return b"\xff" * 16 + bytes([0] * 7 + [5 << 3]) + bytes(40)

    monkeypatch.setattr(hashlib, "sha512", Ones)
    assert challenge(COMMITMENTS, 1).tolist() == [[0, 0, 5]]


@pytest.mark.parametrize("values", [[-1], [P]])
def test_only_field_elements_are_dealt(values: list[int]) -> None:
    with pytest.raises(ValueError, match="from 0 to p - 1"):
        Dealing.of(values, 3, 1)


def test_a_dealing_shows_no_shares() -> None:
    assert repr(Dealing.of(BITS, 3, 1)) == "Dealing()"
