import contextlib

import pytest
from hypothesis import given, strategies as st

from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.mpc.channel import MAX_PAYLOAD_BYTES
from aukciszek.protocol.evidence.receipt_list import ReceiptListStatement
from aukciszek.protocol.evidence.statements import OrderStatement
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.server.errors import MalformedFrameError
from aukciszek.server.links import frames as frames_module
from aukciszek.server.links.frames import (
    LARGEST_FRAME,
    Frame,
    FrameType,
    LeaveFrame,
    MessageFrame,
    RoundFrame,
    WelcomeFrame,
    decode_frame,
    encode_frame,
    encode_round,
)

SESSION = bytes(range(32))

session_ids = st.binary(min_size=32, max_size=32)
frames: st.SearchStrategy[Frame] = st.one_of(
    st.text(st.characters(max_codepoint=127), max_size=500).map(WelcomeFrame),
    st.builds(
        MessageFrame,
        st.builds(
            PeerMessage,
            st.sampled_from(MessageKind),
            session_ids.map(lambda content: AuctionId(content.hex())),
            st.binary(max_size=200),
        ),
    ),
    st.builds(RoundFrame, session_ids, st.integers(0, 2**32 - 1), st.binary(max_size=200).map(memoryview)),
    session_ids.map(LeaveFrame),
)


@given(frames)
def test_what_was_written_is_read_back(frame: Frame) -> None:
    assert decode_frame(encode_frame(frame)) == frame


@given(st.binary(max_size=300))
def test_garbage_is_refused_or_is_a_frame_in_its_one_spelling(content: bytes) -> None:
    try:
        frame = decode_frame(content)
    except MalformedFrameError:
        return
    assert encode_frame(frame) == content


@given(frames, st.data())
def test_a_shortened_frame_is_refused_or_is_another_frame_in_its_one_spelling(
    frame: Frame, data: st.DataObject
) -> None:
    content = encode_frame(frame)
    shortened = content[: data.draw(st.integers(0, len(content) - 1))]
    with contextlib.suppress(MalformedFrameError):
        assert encode_frame(decode_frame(shortened)) == shortened


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x00", id="type 0"),
        pytest.param(b"\x07" + bytes(60), id="unknown type"),
        pytest.param(b"\x02" + b"\x01" + bytes(31), id="message header cut off"),
        pytest.param(b"\x02" + b"\xff" + bytes(32), id="unknown kind of message"),
        pytest.param(b"\x03" + bytes(38), id="round header cut off"),
        pytest.param(b"\x03\x00\x01\x00" + bytes(36), id="round padding not zero"),
        pytest.param(b"\x04" + bytes(31), id="leave too short"),
        pytest.param(b"\x04" + bytes(33), id="leave with left-over bytes"),
        pytest.param(b"\x01\xc5\x81", id="welcome not ASCII"),
        pytest.param(b"\x01" + b"a" * 5000, id="welcome too long"),
        pytest.param(b"\x05{}", id="no frame is of this type"),
        pytest.param(b"\x03" + bytes(39 + MAX_PAYLOAD_BYTES + 1), id="round too long"),
    ],
)
def test_what_no_honest_party_writes_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedFrameError):
        decode_frame(content)


def test_the_payload_of_a_round_is_aligned_for_64_bit_words_and_not_copied() -> None:
    content = encode_round(SESSION, 7, bytes(64))
    frame = decode_frame(content)
    assert isinstance(frame, RoundFrame)
    assert len(content) == 40 + 64
    assert frame.payload.obj is content


def test_a_round_that_no_receiver_would_accept_is_not_written() -> None:
    with pytest.raises(ValueError, match="windows"):
        encode_round(SESSION, 0, bytes(MAX_PAYLOAD_BYTES + 1))
    with pytest.raises(ValueError, match="32 bits"):
        encode_round(SESSION, 2**32, b"")
    with pytest.raises(ValueError, match="32 bytes"):
        encode_round(SESSION[1:], 0, b"")


def test_every_type_of_frame_is_decoded() -> None:
    """A type that is written but not read would show here."""
    examples = {
        FrameType.WELCOME: b"token",
        FrameType.MESSAGE: b"\x01" + bytes(32),
        FrameType.ROUND: bytes(39),
        FrameType.LEAVE: bytes(32),
        FrameType.TIME_WANTED: bytes(8),
        FrameType.TIME: bytes(16),
    }
    assert set(examples) == set(FrameType)
    for kind, rest in examples.items():
        assert encode_frame(decode_frame(bytes([kind]) + rest)) == bytes([kind]) + rest


def test_no_token_and_no_payload_is_shown() -> None:
    key = b"K" * 32
    shown = repr([decode_frame(encode_round(SESSION, 0, key)), WelcomeFrame("KKKK")])
    assert "KKKK" not in shown


def test_a_frame_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_module, "LARGEST_FRAME", 100)
    longest = MessageFrame(PeerMessage(MessageKind.BUNDLE, AuctionId("0" * 64), bytes(100 - 34)))
    assert len(encode_frame(longest)) == 100
    assert decode_frame(encode_frame(longest)) == longest
    with pytest.raises(MalformedFrameError):
        decode_frame(encode_frame(longest) + b"\x00")
    with pytest.raises(ValueError, match="at most 100 bytes"):
        encode_frame(MessageFrame(PeerMessage(MessageKind.BUNDLE, AuctionId("0" * 64), bytes(101 - 34))))


def test_whatever_an_auction_has_to_say_fits_into_a_frame() -> None:
    assert ReceiptListStatement.most_bytes + 34 <= LARGEST_FRAME
    assert OrderStatement.most_bytes + 34 <= LARGEST_FRAME
