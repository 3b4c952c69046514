from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aukciszek.cluster import Cluster
from aukciszek.encoding import from_base64url
from aukciszek.identity import Identity

if TYPE_CHECKING:
    from .conftest import Run

NEW_PARTY = (
    "keys",
    "new",
    "--number",
    "2",
    "--name",
    "Office",
    "--url",
    "https://two.example",
    "--address",
    "10.0.0.2",
)


def test_new_keys_are_the_owners_alone(run: "Run", tmp_path: Path) -> None:
    ended = run(*NEW_PARTY, "--data-dir", tmp_path / "party", "--json")
    assert ended.status == 0
    for secret in ("identity.pem", "token.key"):
        assert (tmp_path / "party" / secret).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "party").stat().st_mode & 0o777 == 0o700
    assert ended.json()["identity_key"] == Identity.read(tmp_path / "party" / "identity.pem").public.text


def test_no_secret_is_shown(run: "Run", tmp_path: Path) -> None:
    ended = run(*NEW_PARTY, "--data-dir", tmp_path)
    secret = (tmp_path / "token.key").read_text().strip()
    assert len(from_base64url(secret)) >= 32
    assert secret not in ended.stdout + ended.stderr


def test_keys_are_never_overwritten(run: "Run", tmp_path: Path) -> None:
    run(*NEW_PARTY, "--data-dir", tmp_path)
    before = (tmp_path / "identity.pem").read_bytes()
    ended = run(*NEW_PARTY, "--data-dir", tmp_path, "--json")
    assert ended.status == 5
    assert ended.json()["error"]["code"] == "identity-key"
    assert (tmp_path / "identity.pem").read_bytes() == before


@pytest.mark.parametrize("url", ["two.example", "https://two.example/path", "ftp://two.example"])
def test_a_url_that_the_cluster_file_refuses_is_refused_at_once(run: "Run", tmp_path: Path, url: str) -> None:
    arguments = [word if word != "https://two.example" else url for word in NEW_PARTY]
    ended = run(*arguments, "--data-dir", tmp_path / "party", "--json")
    assert ended.status == 5
    assert ended.json()["error"]["code"] == "cluster-file"
    assert not (tmp_path / "party").exists()


def test_the_built_cluster_file_has_the_digest_that_is_shown(run: "Run", cluster_file: Path) -> None:
    ended = run("cluster", "digest", cluster_file, "--json")
    assert ended.json() == {"file": str(cluster_file), "digest": Cluster.read(cluster_file).digest, "parties": 5}


def test_people_see_the_digest_in_groups(run: "Run", cluster_file: Path) -> None:
    ended = run("cluster", "digest", cluster_file)
    digest = Cluster.read(cluster_file).digest
    assert f"{digest[:4]} {digest[4:8]} " in ended.stdout


def test_the_order_of_the_entries_does_not_matter(run: "Run", party_directories: list[Path], tmp_path: Path) -> None:
    entries = [directory / f"party-{number}.json" for number, directory in enumerate(party_directories, start=1)]
    run("cluster", "build", *entries, "-o", tmp_path / "one.json")
    run("cluster", "build", *reversed(entries), "-o", tmp_path / "other.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "other.json").read_bytes()


def test_two_parties_with_one_number_are_refused(run: "Run", party_directories: list[Path], tmp_path: Path) -> None:
    entry = party_directories[0] / "party-1.json"
    ended = run("cluster", "build", entry, entry, entry, "-o", tmp_path / "cluster.json", "--json")
    assert ended.status == 5
    assert ended.json()["error"]["code"] == "cluster-file"
    assert not (tmp_path / "cluster.json").exists()


def test_a_file_that_is_no_entry_is_named(run: "Run", tmp_path: Path) -> None:
    (tmp_path / "party-9.json").write_text("{}")
    ended = run("cluster", "build", tmp_path / "party-9.json", "--json")
    assert "party-9.json" in ended.json()["error"]["message"]


def test_an_unknown_option_is_a_usage_error(run: "Run") -> None:
    assert run("cluster", "digest", "--colour").status == 2
