"""The story from which the worked examples of ``/docs`` are recorded: one auction, in which everything is asked once.

``make_examples.py`` records it anew; a test lives through it and compares.
"""

import contextlib
import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any, Final

import aiohttp

if TYPE_CHECKING:
    from .conftest import Answer, Site, User

type Example = dict[str, Any]

LONGEST_TEXT: Final = 80
_SHOWN: Final = 48
_PASSWORD: Final = "correct horse battery staple"


class Recorder:
    """Asks party 1 and writes down what was sent and what came back."""

    def __init__(self, site: "Site") -> None:
        self._site = site
        self.examples: dict[str, Example] = {}

    async def ask(
        self,
        name: str,
        *,
        auction: str | None = None,
        query: str | None = None,
        user: "User | None" = None,
        sent: Any = None,
        bundle: bytes | None = None,
    ) -> "Answer":
        method, path = name.split()
        options: dict[str, Any] = {}
        if bundle is not None:
            options = {"data": bundle, "headers": {"Content-Type": "application/octet-stream"}}
        elif sent is not None:
            # Canonical, as rules must be; for everything else it is one spelling as good as others.
            content = json.dumps(sent, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
            options = {"data": content.encode(), "headers": {"Content-Type": "application/json"}}
        answer = await self._site.ask(
            method, path.replace("{auction}", auction or "") + (query or ""), user=user, **options
        )
        assert 200 <= answer.status < 300, (name, answer)
        is_json = answer.headers["Content-Type"].startswith("application/json")
        example: Example = {
            "auction": auction,
            "query": query,
            "token": user is not None or None,
            "file": "bundle.bin" if bundle is not None else None,
            "sent": sent,
            "status": answer.status,
            "answer": self._shortened(answer.json) if is_json else answer.content.decode(),
        }
        self.examples[name] = {key: value for key, value in example.items() if value is not None}
        return answer

    def _shortened(self, content: Any) -> Any:
        """Replace this machine's addresses by names, and cut what nobody reads."""
        match content:
            case dict():
                return {key: self._shortened(value) for key, value in content.items()}
            case list():
                return [self._shortened(value) for value in content]
            case str():
                named = re.sub(r"http://127\.0\.0\.(\d):\d+", r"https://party\1.example.org", content)
                named = re.sub(r"^127\.0\.0\.(\d)$", r"192.0.2.\1", named)
                return named if len(named) <= LONGEST_TEXT else named[:_SHOWN] + "…"
            case _:
                return content


async def record(site: "Site") -> dict[str, Example]:
    """Live through an auction at three parties, and return one example for each operation."""
    recorder = Recorder(site)
    credentials = {"email": "bidder@example.org", "password": _PASSWORD}
    registered = (await recorder.ask("POST /api/auth/register", sent=credentials)).json
    tokens = (await recorder.ask("POST /api/auth/login", sent=credentials)).json["access_tokens"]
    auctioneer = await site.register("auctioneer", admin=True)
    own_tokens = {one["server"]: one["access_token"] for one in tokens}
    bidder = dataclasses.replace(auctioneer, tokens=own_tokens, **registered)
    await recorder.ask("GET /api/status")
    await recorder.ask("GET /api/cluster")
    await recorder.ask("GET /api/page")
    spec = site.rules(auctioneer, title="Chairs for the town hall", description="300 chairs that can be stacked.")
    await recorder.ask("POST /api/auctions", user=auctioneer, sent=json.loads(spec.canonical_bytes))
    await site.announce(auctioneer, spec)
    auction = str(spec.auction_id)
    await recorder.ask("GET /api/auctions", query="?limit=1")
    bundle = await site.seal(spec, bidder, "42")
    await recorder.ask("POST /api/auctions/{auction}/bids", auction=auction, user=bidder, bundle=bundle)
    answers = [await site.submit_bid(spec, bidder, bundle, party=party) for party in (2, 3)]
    assert [answer.status for answer in answers] == [201, 201]
    receipts = [answer.json["statement"] for answer in answers]
    await recorder.ask(
        "POST /api/auctions/{auction}/receipts", auction=auction, user=bidder, sent={"receipts": receipts}
    )
    await recorder.ask("GET /api/auctions/{auction}/bids", auction=auction, user=bidder)
    await _cancel_another(site, recorder, auctioneer)
    await recorder.ask("POST /api/auctions/{auction}/close", auction=auction, user=auctioneer)
    for party in (2, 3):
        await site.post(f"/api/auctions/{auction}/close", party=party, user=auctioneer)
    await site.until_state(spec, "final")
    await recorder.ask("GET /api/auctions/{auction}", auction=auction)
    for name in ("certificate", "progress", "record"):
        await recorder.ask(f"GET /api/auctions/{{auction}}/{name}", auction=auction)
    await recorder.ask("GET /api/auctions/{auction}/winners", auction=auction, user=auctioneer)
    await _knock_as_a_stranger(site)
    await recorder.ask("GET /api/incidents", query="?limit=1", user=auctioneer)
    return recorder.examples


async def _cancel_another(site: "Site", recorder: Recorder, auctioneer: "User") -> None:
    other = await site.create(auctioneer, title="Tables")
    auction = str(other.auction_id)
    await recorder.ask("POST /api/auctions/{auction}/cancel", auction=auction, user=auctioneer)


async def _knock_as_a_stranger(site: "Site") -> None:
    """Cause an incident: somebody whose address is no party's tries to open a link."""
    connector = aiohttp.TCPConnector(local_addr=("127.0.0.77", 0))
    async with aiohttp.ClientSession(connector=connector) as session:
        with contextlib.suppress(aiohttp.WSServerHandshakeError):
            await session.ws_connect(site.url(1) + "/peer")
    await site.parties[0].incidents.flush()


def alike(one: Any, other: Any) -> bool:
    """Tell whether two answers have the same members of the same types; lists may be empty and values missing."""
    match one, other:
        case (None, _) | (_, None):
            return True
        case (dict(), dict()):
            return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
        case (list(), list()):
            return not one or not other or alike(one[0], other[0])
        case (int() | float(), int() | float()):
            return isinstance(one, bool) == isinstance(other, bool)
        case _:
            return type(one) is type(other)
