"""The audit record: who did what, and what was opened, in a chain that shows every later change.

``docs/protocol.md``, "The audit record". Each entry names the hash of the one before. Storage writes the chain
(:mod:`aukciszek.storage.repositories.audit_record`); here it is read and checked, from a file as well. Cutting entries
off at the end leaves a chain that is whole: compare the last hash (:attr:`AuditRecord.head`) with one that you noted,
or with that of the same party at another time.
"""

from typing import Annotated, Final, Literal, Self, cast

from pydantic import Field, JsonValue, ValidationError

from aukciszek.encoding import Json
from aukciszek.protocol.evidence.record_chain import FIRST_PREVIOUS_HASH, NewRecordEntry, record_hash
from aukciszek.protocol.rules.errors import BrokenRecordError, MalformedRecordError
from aukciszek.protocol.rules.fields import (
    AuctionIdField,
    DigestField,
    MomentField,
    PartyField,
    StrictModel,
    first_fault,
)
from aukciszek.protocol.rules.identifiers import AuctionId

MOST_RECORD_BYTES: Final = 256 << 20

KEYS_DESTROYED: Final = "keys-destroyed"
"""What a party records last of an auction that is final for it."""


class RecordEntry(StrictModel):
    """One thing that happened, at its place in the chain."""

    seq: Annotated[int, Field(ge=1)]
    """Counts from 1."""
    at: MomentField
    actor: Annotated[str, Field(max_length=200)]
    action: Annotated[str, Field(max_length=200)]
    details: dict[str, JsonValue]
    previous_hash: DigestField
    hash: DigestField
    """SHA-256 over everything else in this entry and the auction's id."""


class AuditRecord(StrictModel):
    """One party's record of one auction: one JSON file."""

    version: Literal[1] = 1
    auction: AuctionIdField
    party: PartyField
    entries: tuple[RecordEntry, ...]

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Read a record file's bytes. They are not checked to be a whole chain: call :func:`verify_record`.

        Raises:
            MalformedRecordError: they are no record; the text names the field.
        """
        if len(content) > MOST_RECORD_BYTES:
            raise MalformedRecordError(f"a record has at most {MOST_RECORD_BYTES} bytes")
        try:
            record = cls.model_validate_json(content)
            is_canonical = record.encode() == content
        except ValidationError as error:
            raise MalformedRecordError(f"this is no audit record, see {first_fault(error)}") from error
        except ValueError as error:
            raise MalformedRecordError("no entry of a record can hold such a number") from error
        if not is_canonical:
            raise MalformedRecordError("the record must be canonical JSON: use the file as it was downloaded")
        return record

    def encode(self) -> bytes:
        """Return the file's bytes."""
        return self.canonical_bytes

    @property
    def head(self) -> str:
        """The hash of the last entry, which stands for the whole record."""
        return self.entries[-1].hash if self.entries else FIRST_PREVIOUS_HASH


def verify_record(record: AuditRecord, *, head: str | None = None) -> None:
    """Check that nothing in a record was changed, left out, put in or moved.

    Args:
        record: the record.
        head: the last hash as the verifier knows it from elsewhere; finds entries cut off at the end too.

    Raises:
        BrokenRecordError: with the number of the first entry that does not fit.
    """
    previous = FIRST_PREVIOUS_HASH
    for seq, entry in enumerate(record.entries, start=1):
        if entry.seq != seq or entry.previous_hash != previous:
            raise BrokenRecordError(f"entry {seq} does not follow the one before it: an entry is missing or moved")
        if _hash(record.auction, entry) != entry.hash:
            raise BrokenRecordError(f"entry {seq} was changed after it was written")
        previous = entry.hash
    if head is not None and head != previous:
        raise BrokenRecordError("the record ends elsewhere than it should: entries are missing at its end")


def _hash(auction: AuctionId, entry: RecordEntry) -> str:
    content = NewRecordEntry(
        auction_id=auction,
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        details=cast("dict[str, Json]", entry.details),
    )
    return record_hash(content, entry.seq, entry.previous_hash)
