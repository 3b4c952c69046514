"""The cluster file: who the parties are. The same bytes at every party.

It names for every party its number, name, public URL, trusted address and identity key. Operators compare its
SHA-256 by telephone; changing it is an operator's act, never an API's.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal, NewType, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from aukciszek.encoding import canonical_json, sha256_hex
from aukciszek.errors import AukciszekError
from aukciszek.identity import IdentityKeyError, PublicIdentity

PartyNumber = NewType("PartyNumber", int)
"""A party's number, ``1..n``; also its Shamir evaluation point."""

SMALLEST_CLUSTER = 3
LARGEST_CLUSTER = 9
"""The number of PRSS keys grows with ``binomial(n, t)``; see ``docs/protocol.md``."""

_URL: Final = re.compile(
    r"(?P<url>https?://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:(?P<port>[1-9][0-9]{0,4}))?)/?"
)
_LARGEST_PORT: Final = 65_535


class ClusterFileError(AukciszekError):
    """A cluster file is missing, malformed or inconsistent."""

    code = "cluster-file"


def check_url(url: str) -> str:
    """Return ``url`` in its one spelling: ``http(s)://host[:port]``, lower case, nothing else.

    Raises:
        ValueError: it says more or less than that.
    """
    # The standard library drops line breaks, accepts empty parts and checks a port only when it is asked for it.
    match = _URL.fullmatch(url.lower()) if url.isascii() else None
    if match is None or int(match["port"] or 1) > _LARGEST_PORT:
        raise ValueError("a URL names scheme, host and port only: https://host or https://host:port")
    return match["url"]


def check_name(name: str) -> str:
    """Return the name of a party.

    Raises:
        ValueError: it would not be shown as it is on a screen.
    """
    if not name.isprintable() or name != name.strip():
        raise ValueError("a name holds no line breaks or control characters, and no space around it")
    return name


def check_address(address: str) -> str:
    """Return an IP address in its usual spelling.

    Raises:
        ValueError: it is none, or none of one machine.
    """
    parsed = ipaddress.ip_address(address)
    if parsed.is_unspecified or parsed.is_multicast:
        raise ValueError("a party's connections come from an address of its own machine, not from this one")
    return str(parsed)


def _check_identity(text: str) -> str:
    try:
        PublicIdentity.from_text(text)
    except IdentityKeyError as error:
        raise ValueError(error.message) from error
    return text


class PartyEntry(BaseModel):
    """What everybody knows about one party."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    number: Annotated[int, Field(ge=1, le=LARGEST_CLUSTER)]
    name: Annotated[str, Field(min_length=1, max_length=80), AfterValidator(check_name)]
    url: Annotated[str, AfterValidator(check_url)]
    address: Annotated[str, AfterValidator(check_address)]
    identity_key: Annotated[str, AfterValidator(_check_identity)]

    @property
    def identity(self) -> PublicIdentity:
        """The key that this party's statements are verified with."""
        return PublicIdentity.from_text(self.identity_key)


class _ClusterFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Literal[1]
    parties: Annotated[tuple[PartyEntry, ...], Field(min_length=SMALLEST_CLUSTER, max_length=LARGEST_CLUSTER)]

    @model_validator(mode="after")
    def _check_parties(self) -> Self:
        if [party.number for party in self.parties] != list(range(1, len(self.parties) + 1)):
            raise ValueError("the parties must be numbered 1, 2, 3, ... in this order")
        for what, values in (
            ("URL", [party.url for party in self.parties]),
            ("address", [party.address for party in self.parties]),
            ("identity key", [party.identity_key for party in self.parties]),
        ):
            if len(set(values)) != len(values):
                raise ValueError(f"two parties share one {what}: each needs its own")
        return self


@dataclass(frozen=True)
class Cluster:
    """All parties, and the digest of the file that lists them."""

    parties: tuple[PartyEntry, ...]
    digest: str
    content: bytes = field(default=b"", repr=False)
    """The file's bytes."""

    @classmethod
    def build(cls, parties: Sequence[PartyEntry]) -> tuple[Self, bytes]:
        """Return the cluster and the bytes of its file.

        Raises:
            ClusterFileError: the entries contradict one another.
        """
        ordered = sorted(parties, key=lambda party: party.number)
        content = canonical_json({"version": 1, "parties": [party.model_dump() for party in ordered]})
        return cls.parse(content), content

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read a cluster file's bytes.

        Raises:
            ClusterFileError: with the place and the remedy.
        """
        try:
            file = _ClusterFile.model_validate_json(content)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "file"
            raise ClusterFileError(f"the cluster file is not valid at {place}: {first['msg']}") from error
        return cls(file.parties, sha256_hex(content), content)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a cluster file.

        Raises:
            ClusterFileError: the file is missing or not valid.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            reason = error.strerror
            raise ClusterFileError(f"cannot read the cluster file {path} ({reason}); see CLUSTER_FILE") from error
        return cls.parse(content)

    @property
    def size(self) -> int:
        """The number of parties, ``n``."""
        return len(self.parties)

    @property
    def numbers(self) -> tuple[PartyNumber, ...]:
        """``1..n``."""
        return tuple(PartyNumber(party.number) for party in self.parties)

    def party(self, number: int) -> PartyEntry:
        """Return one party's entry.

        Raises:
            KeyError: there is no such party.
        """
        if not 1 <= number <= len(self.parties):
            raise KeyError(number)
        return self.parties[number - 1]
