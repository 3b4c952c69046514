"""What a demo or a benchmark refuses before it starts anything."""

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aukciszek.local_cluster.files import free_base_port

if TYPE_CHECKING:
    from .conftest import Run


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--parties", "2"), "option"),
        (("--parties", "5", "--threshold", "3"), "option"),
        (("--format", "dutch"), "option"),
        (("--direction", "sideways"), "option"),
        (("--winners", "2"), "malformed-auction-rules"),
        (("--base-port", "70000"), "port-taken"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    run: "Run", tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], code: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ended = run("demo", "--once", "--json", "--base-port", str(free_base_port(5)), *options)
    assert (ended.status, ended.json()["error"]["code"]) == (5, code)
    assert not list(tmp_path.iterdir())


def test_a_port_that_is_taken_is_named(run: "Run") -> None:
    base_port = free_base_port(5)
    with socket.create_server(("127.0.0.2", base_port + 2)):
        ended = run("demo", "--once", "--json", "--base-port", str(base_port))
    assert (ended.status, ended.json()["error"]["code"]) == (5, "port-taken")
    assert f"127.0.0.2:{base_port + 2}" in ended.json()["error"]["message"]


def test_a_benchmark_of_a_format_with_one_winner_has_one(run: "Run") -> None:
    ended = run("bench", "engine", "--bidders", "5", "--bits", "4", "--winners", "2", "--json")
    assert (ended.status, ended.json()["error"]["code"]) == (5, "option")
