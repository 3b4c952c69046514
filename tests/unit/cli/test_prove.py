"""`aukciszek bid prove`, and `aukciszek verify --opening` of what it wrote."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aukciszek.client.stores.opening_store import OpeningStore, opening_file_beside
from aukciszek.cluster import Cluster
from aukciszek.identity import Identity
from aukciszek.protocol.evidence.opened_bid import OpenedBid, find_bid
from aukciszek.protocol.rules.spec import AuctionSpec
from support.evidence import BIDDERS, Evidence, MadeBid

if TYPE_CHECKING:
    from .conftest import Run

ANN, BOB = BIDDERS[:2]
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def evidence(cluster_file: Path, party_directories: list[Path]) -> Evidence:
    spec = AuctionSpec(
        title="Road salt",
        description="",
        direction="reverse",
        format="first-price",
        winners=1,
        currency="EUR",
        minimum="0.00",
        maximum="1000.00",
        step="0.50",
        reserve_price=None,
        minimum_bids=1,
        opens_at=NOON.replace(hour=11),
        closes_at=NOON,
        abandons_at=NOON.replace(hour=13),
        early_close_allowed=True,
        cancel_allowed=True,
        invited=None,
        auctioneer=BIDDERS[-1],
        nonce="ab" * 32,
        cluster=Cluster.read(cluster_file).digest,
        parties=5,
        threshold=2,
    )
    identities = [Identity.read(directory / "identity.pem") for directory in party_directories]
    return Evidence(spec, cluster_file.read_bytes(), identities)


class Bidder:
    """What Ann has on disk."""

    def __init__(self, evidence: Evidence, directory: Path) -> None:
        self.receipts = directory / "receipts.json"
        self.out = directory / "opened.json"
        self.auction = evidence.spec.auction_id
        self._evidence = evidence

    def keep(self, *bids: MadeBid, received: int, password: str | None = None) -> None:
        """Keep bids; the last ``received`` of them reached all parties."""
        for bid in bids:
            store = OpeningStore.open(opening_file_beside(self.receipts), self.auction, ANN, password=password)
            store.add(bid.bundle, bid.secret)
        signers = self._evidence.in_time(1, 2, 3, 4, 5)
        file = self._evidence.receipts(*((bid.bundle, signers) for bid in bids[len(bids) - received :]))
        self.receipts.write_bytes(file.encode())

    def opened(self) -> OpenedBid:
        return OpenedBid.decode(self.out.read_bytes())


@pytest.fixture
def ann(evidence: Evidence, tmp_path: Path) -> Bidder:
    return Bidder(evidence, tmp_path)


def test_a_bidder_proves_a_wrong_outcome_that_all_parties_signed(
    run: "Run", evidence: Evidence, ann: Bidder, cluster_file: Path, tmp_path: Path
) -> None:
    mine, friend = evidence.seal(ANN, 100), evidence.seal(BOB, 200)
    ann.keep(mine, received=1)
    true = evidence.body([mine, friend], (mine, "50.00"))
    forged = evidence.body([mine, friend], (friend, "100.00"))
    for name, body in (("true", true), ("forged", forged)):
        (tmp_path / name).write_bytes(evidence.sign(body).encode())
    ended = run("bid", "prove", ann.auction, "--receipts", ann.receipts, "--out", ann.out, "--yes")
    assert ended.status == 0
    assert ann.out.stat().st_mode & 0o777 == 0o600

    ended = run("verify", tmp_path / "true", "--opening", ann.out, "--cluster", cluster_file)
    assert ended.status == 0
    assert "consistent with the outcome" in ended.stdout
    assert run("verify", tmp_path / "forged", "--cluster", cluster_file).status == 0
    ended = run("verify", tmp_path / "forged", "--opening", ann.out, "--cluster", cluster_file)
    assert ended.status == 1
    assert "outcome false: it is better than a bid that won" in ended.stdout
    assert "the certificate is NOT valid" in ended.stdout
    answer = run("verify", tmp_path / "forged", "--opening", ann.out, "--json").json()
    assert {check["name"]: check["verdict"] for check in answer["checks"]} == {
        "cluster": "not-checked",
        "signatures": "passed",
        "outcome": "passed",
        "opening": "passed",
        "opened-bid": "failed",
    }


def test_parties_that_denied_their_receipts_are_named(
    run: "Run", evidence: Evidence, ann: Bidder, tmp_path: Path
) -> None:
    friend = evidence.seal(BOB, 200)
    ann.keep(evidence.seal(ANN, 100), received=1)
    (tmp_path / "certificate").write_bytes(evidence.sign(evidence.body([friend], (friend, "100.00"))).encode())
    run("bid", "prove", ann.auction, "--receipts", ann.receipts, "--out", ann.out, "--yes")
    ended = run("verify", tmp_path / "certificate", "--opening", ann.out)
    assert ended.status == 1
    assert "signed for it in time: party 1 (Office 1), party 2 (Office 2)" in ended.stdout


def test_an_opening_that_was_changed_is_not_held_against_the_certificate(
    run: "Run", evidence: Evidence, ann: Bidder, tmp_path: Path
) -> None:
    mine = evidence.seal(ANN, 100)
    (tmp_path / "certificate").write_bytes(evidence.sign(evidence.body([mine], (mine, "50.00"))).encode())
    opened = evidence.open(mine)
    ann.out.write_bytes(opened.model_copy(update={"rows": tuple(reversed(opened.rows))}).encode())
    ended = run("verify", tmp_path / "certificate", "--opening", ann.out)
    assert ended.status == 1
    assert "the opened bid is not genuine" in ended.stdout
    assert "is NOT valid" not in ended.stdout
    ann.out.write_bytes(b"{}")
    ended = run("verify", tmp_path / "certificate", "--opening", ann.out, "--json")
    assert (ended.status, ended.json()["error"]["code"]) == (5, "malformed-opening")


def test_people_are_warned_and_asked(run: "Run", evidence: Evidence, ann: Bidder) -> None:
    ann.keep(evidence.seal(ANN, 100), received=1)
    ended = run("bid", "prove", ann.auction, "--receipts", ann.receipts, "--out", ann.out)
    assert (ended.status, ann.out.exists()) == (5, False)
    assert "exact price" in ended.stdout
    assert "cartel" in ended.stdout
    assert "--yes" in ended.stderr


@pytest.mark.parametrize("answer", ["y\n", "n\n", "\n"])
def test_the_price_is_disclosed_only_after_a_yes(
    run: "Run", evidence: Evidence, ann: Bidder, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    ann.keep(evidence.seal(ANN, 100), received=1)
    monkeypatch.setattr("aukciszek.cli.user.prove.is_terminal", lambda: True)
    ended = run("bid", "prove", ann.auction, "--receipts", ann.receipts, "--out", ann.out, typed=answer)
    assert (ended.status, ann.out.exists()) == ((0, True) if answer == "y\n" else (1, False))


def test_the_revision_that_is_named_is_opened_and_else_the_last(run: "Run", evidence: Evidence, ann: Bidder) -> None:
    bids = [evidence.seal(ANN, 100 * revision, revision=revision) for revision in (1, 2)]
    ann.keep(*bids, received=2)
    arguments = ("bid", "prove", ann.auction, "--receipts", ann.receipts, "--yes", "--json")
    assert run(*arguments, "--out", ann.out).json()["revision"] == 2
    assert find_bid(ann.opened()).step == 200
    ended = run(*arguments, "--out", ann.out)
    assert (ended.status, ended.json()["error"]["code"]) == (5, "key-file")
    ann.out.unlink()
    run(*arguments, "--revision", "1", "--out", ann.out)
    assert find_bid(ann.opened()).step == 100
    assert [bid.revision for bid in ann.opened().receipts.bids] == [1, 2]
    ended = run(*arguments, "--revision", "3", "--out", ann.out)
    assert (ended.status, ended.json()["error"]["code"]) == (5, "opening-does-not-fit")


def test_of_two_bundles_of_one_revision_the_one_with_receipts_is_opened(
    run: "Run", evidence: Evidence, ann: Bidder
) -> None:
    interrupted, placed = evidence.seal(ANN, 100), evidence.seal(ANN, 200)
    ann.keep(placed, received=1)
    OpeningStore.open(opening_file_beside(ann.receipts), ann.auction, ANN).add(interrupted.bundle, interrupted.secret)
    run("bid", "prove", ann.auction, "--receipts", ann.receipts, "--out", ann.out, "--yes")
    assert find_bid(ann.opened()).step == 200


def test_a_bid_without_receipts_can_be_opened(run: "Run", evidence: Evidence, ann: Bidder) -> None:
    ann.keep(*(evidence.seal(ANN, 100 * revision, revision=revision) for revision in (1, 2)), received=1)
    arguments = ("bid", "prove", ann.auction, "--receipts", ann.receipts, "--out", ann.out, "--yes")
    assert run(*arguments, "--revision", "1").status == 0
    assert [bid.revision for bid in ann.opened().receipts.bids] == [2]


def test_a_locked_secret_needs_its_password(run: "Run", evidence: Evidence, ann: Bidder, tmp_path: Path) -> None:
    ann.keep(evidence.seal(ANN, 100), received=1, password="open sesame")
    arguments = ("bid", "prove", ann.auction, "--receipts", ann.receipts, "--out", ann.out, "--yes", "--json")
    ended = run(*arguments)
    assert (ended.status, ended.json()["error"]["code"]) == (5, "secret-input")
    password = tmp_path / "password"
    password.write_text("open wheat\n")
    ended = run(*arguments, "--opening-password-file", password)
    assert (ended.status, ended.json()["error"]["code"], ann.out.exists()) == (5, "opening-password", False)
    password.write_text("open sesame\n")
    assert run(*arguments, "--opening-password-file", password).status == 0


def test_what_was_never_kept_cannot_be_opened(run: "Run", evidence: Evidence, ann: Bidder) -> None:
    bid = evidence.seal(ANN, 100)
    ann.receipts.write_bytes(evidence.receipts((bid.bundle, {})).encode())
    arguments = ("bid", "prove", ann.auction, "--receipts", ann.receipts, "--out", ann.out, "--yes", "--json")
    ended = run(*arguments)
    assert (ended.status, ended.json()["error"]["code"]) == (5, "malformed-opening")
    ended = run("bid", "prove", "cd" * 32, *arguments[3:])
    assert (ended.status, ended.json()["error"]["code"]) == (5, "opening-does-not-fit")


@pytest.mark.parametrize(
    ("options", "what"), [(("--opening", "somehow"), "--opening is one of"), (("--opening", "password"), "--receipts")]
)
def test_how_to_keep_an_opening_is_checked_before_anything_is_sent(
    run: "Run", options: tuple[str, ...], what: str
) -> None:
    ended = run("bid", "place", "ab" * 32, "1", *options)
    assert ended.status == 5
    assert what in ended.stderr
