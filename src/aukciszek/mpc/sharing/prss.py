"""Shared randomness without communication: pseudo-random secret sharing [CDI05].

``docs/protocol.md``, "Randomness without communication: PRSS". Every set ``A`` of ``n - t`` parties holds a key;
``f_A`` is the polynomial of degree ``t`` with ``f_A(0) = 1`` and ``f_A(j) = 0`` for ``j`` outside ``A``. Party ``i``'s
share of the next random value is the sum of ``PRF(k_A) f_A(i)`` over its sets. To ``t`` colluding parties exactly one
summand is unknown, that of the set of all others, and it makes the value uniform.

Zero-sharings, which mask products, are of two kinds (``Mode.product_degree``): of degree ``2t`` from ``t`` PRF values
per set, ``sum_A sum_{j=1..t} PRF_j(k_A) X^j f_A(X)`` [CDI05]; of degree ``n - 1`` from keys of *pairs*: the shares
are ``(1/w_i) sum_j +-PRF(k_ij)``, where ``w`` are the weights of interpolation at 0 from all ``n`` points, so that the
weighted sum cancels pair by pair. A pair's key follows from those of all sets that the pair belongs to, so it is never
dealt, and as long as each set has a member that has its key, each pair has its own.
"""

import hmac
import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, reduce
from itertools import combinations
from typing import final, override

import numpy as np

from aukciszek.mpc.errors import PrssKeysIncompleteError
from aukciszek.mpc.mode import Mode
from aukciszek.mpc.sharing.field import P, Vector, accumulate, inverse
from aukciszek.mpc.sharing.random_stream import RandomStream, derive_key
from aukciszek.mpc.sharing.shamir import Randomness, lagrange
from aukciszek.mpc.sharing.sizes import KEY_BYTES
from aukciszek.secret import Secret

PRSS_KEY_BYTES = KEY_BYTES
DIGEST_BYTES = 16

type Members = frozenset[int]
"""The parties that hold one key."""


@lru_cache
def dealt_sets(n: int, t: int) -> tuple[Members, ...]:
    """Return the sets of ``n - t`` parties, whose keys are dealt, in the order of their sorted members."""
    return tuple(frozenset(members) for members in combinations(range(1, n + 1), n - t))


@lru_cache
def prss_sets(n: int, t: int) -> tuple[Members, ...]:
    """Return all sets of parties that hold a key together, in the order of their sorted members, smaller sets first.

    The sets of ``n - t`` parties, and, where products are masked with degree ``n - 1``, all pairs.
    """
    mode = Mode(n, t)
    sizes = {n - t, 2} if mode.verifies_products else {n - t}
    return tuple(frozenset(members) for size in sorted(sizes) for members in combinations(range(1, n + 1), size))


def new_prss_key(randomness: Randomness = os.urandom) -> Secret[bytes]:
    """Make a key for one set; its dealer does so once and gives it to the other members."""
    return Secret(randomness(PRSS_KEY_BYTES))


@final
class PrssKeys:
    """One party's keys, one for each of :func:`prss_sets` that it is a member of. Its ``repr`` shows nothing secret.

    Made from those of :func:`dealt_sets`. A pair's key is the sum, bit by bit, of what each set that both belong to
    derives for the pair. Of ``t`` parties with neither of the two among them, there is a set of which they do not know
    the key, so they know nothing of the sum.

    Raises:
        PrssKeysIncompleteError: a set is missing or foreign, or a key does not have 32 bytes.
    """

    __slots__ = ("_keys", "mode", "party")

    def __init__(self, party: int, n: int, t: int, keys: Mapping[Members, Secret[bytes]]) -> None:
        self.party = party
        self.mode = Mode(n, t)
        expected = {members for members in dealt_sets(n, t) if party in members}
        if keys.keys() != expected:
            raise PrssKeysIncompleteError(f"{len(keys.keys() ^ expected)} sets are missing or foreign")
        if any(len(key) != PRSS_KEY_BYTES for key in keys.values()):
            raise PrssKeysIncompleteError("a key does not have 32 bytes")
        self._keys = dict(keys)
        for members in prss_sets(n, t):
            if party in members and members not in keys:
                self._keys[members] = self._key_of_pair(members)

    @property
    def sets(self) -> tuple[Members, ...]:
        """The sets that this party is a member of, in the order of :func:`prss_sets`."""
        return tuple(members for members in self.all_sets if members in self._keys)

    @property
    def all_sets(self) -> tuple[Members, ...]:
        """All sets, also those without this party."""
        return prss_sets(self.mode.parties, self.mode.threshold)

    def digest(self, members: Members, context: bytes = b"") -> bytes:
        """Return 16 bytes by which holders compare a key without showing it; ``context`` makes them fresh."""
        return hmac.digest(self.derive(members, salt=b"", purpose=b"digest"), context, "sha256")[:DIGEST_BYTES]

    def derive(self, members: Members, *, salt: bytes, purpose: bytes) -> bytes:
        """Return the 32-byte key that the set derives from its key for one session (or label) and purpose."""
        return derive_key(self._keys[members].reveal(), salt=salt, purpose=purpose)

    def _key_of_pair(self, pair: Members) -> Secret[bytes]:
        purpose = b"pair" + bytes(sorted(pair))
        parts = [self.derive(members, salt=b"", purpose=purpose) for members in large_sets(self) if pair <= members]
        return Secret(bytes(reduce(operator.xor, part) for part in zip(*parts, strict=True)))

    @override
    def __repr__(self) -> str:
        return f"<PrssKeys of party {self.party}, n={self.mode.parties}, t={self.mode.threshold}>"


def deal_prss_keys(n: int, t: int, randomness: Randomness = os.urandom) -> list[PrssKeys]:
    """Deal all keys in one process, for simulations: its caller knows every secret."""
    keys = {members: new_prss_key(randomness) for members in dealt_sets(n, t)}
    return [
        PrssKeys(party, n, t, {members: key for members, key in keys.items() if party in members})
        for party in range(1, n + 1)
    ]


_FIRST_BLOCK, _BLOCK = 256, 4096
"""Shares made ahead, so that a short request costs no more than a copy; few at first, as some streams give few."""


class ShareStream:
    """One party's shares of an endless sequence of values that no ``t`` parties know.

    All parties take from their streams in the same order: that is what keeps their shares together.
    """

    __slots__ = ("_ahead", "_scratch", "_streams")

    def __init__(self, weighted_keys: Iterable[tuple[int, bytes]]) -> None:
        self._streams = [(weight, RandomStream(key)) for weight, key in weighted_keys]
        self._scratch = np.empty(_FIRST_BLOCK, dtype=np.uint64)
        self._ahead = np.empty(0, dtype=np.uint64)

    def take(self, count: int) -> Vector:
        """Return shares of the next ``count`` values."""
        shares = np.empty(count, dtype=np.uint64)
        done = 0
        while done < count:
            if not self._ahead.size:
                self._ahead = self._next_block()
            step = min(count - done, self._ahead.size)
            shares[done : done + step] = self._ahead[:step]
            self._ahead = self._ahead[step:]
            done += step
        return shares

    def _next_block(self) -> Vector:
        block = np.zeros(self._scratch.size, dtype=np.uint64)
        for weight, stream in self._streams:
            stream.fill(self._scratch)
            accumulate(block, weight, self._scratch)
        if block.size < _BLOCK:
            self._scratch = np.empty(_BLOCK, dtype=np.uint64)
        return block


def recovery_shares(keys: PrssKeys, asker: int, *, salt: bytes) -> ShareStream:
    """Return shares of degree ``t`` of uniform values that vanish at ``asker``: masks for what is sent to that party.

    The sum over the sets without ``asker`` of ``PRF(k_A) f_A``; what ``t`` parties with ``asker`` among them do not
    know of it is one multiple of the polynomial that vanishes at them.
    """
    return ShareStream(
        (indicator(members, keys.mode, keys.party), keys.derive(members, salt=salt, purpose=b"recovery %d" % asker))
        for members in large_sets(keys)
        if asker not in members
    )


def random_shares(keys: PrssKeys, *, salt: bytes, purpose: bytes) -> ShareStream:
    """Return shares of degree ``t`` of uniform values, fixed by the keys, ``salt`` and ``purpose``."""
    mode = keys.mode
    return ShareStream(
        (indicator(members, mode, keys.party), keys.derive(members, salt=salt, purpose=purpose))
        for members in large_sets(keys)
    )


def zero_shares(keys: PrssKeys, *, salt: bytes) -> ShareStream:
    """Return shares of degree ``Mode.product_degree`` of zero, uniform among all such sharings."""
    if keys.mode.verifies_products:
        return ShareStream(_pairwise_zero(keys, salt))
    return ShareStream(_setwise_zero(keys, salt))


def _pairwise_zero(keys: PrssKeys, salt: bytes) -> Iterable[tuple[int, bytes]]:
    weight = inverse(lagrange(tuple(range(1, keys.mode.parties + 1)))[keys.party - 1])
    for members in keys.sets:
        if len(members) == 2:  # noqa: PLR2004 - a pair
            sign = 1 if keys.party == min(members) else -1
            yield sign * weight % P, keys.derive(members, salt=salt, purpose=b"zero of degree n-1")


def _setwise_zero(keys: PrssKeys, salt: bytes) -> Iterable[tuple[int, bytes]]:
    for members in large_sets(keys):
        for exponent in range(1, keys.mode.threshold + 1):
            weight = indicator(members, keys.mode, keys.party) * pow(keys.party, exponent, P) % P
            yield weight, keys.derive(members, salt=salt, purpose=b"zero of degree 2t, %d" % exponent)


def large_sets(keys: PrssKeys) -> Sequence[Members]:
    """Return the sets of ``n - t`` parties that these are the keys of."""
    return [members for members in keys.sets if len(members) == keys.mode.parties - keys.mode.threshold]


def indicator(members: Members, mode: Mode, point: int) -> int:
    """Return ``f_A(point)``: 1 at 0, and 0 at every party outside ``A``."""
    value = 1
    for outsider in set(range(1, mode.parties + 1)) - members:
        value = value * (outsider - point) * inverse(outsider) % P
    return value
