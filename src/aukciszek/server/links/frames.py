"""The frames that travel between two parties: strict binary, one spelling each, limited in size.

``docs/protocol.md``, "Messages between parties". One WebSocket message is one frame; its first byte says what it is:

====  =========  ==============================================================================================
byte  frame      then
====  =========  ==============================================================================================
1     welcome    the accepting party's identity token, ASCII; the first frame of a link, and the only one that
                 travels from the accepting to the dialling party
2     message    kind (1 byte), auction id (32 bytes), body
3     round      3 zero bytes, number (4 bytes), session id (32 bytes), payload
4     leave      session id (32 bytes): the sender will send no more rounds of this session
7     ask time   nonce (8 bytes): the sender asks for the receiver's time
8     time       nonce (8 bytes), milliseconds since 1970 (8 bytes)
====  =========  ==============================================================================================

Numbers are unsigned, big-endian. A round's header has 40 bytes, so that its payload stays aligned for 64-bit words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, unique
from struct import Struct
from types import MappingProxyType
from typing import Final

from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.mpc.channel import MAX_PAYLOAD_BYTES
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.server.errors import MalformedFrameError

LARGEST_FRAME: Final = 256 * 1024 * 1024
"""Bytes; enough for the receipt list of the largest auction."""

SESSION_ID_BYTES: Final = 32
TIME_NONCE_BYTES: Final = 8
LARGEST_ROUND: Final = 2**32 - 1
_LARGEST_TOKEN: Final = 4096

_MESSAGE_HEAD: Final = Struct(">BB32s")
_ROUND_HEAD: Final = Struct(">B3sI32s")
_LEAVE: Final = Struct(">B32s")
_TIME_WANTED: Final = Struct(f">B{TIME_NONCE_BYTES}s")
_TIME: Final = Struct(f">B{TIME_NONCE_BYTES}sQ")
_NO_PADDING: Final = bytes(3)

type Buffer = bytes | bytearray | memoryview


@unique
class FrameType(IntEnum):
    """The first byte of a frame."""

    WELCOME = 1
    MESSAGE = 2
    ROUND = 3
    LEAVE = 4
    TIME_WANTED = 7
    TIME = 8


@dataclass(frozen=True, slots=True)
class WelcomeFrame:
    """The accepting party's proof of identity."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MessageFrame:
    """A message about an auction."""

    message: PeerMessage


@dataclass(frozen=True, slots=True)
class RoundFrame:
    """One party's payload of one round of one session."""

    session_id: bytes
    number: int
    payload: memoryview = field(repr=False)


@dataclass(frozen=True, slots=True)
class LeaveFrame:
    """The sender will send no more rounds of this session."""

    session_id: bytes


@dataclass(frozen=True, slots=True)
class TimeWantedFrame:
    """The sender asks for the receiver's time."""

    nonce: bytes


@dataclass(frozen=True, slots=True)
class TimeFrame:
    """The sender's time."""

    nonce: bytes
    """Of the question."""
    milliseconds: int
    """Since the beginning of 1970, UTC."""


type Frame = WelcomeFrame | MessageFrame | RoundFrame | LeaveFrame | TimeWantedFrame | TimeFrame


def encode_round(session_id: bytes, number: int, payload: Buffer) -> bytes:
    """Encode a round frame; ``payload`` is copied once for all receivers.

    Raises:
        ValueError: the payload does not fit into a frame, or the session has run out of rounds.
    """
    if len(session_id) != SESSION_ID_BYTES or not 0 <= number <= LARGEST_ROUND:
        raise ValueError("a session id has 32 bytes and a round number 32 bits")
    content = memoryview(payload).cast("B")
    if content.nbytes > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a round carries at most {MAX_PAYLOAD_BYTES} bytes: use smaller windows")
    return b"".join((_ROUND_HEAD.pack(FrameType.ROUND, _NO_PADDING, number, session_id), content))


def encode_frame(frame: Frame) -> bytes:
    """Encode any frame.

    Raises:
        ValueError: the frame would be larger than a receiver accepts.
    """
    content = _encode_time(frame) if isinstance(frame, TimeWantedFrame | TimeFrame) else _encode(frame)
    if len(content) > LARGEST_FRAME:
        raise ValueError(f"a frame has at most {LARGEST_FRAME} bytes")
    return content


def _encode_time(frame: TimeWantedFrame | TimeFrame) -> bytes:
    if isinstance(frame, TimeWantedFrame):
        return _TIME_WANTED.pack(FrameType.TIME_WANTED, frame.nonce)
    return _TIME.pack(FrameType.TIME, frame.nonce, frame.milliseconds)


def _encode(frame: WelcomeFrame | MessageFrame | RoundFrame | LeaveFrame) -> bytes:
    match frame:
        case WelcomeFrame(token):
            return bytes([FrameType.WELCOME]) + token.encode("ascii")
        case MessageFrame(message):
            return _MESSAGE_HEAD.pack(FrameType.MESSAGE, message.kind, bytes.fromhex(message.auction)) + message.body
        case RoundFrame(session_id, number, payload):
            return encode_round(session_id, number, payload)
        case LeaveFrame(session_id):
            return _LEAVE.pack(FrameType.LEAVE, session_id)


def decode_frame(content: bytes) -> Frame:
    """Decode exactly one frame.

    Raises:
        MalformedFrameError: unknown type, wrong length, or anything that :func:`encode_frame` would not write.
    """
    if not content or len(content) > LARGEST_FRAME:
        raise MalformedFrameError(f"a frame has 1 to {LARGEST_FRAME} bytes, not {len(content)}")
    decode = _DECODERS.get(content[0])
    if decode is None:
        raise MalformedFrameError(f"no frame is of type {content[0]}: does the peer run another version?")
    return decode(content)


def _decode_leave(content: bytes) -> LeaveFrame:
    if len(content) != _LEAVE.size:
        raise MalformedFrameError(f"a leave frame has {_LEAVE.size} bytes, not {len(content)}")
    return LeaveFrame(content[1:])


def _decode_round(content: bytes) -> RoundFrame:
    if not _ROUND_HEAD.size <= len(content) <= _ROUND_HEAD.size + MAX_PAYLOAD_BYTES:
        raise MalformedFrameError("a round frame is shorter than its header or longer than any round")
    _, padding, number, session_id = _ROUND_HEAD.unpack_from(content)
    if padding != _NO_PADDING:
        raise MalformedFrameError("a round frame's padding is not zero")
    return RoundFrame(session_id, number, memoryview(content)[_ROUND_HEAD.size :])


def _decode_message(content: bytes) -> MessageFrame:
    if len(content) < _MESSAGE_HEAD.size:
        raise MalformedFrameError("a message frame is shorter than its header")
    _, kind, auction = _MESSAGE_HEAD.unpack_from(content)
    try:
        known = MessageKind(kind)
    except ValueError as error:
        raise MalformedFrameError(f"no message is of kind {kind}: does the peer run another version?") from error
    return MessageFrame(PeerMessage(known, AuctionId(auction.hex()), content[_MESSAGE_HEAD.size :]))


def _decode_time(content: bytes) -> TimeWantedFrame | TimeFrame:
    layout = _TIME_WANTED if content[0] == FrameType.TIME_WANTED else _TIME
    if len(content) != layout.size:
        raise MalformedFrameError(f"a frame about the time has {layout.size} bytes, not {len(content)}")
    if layout is _TIME_WANTED:
        return TimeWantedFrame(content[1:])
    _, nonce, milliseconds = _TIME.unpack(content)
    return TimeFrame(nonce, milliseconds)


def _decode_welcome(content: bytes) -> WelcomeFrame:
    if len(content) > _LARGEST_TOKEN or not content.isascii():
        raise MalformedFrameError("a welcome frame does not hold a token")
    return WelcomeFrame(content[1:].decode("ascii"))


_DECODERS: Final[Mapping[int, Callable[[bytes], Frame]]] = MappingProxyType(
    {
        FrameType.WELCOME: _decode_welcome,
        FrameType.MESSAGE: _decode_message,
        FrameType.ROUND: _decode_round,
        FrameType.LEAVE: _decode_leave,
        FrameType.TIME_WANTED: _decode_time,
        FrameType.TIME: _decode_time,
    }
)
