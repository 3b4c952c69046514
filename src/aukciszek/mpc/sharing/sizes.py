"""How large elements, dealings and their proofs are on the wire: for code that carries them without computing."""

from typing import Final

ELEMENT_BYTES: Final = 8
"""An element travels as 8 bytes, little-endian; a value ``>= p`` is refused."""

KEY_BYTES: Final = 32
"""A key of a stream of random elements (:mod:`aukciszek.mpc.sharing.random_stream`)."""

SALTS: Final = 5
"""How many random elements are dealt after the values, so that a hash of a row hides the row."""

MASKS: Final = 3
"""How many masks are dealt after the salts, and how many polynomials the proof holds."""


def row_elements(values: int) -> int:
    """Return how many elements each party is dealt along with so many values."""
    return values + SALTS + MASKS


def proof_bytes(t: int) -> int:
    """Return the length of a proof: ``MASKS`` polynomials of degree ``t``."""
    return MASKS * (t + 1) * ELEMENT_BYTES
