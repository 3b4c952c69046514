import os
from pathlib import Path

import pytest

from aukciszek.client.errors import OpeningPasswordError, OpeningStoreError
from aukciszek.client.stores.opening_store import MOST_KEPT, KeptOpening, OpeningFile, OpeningStore, opening_file_beside
from aukciszek.client.stores.password_box import PasswordBox
from aukciszek.protocol.rules.errors import MalformedOpeningError
from aukciszek.protocol.rules.identifiers import AuctionId, UserId
from aukciszek.protocol.sealing.bundle import Bundle
from aukciszek.protocol.sealing.opening_secret import OpeningSecret

AUCTION = AuctionId("ab" * 32)
BIDDER = UserId("22222222-2222-4222-8222-222222222222")
SECRET = OpeningSecret(bytes(range(32)), 1234)


def bundle(revision: int = 1) -> Bundle:
    # What is kept does not look into the bundle, and a withdrawal is short.
    return Bundle.for_withdrawal(auction=AUCTION, bidder=BIDDER, revision=revision)


def test_secrets_are_kept_for_the_owner_alone(tmp_path: Path) -> None:
    path = opening_file_beside(tmp_path / "receipts.json")
    assert path.name == "receipts.json.opening"
    for revision in (1, 2):
        OpeningStore.open(path, AUCTION, BIDDER).add(bundle(revision), SECRET)
    file = OpeningFile.read(path)
    assert [kept.revision for kept in file.bids] == [1, 2]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    kept = file.of_bundle(bundle(2).digest())
    assert kept is not None
    assert kept.reveal(None) == SECRET
    assert b"null" not in path.read_bytes()


def test_of_two_bundles_of_one_revision_both_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "opening"
    other = Bundle.for_withdrawal(auction=AuctionId("cd" * 32), bidder=BIDDER, revision=1)
    store = OpeningStore.open(path, AUCTION, BIDDER)
    store.add(bundle(), SECRET)
    store.add(other, SECRET)
    file = OpeningFile.read(path)
    assert file.of_bundle(bundle().digest()) == file.bids[0]
    assert file.of_revision(1) == file.bids[1]
    assert file.of_revision(2) is file.of_bundle(bundle(2).digest()) is None


def test_a_locked_secret_opens_with_its_password_alone(tmp_path: Path) -> None:
    path = tmp_path / "opening"
    OpeningStore.open(path, AUCTION, BIDDER, password="za\u017c\u00f3\u0142\u0107").add(bundle(), SECRET)
    assert SECRET.encode()[:32] not in path.read_bytes()
    (kept,) = OpeningFile.read(path).bids
    assert kept.secret is None
    # The same password, typed with combining accents.
    assert kept.reveal("zaz\u0307o\u0301\u0142c\u0301") == SECRET
    for wrong in (None, "", "another"):
        with pytest.raises(OpeningPasswordError):
            kept.reveal(wrong)
    moved = kept.model_copy(update={"bundle": bundle(2).encode()})
    with pytest.raises(OpeningPasswordError):
        moved.reveal("za\u017c\u00f3\u0142\u0107")


def test_a_box_shows_nothing_of_what_is_in_it() -> None:
    first, second = (PasswordBox.lock(b"secret", "password", b"here") for _ in range(2))
    assert first.content != second.content
    assert first.unlock("password", b"here") == b"secret"
    with pytest.raises(OpeningPasswordError):
        first.unlock("password", b"there")


def test_no_text_shows_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "opening"
    OpeningStore.open(path, AUCTION, BIDDER).add(bundle(), SECRET)
    (kept,) = OpeningFile.read(path).bids
    assert "secret" not in repr(kept)
    path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":2'))
    with pytest.raises(MalformedOpeningError) as told:
        OpeningFile.read(path)
    assert "AAEC" not in str(told.value)


def test_the_oldest_secrets_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    store = OpeningStore.open(tmp_path / "opening", AUCTION, BIDDER)
    for revision in range(1, MOST_KEPT + 2):
        store.add(bundle(revision), SECRET)
    kept = OpeningFile.read(tmp_path / "opening").bids
    assert (len(kept), kept[0].revision, kept[-1].revision) == (MOST_KEPT, 2, MOST_KEPT + 1)


def test_a_file_of_another_bid_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "opening"
    OpeningStore.open(path, AUCTION, BIDDER).add(bundle(), SECRET)
    before = path.read_bytes()
    with pytest.raises(OpeningStoreError, match="another auction or bidder"):
        OpeningStore.open(path, AuctionId("cd" * 32), BIDDER)
    assert path.read_bytes() == before


def test_what_holds_no_secrets_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "opening"
    with pytest.raises(MalformedOpeningError, match="cannot read"):
        OpeningFile.read(path)
    for content in (b"", b"{}", b"novel", bytes((16 << 20) + 1)):
        path.write_bytes(content)
        with pytest.raises(MalformedOpeningError):
            OpeningStore.open(path, AUCTION, BIDDER)
    box = PasswordBox.lock(b"", "", b"")
    with pytest.raises(ValueError, match="not both"):
        KeptOpening(revision=1, bundle=b"", secret=SECRET.encode(), locked=box)
    with pytest.raises(ValueError, match="not both"):
        KeptOpening(revision=1, bundle=b"")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OpeningStoreError, match="cannot write"):
        OpeningStore.open(tmp_path / "nowhere" / "opening", AUCTION, BIDDER)


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "opening"
    store = OpeningStore.open(path, AUCTION, BIDDER)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OpeningStoreError, match="No space left"):
        store.add(bundle(), SECRET)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["opening"]
