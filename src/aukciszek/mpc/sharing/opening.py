"""Opening: from everybody's shares to the value, with as much checking and correcting as the redundancy allows.

``docs/protocol.md``, "Opening". The shares of a value are a Reed-Solomon word: the values at ``1..n`` of a polynomial
of known degree. A whole vector of words is checked by one random linear combination, with coefficients that only this
party knows: a wrong share passes with probability ``1/p``. Only if that check fails are the corrupt parties located, in
that one word.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from aukciszek.mpc.errors import InconsistentSharesError
from aukciszek.mpc.mode import Mode
from aukciszek.mpc.sharing.field import Vector, inner_product
from aukciszek.mpc.sharing.random_stream import RandomStream
from aukciszek.mpc.sharing.shamir import combine, interpolate, lagrange

type Words = Mapping[int, Vector]
"""Each party's shares of one vector, by party number."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The values, and the parties whose shares were wrong (never an honest party)."""

    values: Vector
    corrupt_parties: frozenset[int]


def decode(  # noqa: PLR0913 -- the last two are for share recovery alone
    words: Words, degree: int, mode: Mode, coefficients: RandomStream, *, at: int = 0, excused: int = 0
) -> Opened:
    """Return the values at ``at`` of the polynomials through ``words``.

    Args:
        words: What arrived, this party's own shares included; at least ``mode.needed`` parties.
        degree: The degree of all polynomials.
        mode: Tells how many shares may be wrong, and how that is handled.
        coefficients: Secret randomness of this party alone, for the check.
        at: Where; a secret is the value at 0.
        excused: How many parties rightly have no share, so that their absence says nothing about wrong shares.

    Raises:
        InconsistentSharesError: a share is wrong, and this mode or degree cannot correct it.
    """
    corrupt_parties: frozenset[int] = frozenset()
    points = sorted(words)
    if len(points) > degree + 1:
        weights = coefficients.take(words[points[0]].size)
        word = {point: inner_product(weights, words[point]) for point in points}
        if not fits(word, degree):
            corrupt_parties = find_corrupt_parties(word, degree, mode, excused)
            if not mode.corrects:
                raise InconsistentSharesError(corrupt_parties)
    used = tuple(point for point in points if point not in corrupt_parties)[: degree + 1]
    return Opened(combine(lagrange(used, at), (words[point] for point in used)), corrupt_parties)


def fits(word: Mapping[int, int], degree: int) -> bool:
    """Tell whether one polynomial of at most ``degree`` runs through all points of ``word``."""
    points = tuple(sorted(word))
    base, rest = points[: degree + 1], points[degree + 1 :]
    values = [word[point] for point in base]
    return all(interpolate(base, values, point) == word[point] for point in rest)


def find_corrupt_parties(word: Mapping[int, int], degree: int, mode: Mode, excused: int = 0) -> frozenset[int]:
    """Return the parties whose points must be left out of ``word`` for the rest to fit.

    At most ``t`` parties are corrupt or missing, so a word of ``L`` points has at most ``b = t - (n - L)`` errors,
    where ``n`` does not count those that are ``excused``. The answer is unique, hence right, if ``L - 2b > degree``;
    otherwise nobody is named.

    Raises:
        InconsistentSharesError: in a mode that corrects, more than ``t`` parties deviate.
    """
    errors = mode.threshold - (mode.parties - excused - len(word))
    if len(word) - 2 * errors > degree:
        for count in range(1, errors + 1):
            for suspects in combinations(sorted(word), count):
                if fits({point: value for point, value in word.items() if point not in suspects}, degree):
                    return frozenset(suspects)
    if mode.corrects:
        raise InconsistentSharesError
    return frozenset()
