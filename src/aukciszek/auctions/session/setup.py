"""How the parties come to the same session: attempt by attempt, without anyone in charge.

``docs/protocol.md``, "Attempts", and ``docs/adr/0003-sessions-by-attempt.md``. Every party announces that it is ready.
The leader of the attempt sends the announcements of all, or of enough of them, back to all; they make the session's id.
When to go on to another attempt is decided by :class:`~aukciszek.auctions.session.attempts.Attempts`; here is what is
stored and sent.
"""

import secrets
from collections.abc import Sequence
from typing import Final

from aukciszek.auctions.agreement.input_set import InputSet
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.context.peer_network import MessageKind
from aukciszek.auctions.context.session_scheduler import Priority
from aukciszek.auctions.session.attempts import Attempts
from aukciszek.auctions.session.readiness import Proposal, Readiness, in_microseconds, pack_asks
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.statements import Signed, sign
from aukciszek.protocol.rules.errors import WrongSignatureError
from aukciszek.protocol.rules.states import WAITING_FOR_SLOT

_NONCE_BYTES: Final = 32


class SessionSetup:
    """One party's part in bringing all parties to the same attempt."""

    def __init__(self, context: AuctionContext) -> None:
        party_context = context.party
        self.attempts = Attempts(
            party_context.number, party_context.cluster.numbers, party_context.threshold, party_context.quorum
        )
        self._context = context
        self._own: Signed[Readiness] | None = None
        self._memory_bytes = 0
        self._joined_at_s = 0.0
        self._began_on: Proposal | None = None

    def load(self, last_attempt: int, began_on: bytes | None) -> None:
        """Take up, after a restart, the number of the last attempt, and the proposal of the first session, if any.

        Raises:
            StatementError: the stored proposal is not what was stored.
        """
        self.attempts.resume(last_attempt)
        if began_on is not None:
            self.keep_beginning(self._read(began_on))

    def keep_beginning(self, proposal: Proposal) -> None:
        """Note on which proposal a session began, or on which one the auction is cancelled; it is stored."""
        self._began_on = proposal
        self.attempts.note_proposal(proposal, self._context.party.number)

    @property
    def began_at(self) -> int:
        """The attempt of the proposal on which a session began here last; 0: none did."""
        return 0 if self._began_on is None else self._began_on.attempt

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
        self._own = sign(readiness, party_context.identity)
        self._memory_bytes = memory_bytes
        self._joined_at_s = party_context.clock.monotonic_s()
        self.attempts.join(self._own, self._joined_at_s)
        context.show_stage(context.state.value, 0.0)

    async def next_number(self, *, failed: bool) -> int:
        """Wait until this party may join another attempt, and return which."""
        found: int | None = None

        def may_go_on() -> bool:
            nonlocal found
            found = self.attempts.next_number(self._now_s, failed=failed)
            return found is not None

        await self._context.signal.wait_announcing(may_go_on, self._announce_to_all)
        if found is None:
            raise RuntimeError("waiting ended without what was waited for")
        return found

    @property
    def priority(self) -> Priority:
        """When this attempt gets a slot, compared with others."""
        return Priority.of(self._context.spec.closes_at, max(1, self.attempts.number), self._context.auction)

    async def can_begin(self) -> bool:
        """Wait until the session of the attempt that was joined can begin; False: another attempt must be made."""
        await self._context.signal.wait_announcing(self._is_decided, self._announce_to_all)
        attempts = self.attempts
        return not attempts.superseded and (attempts.current is not None or attempts.may_propose(self._now_s))

    async def proposal(self) -> Proposal | None:
        """Return who takes part in the session, once there is a slot for it; None: another attempt must be made.

        If it is this party's turn it proposes it, and not before: whoever gets a proposal takes a slot, too.
        """
        attempts = self.attempts
        if attempts.superseded:
            return None
        if attempts.current is None and attempts.may_propose(self._now_s):
            proposal = attempts.propose()
            await self._context.send(self._context.peers, MessageKind.PROPOSAL, proposal.encode())
        return attempts.current

    async def receive_readiness(self, sender: PartyNumber, content: bytes) -> None:
        """Note a peer's announcement; it makes them itself, as only its latest one counts.

        Raises:
            StatementError: it is malformed, or not signed by the sender.
        """
        signed = self._context.read(Readiness, content)
        if signed.content.party != sender:
            raise WrongSignatureError(f"party {sender} passes on an announcement of party {signed.content.party}")
        if self.attempts.note(signed, self._now_s):
            await self._context.report("two-announcements", sender, {"attempt": signed.content.attempt})
        self._context.signal.notify()
        if signed.content.attempt < self.attempts.number:
            await self.announce([sender])

    async def receive_proposal(self, sender: PartyNumber, content: bytes) -> None:
        """Note a proposal, of this attempt or as proof of what somebody began.

        Raises:
            StatementError: the message is malformed, or an announcement in it is not signed by its party.
            UnlawfulProposalError: the announcements are too few, or do not belong together.
        """
        self.attempts.note_proposal(self._read(content), sender)
        self._context.signal.notify()

    async def announce(self, to: Sequence[PartyNumber]) -> None:
        """Say again for which attempt this party is ready, and what it proposed or began on."""
        if self._own is not None:
            await self._context.send(to, MessageKind.READY, self._own.encode())
        current = self.attempts.current
        proposals = {one.encode() for one in (self._began_on, current if self.attempts.leads else None) if one}
        for proposal in sorted(proposals):
            await self._context.send(to, MessageKind.PROPOSAL, proposal)

    async def prove(self, to: Sequence[PartyNumber]) -> None:
        """Show on which announcements this party began, or, before, the latest on which anybody may have."""
        proposal = self._began_on or self.attempts.locked
        if proposal is not None:
            await self._context.send(to, MessageKind.PROPOSAL, proposal.encode())

    async def _announce_to_all(self) -> None:
        await self.announce(self._context.peers)

    def _is_decided(self) -> bool:
        attempts, now_s = self.attempts, self._now_s
        self._context.wait_for_parties(attempts.absent)
        if attempts.current is not None or attempts.superseded or attempts.may_propose(now_s) or attempts.sets_differ:
            return True
        if attempts.are_enough and self._others_go_first():
            attempts.hold_up(now_s)
            self._context.show_stage(WAITING_FOR_SLOT, 0.0)
        return attempts.next_number(now_s, failed=False) is not None

    def _others_go_first(self) -> bool:
        return self._context.party.computing.is_taken_before(self.priority, self._memory_bytes, self._joined_at_s)

    def _read(self, content: bytes) -> Proposal:
        party_context = self._context.party
        return Proposal.read(content, party_context.cluster, self._context.auction, party_context.quorum)

    @property
    def _now_s(self) -> float:
        return self._context.party.clock.monotonic_s()
