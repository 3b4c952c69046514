"""Garbage on the link from one party to another: frames that were really sent, changed in every way, and made-up ones.

What a party takes in must be a frame in its one spelling; what it does with it must be nothing, unless it is what an
honest party said: no crash, no changed auction, no other key.
"""

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings, strategies as st

from aukciszek.cluster import PartyNumber
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.server.errors import MalformedFrameError, PeerError
from aukciszek.server.links import link_reader, peers
from aukciszek.server.links.frames import (
    FrameType,
    LeaveFrame,
    MessageFrame,
    RoundFrame,
    WelcomeFrame,
    decode_frame,
    encode_frame,
)
from aukciszek.server.party import Party
from support.records import record_at

from .conftest import Site, User, running_site

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

EXAMPLES: Final = int(os.environ.get("GARBAGE", "300"))
"""Of each kind of garbage; ``make histories`` makes thousands."""
ENOUGH: Final = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
SENDER: Final = PartyNumber(2)
HEAD: Final = 40
LONG_S: Final = 30.0


@dataclass
class Stage:
    """A party that received much from party 2: about an auction that is over, and about one that takes bids."""

    site: Site
    party: Party
    frames: list[bytes]
    auctions: list[AuctionId]
    failures: list[str]

    async def state(self) -> list[object]:
        """Return everything durable that a frame could change."""
        found: list[object] = []
        for auction in self.auctions:
            view = await self.party.auctions.queries.auction(auction)
            found += [view.state, view.bids, view.close_vouchers, view.cancel_vouchers, view.sealing_keys]
            found.append((await record_at(self.party.auctions, auction)).encode())
            found.append(await self.party.repository.auction_keys(auction))
            found.append(await self.party.repository.key_tables(auction))
        found.append((await self.party.auctions.queries.certificate(self.auctions[0])).encode())
        found.append(len(await self.party.auctions.queries.auctions(100, None)))
        return found

    async def take(self, content: bytes) -> bool:
        """Take a frame in as a link does; tell whether it was one. Nothing but a broken rule may be raised."""
        try:
            frame = decode_frame(content)
        except MalformedFrameError:
            return False
        assert encode_frame(frame) == content, "there are two spellings of one frame"
        with contextlib.suppress(PeerError):
            match frame:
                case RoundFrame():
                    self.party.peers._channels.on_round(SENDER, frame)
                case LeaveFrame(session_id):
                    self.party.peers._channels.on_leave(SENDER, session_id)
                case WelcomeFrame():
                    pass  # refused by every link
                case MessageFrame():
                    await self.party.peers.on_frame(SENDER, frame)
        assert self.failures == []
        return True


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        received: list[bytes] = []
        take = link_reader.LinkReader._receive

        def note(reader: link_reader.LinkReader, content: bytes) -> None:
            if reader._sender == SENDER:
                received.append(bytes(content))
            take(reader, content)

        failures: list[str] = []
        patch.setattr(link_reader.LinkReader, "_receive", note)
        patch.setattr(peers, "log_failure", lambda _log, what, error: failures.append(f"{what}: {error!r}"))
        async with running_site(tmp_path_factory.mktemp("garbage")) as site:
            auctioneer, bidder = await site.register("auctioneer", admin=True), await site.register("bidder")
            over, open_one = [await auction_with_a_bid(site, auctioneer, bidder) for _ in range(2)]
            for party in (1, 2, 3):
                await site.post(f"/api/auctions/{over}/close", party=party, user=auctioneer)
            await until_final(site, over)
            yield Stage(site, site.parties[0], list(one_of_each_form(received)), [over, open_one], failures)


async def auction_with_a_bid(site: Site, auctioneer: User, bidder: User) -> AuctionId:
    spec = await site.create(auctioneer)
    bundle = await site.seal(spec, bidder, "42")
    for party in (1, 2, 3):
        assert (await site.submit_bid(spec, bidder, bundle, party=party)).status == 201
    return spec.auction_id


async def until_final(site: Site, auction: AuctionId) -> None:
    for party in (1, 2, 3):
        view = await site.parties[party - 1].auctions.queries.auction(auction)
        await site.until_state(view.spec, "final", party=party)


def one_of_each_form(received: list[bytes]) -> Iterator[bytes]:
    """Keep a few frames of each type and kind, so that none drowns among rounds."""
    for _, alike in itertools.groupby(sorted(received, key=form_of), key=form_of):
        yield from itertools.islice(alike, 4)


def form_of(content: bytes) -> bytes:
    return content[:2] if content[0] == FrameType.MESSAGE else content[:1]


@st.composite
def changed(draw: st.DrawFn, frames: list[bytes]) -> bytes:
    """Change a frame: its bytes, its length, its type, or its head or tail for another one's."""
    content = bytearray(draw(st.sampled_from(frames)))
    for _ in range(draw(st.integers(0, 3))):
        match draw(st.sampled_from(["flip", "cut", "grow", "splice", "retype", "number"])):
            case "flip" if content:
                content[draw(st.integers(0, len(content) - 1))] ^= draw(st.integers(1, 255))
            case "cut":
                del content[draw(st.integers(0, len(content))) :]
            case "grow":
                content += draw(st.binary(min_size=1, max_size=40))
            case "splice":
                other = draw(st.sampled_from(frames))
                place = draw(st.sampled_from([1, 2, 34, HEAD]))
                content = content[:place] + other[place:]
            case "retype" if content:
                content[draw(st.integers(0, min(1, len(content) - 1)))] = draw(st.integers(0, 24))
            case "number" if content:
                place = draw(st.integers(0, len(content) - 1))
                content[place : place + 4] = draw(st.sampled_from([bytes(4), b"\xff" * 4, b"9999", b"null", b"[[[["]))
            case _:
                pass
    return bytes(content)


async def test_the_frames_that_are_changed_are_of_all_forms(stage: Stage) -> None:
    types = {content[0] for content in stage.frames}
    assert types == set(FrameType) - {FrameType.WELCOME}, "a welcome travels the other way"
    kinds = {content[1] for content in stage.frames if content[0] == FrameType.MESSAGE}
    assert len(kinds) >= 7


async def test_frames_as_they_were_sent_change_nothing_the_second_time(stage: Stage) -> None:
    before = await stage.state()
    for content in stage.frames:
        assert await stage.take(content)
    assert await stage.state() == before


async def test_changed_frames_change_nothing(stage: Stage) -> None:
    before = await stage.state()
    loop = asyncio.get_running_loop()
    taken = []

    @ENOUGH
    @given(content=changed(stage.frames))
    def fling(content: bytes) -> None:
        taken.append(asyncio.run_coroutine_threadsafe(stage.take(content), loop).result(LONG_S))

    await asyncio.to_thread(fling)
    assert sum(taken) > len(taken) / 20, "many are frames, so that what lies behind the first check is tried too"
    assert await stage.state() == before
    await an_auction_can_still_be_held(stage)


async def test_made_up_frames_change_nothing(stage: Stage) -> None:
    before = await stage.state()
    loop = asyncio.get_running_loop()

    @ENOUGH
    @given(head=st.sampled_from([bytes([number]) for number in range(9)] + [b""]), rest=st.binary(max_size=400))
    def fling(head: bytes, rest: bytes) -> None:
        asyncio.run_coroutine_threadsafe(stage.take(head + rest), loop).result(LONG_S)

    await asyncio.to_thread(fling)
    assert await stage.state() == before


async def an_auction_can_still_be_held(stage: Stage) -> None:
    auctioneer, bidder = await stage.site.register("auctioneer", admin=True), await stage.site.register("bidder")
    auction = await auction_with_a_bid(stage.site, auctioneer, bidder)
    for party in (1, 2, 3):
        await stage.site.post(f"/api/auctions/{auction}/close", party=party, user=auctioneer)
    await until_final(stage.site, auction)
    assert stage.failures == []
