"""Party-to-party traffic over WireGuard, for real: one machine each, userspace WireGuard between them.

The last test tells one story, since each step stands on the one before: tunnel, links, a whole auction, intruders.
"""

import base64
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .conftest import SIZE, typed, until

if TYPE_CHECKING:
    from .conftest import Ended, Party, Town

pytestmark = pytest.mark.timeout(300)

PASSWORD = "correct horse battery staple"


class Actor:
    """Somebody at the bidder's machine, outside the tunnel."""

    def __init__(self, town: "Town", name: str) -> None:
        self._town = town
        self.email = f"{name}@example.org"
        self._state = town.directory / f"{name}.json"

    def type(self, *words: str | Path) -> "Ended":
        environment = {**os.environ, "AUKCISZEK_PASSWORD": PASSWORD}
        return typed(self._town.bidder, environment, *words, "--state", self._state)

    def log_in(self) -> None:
        where = ("--cluster", self._town.cluster_file, "--ca-file", self._town.ca_file)
        assert self.type("login", self.email, *where).status == 0

    def join(self) -> None:
        where = ("--cluster", self._town.cluster_file, "--ca-file", self._town.ca_file)
        made = self.type("register", self.email, *where)
        assert made.status == 0, made.text
        self.log_in()

    def bid(self, auction: str, price: str) -> None:
        file = self._town.directory / "price"
        file.write_text(price + "\n")
        placed = self.type("bid", "place", auction, "--price-file", file)
        assert placed.status == 0, placed.text
        assert len(placed.json["receipts"]) == SIZE


def connections(one: "Party") -> list[tuple[str, str]]:
    """Return the two ends of every TCP connection of a party's machine."""
    lines = one.machine.run("ss", "-Htn", "state", "established").splitlines()
    return [(ends[2], ends[3]) for ends in map(str.split, lines)]


def test_private_keys_stay_on_the_machine_where_they_were_made(town: "Town") -> None:
    for one in town.parties:
        key_file = one.data_dir / "wireguard.key"
        assert key_file.stat().st_mode & 0o777 == 0o600
        assert (one.data_dir / "wg-aukciszek.conf").stat().st_mode & 0o777 == 0o600
        key = key_file.read_bytes().strip()
        assert len(base64.b64decode(key)) == 32
        elsewhere = [path for other in town.parties if other is not one for path in other.data_dir.rglob("*")]
        assert not [path for path in elsewhere if path.is_file() and key in path.read_bytes()]
        told = (one.data_dir / f"wireguard-{one.number}.json").read_bytes()
        assert key not in told


def test_only_parties_whose_machines_are_in_the_tunnel_are_linked(town: "Town") -> None:
    one, two, three = town.parties
    # Party 3's machine is up and public, but not in the tunnel yet: then there is no link with it by any other way.
    until(lambda: town.connected(one) == {2} and town.connected(two) == {1}, "the link between parties 1 and 2")
    until(lambda: town.status(three) is not None, "party 3's public interface")
    assert town.connected(three) == set()


@pytest.mark.drill
def test_an_auction_over_the_tunnel_and_nobody_else_in_it(town: "Town") -> None:
    one, two, three = town.parties
    # Party 3's machine is up and public, but not in the tunnel yet: then there is no link with it by any other way.
    until(lambda: town.connected(one) == {2} and town.connected(two) == {1}, "the link between parties 1 and 2")
    until(lambda: town.status(three) is not None, "party 3's public interface")
    assert town.connected(three) == set()
    town.join_tunnel(three)
    until(lambda: all(len(town.connected(party)) == SIZE - 1 for party in town.parties), "all links")
    until(lambda: all(town.status(party)["ready"] for party in town.parties), "ready parties")
    hold_an_auction(town)
    links_are_in_the_tunnel(town)
    nobody_gets_in_from_outside(town)
    assert all(town.connected(party) == {1, 2, 3} - {party.number} for party in town.parties)


def hold_an_auction(town: "Town") -> None:
    """From accounts to the verified outcome, by people outside the tunnel, over the public interfaces."""
    auctioneer, first, second = people = [Actor(town, name) for name in ("auctioneer", "first", "second")]
    for person in people:
        person.join()
    granted = town.parties[0].type("users", "grant-admin", auctioneer.email)
    assert granted.status == 0, granted.text
    auctioneer.log_in()
    rules = ("--title", "Ice cellar", "--minimum", "1", "--maximum", "100", "--step", "0.5", "--closes", "30m")
    auction = auctioneer.type("auction", "create", *rules).json["auction"]
    until(lambda: first.type("auction", "show", auction).json["state"] == "open", "an auction that takes bids")
    first.bid(auction, "42.5")
    second.bid(auction, "41")
    assert auctioneer.type("auction", "close", auction).status == 0
    outcome = first.type("auction", "watch", auction).json
    assert outcome["prices"] == ["41.0"]
    certificate = town.directory / "certificate.json"
    assert first.type("auction", "result", auction, "-o", certificate).status == 0
    verified = typed(town.bidder, os.environ, "verify", certificate, "--cluster", town.cluster_file)
    assert verified.status == 0, verified.text


def links_are_in_the_tunnel(town: "Town") -> None:
    """Every connection between parties has both ends inside; the bytes went through WireGuard to each peer."""
    for party in town.parties:
        ends = connections(party)
        between = {other.machine.address for other in town.parties}
        outside = [pair for pair in ends if pair[1].rpartition(":")[0].strip("[]").removeprefix("::ffff:") in between]
        assert outside == []
        inside = {pair[1].rpartition(":")[0] for pair in ends if pair[0].startswith(party.inner_address)}
        assert inside == {other.inner_address for other in town.parties if other is not party}
        transfers = party.machine.run("wg", "show", party.tunnel, "transfer").splitlines()
        assert len(transfers) == SIZE - 1
        for line in transfers:
            _, received, sent = line.split()
            assert min(int(received), int(sent)) > 10_000


def nobody_gets_in_from_outside(town: "Town") -> None:
    """With all that party 2 has, even its identity key, nobody opens a link but from inside the tunnel."""
    one, two, _ = town.parties
    inner_url = f"http://{one.inner_address}:51821"
    assert town.try_to_link(town.bidder, one.url) == "refused 403"
    assert town.try_to_link(two.machine, one.url) == "refused 403", "party 2's own machine, over the public network"
    assert town.try_to_link(town.bidder, inner_url) == "no connection"
    # A neighbour on the same wire can bring packets to the inner address past the tunnel; they count for nothing.
    town.bidder.run("ip", "route", "add", f"{one.inner_address}/32", "via", one.machine.address)
    assert town.try_to_link(town.bidder, inner_url) in {"refused 403", "no connection"}
    town.bidder.run("ip", "address", "add", f"{two.inner_address}/32", "dev", town.bidder.plug)
    assert town.try_to_link(town.bidder, inner_url, source=two.inner_address) == "no connection"
    assert town.try_to_link(town.bidder, one.url, source=two.inner_address) in {"refused 403", "no connection"}
    incidents = re.findall(r"incident (\S+) party=(\S+)", one.read_log())
    assert ("peer-address-unknown", "None") in incidents
    assert town.status(one)["ready"], "and the public interface still answers"
    assert town.try_to_link(two.machine, inner_url, source=two.inner_address) == "let in", "inside it would have worked"
