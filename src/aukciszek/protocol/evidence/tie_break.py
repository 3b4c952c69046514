"""The order in which equal bids rank: drawn from a random value that all parties make after the bids are fixed.

``docs/protocol.md``, "Computing an auction". The seed is opened and stands in the certificate, so that everybody can
repeat the order.
"""

from collections.abc import Iterable, Sequence

from aukciszek.protocol.rules.identifiers import BundleDigest, labelled_sha256, labelled_sha256_of_each


def tie_break_order(seed: bytes, digests: Iterable[BundleDigest]) -> tuple[BundleDigest, ...]:
    """Order bundles by the tie-break seed; ties between equal bids go to the earlier one.

    Args:
        seed: the joint random value, opened after the input set was fixed.
        digests: the bundles, in any order.
    """
    unordered = tuple(digests)
    return tuple(unordered[index] for index in tie_break_indices(seed, [bytes.fromhex(digest) for digest in unordered]))


def tie_break_indices(seed: bytes, digests: Sequence[bytes]) -> list[int]:
    """Return the indices of bundles, given by their digests in bytes, in the order of the tie-break."""
    keys = labelled_sha256_of_each("tie-break-order", labelled_sha256("tie-break-seed", seed), digests)
    return sorted(range(len(keys)), key=keys.__getitem__)
