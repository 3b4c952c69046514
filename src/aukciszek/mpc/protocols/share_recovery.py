"""Share recovery: the others' help to a party that has no usable share, without anybody learning anything.

``docs/protocol.md``, "Share recovery". Helper ``j`` sends asker ``i``, and nobody else, ``x_j + z_j``; ``[z]`` is a
sharing of degree ``t`` of pseudo-random values that vanish at ``i`` [CDI05]; the asker interpolates at ``i``. All
requests stand in the announcements that the session's id hashes, so no position of a mask is used for two of them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from aukciszek.mpc.channel import MAX_PAYLOAD_BYTES
from aukciszek.mpc.errors import PartiesMissingError
from aukciszek.mpc.protocols.session import Session
from aukciszek.mpc.sharing.field import NotAFieldElementError, Vector, add, from_bytes, to_bytes
from aukciszek.mpc.sharing.prss import ShareStream, recovery_shares
from aukciszek.mpc.sharing.sizes import ELEMENT_BYTES

_MASK_NS = 20

type Requests = Mapping[int, Sequence[int]]
"""By party, the rows that it asks for, ascending; the same at all parties."""


async def recover_shares(session: Session, dealt: Vector, requests: Requests) -> Vector:
    """Help the parties that ask, and return the rows that this party asked for.

    One round, more if it is much. What is returned was not compared with anything that the dealer committed to: the
    caller does that, and ends the session rather than use a row that does not match.

    Args:
        session: the session, after its start, in which all holders of a key compared it.
        dealt: what this party was dealt, shape ``(rows, width)``; of rows that it asks for nothing is sent.
        requests: who asks for what.

    Returns:
        The rows, in the order of the request, shape ``(asked, width)``.

    Raises:
        InconsistentSharesError: a helper's share is wrong, and this mode cannot correct it.
        PartiesMissingError: too few parties can help.
    """
    own, width = session.party, dealt.shape[1]
    lacking = _lacking(requests)
    masks = {party: recovery_shares(session.keys, party, salt=session.session_id) for party in requests if party != own}
    at_once = max(1, MAX_PAYLOAD_BYTES // (ELEMENT_BYTES * width))
    found: list[Vector] = []
    for start in range(0, max(map(len, requests.values()), default=0), at_once):
        payloads = dict.fromkeys(range(1, session.mode.parties + 1), b"")
        for party, stream in masks.items():
            rows = requests[party][start : start + at_once]
            helped = [own not in lacking[row] for row in rows]
            payloads[party] = await session.compute(
                _MASK_NS * len(rows) * width, partial(_masked, dealt, rows, helped, stream)
            )
        received = await session.exchange_each(payloads)
        if own in requests:
            found.append(await _interpolate(session, requests[own][start : start + at_once], width, lacking, received))
    return np.concatenate(found) if found else np.empty((0, width), dtype=np.uint64)


def _lacking(requests: Requests) -> Mapping[int, frozenset[int]]:
    """Return, by row, the parties that ask for it, and so cannot help with it."""
    lacking: defaultdict[int, frozenset[int]] = defaultdict(frozenset)
    for party, rows in requests.items():
        for row in rows:
            lacking[row] |= {party}
    return lacking


def _masked(dealt: Vector, rows: Sequence[int], helped: Sequence[bool], stream: ShareStream) -> bytes:
    """Return this party's masked shares of ``rows``, and zeros for a row that it has no share of itself.

    Else it would send a mask without a share under it, and with it what hides the other helpers' shares.
    """
    width = dealt.shape[1]
    masked = add(dealt[list(rows)], stream.take(len(rows) * width).reshape(len(rows), width))
    masked[[not one for one in helped]] = 0
    return to_bytes(masked)


async def _interpolate(
    session: Session,
    rows: Sequence[int],
    width: int,
    lacking: Mapping[int, frozenset[int]],
    received: Mapping[int, bytes | memoryview],
) -> Vector:
    """Return this party's shares from what the others sent, rows with the same helpers together."""
    sent: dict[int, Vector] = {}
    for party, content in received.items():
        if party != session.party:
            try:
                sent[party] = from_bytes(content, len(rows) * width).reshape(len(rows), width)
            except NotAFieldElementError:
                session.name_corrupt({party})
    shares = np.empty((len(rows), width), dtype=np.uint64)
    groups: defaultdict[frozenset[int], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        groups[lacking[row]].append(index)
    for askers, indices in groups.items():
        words = {
            party: np.ascontiguousarray(content[indices]).reshape(-1)
            for party, content in sent.items()
            if party not in askers | session.corrupt_parties
        }
        if len(words) <= session.mode.threshold:
            raise PartiesMissingError(set(range(1, session.mode.parties + 1)) - words.keys() - {session.party})
        opened = await session.interpolate(words, at=session.party, excused=len(askers))
        shares[indices] = opened.reshape(len(indices), width)
    return shares
