"""What people type, from logging in to verifying offline, against five real processes."""

import re
import secrets
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from aukciszek.local_cluster.actors import Actor

    from .conftest import Ended, Run, Town

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


class AtTheKeyboard:
    """One person's commands, under a log-in of their own."""

    def __init__(self, command_line: "Run", person: "Actor", state: "Path") -> None:
        self._run = command_line
        self.person = person
        self._state = state

    async def type(self, *words: "str | Path", typed: str = "") -> "Ended":
        return await self._run(*words, "--state", self._state, "--json", typed=typed)

    async def log_in(self, town: "Town") -> "Ended":
        words = ("login", self.person.email, "--server", town.cluster.plan.cluster.party(4).url)
        return await self.type(*words, "--password-file", "-", typed=self.person.password + "\n")


async def test_an_auction_from_log_in_to_offline_verification(
    town: "Town", command_line: "Run", tmp_path: "Path"
) -> None:
    ada, eve = await town.bidders(2)
    people = [AtTheKeyboard(command_line, person, tmp_path / person.name) for person in (town.auctioneer, ada, eve)]
    auctioneer, first, second = people
    for one in people:
        logged_in = await one.log_in(town)
        assert logged_in.status == 0, logged_in.stderr
        assert logged_in.json()["is_admin"] == (one is auctioneer)
        assert one.person.password not in logged_in.stdout + logged_in.stderr
    rules = ("--title", "Road salt", "--minimum", "1", "--maximum", "100", "--step", "0.5", "--closes", "30m")
    created = await auctioneer.type("auction", "create", *rules)
    assert created.json()["accepted_by"] == [1, 2, 3, 4, 5]
    auction = created.json()["auction"]
    shown = (await first.type("auction", "show", auction)).json()
    assert (shown["state"], shown["sealing_keys"]) == ("open", [1, 2, 3, 4, 5])
    receipts = tmp_path / "receipts.json"
    placed = await first.type("bid", "place", auction, "--price-file", "-", "--receipts", receipts, typed="42.50\n")
    assert sorted(placed.json()["receipts"]) == ["1", "2", "3", "4", "5"]
    assert "42.5" not in placed.stdout + placed.stderr
    assert (await second.type("bid", "place", auction, "--price-file", "-", typed="41\n")).status == 0
    assert (await second.type("bid", "withdraw", auction)).json()["withdrawal"] is True
    shown = await second.type("bid", "show", auction)
    assert [bid["revision"] for bid in shown.json()["bids"]] == [1, 2]
    listed = (await first.type("auction", "list")).json()["auctions"]
    assert auction in [one["auction"] for one in listed]
    refused = await first.type("auction", "close", auction)
    assert (refused.status, refused.json()["error"]["code"]) == (3, "admin-only")
    assert (await auctioneer.type("auction", "close", auction)).status == 0
    watched = await first.type("auction", "watch", auction)
    assert (watched.json()["winners"], watched.json()["prices"]) == ([ada.client.tokens.uid], ["42.5"])
    certificate = tmp_path / "certificate.json"
    assert (await first.type("auction", "result", auction, "-o", certificate)).status == 0
    words = ("verify", certificate, "--cluster", town.cluster.plan.cluster_file, "--receipts", receipts)
    verified = await command_line(*words, "--json")
    assert verified.status == 0, verified.stderr
    assert {check["name"]: check["verdict"] for check in verified.json()["checks"]} == {
        "cluster": "passed",
        "signatures": "passed",
        "outcome": "passed",
        "receipts": "passed",
        "own-bid": "passed",
    }
    opened = tmp_path / "opened.json"
    proved = await command_line("bid", "prove", auction, "--receipts", receipts, "--out", opened, "--yes", "--json")
    assert proved.json()["revision"] == 1, proved.stderr
    verified = await command_line("verify", certificate, "--opening", opened, "--json")
    assert {check["name"]: check["verdict"] for check in verified.json()["checks"]}["opened-bid"] == "passed"
    certificate.write_bytes(certificate.read_bytes().replace(b'"prices":["42.5"]', b'"prices":["41.5"]'))
    changed = await command_line("verify", certificate)
    assert changed.status == 1
    assert re.search("FAILED.*signatures", changed.stdout)


async def test_a_wrong_password_is_refused(town: "Town", command_line: "Run", tmp_path: "Path") -> None:
    url = town.cluster.plan.cluster.party(1).url
    ended = await command_line(
        *("login", town.auctioneer.email, "--server", url, "--state", tmp_path / "state", "--json"),
        environment={"AUKCISZEK_PASSWORD": "certainly not the password"},
    )
    assert (ended.status, ended.json()["error"]["code"]) == (3, "wrong-credentials")
    assert not (tmp_path / "state").exists()


async def test_a_new_user_registers_and_logs_in(town: "Town", command_line: "Run", tmp_path: "Path") -> None:
    cluster_file = town.cluster.plan.cluster_file
    state = ("--state", tmp_path / "state", "--json")
    known = {"AUKCISZEK_PASSWORD": secrets.token_urlsafe(18)}
    made = await command_line(*("register", "new@example.org", "--cluster", cluster_file, *state), environment=known)
    assert made.status == 0, made.stderr
    first = await command_line("login", "new@example.org", "--cluster", cluster_file, *state, environment=known)
    assert first.json()["uid"] == made.json()["uid"]
    again = await command_line("login", "new@example.org", *state, environment=known)
    assert again.json()["cluster_digest"] == town.client.cluster.digest
    assert known["AUKCISZEK_PASSWORD"] not in (tmp_path / "state").read_text()


async def test_nobody_else_grants_privileges(town: "Town", command_line: "Run") -> None:
    other = town.cluster.plan.parties[1]
    ended = await command_line("users", "grant-admin", town.auctioneer.email, "--json", environment=other.environment)
    assert (ended.status, ended.json()["error"]["code"]) == (5, "not-on-login-server")


async def test_an_unknown_account_gets_no_privilege(town: "Town", command_line: "Run") -> None:
    environment = town.cluster.plan.login_server.environment
    ended = await command_line("users", "grant-admin", "nobody@example.org", "--json", environment=environment)
    assert (ended.status, ended.json()["error"]["code"]) == (5, "unknown-user")


async def test_a_running_cluster_passes_its_check(town: "Town", command_line: "Run") -> None:
    party = town.cluster.plan.parties[2]
    ended = await command_line("cluster", "check", "--json", environment=party.environment)
    assert ended.status == 0, ended.stdout
    checked = {check["what"] for check in ended.json()["checks"]}
    assert checked >= {"settings", "identity key", "party 1", "party 5", "threshold", "login server"}


async def test_parties_that_are_away_fail_the_check(town: "Town", command_line: "Run") -> None:
    await town.cluster.kill(5)
    ended = await command_line("cluster", "check", town.cluster.plan.cluster_file, "--no-own", "--json")
    assert ended.status == 1
    assert not next(check["ok"] for check in ended.json()["checks"] if check["what"] == "party 5")
    await town.cluster.restart(5)
    await town.cluster.wait_until_ready()
