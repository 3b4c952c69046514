"""What a party signs about a value that was opened under a mask, and how a released one travels.

``docs/protocol.md``, "Fair opening". A release holds all that any party needs to finish: the masked opening, the
signatures of all parties under it, and the keys to the mask that its sender knows.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field

from aukciszek.auctions.agreement.messages import Message
from aukciszek.cluster import LARGEST_CLUSTER, PartyNumber
from aukciszek.mpc.protocols.fair_opening import MOST_OPENINGS, OPENING_KEY_BYTES, MaskedOpening, OpeningKeys
from aukciszek.protocol.evidence.key_tables import members_mask, members_of
from aukciszek.protocol.evidence.statements import Statement
from aukciszek.protocol.rules.fields import BytesField, DigestField
from aukciszek.protocol.rules.identifiers import AuctionId, labelled_sha256

_MOST_OPENING_BYTES: Final = 16 << 20
_MOST_SETS: Final = 126
"""``binomial(9, 4)``."""


class OpeningStatement(Statement):
    """This party holds this masked opening, durably, and releases its keys to it once all parties have signed it."""

    label: ClassVar[str] = "opening"

    kind: Literal["opening"] = "opening"
    session: DigestField
    number: Annotated[int, Field(ge=0, lt=MOST_OPENINGS)]
    input_set: DigestField
    opening: DigestField
    """See :func:`opening_digest`."""

    @classmethod
    def of(cls, auction: AuctionId, party: PartyNumber, input_set: str, opening: MaskedOpening) -> Self:
        """Return what ``party`` says of an opening."""
        return cls(
            auction=auction,
            party=party,
            session=opening.session.hex(),
            number=opening.number,
            input_set=input_set,
            opening=opening_digest(opening.encode()),
        )


def opening_digest(content: bytes) -> str:
    """Return the digest of a masked opening's bytes; 64 hexadecimal digits."""
    return labelled_sha256("opening", content).hex()


class ReleasedKey(Message):
    """One set's key to a mask."""

    members: Annotated[int, Field(ge=1, lt=1 << LARGEST_CLUSTER)]
    """The set, party ``i`` as bit ``i - 1``."""
    key: Annotated[BytesField, Field(min_length=OPENING_KEY_BYTES, max_length=OPENING_KEY_BYTES, repr=False)]


class Release(Message):
    """A masked opening that all parties have signed, with keys to it."""

    opening: Annotated[BytesField, Field(max_length=_MOST_OPENING_BYTES)]
    signatures: Annotated[tuple[BytesField, ...], Field(max_length=LARGEST_CLUSTER)]
    """The parties' signed statements about it."""
    keys: Annotated[tuple[ReleasedKey, ...], Field(max_length=_MOST_SETS)]

    @classmethod
    def of(cls, opening: bytes, signatures: Iterable[bytes], keys: OpeningKeys) -> Self:
        """Put a release together."""
        released = (ReleasedKey(members=members_mask(members), key=key) for members, key in keys.items())
        return cls(
            opening=opening,
            signatures=tuple(signatures),
            keys=tuple(sorted(released, key=lambda one: one.members)),
        )

    def by_members(self) -> OpeningKeys:
        """Return the keys by set; not compared with anything."""
        return {members_of(one.members): one.key for one in self.keys}


def known_keys(opening: MaskedOpening, keys: Mapping[frozenset[int], bytes]) -> dict[frozenset[int], bytes]:
    """Return those keys that the opening's parties committed to."""
    return {members: key for members, key in keys.items() if opening.accepts(members, key)}
