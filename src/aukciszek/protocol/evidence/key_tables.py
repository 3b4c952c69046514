"""Which keys for shared randomness an auction uses: what its parties attest of the keys that they were dealt.

``docs/protocol.md``, "Dealing the PRSS keys". Every set ``A`` of ``n - t`` parties has a key, made by a dealer among
its members: the lowest-numbered one, or, in the robust mode, any of them, so that no party's silence stops an auction.
Each party signs one table of the hashes of all keys that it holds. A key is chosen when enough members of its set
attest one hash. Nothing here does input or output: the choice is a function of what was signed.

An attestation is packed into::

    members u16, party i as bit i - 1 | dealer u8 | digest 32
"""

import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal, NamedTuple, Self, final, override

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from aukciszek.cluster import LARGEST_CLUSTER, PartyNumber
from aukciszek.encoding import to_base64url
from aukciszek.mpc.mode import Mode
from aukciszek.mpc.sharing.prss import Members, dealt_sets
from aukciszek.protocol.evidence.statements import Statement
from aukciszek.protocol.rules.fields import packed_records
from aukciszek.protocol.rules.identifiers import DIGEST_BYTES, AuctionId, labelled_sha256
from aukciszek.secret import Secret

MOST_ATTESTATIONS: Final = 196
"""Of one party: with ``n = 9`` and ``t = 2`` it is in 28 sets of 7 dealers each."""

_ATTESTATION: Final = struct.Struct(f">HB{DIGEST_BYTES}s")
_KEY_ID: Final = struct.Struct(">HB")


@dataclass(frozen=True, slots=True)
class Attestation:
    """A party holds a key of this hash that ``dealer`` made for ``members``."""

    members: Members
    dealer: PartyNumber
    digest: bytes
    """See :func:`key_digest`."""

    @property
    def sort_key(self) -> tuple[int, PartyNumber]:
        """What a table is sorted by."""
        return members_mask(self.members), self.dealer

    def packed(self) -> bytes:
        """Return the 35-byte form."""
        return _ATTESTATION.pack(members_mask(self.members), self.dealer, self.digest)


def members_mask(members: Members) -> int:
    """Return a set of parties as bits: party ``i`` is bit ``i - 1``."""
    return sum(1 << (member - 1) for member in members)


def members_of(mask: int) -> Members:
    """Return the set of parties that :func:`members_mask` wrote.

    Raises:
        ValueError: no cluster has such a set.
    """
    if not 0 < mask < 1 << LARGEST_CLUSTER:
        raise ValueError(f"a set of parties names some of the parties 1 to {LARGEST_CLUSTER}")
    return frozenset(number for number in range(1, LARGEST_CLUSTER + 1) if mask >> (number - 1) & 1)


def key_digest(auction: AuctionId, members: Members, dealer: PartyNumber, key: Secret[bytes]) -> bytes:
    """Return the hash by which a key is attested. A key is 32 random bytes, so its hash says nothing about it."""
    key_id = _KEY_ID.pack(members_mask(members), dealer)
    return labelled_sha256("prss-key", bytes.fromhex(auction), key_id, key.reveal())


def _pack(attestations: Iterable[Attestation]) -> str:
    return to_base64url(b"".join(one.packed() for one in attestations))


def _read(mask: int, dealer: int, digest: bytes) -> Attestation:
    return Attestation(members_of(mask), PartyNumber(dealer), digest)


def _check(attestations: tuple[Attestation, ...]) -> tuple[Attestation, ...]:
    sort_keys = [one.sort_key for one in attestations]
    if sort_keys != sorted(set(sort_keys)):
        raise ValueError("attest at most one key of each set and dealer, in ascending order")
    if any(one.dealer not in one.members or len(one.digest) != DIGEST_BYTES for one in attestations):
        raise ValueError("a key is made by a member of its set, and its digest has 32 bytes")
    return attestations


type AttestationsField = Annotated[
    tuple[Attestation, ...],
    Field(max_length=MOST_ATTESTATIONS),
    BeforeValidator(packed_records(_ATTESTATION, _read)),
    AfterValidator(_check),
    PlainSerializer(_pack),
]
"""One party's attestations: ascending by set and dealer, one for each; packed."""


class KeyTable(Statement):
    """These are all keys that this party holds for the auction. A party signs one table, for good."""

    label: ClassVar[str] = "key-table"
    most_bytes: ClassVar[int] = MOST_ATTESTATIONS * _ATTESTATION.size * 4 // 3 + 4_096

    kind: Literal["key-table"] = "key-table"
    attestations: AttestationsField

    @classmethod
    def of(cls, auction: AuctionId, party: PartyNumber, attestations: Iterable[Attestation]) -> Self:
        """Put a table in order."""
        ordered = sorted(attestations, key=lambda one: one.sort_key)
        return cls(auction=auction, party=party, attestations=tuple(ordered))


def dealers(members: Members, mode: Mode) -> tuple[PartyNumber, ...]:
    """Return who makes a key for a set, the most preferred first."""
    ascending = tuple(PartyNumber(member) for member in sorted(members))
    return ascending if mode.corrects else ascending[:1]


class ChosenKey(NamedTuple):
    """Which key a set uses."""

    dealer: PartyNumber
    digest: bytes


@final
class ChosenKeys(Mapping[Members, ChosenKey]):
    """Which key each set uses; one value, one :attr:`digest`."""

    __slots__ = ("_chosen",)

    def __init__(self, chosen: Mapping[Members, ChosenKey]) -> None:
        self._chosen = {members: chosen[members] for members in sorted(chosen, key=members_mask)}

    @override
    def __getitem__(self, members: Members) -> ChosenKey:
        return self._chosen[members]

    @override
    def __iter__(self) -> Iterator[Members]:
        return iter(self._chosen)

    @override
    def __len__(self) -> int:
        return len(self._chosen)

    @override
    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def digest(self) -> str:
        """A digest of the whole choice; 64 hexadecimal digits."""
        packed = (Attestation(members, *chosen).packed() for members, chosen in self._chosen.items())
        return labelled_sha256("chosen-keys", *packed).hex()


type Attested = Mapping[PartyNumber, Collection[Attestation]]
"""What each party attests, in one table or several."""


def attesters_needed(members: Members, mode: Mode) -> int:
    """Return how many members must attest one hash: all, or, in the robust mode, ``n - 2t``."""
    return len(members) - mode.threshold if mode.corrects else len(members)


def choose_keys(mode: Mode, attested: Attested) -> ChosenKeys | None:
    """Return the key of every set, or None while there are sets without one.

    It is the key of the set's lowest dealer for which enough members attest one hash. What a party attests of a set
    that it is not in counts for nothing; a party that attests two hashes counts for both, so the choice is a function
    of all that was signed.

    *Claim.* With at most ``t`` corrupt parties, at most one hash of a set qualifies for each dealer. Every set has an
    honest member. Where all members must attest it, that one attests one hash. Where ``n - 2t`` of the ``n - t``
    members must, two hashes would have ``2(n - 2t) - (n - t) = n - 3t >= t + 1`` attesters in common
    (``n >= 4t + 1``), one of them honest.
    """
    chosen: dict[Members, ChosenKey] = {}
    attesters = _attesters(attested)
    for members in dealt_sets(mode.parties, mode.threshold):
        needed = attesters_needed(members, mode)
        for dealer in dealers(members, mode):
            digests = attesters.get((members, dealer), {})
            if qualified := [digest for digest, parties in digests.items() if len(parties) >= needed]:
                chosen[members] = ChosenKey(dealer, min(qualified))
                break
        else:
            return None
    return ChosenKeys(chosen)


def disputed_keys(mode: Mode, attested: Attested) -> list[tuple[Members, PartyNumber]]:
    """Return the sets, and dealers, about which the parties' tables do not agree: somebody lied.

    Where all members must attest a key, a table that lacks it disputes it, too.
    """
    disputed = []
    attesters = _attesters(attested)
    for members in dealt_sets(mode.parties, mode.threshold):
        heard = len(members & attested.keys())
        for dealer in dealers(members, mode):
            digests = attesters.get((members, dealer), {})
            lacking = heard > len(frozenset[PartyNumber]().union(*digests.values()))
            if len(digests) > 1 or (lacking and not mode.corrects):
                disputed.append((members, dealer))
    return disputed


def _attesters(attested: Attested) -> dict[tuple[Members, PartyNumber], dict[bytes, set[PartyNumber]]]:
    found: dict[tuple[Members, PartyNumber], dict[bytes, set[PartyNumber]]] = {}
    for party, attestations in attested.items():
        for one in attestations:
            if party in one.members:
                found.setdefault((one.members, one.dealer), {}).setdefault(one.digest, set()).add(party)
    return found
