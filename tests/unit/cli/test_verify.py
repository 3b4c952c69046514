from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from aukciszek.auctions.record_export import audit_record
from aukciszek.cluster import PartyNumber
from aukciszek.encoding import Json, canonical_json
from aukciszek.protocol.evidence.record_chain import FIRST_PREVIOUS_HASH, NewRecordEntry, record_hash
from aukciszek.protocol.rules.identifiers import AuctionId, UserId
from aukciszek.storage.rows import RecordRow

if TYPE_CHECKING:
    from .conftest import Run

UID = UserId("22222222-2222-4222-8222-222222222222")
NOW = datetime(2026, 1, 31, tzinfo=UTC)


def write_record(path: Path, auction: str, entries: list[tuple[str, dict[str, Json]]], party: int = 1) -> None:
    rows = []
    previous = FIRST_PREVIOUS_HASH
    for seq, (action, details) in enumerate(entries, start=1):
        entry = NewRecordEntry(auction_id=auction, at=NOW, actor="party 1", action=action, details=details)
        digest = record_hash(entry, seq, previous)
        rows.append(
            RecordRow(
                auction_id=auction,
                seq=seq,
                at=NOW,
                actor="party 1",
                action=action,
                details=canonical_json(details).decode(),
                previous_hash=previous,
                hash=digest,
            )
        )
        previous = digest
    path.write_bytes(audit_record(AuctionId(auction), PartyNumber(party), rows).encode())


def test_a_certificate_that_enough_parties_signed_holds(run: "Run", certificate: Path, cluster_file: Path) -> None:
    ended = run("verify", certificate, "--cluster", cluster_file, "--json")
    assert ended.status == 0
    answer = ended.json()
    assert (answer["verified"], answer["winners"], answer["prices"], answer["signed_by"]) == (
        True,
        [UID],
        ["42"],
        [1, 3, 5],
    )


def test_people_see_what_was_checked(run: "Run", certificate: Path) -> None:
    ended = run("verify", certificate)
    assert "3 of 5 parties signed" in ended.stdout
    assert "not checked  cluster" in ended.stdout
    assert "the certificate is valid" in ended.stdout


def test_a_changed_certificate_does_not_hold(run: "Run", certificate: Path) -> None:
    certificate.write_bytes(certificate.read_bytes().replace(b'"42"', b'"41"'))
    ended = run("verify", certificate, "--json")
    assert (ended.status, ended.json()["verified"]) == (1, False)


def test_a_certificate_of_another_cluster_does_not_hold(
    run: "Run", certificate: Path, party_directories: list[Path], tmp_path: Path
) -> None:
    entries = [party_directories[number - 1] / f"party-{number}.json" for number in (1, 2, 3)]
    run("cluster", "build", *entries, "-o", tmp_path / "other.json")
    assert run("verify", certificate, "--cluster", tmp_path / "other.json").status == 1


def test_what_is_no_certificate_is_refused(run: "Run", tmp_path: Path) -> None:
    (tmp_path / "novel.txt").write_text("It was a dark and stormy night.")
    ended = run("verify", tmp_path / "novel.txt", "--json")
    assert (ended.status, ended.json()["error"]["code"]) == (5, "malformed-certificate")


def test_a_missing_file_is_named(run: "Run", tmp_path: Path) -> None:
    ended = run("verify", tmp_path / "nothing.json", "--json")
    assert (ended.status, ended.json()["error"]["code"]) == (5, "unreadable-file")


def test_a_whole_record_is_accepted_and_a_cut_one_is_not(run: "Run", certificate: Path, tmp_path: Path) -> None:
    auction = run("verify", certificate, "--json").json()["auction"]
    record = tmp_path / "record.json"
    write_record(record, auction, [("created", {}), ("opened", {}), ("closed", {})])
    assert run("verify", certificate, "--record", record).status == 0
    record.write_bytes(record.read_bytes().replace(b'"opened"', b'"closed"'))
    ended = run("verify", certificate, "--record", record, "--json")
    assert (ended.status, ended.json()["records"][0]["whole"]) == (1, False)


def test_the_record_of_another_auction_proves_nothing(run: "Run", certificate: Path, tmp_path: Path) -> None:
    write_record(tmp_path / "record.json", "ee" * 32, [("created", {})])
    assert run("verify", certificate, "--record", tmp_path / "record.json").status == 1


def session(name: str, error: str | None, **details: Json) -> list[tuple[str, dict[str, Json]]]:
    began: dict[str, Json] = {"session": name, "attempt": 1, "input_set": "aa" * 32, "participants": [1, 2], "bids": 1}
    ended: dict[str, Json] = {"session": name, "transcript": "bb" * 32, "error": error}
    return [("session-began", began | details), ("session-ended", ended)]


def test_the_attempts_to_compute_are_listed(run: "Run", certificate: Path, tmp_path: Path) -> None:
    auction = run("verify", certificate, "--json").json()["auction"]
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    write_record(first, auction, [("closed", {}), *session("1a" * 32, None)])
    write_record(second, auction, session("1a" * 32, "parties-missing") + session("2b" * 32, None, attempt=2), party=2)
    ended = run("verify", certificate, "--record", first, "--record", second)
    assert ended.status == 0
    for word in ("attempts to compute", "1a1a1a1a1a1a1a1a", "outcome found", "parties-missing", "1, 2"):
        assert word in ended.stdout
    assert "party 2 began 2 sessions of this auction" in ended.stdout
    answer = run("verify", certificate, "--record", first, "--record", second, "--json").json()
    assert answer["remarks"] == ["party 2 began 2 sessions of this auction: it was computed repeatedly"]
    assert [one["error"] for one in answer["records"][1]["attempts"]] == ["parties-missing", None]
    assert answer["records"][0]["attempts"] == [
        {
            "began_at": "2026-01-31T00:00:00.000Z",
            "session": "1a" * 32,
            "attempt": 1,
            "input_set": "aa" * 32,
            "participants": [1, 2],
            "bids": 1,
            "ended": True,
            "transcript": "bb" * 32,
            "error": None,
        }
    ]


def test_a_broken_record_tells_of_no_attempts(run: "Run", certificate: Path, tmp_path: Path) -> None:
    auction = run("verify", certificate, "--json").json()["auction"]
    record = tmp_path / "record.json"
    write_record(record, auction, session("1a" * 32, None))
    record.write_bytes(record.read_bytes().replace(b'"bids":1', b'"bids":2'))
    ended = run("verify", certificate, "--record", record, "--json")
    assert (ended.status, ended.json()["records"][0]["attempts"]) == (1, [])


def test_a_record_in_which_little_stands_is_shown_as_it_is(run: "Run", certificate: Path, tmp_path: Path) -> None:
    auction = run("verify", certificate, "--json").json()["auction"]
    record = tmp_path / "record.json"
    write_record(record, auction, [("session-began", {}), ("session-ended", {"error": "[bold]x"})])
    ended = run("verify", certificate, "--record", record)
    assert ended.status == 0
    assert "[bold]x" in ended.stdout
