"""Auctions and bids over HTTP, from creation to certificate."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from aukciszek.encoding import canonical_json, from_base64url, to_base64url
from aukciszek.protocol.evidence.audit_record import AuditRecord, verify_record
from aukciszek.protocol.evidence.certificate import Certificate
from aukciszek.protocol.evidence.statements import Receipt, read_statement
from aukciszek.protocol.evidence.verification import verify_certificate
from aukciszek.server.http import event_stream

if TYPE_CHECKING:
    from .conftest import Answer, Site, User

pytestmark = pytest.mark.asyncio(loop_scope="session")

JSON = {"Content-Type": "application/json"}
NO_AUCTION = "0" * 64


async def post_rules(site: "Site", auctioneer: "User", content: bytes, party: int = 1) -> "Answer":
    return await site.post("/api/auctions", party=party, user=auctioneer, data=content, headers=JSON)


async def test_an_auction_runs_from_creation_to_certificate(site: "Site") -> None:
    auctioneer = await site.register("auctioneer", admin=True)
    bidders = [await site.register(f"bidder{i}") for i in range(3)]
    spec = await site.create(auctioneer, minimum_bids=2)
    path = f"/api/auctions/{spec.auction_id}"
    for bidder, price in zip(bidders, ("40", "30", "50"), strict=True):
        bundle = await site.seal(spec, bidder, price)
        for party in (1, 2, 3):
            answer = await site.submit_bid(spec, bidder, bundle, party=party)
            assert answer.status == 201, answer
            receipt = read_statement(Receipt, from_base64url(answer.json["statement"]), site.cluster)
            assert receipt.content.party == party == answer.json["party"]
            again = await site.submit_bid(spec, bidder, bundle, party=party)
            assert (again.status, again.content) == (200, answer.content), "the same bytes get the same receipt"
    assert (await site.get(path)).json["bids"] == 3

    mine = (await site.get(f"{path}/bids", user=bidders[1], party=2)).json["bids"]
    assert [(bid["revision"], bid["withdrawal"]) for bid in mine] == [(1, False)]
    assert (await site.get(f"{path}/bids", user=auctioneer, party=2)).json == {"bids": []}

    early = await site.get(f"{path}/certificate")
    assert (early.status, early.code) == (404, "no-outcome-yet")
    watching = asyncio.create_task(watch(site, path))
    for party in (1, 2, 3):
        closing = await site.post(f"{path}/close", party=party, user=auctioneer)
        assert closing.status == 202 or closing.code == "order-too-late"
    events = await watching
    assert events[0]["state"] in {"open", "closed"}
    assert events[-1]["state"] == "final"
    assert events[-1]["bids"] == 3

    certificate = Certificate.decode((await site.get(f"{path}/certificate", party=3)).content)
    assert certificate.body.prices == ("30",)
    assert [winner.bidder for winner in certificate.body.winners] == [bidders[1].uid]
    assert verify_certificate(certificate, cluster=site.cluster).valid
    record = AuditRecord.decode((await site.get(f"{path}/record")).content)
    verify_record(record)
    assert "created" in {entry.action for entry in record.entries}

    winners = await site.get(f"{path}/winners", user=auctioneer)
    assert winners.json == {"winners": [{"uid": bidders[1].uid, "email": bidders[1].email}]}
    other = await site.register("rival", admin=True)
    assert (await site.get(f"{path}/winners", user=other)).code == "not-auctioneer"
    late = await site.submit_bid(spec, bidders[0], await site.seal(spec, bidders[0], "10", revision=2))
    assert (late.status, late.code) == (409, "bid-too-late")


async def test_a_bidder_hands_receipts_on(site: "Site") -> None:
    auctioneer, bidder = await site.register("auctioneer", admin=True), await site.register("bidder")
    spec = await site.create(auctioneer)
    bundle = await site.seal(spec, bidder, "40")
    receipts = [(await site.submit_bid(spec, bidder, bundle, party=party)).json["statement"] for party in (1, 2)]
    path = f"/api/auctions/{spec.auction_id}/receipts"

    async def relay_receipts(**sent: Any) -> "Answer":
        return await site.post(path, party=3, user=bidder, json=sent)

    few = await relay_receipts(receipts=receipts[:1])
    assert (few.status, few.code) == (409, "receipts-too-few")
    forged = await relay_receipts(receipts=[receipts[0], receipts[0][:-2]])
    assert (forged.status, forged.code) == (422, "receipts-not-genuine")
    broken = await relay_receipts(receipts=receipts, bundle=to_base64url(bundle[:-1]))
    assert (broken.status, broken.code) == (422, "malformed-bundle")
    assert (await relay_receipts(receipts=receipts * 5)).code == "invalid-request"
    assert (await site.post(path, party=3, json={"receipts": receipts})).status == 401
    taken = await relay_receipts(receipts=receipts, bundle=to_base64url(bundle))
    assert (taken.status, taken.json["receipts_of"]) == (200, [1, 2])
    assert (await relay_receipts(receipts=receipts)).json == taken.json
    for party in (1, 2, 3):
        await site.post(f"/api/auctions/{spec.auction_id}/close", party=party, user=auctioneer)
    await site.until_state(spec, "final", party=3)
    late = await relay_receipts(receipts=receipts)
    assert (late.status, late.code) == (409, "receipts-too-late")


async def watch(site: "Site", path: str) -> list[dict[str, Any]]:
    async with aiohttp.ClientSession() as session, session.get(site.url(2) + path + "/progress") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        lines = [line async for line in answer.content]
    return [json.loads(line.removeprefix(b"data:")) for line in lines if line.startswith(b"data:")]


async def test_rules_are_frozen_under_their_id(site: "Site") -> None:
    auctioneer = await site.register("freezer", admin=True)
    spec = site.rules(auctioneer)
    first = await post_rules(site, auctioneer, spec.canonical_bytes)
    assert first.status == 201
    assert first.json["id"] == spec.auction_id
    assert canonical_json(first.json["spec"]) == spec.canonical_bytes
    again = await post_rules(site, auctioneer, spec.canonical_bytes)
    assert (again.status, again.json["id"]) == (200, spec.auction_id)


async def test_rules_name_their_auctioneer(site: "Site") -> None:
    auctioneer, other = await site.register("one", admin=True), await site.register("two", admin=True)
    answer = await post_rules(site, other, site.rules(auctioneer).canonical_bytes)
    assert (answer.status, answer.code) == (403, "not-auctioneer")


def damaged(spec: dict[str, Any]) -> list[tuple[str, bytes]]:
    """Rules with garbage in each member in turn."""
    garbage: list[Any] = [None, "", "s3cret\x00", -1, 2**50, [], {}, [None], {"a": 1}, "9" * 500, True]
    cases = [("not canonical", json.dumps(spec).encode()), ("empty", b""), ("null", b"null"), ("list", b"[]")]
    for name, value in spec.items():
        cases.append((f"without {name}", canonical_json({key: spec[key] for key in spec if key != name})))
        cases += [(f"{name}={bad!r:.20}", canonical_json(spec | {name: bad})) for bad in garbage if bad != value]
    cases.append(("one more", canonical_json(spec | {"surcharge": "s3cret"})))
    return cases


async def test_garbage_in_every_member_of_rules_is_refused(site: "Site") -> None:
    auctioneer = await site.register("sloppy", admin=True)
    spec = json.loads(site.rules(auctioneer).canonical_bytes)
    harmless = {"description", "reserve_price", "invited", "title", "early_close_allowed", "cancel_allowed"}
    refused = 0
    for name, content in damaged(spec):
        answer = await post_rules(site, auctioneer, content)
        if answer.status in {200, 201}:
            # A few of the values are as good as the ones they replace; the rules then have another id.
            changed = {key for key, value in json.loads(content).items() if value != spec[key]}
            assert changed <= {
                "description",
                "reserve_price",
                "invited",
                "title",
                "early_close_allowed",
                "cancel_allowed",
            }, name
            continue
        refused += 1
        assert answer.status in {403, 409, 422}, (name, answer)
        assert answer.code in {
            "malformed-auction-rules",
            "not-auctioneer",
            "rules-for-others",
            "auction-ends-too-soon",
        }, name
        assert b"s3cret" not in answer.content
    assert refused > 150, harmless


@pytest.mark.parametrize("path", ["", "/progress", "/certificate", "/record"])
async def test_an_unknown_auction_is_a_problem(site: "Site", path: str) -> None:
    answer = await site.get(f"/api/auctions/{NO_AUCTION}{path}")
    assert (answer.status, answer.code) == (404, "unknown-auction")


async def test_nobody_can_do_anything_with_an_unknown_auction(site: "Site") -> None:
    auctioneer = await site.register("lost", admin=True)
    for method, path in (("POST", "/close"), ("POST", "/cancel"), ("GET", "/winners"), ("GET", "/bids")):
        answer = await site.ask(method, f"/api/auctions/{NO_AUCTION}{path}", user=auctioneer)
        assert (answer.status, answer.code) == (404, "unknown-auction")
    answer = await site.post(
        f"/api/auctions/{NO_AUCTION}/bids",
        user=auctioneer,
        data=b"x",
        headers={"Content-Type": "application/octet-stream"},
    )
    assert (answer.status, answer.code) == (404, "unknown-auction")


@pytest.mark.parametrize("auction", ["s3cret", "0" * 63, "0" * 65, "A" * 64, "..", "%00" * 64, "0" * 63 + "%0a"])
@pytest.mark.parametrize("path", ["", "/progress", "/certificate", "/record"])
async def test_a_malformed_id_is_told_without_being_quoted(site: "Site", auction: str, path: str) -> None:
    answer = await site.get(f"/api/auctions/{auction}{path}")
    assert (answer.status, answer.code) in {(422, "invalid-request"), (404, "not-found")}
    assert b"s3cret" not in answer.content


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=s3cret", "limit=-1", "limit=1.5", "before=s3cret", "limit=9" + "9" * 5000]
)
async def test_a_malformed_query_is_told_without_being_quoted(site: "Site", query: str) -> None:
    answer = await site.get(f"/api/auctions?{query}")
    assert (answer.status, answer.code) == (422, "invalid-request")
    assert answer.json["errors"][0]["pointer"].startswith("query/")
    assert b"s3cret" not in answer.content


async def test_auctions_are_listed_page_by_page(site: "Site") -> None:
    auctioneer = await site.register("lister", admin=True)
    made = []
    for _ in range(3):
        spec = site.rules(auctioneer)
        assert (await post_rules(site, auctioneer, spec.canonical_bytes)).status == 201
        made.append(spec.auction_id)
    newest = (await site.get("/api/auctions?limit=2")).json["auctions"]
    assert [auction["id"] for auction in newest] == [made[2], made[1]]
    older = (await site.get(f"/api/auctions?limit=1&before={made[1]}")).json["auctions"]
    assert [auction["id"] for auction in older] == [made[0]]


async def test_only_its_auctioneer_closes_or_cancels(site: "Site") -> None:
    auctioneer, other = await site.register("owner", admin=True), await site.register("other", admin=True)
    spec = await site.create(auctioneer)
    for order in ("close", "cancel"):
        answer = await site.post(f"/api/auctions/{spec.auction_id}/{order}", user=other)
        assert (answer.status, answer.code) == (403, "not-auctioneer")
    answer = await site.post(f"/api/auctions/{spec.auction_id}/cancel", user=auctioneer)
    assert (answer.status, answer.json["cancel_vouchers"]) == (202, [1])


async def test_bundles_are_refused_for_a_reason(site: "Site") -> None:
    auctioneer, bidder = await site.register("asker", admin=True), await site.register("bidder")
    spec = await site.create(auctioneer, invited=(bidder.email,))
    elsewhere = await site.create(auctioneer)
    stranger = await site.register("stranger")
    bundle = await site.seal(spec, bidder, "10", revision=5)
    for sender, content, expected in (
        (bidder, b"", (422, "malformed-bundle")),
        (bidder, b"s3cret" * 100, (422, "malformed-bundle")),
        (bidder, bundle[:-1], (422, "malformed-bundle")),
        (bidder, bundle + b"\x00", (422, "malformed-bundle")),
        (stranger, bundle, (403, "not-your-bundle")),
        (stranger, await site.seal(spec, stranger, "10"), (403, "not-invited")),
        (auctioneer, await site.seal(spec, auctioneer, "10"), (403, "auctioneer-bids")),
        (bidder, await site.seal(elsewhere, bidder, "10"), (422, "bundle-of-other-auction")),
    ):
        answer = await site.submit_bid(spec, sender, content)
        assert (answer.status, answer.code) == expected
        assert b"s3cret" not in answer.content
    assert (await site.submit_bid(spec, bidder, bundle)).status == 201
    older = await site.submit_bid(spec, bidder, await site.seal(spec, bidder, "10", revision=4))
    assert (older.status, older.code) == (409, "revision-outdated")


async def test_a_flipped_bit_of_a_bundle_is_noticed_by_at_least_one_party(site: "Site") -> None:
    """A party cannot look into the envelopes of the others, but what it cannot see another one does."""
    auctioneer = await site.register("checker", admin=True)
    spec = await site.create(auctioneer)
    length = len(await site.seal(spec, auctioneer, "10"))
    for place in range(0, length, length // 14):
        bidder = await site.register("flipper")
        flipped = bytearray(await site.seal(spec, bidder, "10"))
        flipped[place] ^= 1
        answers = [await site.submit_bid(spec, bidder, bytes(flipped), party=party) for party in (1, 2, 3)]
        refusals = [answer for answer in answers if answer.status != 201]
        assert refusals, f"a flipped bit in byte {place} of {length} goes unnoticed"
        assert all(answer.status in {403, 422} and answer.code for answer in refusals)


async def test_nobody_watches_without_end(site: "Site", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "MOST_WATCHERS_PER_ADDRESS", 2)
    monkeypatch.setattr(event_stream, "SIGN_OF_LIFE_S", 0.02)
    auctioneer = await site.register("watched", admin=True)
    spec = await site.create(auctioneer)
    url = f"{site.url(1)}/api/auctions/{spec.auction_id}/progress"
    watchers: event_stream.Watchers = site.apps[0].state.watchers
    await until_watching(watchers, 0)
    async with aiohttp.ClientSession() as session:
        first, second = await session.get(url), await session.get(url)
        assert (first.status, second.status) == (200, 200)
        third = await session.get(url)
        assert third.status == 503
        assert (await third.json(content_type=None))["code"] == "busy"
        seen: set[bytes] = set()
        async with asyncio.timeout(60):
            # Events, and, while nothing happens, signs of life that keep the connection open.
            while seen != {b"data:", b":\n"}:
                seen |= {(await first.content.readline())[:5]} - {b"\n"}
        first.close()
        await until_watching(watchers, 1)
        again = await session.get(url)
        assert again.status == 200
        again.close()
        second.close()


async def until_watching(watchers: event_stream.Watchers, count: int) -> None:
    async with asyncio.timeout(60):
        while watchers.watching > count:  # noqa: ASYNC110 -- the server notices by itself that a watcher has gone
            await asyncio.sleep(0.001)
