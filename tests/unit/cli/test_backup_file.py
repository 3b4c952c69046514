"""A backup opens with its own key alone, whole or not at all, and says nothing but whose it is."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aukciszek.cli.operator.backup_file import (
    CHUNK_BYTES,
    BackupFileError,
    BackupHeader,
    BackupKeyError,
    read_header,
    read_private,
    read_public,
    recipient_of,
    seal,
    unseal,
    write_file,
    write_private,
    write_public,
)
from aukciszek.protocol.sealing.keys import SealingKeyPair, SealingPublicKey

PAIR = SealingKeyPair.new()
PUBLIC = SealingPublicKey(PAIR.public_bytes)
HEADER = BackupHeader(
    party=3,
    cluster="c" * 64,
    taken_at=datetime(2026, 1, 31, 12, tzinfo=UTC),
    program="1.0",
    recipient=recipient_of(PAIR.public_bytes),
)
CONTENT = os.urandom(2 * CHUNK_BYTES + 5)
SEALED = b"".join(seal(HEADER, CONTENT, PUBLIC))
CHUNK = CHUNK_BYTES + 16
HEAD = len(SEALED) - 2 * CHUNK - 5 - 16


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES])
def test_what_was_sealed_comes_back(size: int) -> None:
    content = CONTENT[:size]
    sealed = b"".join(seal(HEADER, content, PUBLIC))
    assert read_header(sealed) == HEADER
    assert unseal(sealed, PAIR) == content
    assert size < 32 or content[:32] not in sealed


@pytest.mark.parametrize(
    "sealed",
    [
        pytest.param(SEALED[:-1], id="the last byte is missing"),
        pytest.param(SEALED + b"x", id="something follows"),
        pytest.param(SEALED[: HEAD + CHUNK], id="chunks are cut off at the end"),
        pytest.param(SEALED[:HEAD] + SEALED[HEAD + CHUNK :], id="a chunk is left out"),
        pytest.param(
            SEALED[:HEAD]
            + SEALED[HEAD + CHUNK : HEAD + 2 * CHUNK]
            + SEALED[HEAD : HEAD + CHUNK]
            + SEALED[HEAD + 2 * CHUNK :],
            id="chunks changed places",
        ),
        pytest.param(SEALED.replace(b'"party":3', b'"party":4'), id="another party's"),
        pytest.param(SEALED[: HEAD + 9] + bytes([SEALED[HEAD + 9] ^ 1]) + SEALED[HEAD + 10 :], id="a bit is flipped"),
        pytest.param(b"not a backup", id="no backup"),
        pytest.param(SEALED[:20], id="hardly anything"),
    ],
)
def test_a_changed_backup_does_not_open(sealed: bytes) -> None:
    with pytest.raises(BackupFileError):
        unseal(sealed, PAIR)


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(BackupFileError, match="sealed to another"):
        unseal(SEALED, SealingKeyPair.new())


def test_keys_are_kept_as_text_and_not_taken_for_each_other(tmp_path: Path) -> None:
    private, public = tmp_path / "backup.key", tmp_path / "backup.pub"
    private.write_bytes(write_private(PAIR))
    public.write_bytes(write_public(PUBLIC))
    assert read_private(private).to_bytes() == PAIR.to_bytes()
    assert read_public(public).content == PAIR.public_bytes
    for read, path in ((read_private, public), (read_public, private), (read_public, tmp_path / "nothing")):
        with pytest.raises(BackupKeyError):
            read(path)


def test_an_earlier_backup_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "backup"
    assert write_file(file, iter([b"one", b"two"])) == 6
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(BackupFileError, match="name a new file"):
        write_file(file, iter([b"three"]))
    assert file.read_bytes() == b"onetwo"
