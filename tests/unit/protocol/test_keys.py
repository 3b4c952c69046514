import json
from pathlib import Path

import pytest

from aukciszek.protocol.rules.errors import EnvelopeDoesNotOpenError, MalformedSealingKeyError
from aukciszek.protocol.sealing.keys import (
    PRIVATE_KEY_BYTES,
    PUBLIC_KEY_BYTES,
    SEALING_OVERHEAD_BYTES,
    SealingKeyPair,
    SealingPublicKey,
)

VECTORS = Path(__file__).parents[2] / "vectors"


def test_keys_follow_from_their_seed_as_the_x_wing_draft_says() -> None:
    vectors = json.loads((VECTORS / "x_wing_keys.json").read_bytes())
    assert len(vectors["keys"]) == 2
    for vector in vectors["keys"]:
        pair = SealingKeyPair(bytes.fromhex(vector["seed"]))
        assert pair.public_bytes.hex() == vector["public_key"]
        assert pair.to_bytes().hex() == vector["seed"]


def test_what_is_sealed_opens_with_the_pair_and_the_info_alone(
    key_pairs: list[SealingKeyPair], sealing_keys: list[SealingPublicKey]
) -> None:
    sealed = sealing_keys[0].seal(b"content", b"info")
    assert len(sealed) == SEALING_OVERHEAD_BYTES + len(b"content")
    assert SealingKeyPair(key_pairs[0].to_bytes()).open(sealed, b"info") == b"content"
    for pair, changed, info in (
        (key_pairs[1], sealed, b"info"),
        (key_pairs[0], sealed, b"other"),
        (key_pairs[0], sealed[:-1], b"info"),
        (key_pairs[0], sealed + b"\x00", b"info"),
        (key_pairs[0], b"", b"info"),
    ):
        with pytest.raises(EnvelopeDoesNotOpenError):
            pair.open(changed, info)


@pytest.mark.parametrize("place", [0, 1087, 1088, 1119, 1120, -17, -1])
def test_no_byte_of_a_sealed_text_can_be_changed(
    key_pairs: list[SealingKeyPair], sealing_keys: list[SealingPublicKey], place: int
) -> None:
    sealed = bytearray(sealing_keys[0].seal(b"content", b"info"))
    sealed[place] ^= 1
    with pytest.raises(EnvelopeDoesNotOpenError):
        key_pairs[0].open(bytes(sealed), b"info")


def test_the_same_content_is_never_sealed_alike(sealing_keys: list[SealingPublicKey]) -> None:
    assert sealing_keys[0].seal(b"content", b"info") != sealing_keys[0].seal(b"content", b"info")


def test_a_key_that_cannot_be_sealed_to_is_refused(key_pairs: list[SealingKeyPair]) -> None:
    good = key_pairs[0].public_bytes
    for bad in (
        b"",
        good[:-1],
        good + b"\x00",
        b"\xff" * 1184 + good[1184:],  # coefficients beyond the lattice's modulus
        good[:1184] + bytes(32),  # the neutral point: the shared secret would be zero for everybody
        good[:1184] + bytes([1]) + bytes(31),  # a point of order 4
    ):
        with pytest.raises(MalformedSealingKeyError):
            SealingPublicKey(bad)


@pytest.mark.parametrize("length", [0, PRIVATE_KEY_BYTES - 1, PRIVATE_KEY_BYTES + 1])
def test_a_private_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(MalformedSealingKeyError):
        SealingKeyPair(bytes(length))


def test_a_fresh_pair_comes_from_the_randomness_that_was_passed_in() -> None:
    pair = SealingKeyPair.new(lambda count: b"\x07" * count)
    assert pair.to_bytes() == b"\x07" * 32
    assert len(pair.public_bytes) == PUBLIC_KEY_BYTES
    assert SealingKeyPair.new().to_bytes() != SealingKeyPair.new().to_bytes()


def test_no_text_shows_a_private_key() -> None:
    pair = SealingKeyPair(bytes(range(32)))
    assert str(pair) == repr(pair) == "SealingKeyPair(***)"
    with pytest.raises(AttributeError):
        _ = pair.__dict__
