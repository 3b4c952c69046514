"""Opening a value in such a way that nobody who sees it can keep it from the others.

``docs/protocol.md``, "Fair opening". Where all parties are needed, a party that withholds its share in the last round
would know the value alone. So a value ``y`` is first opened under a mask, ``m = y + rho``, whose parts the parties
hold already: ``rho`` is the sum over all sets ``A`` of ``n - t`` parties of the expansion of a key ``kappa_A`` that
follows from the set's PRSS key [CDI05]. Every set has an honest member, so no ``t`` parties can withhold a part, and
the set of all honest parties keeps one from any ``t``. The keys are committed to at the start of the session, and
released once every party has signed ``m``; who signs, stores and releases is the business of an :class:`OpeningPort`.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, Self

import numpy as np

from aukciszek.encoding import (
    MalformedEncodingError,
    canonical_json,
    from_base64url,
    parse_canonical_json,
    to_base64url,
)
from aukciszek.mpc.sharing.field import NotAFieldElementError, P, Vector, accumulate, from_bytes, subtract, to_bytes
from aukciszek.mpc.sharing.prss import Members, PrssKeys, indicator, large_sets

MOST_OPENINGS: Final = 3
"""Of one session: the outcome; or a failed input check, what each bundle failed, and the outcome without these."""

COMMITMENT_BYTES: Final = 32
OPENING_KEY_BYTES: Final = 32

_COMMITMENT: Final = b"aukciszek/1/mpc/opening commitment"
_MASK: Final = b"aukciszek/1/mpc/opening mask"

type OpeningKeys = Mapping[Members, bytes]
"""The keys ``kappa_A`` of one opening, by set."""

type Exchange = Callable[[bytes], Awaitable[Mapping[int, bytes | memoryview]]]
"""One more round of the session, for a port that has nothing else to speak over."""


class MalformedMaskedOpeningError(ValueError):
    """Bytes that are no masked opening."""


@dataclass(frozen=True, slots=True)
class MaskedOpening:
    """What all parties hold once a masked value was opened; nothing in it depends on a secret.

    Attributes:
        session: the session's id.
        number: which opening of the session, from 0.
        reasons: what is opened, and how many elements of each.
        context: what the program needs besides to make use of the values.
        masked: ``y + rho``, shape ``(elements,)``.
        commitments: for every set of ``n - t`` parties the commitment to its key.
    """

    session: bytes
    number: int
    reasons: tuple[tuple[str, int], ...]
    context: bytes
    masked: Vector = field(repr=False)
    commitments: Mapping[Members, bytes] = field(repr=False)

    def accepts(self, members: Members, key: bytes) -> bool:
        """Tell whether ``key`` is the one that the members of a set committed to."""
        expected = self.commitments.get(members)
        return expected is not None and commitment(self.session, self.number, members, key) == expected

    def missing(self, keys: OpeningKeys) -> list[Members]:
        """Return the sets whose keys are not among ``keys``."""
        return [members for members in self.commitments if members not in keys]

    def unmask(self, keys: OpeningKeys) -> dict[str, list[int]]:
        """Return the values by reason, in row-major order, from the keys of all sets.

        Raises:
            ValueError: a key is missing, or is not the one that was committed to.
        """
        if any(members not in keys or not self.accepts(members, keys[members]) for members in self.commitments):
            raise ValueError("an opening needs the key of every set, as it was committed to")
        masks = np.zeros(self.masked.size, dtype=np.uint64)
        for members in self.commitments:
            accumulate(masks, 1, expand(keys[members], self.masked.size))
        return by_reason(subtract(self.masked, masks), self.reasons)

    def encode(self) -> bytes:
        """Return its only byte form."""
        return canonical_json(
            {
                "session": self.session.hex(),
                "number": self.number,
                "reasons": [[reason, count] for reason, count in self.reasons],
                "context": to_base64url(self.context),
                "masked": to_base64url(to_bytes(self.masked)),
                "commitments": {members_text(members): value.hex() for members, value in self.commitments.items()},
            }
        )

    @classmethod
    def decode(cls, content: bytes, sets: Sequence[Members]) -> Self:
        """Read what :meth:`encode` wrote.

        Args:
            content: the bytes.
            sets: all sets of ``n - t`` parties, each of which must have a commitment.

        Raises:
            MalformedMaskedOpeningError: they are no masked opening of such a cluster.
        """
        try:
            opening = cls._read(content, {members_text(members): members for members in sets})
        except (MalformedEncodingError, NotAFieldElementError, KeyError, TypeError, ValueError) as error:
            raise MalformedMaskedOpeningError("this is no masked opening") from error
        if opening.encode() != content:
            raise MalformedMaskedOpeningError("a masked opening is sent in the one form that was signed")
        return opening

    @classmethod
    def _read(cls, content: bytes, sets: Mapping[str, Members]) -> Self:
        read = parse_canonical_json(content)
        if not isinstance(read, dict):
            raise TypeError("an object is expected")
        reasons, claimed, number = read["reasons"], read["commitments"], read["number"]
        if not isinstance(reasons, list) or not isinstance(claimed, dict) or type(number) is not int:
            raise TypeError("another type is expected")
        named = tuple(_reason(one) for one in reasons)
        if len(dict(named)) != len(named):
            raise ValueError("a reason stands for one value")
        commitments = {members: bytes.fromhex(str(claimed[name])) for name, members in sets.items()}
        session = bytes.fromhex(str(read["session"]))
        sizes = {len(value) for value in (*commitments.values(), session)}
        if sizes != {COMMITMENT_BYTES} or not 0 <= number < MOST_OPENINGS or not named:
            raise ValueError("a length or a number is wrong")
        return cls(
            session=session,
            number=number,
            reasons=named,
            context=from_base64url(str(read["context"])),
            masked=from_bytes(from_base64url(str(read["masked"])), sum(count for _, count in named)),
            commitments=commitments,
        )


class OpeningPort(Protocol):
    """What the engine asks of its surroundings before, and in order that, a value that depends on secrets is opened.

    An engine has no way past it: :meth:`Runtime.reveal` is the only way to open such a value, and calls it.
    """

    async def enter(self, reasons: Sequence[str]) -> None:
        """Store that something is about to be opened; awaited after the verification and before any share leaves."""
        ...

    async def release(self, opening: MaskedOpening, own: OpeningKeys, exchange: Exchange) -> OpeningKeys:
        """Sign a masked opening, release the own keys once all parties have signed it, and return everybody's.

        Called only where all parties are needed.

        Raises:
            MpcError: not all signatures, or not all keys, came in time; they may still come later.
        """
        ...


def by_reason(opened: Vector, reasons: Sequence[tuple[str, int]]) -> dict[str, list[int]]:
    """Cut what was opened into the elements of each reason."""
    ends = np.cumsum([count for _, count in reasons])[:-1]
    parts = np.split(opened, ends)
    return {reason: [int(element) for element in part] for (reason, _), part in zip(reasons, parts, strict=True)}


def opening_key(keys: PrssKeys, members: Members, session: bytes, number: int) -> bytes:
    """Return ``kappa_A`` of one opening; it tells nothing about the PRSS key or about any other opening."""
    return keys.derive(members, salt=session, purpose=b"opening %d" % number)


def opening_keys(keys: PrssKeys, session: bytes, number: int) -> dict[Members, bytes]:
    """Return the keys of one opening that this party holds."""
    return {members: opening_key(keys, members, session, number) for members in large_sets(keys)}


def commitment(session: bytes, number: int, members: Members, key: bytes) -> bytes:
    """Return the commitment to a set's key; the key has 256 bits of entropy, so it hides as well as binds."""
    binding = bytes([number, len(members), *sorted(members)])
    return hashlib.sha256(_COMMITMENT + session + binding + key).digest()


def mask_shares(keys: PrssKeys, own: OpeningKeys, count: int) -> Vector:
    """Return this party's shares, of degree ``t``, of the mask of one opening."""
    shares = np.zeros(count, dtype=np.uint64)
    for members, key in own.items():
        accumulate(shares, indicator(members, keys.mode, keys.party), expand(key, count))
    return shares


def expand(key: bytes, count: int) -> Vector:
    """Return ``count`` uniform field elements: a random oracle's answer, as the simulation must choose it late.

    They are the top 61 bits of each 64-bit word, little-endian, of SHAKE-256(label || key), but for those that are
    not below ``p``.
    """
    words = count + 8
    while True:
        content = hashlib.shake_256(_MASK + key).digest(8 * words)
        elements = np.frombuffer(content, dtype="<u8").astype(np.uint64) >> np.uint64(3)
        usable = elements[elements < np.uint64(P)]
        if usable.size >= count:
            return usable[:count].copy()
        words *= 2


def members_text(members: Members) -> str:
    """Name a set of parties by its numbers, as ``1,2,4``."""
    return ",".join(map(str, sorted(members)))


def _reason(content: object) -> tuple[str, int]:
    if isinstance(content, list) and len(content) == 2:  # noqa: PLR2004 -- a pair
        reason, count = content
        if isinstance(reason, str) and isinstance(count, int) and not isinstance(count, bool) and count > 0:
            return reason, count
    raise ValueError("a reason is a text and a number of elements")
