"""The first round of a session: the parties compare parameters, PRSS keys and commitments to the masks of openings.

``docs/protocol.md``, "Runtime". Each key is compared with each other holder by a keyed hash bound to the session.
"""

import hashlib
import struct
from collections import defaultdict
from collections.abc import Mapping

from aukciszek.mpc.errors import ParametersDifferError, PrssKeysDifferError
from aukciszek.mpc.protocols.fair_opening import COMMITMENT_BYTES, MOST_OPENINGS, commitment, opening_key
from aukciszek.mpc.protocols.session import Session
from aukciszek.mpc.sharing.prss import DIGEST_BYTES, Members, PrssKeys, large_sets

PROTOCOL = b"aukciszek/1/mpc"
"""The version of the engine's protocol, which all parties must share."""

type Commitments = list[dict[Members, bytes]]
"""For each opening that the session may have, every set's commitment to its mask; empty in the robust mode."""


async def greet(session: Session) -> Commitments:
    """Run the round; return the commitments, which all members of a set have made alike.

    Raises:
        ParametersDifferError: another party runs with another protocol version, ``n``, ``t`` or session id.
        PrssKeysDifferError: a key, or a commitment, differs among its holders.
    """
    keys, mode = session.keys, session.mode
    header = hashlib.sha256(PROTOCOL + struct.pack("<BB", mode.parties, mode.threshold) + session.session_id).digest()
    digests = {members: keys.digest(members, session.session_id) for members in keys.sets}
    received = await session.exchange(header + b"".join(digests.values()) + b"".join(_own_commitments(session)))
    foreign = {party for party, content in received.items() if bytes(content[: len(header)]) != header}
    if foreign and (not mode.corrects or len(foreign) > mode.threshold):
        raise ParametersDifferError(foreign)
    different = {
        party
        for party, content in received.items()
        if party not in foreign and not _same_keys(keys, party, bytes(content[len(header) :]), digests)
    }
    if different and (not mode.corrects or len(different | foreign) > mode.threshold):
        raise PrssKeysDifferError(different)
    if foreign | different:
        session.name_corrupt(foreign | different)
    if mode.corrects:
        return []
    return _common_commitments(session, {party: bytes(content) for party, content in received.items()})


def _own_commitments(session: Session) -> list[bytes]:
    """Return this party's commitments to the masks of all openings that the session may have, in their order."""
    keys = session.keys
    if session.mode.corrects:
        return []
    return [
        commitment(session.session_id, number, members, opening_key(keys, members, session.session_id, number))
        for number in range(MOST_OPENINGS)
        for members in large_sets(keys)
    ]


def _common_commitments(session: Session, payloads: Mapping[int, bytes]) -> Commitments:
    """Return all parties' commitments.

    Parties outside a set compare them, too: else they might be told of a key that opens another value.
    """
    large = [members for members in session.keys.all_sets if len(members) == _size_of_sets(session.keys)]
    claims: defaultdict[tuple[int, Members], dict[int, bytes]] = defaultdict(dict)
    for party, content in payloads.items():
        sets = [members for members in large if party in members]
        own = content[len(content) - MOST_OPENINGS * len(sets) * COMMITMENT_BYTES :]
        for index, (number, members) in enumerate((n, m) for n in range(MOST_OPENINGS) for m in sets):
            claims[number, members][party] = own[index * COMMITMENT_BYTES :][:COMMITMENT_BYTES]
    commitments: Commitments = [{} for _ in range(MOST_OPENINGS)]
    for (number, members), claimed in claims.items():
        right = claimed.get(session.party)
        if len(set(claimed.values())) > 1:
            raise PrssKeysDifferError(party for party, one in claimed.items() if one != right)
        (commitments[number][members],) = set(claimed.values())
    return commitments


def _same_keys(keys: PrssKeys, party: int, claimed: bytes, digests: Mapping[Members, bytes]) -> bool:
    """Tell whether ``party`` claims the digests of the keys that it shares with this party."""
    theirs = [members for members in keys.all_sets if party in members]
    committed = 0 if keys.mode.corrects else sum(len(members) == _size_of_sets(keys) for members in theirs)
    if len(claimed) != len(theirs) * DIGEST_BYTES + committed * MOST_OPENINGS * COMMITMENT_BYTES:
        return False
    return all(
        claimed[index * DIGEST_BYTES :][:DIGEST_BYTES] == digests[members]
        for index, members in enumerate(theirs)
        if members in digests
    )


def _size_of_sets(keys: PrssKeys) -> int:
    return keys.mode.parties - keys.mode.threshold
