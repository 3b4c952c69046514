"""The types of fields that rules, statements and files share: what is strict about them is written here once.

Every one accepts exactly the spelling that it writes, so that a model's canonical JSON has one form.
"""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, ValidationError

from aukciszek.auctions.errors import MalformedIdentifierError
from aukciszek.auctions.identifiers import AuctionId, BundleDigest, UserId, parse_user_id
from aukciszek.clock import MalformedTimeError, cut_to_milliseconds, format_time, parse_time
from aukciszek.cluster import LARGEST_CLUSTER, PartyNumber
from aukciszek.encoding import MalformedEncodingError, from_base64url, to_base64url

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


def first_fault(error: ValidationError) -> str:
    """Name the first place that a model refuses, and why, without quoting what was given there."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the whole"
    return f"{place}: {first['msg'].removeprefix('Value error, ')}"
