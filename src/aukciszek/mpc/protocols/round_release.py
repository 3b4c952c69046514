"""A fair opening in rounds of the session itself: for measurements and tests, which have no storage and no messages.

Servers sign, store and release by messages instead, which outlive the session
(:mod:`aukciszek.auctions.session.fair_opening`); what is exchanged is the same.
"""

from collections.abc import Callable, Sequence

from aukciszek.mpc.errors import InconsistentSharesError
from aukciszek.mpc.protocols.fair_opening import OPENING_KEY_BYTES, Exchange, MaskedOpening, OpeningKeys
from aukciszek.mpc.sharing.prss import Members


def _as_it_is(content: bytes) -> bytes:
    return content


class RoundRelease:
    """Implements :class:`~aukciszek.mpc.protocols.fair_opening.OpeningPort`."""

    def __init__(
        self,
        party: int,
        sign: Callable[[bytes], bytes] = _as_it_is,
        verifies: Callable[[int, bytes, bytes], bool] = lambda _party, content, signature: content == signature,
    ) -> None:
        """Release as ``party``.

        Args:
            party: its number.
            sign: signs what was opened; without it the parties compare it: enough among processes of one's own.
            verifies: whether a party's signature under it is genuine.
        """
        self._party = party
        self._sign = sign
        self._verifies = verifies
        self.entered: list[tuple[str, ...]] = []
        """For what this party was asked before it opened something."""

    async def enter(self, reasons: Sequence[str]) -> None:
        """Take note."""
        self.entered.append(tuple(reasons))

    async def release(self, opening: MaskedOpening, own: OpeningKeys, exchange: Exchange) -> OpeningKeys:
        """Exchange signatures in one round and keys in the next.

        Raises:
            InconsistentSharesError: a party signed something else, or released another key than it committed to.
        """
        content = opening.encode()
        signatures = await exchange(self._sign(content))
        strangers = {party for party, one in signatures.items() if not self._verifies(party, content, bytes(one))}
        if strangers:
            raise InconsistentSharesError(strangers)
        order = list(opening.commitments)
        released = await exchange(b"".join(own[members] for members in order if members in own))
        keys: dict[Members, bytes] = {}
        for party, part in released.items():
            sets = [members for members in order if party in members]
            for index, members in enumerate(sets):
                key = bytes(part[index * OPENING_KEY_BYTES :][:OPENING_KEY_BYTES])
                if opening.accepts(members, key):
                    keys[members] = key
        if opening.missing(keys):
            raise InconsistentSharesError
        return keys
