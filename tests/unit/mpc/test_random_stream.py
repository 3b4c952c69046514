import numpy as np
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from aukciszek.mpc.sharing.field import P, Vector
from aukciszek.mpc.sharing.random_stream import RandomStream, derive_key

KEY = bytes(range(32))


def test_elements_are_the_top_61_bits_of_the_key_stream() -> None:
    encryptor = Cipher(algorithms.AES256(KEY), modes.CTR(bytes(16))).encryptor()
    words = np.frombuffer(encryptor.update(bytes(8 * 20_000)), dtype="<u8") >> np.uint64(3)
    assert (RandomStream(KEY).take(20_000) == words).all()


def test_the_order_does_not_depend_on_how_requests_are_cut() -> None:
    whole = RandomStream(KEY).take(30_000)
    stream = RandomStream(KEY)
    parts = np.concatenate([stream.take(count) for count in (0, 1, 8192, 7, 1800, 20_000)])
    assert (parts == whole).all()


def test_values_outside_the_field_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    words = iter([5, P, P, 6, 7, P, 8, 9, 10])

    def scripted(_stream: RandomStream, block: Vector) -> None:
        for place in range(block.size):
            block[place] = next(words) << 3

    monkeypatch.setattr(RandomStream, "_words", scripted)
    stream = RandomStream(KEY)
    assert stream.take(4).tolist() == [5, 6, 7, 8]
    assert stream.take(2).tolist() == [9, 10]


def test_keys_are_derived_as_by_any_other_hkdf() -> None:
    # One block of output and a salt are all that is needed, so two calls of HMAC are the whole of it.
    reference = HKDF(hashes.SHA256(), 32, salt=b"salt", info=b"aukciszek/1/mpc/purpose").derive(KEY)
    assert derive_key(KEY, salt=b"salt", purpose=b"purpose") == reference
    without_salt = HKDF(hashes.SHA256(), 32, salt=None, info=b"aukciszek/1/mpc/purpose").derive(KEY)
    assert derive_key(KEY, salt=b"", purpose=b"purpose") == without_salt


def test_keys_for_different_purposes_differ() -> None:
    keys = {derive_key(KEY, salt=salt, purpose=purpose) for salt in (b"1", b"2") for purpose in (b"a", b"b")}
    assert len(keys) == 4


def test_a_stream_shows_no_key() -> None:
    assert KEY.hex() not in repr(RandomStream(KEY))
    with pytest.raises(ValueError, match="32 bytes"):
        RandomStream(b"short")
