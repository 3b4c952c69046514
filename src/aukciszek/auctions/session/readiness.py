"""What the parties sign to begin a session: each announces that it is ready, and the leader collects the announcements.

``docs/protocol.md``, "The way of a session", and ``docs/adr/0003-sessions-by-attempt.md``. The announcements of enough
parties for one attempt and one input set are a *proposal*. It fixes the session's id; it proves that a party began;
and for an auction that is cancelled it is what lets a party destroy its keys.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field

from aukciszek.cluster import LARGEST_CLUSTER, Cluster, PartyNumber
from aukciszek.encoding import (
    MalformedEncodingError,
    canonical_json,
    from_base64url,
    parse_canonical_json,
    to_base64url,
)
from aukciszek.mpc.circuits.ranking import CostModel
from aukciszek.protocol.evidence.statements import Signed, Statement, read_statement, statement_digest
from aukciszek.protocol.rules.errors import MalformedStatementError, StatementError
from aukciszek.protocol.rules.fields import BytesField, DigestField
from aukciszek.protocol.rules.identifiers import AuctionId, labelled_sha256

_MOST_BIDS: Final = 200_000
_MOST_ASK_BYTES: Final = _MOST_BIDS // 8
LARGEST_ATTEMPT: Final = 2**31 - 1
_MICROSECONDS: Final = 1_000_000
LONGEST_ROUND_US: Final = 10 * _MICROSECONDS


class UnlawfulProposalError(StatementError):
    """A proposal does not hold the announcements of enough parties for one attempt and one input set."""

    code = "unlawful-proposal"


class Readiness(Statement):
    """This party is ready for an attempt to compute, or to cancel."""

    label: ClassVar[str] = "readiness"
    most_bytes: ClassVar[int] = _MOST_ASK_BYTES * 4 // 3 + 4_096

    kind: Literal["readiness"] = "readiness"
    attempt: Annotated[int, Field(ge=1, le=LARGEST_ATTEMPT)]
    input_set: DigestField
    """The digest of what this party will compute on."""
    cancelled: bool
    """Whether that is an auction whose order to cancel counts: then nothing is computed."""
    confirms: Annotated[int, Field(ge=0, le=LARGEST_ATTEMPT)]
    """Of a cancelled auction: the attempt of the proposal that this party knows, and beyond which it will never be
    ready for anything else; 0 before there is one."""
    nonce: DigestField
    round_us: Annotated[int, Field(ge=1, le=LONGEST_ROUND_US)]
    """What a round takes, as far as this party can tell, in microseconds."""
    asks: Annotated[BytesField, Field(max_length=_MOST_ASK_BYTES)]
    """Of which bids it needs the others' help to its share: a bit for each that is computed on, the first bid first."""


type Ready = Mapping[PartyNumber, Signed[Readiness]]
"""Who is ready; the participants of a session, once it is proposed."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The verified announcements of enough parties for one attempt and one input set."""

    ready: Ready

    @property
    def any_of_them(self) -> Readiness:
        """One of the announcements: they agree on all that a proposal says."""
        return next(iter(self.ready.values())).content

    @property
    def attempt(self) -> int:
        """For which attempt."""
        return self.any_of_them.attempt

    @property
    def input_set(self) -> str:
        """On which input set."""
        return self.any_of_them.input_set

    @property
    def cancelled(self) -> bool:
        """Whether the parties agree that the auction is cancelled."""
        return self.any_of_them.cancelled

    @property
    def confirmed(self) -> bool:
        """Whether enough parties are bound to cancel: each knew that enough were ready to, and goes back no more."""
        return self.cancelled and all(0 < one.content.confirms < self.attempt for one in self.ready.values())

    @property
    def participants(self) -> tuple[PartyNumber, ...]:
        """The parties, ascending."""
        return tuple(sorted(self.ready))

    def session_id(self, auction: AuctionId) -> bytes:
        """Return the id of the session that these parties begin; 32 bytes, never the same twice."""
        digests = (bytes.fromhex(statement_digest(self.ready[party].content)) for party in self.participants)
        return labelled_sha256("session", bytes.fromhex(auction), *digests)

    def cost_model(self) -> CostModel:
        """Return the cost model of the session: that of the median round announced, so that all use the same."""
        return CostModel.from_measured_rounds([one.content.round_us / _MICROSECONDS for one in self.ready.values()])

    def requests(self, bids: int) -> dict[int, tuple[int, ...]]:
        """Return, by party, for which of so many bids it asks for its share; parties that ask for none are left out.

        What is not of the right length asks for nothing, at all parties alike.
        """
        asked = {int(party): read_asks(self.ready[party].content.asks, bids) for party in self.participants}
        return {party: indices for party, indices in asked.items() if indices}

    def encode(self) -> bytes:
        """Return the message that :meth:`read` reads."""
        return canonical_json([to_base64url(self.ready[party].encode()) for party in self.participants])

    @classmethod
    def read(cls, content: bytes, cluster: Cluster, auction: AuctionId, quorum: int) -> Self:
        """Read a proposal that somebody put together, and verify all of it.

        Raises:
            StatementError: the message is malformed, or an announcement is not signed by its party.
            UnlawfulProposalError: the announcements are too few, or do not belong together.
        """
        try:
            texts = parse_canonical_json(content)
            if not isinstance(texts, list) or len(texts) > LARGEST_CLUSTER:
                raise MalformedStatementError("a proposal is a list of one announcement for each party")
            statements = [read_statement(Readiness, from_base64url(str(text)), cluster) for text in texts]
        except MalformedEncodingError as error:
            raise MalformedStatementError(f"malformed proposal: {error.message}") from error
        ready = {signed.content.party: signed for signed in statements}
        contents = [signed.content for signed in statements]
        said = {(one.attempt, one.input_set, one.cancelled) for one in contents}
        about_this = all(one.auction == auction for one in contents)
        if len(ready) != len(statements) or len(said) != 1 or len(ready) < quorum or not about_this:
            raise UnlawfulProposalError(
                "a proposal holds announcements of too few parties, or for different sessions: its sender deviates "
                "from the protocol; ask its operator"
            )
        return cls(ready)


def in_microseconds(round_s: float | None) -> int:
    """Return what a party announces of its measurement; without one, what is usual in one data centre."""
    usual_s = CostModel().round_s
    return min(max(1, round(_MICROSECONDS * (usual_s if round_s is None else round_s))), LONGEST_ROUND_US)


def pack_asks(indices: Sequence[int], bids: int) -> bytes:
    """Return the announcement's form of the bids, out of so many, whose share a party asks for; empty for none."""
    if not indices:
        return b""
    packed = bytearray(-(-bids // 8))
    for index in indices:
        packed[index // 8] |= 1 << index % 8
    return bytes(packed)


def read_asks(packed: bytes, bids: int) -> tuple[int, ...]:
    """Return the indices that :func:`pack_asks` packed, ascending; none if it is of another length."""
    if len(packed) != -(-bids // 8):
        return ()
    return tuple(index for index in range(bids) if packed[index // 8] >> index % 8 & 1)
