"""What one session asks before it opens anything: the engine's way to this party's fair openings.

``docs/protocol.md``, "The way of a session". Implements :class:`~aukciszek.mpc.protocols.fair_opening.OpeningPort`.
"""

from collections.abc import Sequence

from aukciszek.auctions.context.auction_context import VERIFIED, AuctionContext
from aukciszek.auctions.context.change_notifier import FIRST_RETRY_S
from aukciszek.auctions.session.fair_opening import Openings
from aukciszek.auctions.session.opening_state import OpeningState
from aukciszek.backoff import Backoff
from aukciszek.mpc.errors import PartiesMissingError
from aukciszek.mpc.protocols.fair_opening import Exchange, MaskedOpening, OpeningKeys
from aukciszek.protocol.rules.states import AuctionState


class SessionOpenings:
    """What one session asks before it opens anything.

    Implements :class:`~aukciszek.mpc.protocols.fair_opening.OpeningPort`.
    """

    def __init__(self, openings: Openings, context: AuctionContext, session: bytes, input_set: str) -> None:
        self._openings = openings
        self._context = context
        self._session = session
        self._input_set = input_set

    async def enter(self, reasons: Sequence[str]) -> None:
        """Store that this party is about to open something: from now on others may learn it."""
        details = {"session": self._session.hex(), "opens": list(reasons)}
        if self._context.state is AuctionState.REVEALING:
            await self._context.note(VERIFIED, details)
        else:
            await self._context.enter(AuctionState.REVEALING, VERIFIED, details)

    async def release(self, opening: MaskedOpening, own: OpeningKeys, _exchange: Exchange) -> OpeningKeys:
        """Sign a masked opening and wait until all keys to it are here.

        Raises:
            PartiesMissingError: not all signatures or keys came in time. They may still come: then the opening is
                finished without a session.
        """
        clock, timeout_s = self._context.party.clock, self._context.party.round_timeout_s
        if self._openings.is_settled:
            # An earlier opening of the same outcome needs only keys; another one would give nobody anything.
            raise PartiesMissingError(())
        opened = await self._openings.sign(opening, own, self._input_set)
        self._openings.await_by_session(opened)
        since_s, backoff = clock.monotonic_s(), Backoff(clock, first_s=FIRST_RETRY_S)
        while not await self._context.signal.wait_for(lambda: opened.values is not None, timeout_s=backoff.next_s()):
            if clock.monotonic_s() - since_s >= timeout_s:
                raise PartiesMissingError(self._silent(opened))
            await self._openings.announce(self._context.peers)
        return opened.keys

    def _silent(self, opened: OpeningState) -> set[int]:
        unsigned = {int(party) for party in self._context.peers} - opened.signatures.keys()
        return unsigned or {party for members in opened.opening.missing(opened.keys) for party in members}
