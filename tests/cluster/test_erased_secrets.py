"""After an outcome is final no file of any party holds what opens a bid: real processes, and every byte they wrote."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from aukciszek.encoding import to_base64url
from aukciszek.local_cluster.actors import everybody, open_auction
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.protocol.sealing.bundle import Bundle
from aukciszek.protocol.sealing.envelope import OwnEnvelope
from aukciszek.protocol.sealing.keys import SealingKeyPair
from support.disks import Disk, go_on, held_when, hold, until

from .conftest import PARTIES, THRESHOLD, founded

if TYPE_CHECKING:
    from aukciszek.local_cluster.processes import Launch

    from .conftest import Town

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

LOST, HELD = 3, 2
SETS = 6
"""Sets of three parties among five that one party belongs to."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("all-files")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def town(folder: Path, launch: "Launch") -> "AsyncIterator[Town]":
    """A cluster all of whose files are in one folder, those that are meant to be gone soon, too."""
    (folder / "tmp").mkdir()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TMPDIR", str(folder / "tmp"))
        async with founded(folder, THRESHOLD, launch) as town:
            yield town


class Copy:
    """A copy of one party's database and log, as somebody takes it who steals them."""

    def __init__(self, disk: Disk, to: Path) -> None:
        self.number = disk.number
        files = [Path(shutil.copy(path, to)) for path in sorted(disk.folder.glob("*.db*"))]
        self.contents = {path.name: path.read_bytes() for path in files}
        # From here on the files change: what is only in the log is read, too.
        with closing(sqlite3.connect(files[0])) as connection:
            self._rows = {
                query: connection.execute(query).fetchall()
                for query in (_KEYS, _SEALING, _RECOVERY, _OPENING, _SEALED, _BUNDLES)
            }

    def all(self, query: str) -> list[tuple[bytes, ...]]:
        return self._rows[query]

    def keys(self) -> list[bytes]:
        return [key for (key,) in self.all(_KEYS)]

    def sealing_key(self) -> bytes:
        ((key,),) = self.all(_SEALING)
        return key

    def made_at_the_close(self) -> list[bytes]:
        return [secret for query in (_RECOVERY, _OPENING, _SEALED) for (secret,) in self.all(query) if secret]

    def rows(self) -> list[bytes]:
        """Return what this party was dealt in each bundle."""
        key_pair = SealingKeyPair(self.sealing_key())
        return [
            OwnEnvelope.of(Bundle.decode(content), self.number).unseal(key_pair) for (content,) in self.all(_BUNDLES)
        ]


_KEYS = "SELECT key FROM auction_keys"
_SEALING = "SELECT sealing_private FROM auctions"
_RECOVERY = "SELECT recovery_private FROM auctions"
_OPENING = "SELECT key FROM opening_keys"
_SEALED = "SELECT sealed FROM recovered_shares"
_BUNDLES = "SELECT content FROM bundles"


def forms(secret: bytes) -> Iterator[bytes]:
    """Yield how a secret may be written down."""
    yield secret
    yield secret.hex().encode()
    yield to_base64url(secret).encode()


def found_in(files: Mapping[str, bytes], secrets: Iterable[bytes]) -> set[tuple[str, str]]:
    """Return in which files which secrets are, by the beginnings of their hexadecimal forms."""
    wanted = [(secret.hex()[:16], tuple(forms(secret))) for secret in secrets]
    return {
        (file, name)
        for file, content in files.items()
        for name, written in wanted
        if any(one in content for one in written)
    }


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_no_file_of_any_party_holds_what_opens_a_bid(town: "Town", folder: Path, tmp_path: Path) -> None:
    bidders = await town.bidders(4)
    overview = await open_auction(town.auctioneer, town.rules())
    auction = overview.id
    await everybody(
        enumerate(bidders), lambda pair: pair[1].client.place_bid(auction, f"{70 + pair[0]}.00", overview=overview)
    )
    disks = [Disk(party) for party in town.cluster.plan.parties]
    early = []
    for disk in disks:
        hold(town.cluster, disk.number)
        early.append(Copy(disk, _folder(tmp_path, f"early-{disk.number}")))
        go_on(town.cluster, disk.number)
    await _lose(town, disks[LOST - 1], auction)
    late = await _close_and_copy(town, disks, auction, tmp_path)
    secrets = [secret for copy in early for secret in (copy.sealing_key(), *copy.keys(), *copy.rows())]
    secrets += [secret for copy in late for secret in copy.made_at_the_close()]
    # The control: all of it was there, and is found where it was.
    for copy in early:
        stored = [copy.sealing_key(), *copy.keys()]
        assert len(stored) == 1 + SETS
        assert {name for _, name in found_in(copy.contents, stored)} == {secret.hex()[:16] for secret in stored}
    recovered = [copy for copy in late if copy.number == LOST]
    assert [len(copy.all(_SEALED)) for copy in recovered] == [len(bidders)]
    assert any(copy.all(_OPENING) for copy in late)
    for copy in late:
        stored = copy.made_at_the_close()
        assert {name for _, name in found_in(copy.contents, stored)} == {secret.hex()[:16] for secret in stored}
    certificate = await town.client.wait_for_outcome(auction)
    assert certificate.body.prices == ("70.00",)
    await until(lambda: all(disk.state(auction) == "final" for disk in disks))
    assert files_in(folder).keys() >= {f"party-{number}/aukciszek.db" for number in range(1, PARTIES + 1)}
    # The log is emptied just after the commit that enters ``final``.
    await until(lambda: found_in(files_in(folder), secrets) == set())


async def _lose(town: "Town", disk: Disk, auction: AuctionId) -> None:
    await town.cluster.kill(disk.number)
    disk.lose()
    await town.cluster.restart(disk.number)
    await town.cluster.wait_until_ready()
    await until(lambda: disk.state(auction) == "open")


def _is_final(disk: Disk, auction: AuctionId) -> bool:
    return disk.state(auction) == "final"


async def _close_and_copy(town: "Town", disks: list[Disk], auction: AuctionId, tmp_path: Path) -> list[Copy]:
    """Close the auction, and copy what two parties have in the middle of its opening."""
    closing_auction = asyncio.create_task(town.auctioneer.client.close_auction(auction))
    copies = []
    for number in (LOST, HELD):
        disk = disks[number - 1]
        has_signed = partial(disk.has_signed_opening, auction)
        assert await held_when(town.cluster, number, has_signed, partial(_is_final, disk, auction))
        copies.append(Copy(disk, _folder(tmp_path, f"late-{number}")))
    for number in (LOST, HELD):
        go_on(town.cluster, number)
    await closing_auction
    return copies


def _folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name
