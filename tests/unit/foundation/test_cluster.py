import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies

from aukciszek.cluster import LARGEST_CLUSTER, SMALLEST_CLUSTER, Cluster, ClusterFileError, PartyEntry
from aukciszek.identity import Identity

KEYS = [Identity.new().public.text for _ in range(LARGEST_CLUSTER + 1)]


def entry(number: int, **changes: Any) -> dict[str, Any]:
    values = {
        "number": number,
        "name": f"Bank {number}",
        "url": f"https://party{number}.example.org",
        "address": f"192.0.2.{number}",
        "identity_key": KEYS[number - 1],
    }
    return values | changes


def entries(size: int = 5) -> list[dict[str, Any]]:
    return [entry(number) for number in range(1, size + 1)]


def as_file(parties: list[dict[str, Any]], **changes: Any) -> bytes:
    return json.dumps({"version": 1, "parties": parties} | changes).encode()


@pytest.mark.parametrize("size", range(SMALLEST_CLUSTER, LARGEST_CLUSTER + 1))
def test_a_cluster_is_built_and_read_back(size: int) -> None:
    parties = [PartyEntry(**values) for values in entries(size)]
    cluster, content = Cluster.build(list(reversed(parties)))
    assert cluster.parties == tuple(parties)
    assert Cluster.parse(content) == cluster
    assert cluster.digest == hashlib.sha256(content).hexdigest()
    assert cluster.size == size
    assert cluster.numbers == tuple(range(1, size + 1))
    assert cluster.party(size).name == f"Bank {size}"
    assert cluster.party(1).identity.text == KEYS[0]


def test_the_digest_is_that_of_the_bytes() -> None:
    _, content = Cluster.build([PartyEntry(**values) for values in entries()])
    assert Cluster.parse(content + b"\n").digest != Cluster.parse(content).digest


@pytest.mark.parametrize("number", [0, 6, -1])
def test_there_is_no_other_party(number: int) -> None:
    cluster = Cluster.parse(as_file(entries()))
    with pytest.raises(KeyError):
        cluster.party(number)


def without(key: str) -> Callable[[list[dict[str, Any]]], None]:
    return lambda parties: parties[1].pop(key)


def change(**changes: Any) -> Callable[[list[dict[str, Any]]], None]:
    return lambda parties: parties[1].update(changes)


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (without("number"), "parties.1.number"),
        (without("identity_key"), "parties.1.identity_key"),
        (change(number=3), "numbered 1, 2, 3"),
        (change(number="2"), "parties.1.number"),
        (change(number=2.0), "parties.1.number"),
        (change(number=True), "parties.1.number"),
        (change(number=10), "parties.1.number"),
        (change(name=""), "parties.1.name"),
        (change(name="x" * 81), "parties.1.name"),
        (change(name="Bank\x1b[2J"), "control characters"),
        (change(name="Bank\n"), "line breaks"),
        (change(name=" Bank"), "parties.1.name"),
        (change(url="https://party1.example.org"), "share one URL"),
        (change(url="https://PARTY1.example.org/"), "share one URL"),
        (change(address="192.0.2.1"), "share one address"),
        (change(address="example.org"), "parties.1.address"),
        (change(address="192.0.2.0/24"), "parties.1.address"),
        (change(address="0.0.0.0"), "parties.1.address"),
        (change(address="224.0.0.1"), "parties.1.address"),
        (change(address="::"), "parties.1.address"),
        (change(identity_key=KEYS[0]), "share one identity key"),
        (change(identity_key="short"), "parties.1.identity_key"),
        (change(role="admin"), "parties.1.role"),
        (lambda parties: parties.pop(0), "numbered 1, 2, 3"),
        (lambda parties: parties.reverse(), "numbered 1, 2, 3"),
        (lambda parties: parties.clear(), "parties"),
        (lambda parties: parties.extend(entry(number) for number in range(6, 11)), "parties"),
    ],
)
def test_a_fault_is_named_with_its_place(spoil: Callable[[list[dict[str, Any]]], object], place: str) -> None:
    parties = entries()
    spoil(parties)
    with pytest.raises(ClusterFileError, match=place):
        Cluster.parse(as_file(parties))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 10_000,
        as_file(entries(), version=2),
        as_file(entries(), version="1"),
        as_file(entries(), threshold=2),
        as_file(entries(2)),
    ],
)
def test_what_is_no_cluster_file_is_refused(content: bytes) -> None:
    with pytest.raises(ClusterFileError, match="the cluster file is not valid at"):
        Cluster.parse(content)


GOOD_URLS = {
    "https://a.example.org": "https://a.example.org",
    "https://A.Example.ORG/": "https://a.example.org",
    "HTTPS://a.example.org:8443": "https://a.example.org:8443",
    "http://127.0.0.1:5001": "http://127.0.0.1:5001",
    "https://[2001:db8::1]:443": "https://[2001:db8::1]:443",
    "http://localhost": "http://localhost",
    "https://xn--licytacja-9za.example": "https://xn--licytacja-9za.example",
}


@pytest.mark.parametrize(("url", "expected"), GOOD_URLS.items())
def test_a_url_has_one_spelling(url: str, expected: str) -> None:
    assert PartyEntry(**entry(1, url=url)).url == expected


@pytest.mark.parametrize(
    "url",
    [
        "a.example.org",
        "ftp://a.example.org",
        "https://",
        "https:///path",
        "https://a.example.org/path",
        "https://a.example.org//",
        "https://a.example.org?x",
        "https://a.example.org#x",
        "https://me@a.example.org",
        "https://@a.example.org",
        "https://a.example.org:",
        "https://a.example.org:0",
        "https://a.example.org:080",
        "https://a.example.org:65536",
        "https://a.example.org:99999999999",
        "https://a.exam\nple.org",
        "https://a.example.org\n",
        " https://a.example.org",
        "https://a example.org",
        "https://licytacja-ż.example",
        "https://\u212a.example",
        "https://[2001:db8::1",
        "https://-a.example",
        "javascript:alert(1)//https://a.example.org",
    ],
)
def test_a_url_names_scheme_host_and_port_only(url: str) -> None:
    with pytest.raises(ClusterFileError, match=r"parties\.0\.url"):
        Cluster.parse(as_file([entry(1, url=url), *entries()[1:]]))


@given(
    strategies.text(max_size=40).map("https://".__add__)
    | strategies.text(":/@[]?#.a0-", max_size=12).map("http://".__add__)
)
def test_whatever_is_taken_for_a_url_is_one(url: str) -> None:
    try:
        accepted = PartyEntry(**entry(1, url=url)).url
    except ValueError:
        return
    assert PartyEntry(**entry(1, url=accepted)).url == accepted
    assert accepted.isascii()
    assert accepted.count("/") == 2


def test_an_address_has_one_spelling() -> None:
    assert PartyEntry(**entry(1, address="2001:DB8:0:0::1")).address == "2001:db8::1"


def test_entries_that_contradict_one_another_are_refused() -> None:
    with pytest.raises(ClusterFileError, match="share one"):
        Cluster.build([PartyEntry(**entry(number, name="Bank", url="https://a.example.org")) for number in (1, 2, 3)])


def test_an_entry_does_not_change() -> None:
    party = PartyEntry(**entry(1))
    with pytest.raises(ValueError, match="frozen"):
        setattr(party, "url", "https://evil.example.org")  # noqa: B010 -- an assignment that a type checker lets pass


def test_a_missing_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ClusterFileError, match="CLUSTER_FILE"):
        Cluster.read(tmp_path / "cluster.json")
    (tmp_path / "cluster.json").write_bytes(as_file(entries()))
    assert Cluster.read(tmp_path / "cluster.json").size == 5
