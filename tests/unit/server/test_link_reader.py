"""One link's reader, on a socket that a test delivers with."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.server.links import link_reader
from aukciszek.server.links.channels import SessionChannels
from aukciszek.server.links.frames import MessageFrame, TimeFrame, TimeWantedFrame, encode_frame
from aukciszek.server.links.link_reader import LinkReader

ONE, TWO = PartyNumber(1), PartyNumber(2)
MESSAGES = 40
TAKES_S = 0.002
"""What each message takes, without waiting for anything."""


class HeldSocket:
    """Delivers what a test gives it."""

    def __init__(self) -> None:
        self.deliver: Callable[[bytes], None] = lambda _: None
        self.is_paused = False

    def deliver_to(self, receiver: Callable[[bytes], None]) -> None:
        self.deliver = receiver

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False


class BusyHandler:
    """Works on every message without ever letting others go first."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.done = asyncio.Event()

    def on_sender_up(self, sender: PartyNumber) -> None: ...

    def on_time(self, sender: PartyNumber, frame: TimeWantedFrame | TimeFrame) -> None: ...

    async def on_frame(self, sender: PartyNumber, frame: MessageFrame) -> None:  # noqa: ARG002 -- as the protocol has it
        clock = asyncio.get_running_loop().time
        until_s = clock() + TAKES_S
        while clock() < until_s:
            pass
        self.bodies.append(frame.message.body)
        if len(self.bodies) == MESSAGES:
            self.done.set()


async def read_burst(handler: BusyHandler) -> list[int]:
    """Let a burst arrive; return after how many of its messages others had a turn."""

    class Silent:
        def __getattr__(self, _: str) -> Any:
            return lambda *_: None

    socket = HeldSocket()
    channels = SessionChannels(own=ONE, size=3, enough=3, sender=Silent())
    reader = LinkReader(TWO, socket, channels, handler)
    running = asyncio.create_task(reader.run())
    await asyncio.sleep(0)
    for number in range(MESSAGES):
        message = PeerMessage(MessageKind.BUNDLE, AuctionId("a" * 64), bytes([number]))
        socket.deliver(encode_frame(MessageFrame(message)))
    turns = []
    while not handler.done.is_set():
        await asyncio.sleep(0)
        turns.append(len(handler.bodies))
    reader.stop()
    await running
    return turns


async def test_a_burst_of_small_messages_keeps_nobody_waiting_for_long() -> None:
    handler = BusyHandler()

    turns = await read_burst(handler)

    assert handler.bodies == [bytes([number]) for number in range(MESSAGES)]
    at_once = [later - earlier for earlier, later in zip([0, *turns], turns, strict=False)]
    # One message more than fits may be begun within the time that a link has.
    assert max(at_once) * TAKES_S <= link_reader._LONGEST_TURN_S + 2 * TAKES_S


async def test_without_its_limit_a_burst_would_be_one_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_reader, "_LONGEST_TURN_S", 60.0)
    handler = BusyHandler()

    turns = await read_burst(handler)

    assert set(turns) <= {0, MESSAGES}
