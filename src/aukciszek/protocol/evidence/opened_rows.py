"""The arithmetic of an opened bid: from every party's row to what was shared (:mod:`.opened_bid`)."""

from collections.abc import Mapping, Sequence

from aukciszek.mpc.sharing.opening import fits
from aukciszek.mpc.sharing.shamir import interpolate
from aukciszek.protocol.rules.errors import EnvelopeError, OpeningDoesNotFitError
from aukciszek.protocol.sealing.bundle import Bundle
from aukciszek.protocol.sealing.envelope import OwnEnvelope


def open_rows(bundle: Bundle, rows: Sequence[bytes]) -> tuple[int, ...]:
    """Return the elements that were shared in the place of the bits.

    Raises:
        OpeningDoesNotFitError: a row contradicts the bundle, or the rows lie on no polynomials of degree ``t``.
    """
    words: list[dict[int, int]] = []
    for party, row in enumerate(rows, start=1):
        try:
            dealt: list[int] = OwnEnvelope.of(bundle, party).check(row).dealt().tolist()
        except EnvelopeError as error:
            raise OpeningDoesNotFitError(
                f"the row of party {party} is not what the bundle promises ({error.code})"
            ) from error
        words = words or [{} for _ in dealt]
        for word, element in zip(words, dealt, strict=True):
            word[party] = element
    if not all(fits(word, bundle.threshold) for word in words):
        raise OpeningDoesNotFitError(f"the rows lie on no polynomials of degree {bundle.threshold}")
    return tuple(_secret(word, bundle.threshold) for word in words[: bundle.bits])


def _secret(word: Mapping[int, int], threshold: int) -> int:
    points = sorted(word)[: threshold + 1]
    return interpolate(points, [word[point] for point in points])
