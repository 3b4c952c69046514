"""Parties over real HTTP on loopback: some answer by a script, some do what an honest party does, until told to lie."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from aukciszek.client.connection import RetryPolicy
from aukciszek.client.parties import Parties, connect
from aukciszek.client.sdk import AukciszekClient
from aukciszek.client.tokens import UserTokens
from aukciszek.clock import format_time
from aukciszek.cluster import Cluster, PartyEntry, PartyNumber
from aukciszek.encoding import from_base64url, to_base64url
from aukciszek.identity import Identity
from aukciszek.protocol.evidence.certificate import Certificate, CertificateBody, Winner
from aukciszek.protocol.evidence.statements import Receipt, SealingKeyStatement, read_statement, sign
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest, UserId
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.sealing.bundle import Bundle
from aukciszek.protocol.sealing.keys import SealingKeyPair
from support.receipts import give_receipt

type Answer = web.StreamResponse | Callable[[web.Request], Awaitable[web.StreamResponse]]

FEW_RETRIES = RetryPolicy(request_timeout_s=30.0, attempts=3, first_pause_s=8.0)
BIDDER = UserId("22222222-2222-4222-8222-222222222222")
AUCTIONEER = UserId("11111111-1111-4111-8111-111111111111")
NOW = datetime(2026, 1, 31, tzinfo=UTC)


class HurriedClock:
    """Does not wait, but remembers how long it should have."""

    def __init__(self) -> None:
        self.pauses_s: list[float] = []

    def now(self) -> datetime:
        return NOW

    def monotonic_s(self) -> float:
        return sum(self.pauses_s)

    async def sleep(self, seconds: float) -> None:
        self.pauses_s.append(seconds)


class ScriptedParty:
    """Answers requests with what was put in its script, in order, and keeps what it was asked."""

    def __init__(self) -> None:
        self.identity = Identity.new()
        self.script: list[Answer] = []
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.path, dict(request.headers), await request.read()))
        answer = self.script.pop(0)
        return answer if isinstance(answer, web.StreamResponse) else await answer(request)


class PaperParty:
    """Does over HTTP what a party does, from memory; :attr:`lies` replaces single answers."""

    def __init__(self, number: int) -> None:
        self.number = PartyNumber(number)
        self.identity = Identity.new()
        self.key_pair = SealingKeyPair.new()
        self.cluster: Cluster | None = None
        self.others: Sequence[PaperParty] = ()
        self.specs: dict[AuctionId, AuctionSpec] = {}
        self.state = "open"
        self.cancel_vouchers: list[int] = []
        self.bundles: list[Bundle] = []
        self.receipts_of: dict[str, set[int]] = {}
        """By bundle, whose receipts bidders relayed."""
        self.certificate: bytes | None = None
        self.asked: list[str] = []
        self.away = False
        self.lies: dict[str, Callable[[Any], Any]] = {}
        """By the last part of the path: changes the honest answer, a JSON object, or returns a response."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        if self.away and request.transport is not None:
            request.transport.close()
            return web.Response()
        body = await request.read()
        answer = self._answer(request, body)
        lie = self.lies.get(request.path.rpartition("/")[2])
        if lie is not None:
            answer = lie(answer)
        return answer if isinstance(answer, web.StreamResponse) else web.json_response(answer)

    def statement(self, auction: AuctionId, key_pair: SealingKeyPair | None = None) -> bytes:
        content = SealingKeyStatement(
            auction=auction, party=self.number, public_key=(key_pair or self.key_pair).public_bytes
        )
        return sign(content, self.identity).encode()

    def receipt(self, bundle: Bundle) -> dict[str, Any]:
        signed = give_receipt(
            self.identity, self.number, auction=bundle.auction, bundle=bundle.digest(), received_at=NOW
        )
        return {
            "auction": bundle.auction,
            "bundle": bundle.digest(),
            "party": self.number,
            "received_at": format_time(NOW),
            "statement": to_base64url(signed.encode()),
        }

    def view(self, auction: AuctionId) -> dict[str, Any]:
        return {
            "id": auction,
            "spec": self.specs[auction].model_dump(mode="json"),
            "state": self.state,
            "state_since": format_time(NOW),
            "stage": self.state,
            "fraction": 0.0,
            "waiting_for": [],
            "failure": None,
            "bids": len({bundle.bidder for bundle in self.bundles}),
            "sealing_keys": [
                {"party": other.number, "statement": to_base64url(other.statement(auction))} for other in self.others
            ],
            "close_vouchers": [],
            "cancel_vouchers": self.cancel_vouchers,
            "vouchers_needed": 2,
        }

    def _answer(self, request: web.Request, body: bytes) -> Any:
        match (request.method, *request.path.strip("/").split("/")[1:]):
            case (_, "auctions", auction, *what):
                return self._answer_about(AuctionId(auction), f"{request.method} {'/'.join(what)}", body)
            case ("GET", "auctions"):
                return {"auctions": [self.view(auction) for auction in self.specs]}
            case ("POST", "auctions"):
                spec = AuctionSpec.parse(body)
                self.specs[spec.auction_id] = spec
                return self.view(spec.auction_id)
            case ("POST", "auth", action):
                sent = json.loads(body)
                return self._log_in(sent) if action == "login" else {"uid": BIDDER, "email": sent["email"]}
        return self._status() if request.path == "/api/status" else self._cluster_file()

    def _answer_about(self, auction: AuctionId, what: str, body: bytes) -> Any:
        answers: dict[str, Callable[[], Any]] = {
            "GET ": lambda: self.view(auction),
            "POST close": lambda: self._order(auction, "closed"),
            "POST cancel": lambda: self._order(auction, "cancelled"),
            "POST bids": lambda: self._take(body),
            "POST receipts": lambda: self._take_receipts(json.loads(body)),
            "GET bids": lambda: {"bids": [self._own_bid(bundle) for bundle in self.bundles]},
            "GET progress": self._progress,
            "GET certificate": self._certificate,
            "GET record": lambda: problem(404, "no-record"),
        }
        return answers[what]() if auction in self.specs else problem(404, "unknown-auction")

    def _order(self, auction: AuctionId, state: str) -> Any:
        self.state = state
        return self.view(auction)

    def _take(self, body: bytes) -> Any:
        self.bundles.append(Bundle.decode(body))
        return self.receipt(self.bundles[-1])

    def _take_receipts(self, sent: Mapping[str, Any]) -> Any:
        assert self.cluster is not None
        read = [read_statement(Receipt, from_base64url(one), self.cluster).content for one in sent["receipts"]]
        known = self.receipts_of.setdefault(read[0].bundle, set())
        known.update(one.party for one in read)
        return {"bundle": read[0].bundle, "receipts_of": sorted(known)}

    def _certificate(self) -> web.Response:
        if self.certificate is None:
            return problem(404, "no-outcome-yet")
        return web.Response(body=self.certificate, content_type="application/json")

    def _cluster_file(self) -> web.Response:
        assert self.cluster is not None
        return web.Response(body=self.cluster.content, content_type="application/json")

    def _status(self) -> dict[str, Any]:
        assert self.cluster is not None
        return {
            "party": self.number,
            "name": "Office",
            "version": "1",
            "ready": True,
            "cluster_digest": self.cluster.digest,
            "parties": self.cluster.size,
            "threshold": 1,
            "mode": "with-abort",
            "login_server": 1,
            "peers": [],
            "time": format_time(NOW),
        }

    def _log_in(self, sent: Mapping[str, str]) -> Any:
        assert self.cluster is not None
        if sent["password"] != "the right password":
            return problem(401, "wrong-credentials", "address and password do not belong together")
        return {
            "access_tokens": [
                {"server": party.url, "access_token": token(party.number)} for party in self.cluster.parties
            ],
            "token_type": "bearer",
        }

    def _own_bid(self, bundle: Bundle) -> dict[str, Any]:
        receipt = self.receipt(bundle)
        return {
            "revision": bundle.revision,
            "bundle": receipt["bundle"],
            "withdrawal": bundle.withdrawal,
            "received_at": receipt["received_at"],
            "statement": receipt["statement"],
        }

    def _progress(self) -> web.Response:
        event = {"state": self.state, "stage": self.state, "fraction": 0.5, "waiting_for": [], "bids": 1}
        return web.Response(body=f"data: {json.dumps(event)}\n\n".encode(), content_type="text/event-stream")


def token(party: int, **claims: Any) -> str:
    known = {"uid": BIDDER, "email": "ada@example.org", "isAdmin": False, "exp": int(time.time()) + 600}
    return jwt.encode(known | {"aud": str(party)} | claims, "x" * 32, algorithm="HS256")


def problem(status: int, code: str, detail: str = "no") -> web.Response:
    return web.json_response({"status": status, "detail": detail, "code": code}, status=status)


@asynccontextmanager
async def serving(parties: Mapping[int, ScriptedParty] | Mapping[int, PaperParty]) -> AsyncIterator[Cluster]:
    async with AsyncExitStack() as stack:
        entries = []
        for number, party in parties.items():
            app = web.Application()
            app.router.add_route("*", "/{tail:.*}", party.handle)
            server = await stack.enter_async_context(TestServer(app, host=f"127.0.0.{number}"))
            entries.append(
                PartyEntry(
                    number=number,
                    name=f"Office {number}",
                    url=f"http://127.0.0.{number}:{server.port}",
                    address=f"127.0.0.{number}",
                    identity_key=party.identity.public.text,
                )
            )
        yield Cluster.build(entries)[0]


@pytest.fixture
def hurried_clock() -> HurriedClock:
    return HurriedClock()


@pytest.fixture
def scripted() -> dict[int, ScriptedParty]:
    return {number: ScriptedParty() for number in range(1, 4)}


@pytest.fixture
async def scripted_cluster(scripted: dict[int, ScriptedParty]) -> AsyncIterator[Cluster]:
    async with serving(scripted) as cluster:
        yield cluster


@pytest.fixture
async def parties(scripted_cluster: Cluster, hurried_clock: HurriedClock) -> AsyncIterator[Parties]:
    async with connect(scripted_cluster, retries=FEW_RETRIES, clock=hurried_clock) as parties:
        yield parties


@pytest.fixture
def paper() -> dict[int, PaperParty]:
    return {number: PaperParty(number) for number in range(1, 4)}


@pytest.fixture
async def paper_cluster(paper: dict[int, PaperParty]) -> AsyncIterator[Cluster]:
    async with serving(paper) as cluster:
        for party in paper.values():
            party.cluster = cluster
            party.others = list(paper.values())
        yield cluster


@pytest.fixture
def spec(paper_cluster: Cluster, paper: dict[int, PaperParty]) -> AuctionSpec:
    """The rules of an auction that all paper parties know."""
    spec = AuctionSpec(
        title="Sugar beet",
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
        opens_at=NOW - timedelta(hours=1),
        closes_at=NOW + timedelta(hours=1),
        abandons_at=NOW + timedelta(days=30),
        early_close_allowed=True,
        cancel_allowed=True,
        invited=None,
        auctioneer=AUCTIONEER,
        nonce="ab" * 32,
        cluster=paper_cluster.digest,
        parties=3,
        threshold=1,
    )
    for party in paper.values():
        party.specs[spec.auction_id] = spec
    return spec


@pytest.fixture
async def client(paper_cluster: Cluster, hurried_clock: HurriedClock) -> AsyncIterator[AukciszekClient]:
    """A client of a user who is logged in."""
    tokens = UserTokens.read({number: token(number) for number in paper_cluster.numbers})
    async with AukciszekClient.open(paper_cluster, tokens=tokens, retries=FEW_RETRIES, clock=hurried_clock) as client:
        yield client


type Certify = Callable[..., bytes]


@pytest.fixture
def certify(paper: dict[int, PaperParty], paper_cluster: Cluster) -> Certify:
    """Return a certificate that the named parties signed; one bid, which won."""

    def certify(spec: AuctionSpec, *signers: int, price: str = "10.00") -> bytes:
        bundle = BundleDigest("cd" * 32)
        body = CertificateBody(
            spec=spec,
            bids=(bundle,),
            left_out=(),
            tie_break_seed="00" * 32,
            outcome="sold",
            winners=(Winner(bundle=bundle, bidder=BIDDER),),
            prices=(price,),
        )
        signatures = [body.signed_by(paper[signer].number, paper[signer].identity) for signer in signers]
        return Certificate.assemble(body, paper_cluster.content, signatures).encode()

    return certify
