"""How the parties come to the same session: attempt by attempt, without anyone in charge.

``docs/protocol.md``, "Attempts", and ``docs/adr/0003-sessions-by-attempt.md``. Every party announces that it is ready.
The leader of the attempt sends the announcements of all, or of enough of them, back to all; they make the session's id.
What is decided is up to :class:`~aukciszek.auctions.session.attempts.Attempts` and
:class:`~aukciszek.auctions.session.setup_state.SetupState`; here is what is stored, sent and waited for.
"""

import secrets
from collections.abc import Sequence
from typing import Final

from aukciszek.auctions.agreement.input_set import InputSet
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.context.session_scheduler import Priority
from aukciszek.auctions.session.attempts import Attempts
from aukciszek.auctions.session.readiness import Proposal, Readiness, in_microseconds, pack_asks
from aukciszek.auctions.session.setup_state import SetupState
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.statements import sign
from aukciszek.protocol.rules.states import WAITING_FOR_SLOT

_NONCE_BYTES: Final = 32


class SessionSetup:
    """One party's part in bringing all parties to the same attempt."""

    def __init__(self, context: AuctionContext, attempts: Attempts, state: SetupState) -> None:
        self._context = context
        self._attempts = attempts
        self._state = state
        self._memory_bytes = 0
        self._joined_at_s = 0.0

    def load(self, last_attempt: int, began_on: bytes | None) -> None:
        """Take up, after a restart, the number of the last attempt, and the proposal of the first session, if any.

        Raises:
            StatementError: the stored proposal is not what was stored.
        """
        self._state.resume(last_attempt, None if began_on is None else self._read(began_on))

    def keep_beginning(self, proposal: Proposal) -> None:
        """Note on which proposal a session began, or on which one the auction is cancelled; it is stored."""
        self._state.keep_beginning(proposal)

    async def join(
        self, input_set: InputSet, asks: Sequence[int], *, memory_bytes: int, number: int, confirms: int
    ) -> None:
        """Announce this party for an attempt.

        Args:
            input_set: what this party will compute on.
            asks: the indices, among the bids that are computed on, of those whose share it needs help to.
            memory_bytes: how much the session will take.
            number: the attempt.
            confirms: which proposal to cancel it confirms, for good: the caller has stored that; 0: none.
        """
        context, party_context = self._context, self._context.party
        # The number is stored before it is used, so that no number is used twice, whenever this party stops.
        attempt = await party_context.repository.next_attempt(context.auction, number)
        readiness = Readiness(
            auction=context.auction,
            party=party_context.number,
            attempt=attempt,
            input_set=input_set.digest,
            cancelled=input_set.cancelled,
            confirms=confirms,
            nonce=secrets.token_hex(_NONCE_BYTES),
            round_us=in_microseconds(party_context.network.round_s),
            asks=pack_asks(asks, len(input_set.computed)),
        )
        self._memory_bytes = memory_bytes
        self._joined_at_s = party_context.clock.monotonic_s()
        self._state.join(sign(readiness, party_context.identity), self._joined_at_s)
        context.show_stage(context.state.value, 0.0)

    async def next_number(self, *, failed: bool) -> int:
        """Wait until this party may join another attempt, and return which."""
        found: int | None = None

        def may_go_on() -> bool:
            nonlocal found
            found = self._attempts.next_number(self._now_s, failed=failed)
            return found is not None

        await self._context.signal.wait_announcing(may_go_on, self._announce_to_all)
        if found is None:
            raise RuntimeError("waiting ended without what was waited for")
        return found

    @property
    def priority(self) -> Priority:
        """This attempt's position in the order of all sessions."""
        return Priority.of(self._context.spec.closes_at, max(1, self._attempts.number), self._context.auction)

    async def can_begin(self) -> bool:
        """Wait until the session of the attempt that was joined can begin; False: another attempt must be made."""
        await self._context.signal.wait_announcing(self._is_decided, self._announce_to_all)
        attempts = self._attempts
        return not attempts.superseded and (attempts.current is not None or attempts.may_propose(self._now_s))

    async def proposal(self) -> Proposal | None:
        """Return who takes part in the session, once there is a slot for it; None: another attempt must be made.

        If this party leads the attempt it proposes it, and not before: each party that gets a proposal takes a slot.
        """
        if self._attempts.superseded:
            return None
        await self._context.dispatch(self._state.propose(self._now_s))
        return self._attempts.current

    async def receive_readiness(self, sender: PartyNumber, content: bytes) -> None:
        """Note a peer's announcement.

        Raises:
            StatementError: it is malformed, or not signed by the sender.
        """
        signed = self._context.read(Readiness, content)
        reaction = self._state.receive_readiness(sender, signed, self._now_s)
        if reaction.contradicts:
            await self._context.report("two-announcements", sender, {"attempt": signed.content.attempt})
        self._context.signal.notify()
        await self._context.dispatch(reaction.outgoing)

    async def receive_proposal(self, sender: PartyNumber, content: bytes) -> None:
        """Note a proposal, of this attempt or as proof of what a party began.

        Raises:
            StatementError: the message is malformed, or an announcement in it is not signed by its party.
            UnlawfulProposalError: the announcements are too few, or do not belong together.
        """
        self._state.receive_proposal(sender, self._read(content))
        self._context.signal.notify()

    async def announce(self, to: Sequence[PartyNumber]) -> None:
        """Say again for which attempt this party is ready, and what it proposed or began on."""
        await self._context.dispatch(self._state.announcement(to))

    async def _announce_to_all(self) -> None:
        await self.announce(self._context.peers)

    def _is_decided(self) -> bool:
        attempts, now_s = self._attempts, self._now_s
        self._context.wait_for_parties(attempts.absent)
        if attempts.is_decided(now_s):
            return True
        if attempts.are_enough and self._others_go_first():
            attempts.give_more_time(now_s)
            self._context.show_stage(WAITING_FOR_SLOT, 0.0)
        return attempts.next_number(now_s, failed=False) is not None

    def _others_go_first(self) -> bool:
        scheduler = self._context.party.computing
        return scheduler.is_taken_before(self.priority, self._memory_bytes, self._joined_at_s)

    def _read(self, content: bytes) -> Proposal:
        party_context = self._context.party
        return Proposal.read(content, party_context.cluster, self._context.auction, party_context.quorum)

    @property
    def _now_s(self) -> float:
        return self._context.party.clock.monotonic_s()
