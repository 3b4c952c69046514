"""What parties ask and tell one another about bids, beside their signed statements.

``docs/protocol.md``, "Messages between parties". None of these needs a signature: they ask for things that are signed
or hashed themselves, or say what the sender has.
"""

from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aukciszek.cluster import LARGEST_CLUSTER, PartyNumber
from aukciszek.encoding import canonical_json
from aukciszek.protocol.evidence.receipt_list import MOST_LISTED_RECEIPTS, OtherReceiptsField
from aukciszek.protocol.rules.errors import MalformedStatementError
from aukciszek.protocol.rules.fields import BundleDigestField, DigestField, PartyField, first_fault

MOST_LISTS_OF_A_PARTY: Final = 8
"""An honest party signs one. Two are proof enough; the rest would only fill the disk."""

MOST_BUNDLES_A_REQUEST: Final = 500
MOST_RECEIPTS_A_MESSAGE: Final = 500


class Message(BaseModel):
    """What the messages below have in common: one byte form, read strictly."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def encode(self) -> bytes:
        """Return the message's bytes."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Read a message.

        Raises:
            MalformedStatementError: it is not of this form.
        """
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            raise MalformedStatementError(f"malformed message, see {first_fault(error)}") from error


class ListsSeen(Message):
    """Which lists the sender has, and whether it still gathers and wants to know what the receiver has.

    ``began``: the digest of the input set that the sender began a session on, or knows that others may have; it comes
    with the proposal. ``began_lists``: by which lists it is.
    """

    asking: bool
    began: DigestField | None
    began_lists: Annotated[
        tuple[tuple[PartyField, DigestField], ...], Field(max_length=LARGEST_CLUSTER * MOST_LISTS_OF_A_PARTY)
    ]
    lists: Annotated[
        tuple[tuple[PartyField, DigestField], ...], Field(max_length=LARGEST_CLUSTER * (MOST_LISTS_OF_A_PARTY + 1))
    ]

    @property
    def ids(self) -> frozenset[tuple[PartyNumber, str]]:
        """The lists, in no order."""
        return frozenset(self.lists)


class ListWanted(Message):
    """One list that the receiver has and the sender has not."""

    party: PartyField
    digest: DigestField


class BundlesWanted(Message):
    """Bundles that the receiver has and the sender has not."""

    bundles: Annotated[tuple[BundleDigestField, ...], Field(max_length=MOST_BUNDLES_A_REQUEST)]


class NewReceipts(Message):
    """Receipts that the sender gave."""

    receipts: Annotated[OtherReceiptsField, Field(max_length=MOST_RECEIPTS_A_MESSAGE)]


class ReceiptsKnown(Message):
    """How many of the receiver's receipts the sender has."""

    count: Annotated[int, Field(ge=0, le=MOST_LISTED_RECEIPTS)]
