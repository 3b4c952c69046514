"""The model and the types of fields that rules, statements and files share: strictness is written here once.

Every one accepts exactly the spelling that it writes, so that a model's canonical JSON has one form.
"""

import struct
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Self, override

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from aukciszek.clock import MalformedTimeError, cut_to_milliseconds, format_time, parse_time
from aukciszek.cluster import LARGEST_CLUSTER, PartyNumber
from aukciszek.encoding import MalformedEncodingError, canonical_json, from_base64url, to_base64url
from aukciszek.protocol.rules.errors import MalformedIdentifierError
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest, UserId, parse_user_id

_DIGEST_PATTERN = "^[0-9a-f]{64}$"


def _read_user_id(text: UserId) -> UserId:
    try:
        return parse_user_id(text)
    except MalformedIdentifierError as error:
        raise ValueError(error.message) from error


def _read_moment(value: object) -> object:
    if isinstance(value, str):
        try:
            return parse_time(value)
        except MalformedTimeError as error:
            raise ValueError(error.message) from error
    return value


def _check_moment(moment: datetime) -> datetime:
    if moment.tzinfo is None or cut_to_milliseconds(moment) != moment:
        raise ValueError("a moment is in UTC and has whole milliseconds")
    return moment


def _read_bytes(value: object) -> object:
    if isinstance(value, str):
        try:
            return from_base64url(value)
        except MalformedEncodingError as error:
            raise ValueError(error.message) from error
    return value


class StrictModel(BaseModel):
    """A value that takes nothing but its own fields in their own types, and never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @override
    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy that keeps nothing that was computed from the original, such as its bytes or its hash."""
        copy = super().model_copy(update=update, deep=deep)
        for name in copy.__dict__.keys() - type(self).model_fields.keys():
            del copy.__dict__[name]
        return copy

    @cached_property
    def canonical_bytes(self) -> bytes:
        """The only byte form of this value: canonical JSON."""
        return canonical_json(self.model_dump(mode="json"))


type DigestField = Annotated[str, Field(pattern=_DIGEST_PATTERN)]
"""A SHA-256, or another 32 bytes, in hexadecimal."""

type AuctionIdField = Annotated[AuctionId, Field(pattern=_DIGEST_PATTERN)]
type BundleDigestField = Annotated[BundleDigest, Field(pattern=_DIGEST_PATTERN)]
type UserIdField = Annotated[UserId, AfterValidator(_read_user_id)]
type PartyField = Annotated[PartyNumber, Field(ge=1, le=LARGEST_CLUSTER)]

type MomentField = Annotated[
    datetime, BeforeValidator(_read_moment), AfterValidator(_check_moment), PlainSerializer(format_time)
]
"""A moment in whole milliseconds; RFC 3339 text in JSON."""

type BytesField = Annotated[bytes, BeforeValidator(_read_bytes), PlainSerializer(to_base64url)]
"""Bytes; unpadded base64url in JSON."""


def packed_records[T](layout: struct.Struct, read: Callable[..., T]) -> Callable[[object], object]:
    """Return what makes records of the base64url text of fixed-size ones, for a ``BeforeValidator``.

    Args:
        layout: one record.
        read: makes a record of the fields that ``layout`` finds; a ``ValueError`` refuses the text.
    """

    def unpack(value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return tuple(read(*fields) for fields in layout.iter_unpack(from_base64url(value)))
        except MalformedEncodingError as error:
            raise ValueError(error.message) from error
        except (struct.error, OverflowError) as error:
            raise ValueError("the packed records have another length, or a moment beyond the calendar") from error

    return unpack


def first_fault(error: ValidationError) -> str:
    """Name the first field that a model refuses, and why, without quoting what was given there."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    location = ".".join(str(part) for part in first["loc"]) or "the whole"
    return f"{location}: {first['msg'].removeprefix('Value error, ')}"
