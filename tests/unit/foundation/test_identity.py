import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, strategies

from aukciszek.encoding import to_base64url
from aukciszek.identity import Identity, IdentityKeyError, PublicIdentity


def test_a_signature_holds_for_its_content_label_and_key_alone() -> None:
    identity, other = Identity.new(), Identity.new()
    signature = identity.sign("receipt", b"content")
    assert len(signature) == 64
    assert identity.public.verifies("receipt", b"content", signature)
    assert not identity.public.verifies("receipt", b"content!", signature)
    assert not identity.public.verifies("order", b"content", signature)
    assert not other.public.verifies("receipt", b"content", signature)


@given(strategies.binary(max_size=70))
def test_no_other_bytes_are_a_signature(signature: bytes) -> None:
    identity = Identity(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    assert not identity.public.verifies("receipt", b"content", signature)


def test_label_and_content_cannot_trade_places() -> None:
    identity = Identity.new()
    signature = identity.sign("receipt", b"s\x00content")
    assert not identity.public.verifies("receipts", b"content", signature)
    for label in ("receipt\x00s", "paragon ż"):
        with pytest.raises(ValueError, match=r"zero byte|ascii"):
            identity.sign(label, b"content")


def test_the_format_of_what_is_signed_does_not_change() -> None:
    """A known answer: Ed25519 is deterministic, so a change here would break every signature ever given."""
    identity = Identity(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    assert identity.public.text == "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"
    expected = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).sign(b"aukciszek/1/receipt\x00content")
    assert identity.sign("receipt", b"content") == expected


def test_the_public_half_travels_as_text() -> None:
    public = Identity.new().public
    assert len(public.text) == 43
    again = PublicIdentity.from_text(public.text)
    assert again == public
    assert hash(again) == hash(public)
    assert public != Identity.new().public
    assert public != public.text


@pytest.mark.parametrize("text", ["", "A", to_base64url(b"x" * 31), to_base64url(b"x" * 33), "=" * 43, "ż" * 43])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(IdentityKeyError, match="identity key"):
        PublicIdentity.from_text(text)


def test_the_private_half_is_not_shown() -> None:
    identity = Identity(Ed25519PrivateKey.from_private_bytes(b"hidden" * 5 + b"!!"))
    shown = f"{identity!r} {identity} {identity.public!r}"
    assert identity.public.text in shown
    assert "hidden" not in shown
    assert to_base64url(identity.key.private_bytes_raw()) not in shown


def test_an_identity_is_stored_for_its_owner_alone_and_found_again(tmp_path: Path) -> None:
    identity = Identity.new()
    path = tmp_path / "identity.pem"
    before = os.umask(0)
    try:
        identity.write(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Identity.read(path).public == identity.public


def test_an_identity_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "identity.pem"
    first = Identity.new()
    first.write(path)
    with pytest.raises(IdentityKeyError, match="made once and kept"):
        Identity.new().write(path)
    assert Identity.read(path).public == first.public


def test_half_an_identity_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "identity.pem"
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(IdentityKeyError, match="No space left"):
            Identity.new().write(path)
    Identity.new().write(path)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(IdentityKeyError, match="cannot write"):
        Identity.new().write(tmp_path / "nowhere" / "identity.pem")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_an_identity_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "identity.pem"
    Identity.new().write(path)
    path.chmod(mode)
    with pytest.raises(IdentityKeyError, match="chmod 600"):
        Identity.read(path)


def encoded(key: Ed25519PrivateKey | object, encryption: serialization.KeySerializationEncryption) -> bytes:
    assert hasattr(key, "private_bytes")
    content: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return content


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        (None, "aukciszek keys new"),
        (b"", "no readable key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no readable key"),
        (
            encoded(Ed25519PrivateKey.generate(), serialization.BestAvailableEncryption(b"password")),
            "no readable key",
        ),
        (encoded(generate_private_key(SECP256R1()), serialization.NoEncryption()), "another kind"),
    ],
)
def test_a_file_without_an_identity_is_refused_with_the_remedy(
    tmp_path: Path, content: bytes | None, remedy: str
) -> None:
    path = tmp_path / "identity.pem"
    if content is not None:
        path.touch(mode=0o600)
        path.write_bytes(content)
    with pytest.raises(IdentityKeyError, match=remedy):
        Identity.read(path)


def test_a_folder_is_no_identity(tmp_path: Path) -> None:
    with pytest.raises(IdentityKeyError, match="cannot read"):
        Identity.read(tmp_path)
