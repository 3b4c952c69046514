"""How the parties come to the same session: a state machine without input or output.

``docs/protocol.md``, "Attempts". Announcements and proposals go in; messages to send come out.
:class:`~aukciszek.auctions.session.attempts.Attempts` decides when to go on to another attempt, and
:mod:`~aukciszek.auctions.session.setup` stores, sends and waits.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from aukciszek.auctions.context.peer_network import MessageKind, Outgoing
from aukciszek.auctions.session.attempts import Attempts
from aukciszek.auctions.session.readiness import Proposal, Readiness
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.statements import Signed
from aukciszek.protocol.rules.errors import WrongSignatureError


@dataclass(frozen=True, slots=True)
class Reaction:
    """What follows from a peer's announcement."""

    contradicts: bool
    """Whether the peer announced something else for the same attempt before."""
    outgoing: tuple[Outgoing, ...]


class SetupState:
    """What one party has announced and begun; implements the list exchange's ``KnownProposals``."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts
        self._own: Signed[Readiness] | None = None
        self._began_on: Proposal | None = None

    def resume(self, last_attempt: int, began_on: Proposal | None) -> None:
        """Go on after a restart: from the last attempt, and from the proposal of the first session, if any."""
        self._attempts.resume(last_attempt)
        if began_on is not None:
            self.keep_beginning(began_on)

    def keep_beginning(self, proposal: Proposal) -> None:
        """Note on which proposal a session began, or on which one the auction is cancelled; it is stored."""
        self._began_on = proposal
        self._attempts.note_proposal(proposal, self._attempts.own)

    @property
    def locked(self) -> Proposal | None:
        """The proposal with the highest attempt that is known."""
        return self._attempts.locked

    @property
    def began_at(self) -> int:
        """The attempt of the proposal on which a session began here last; 0: none did."""
        return 0 if self._began_on is None else self._began_on.attempt

    @property
    def proof(self) -> bytes | None:
        """The proposal on which this party began, or, before, the latest on which any party may have."""
        proposal = self._began_on or self._attempts.locked
        return None if proposal is None else proposal.encode()

    def join(self, announcement: Signed[Readiness], now_s: float) -> None:
        """Announce this party for an attempt."""
        self._own = announcement
        self._attempts.join(announcement, now_s)

    def receive_readiness(self, sender: PartyNumber, signed: Signed[Readiness], now_s: float) -> Reaction:
        """Note a peer's announcement, verified; it makes them itself, as only its latest one counts.

        Raises:
            WrongSignatureError: the sender did not sign it.
        """
        party = signed.content.party
        if party != sender:
            raise WrongSignatureError(f"party {sender} passes on an announcement of party {party}")
        contradicts = self._attempts.note(signed, now_s)
        # A peer that is behind has missed what this party announced.
        is_behind = signed.content.attempt < self._attempts.number
        return Reaction(contradicts, tuple(self.announcement([sender])) if is_behind else ())

    def receive_proposal(self, sender: PartyNumber, proposal: Proposal) -> None:
        """Note a verified proposal, of this attempt or as proof of what a party began."""
        self._attempts.note_proposal(proposal, sender)

    def propose(self, now_s: float) -> list[Outgoing]:
        """Propose the session of this attempt if this party leads it, and may; return what to tell all others."""
        attempts = self._attempts
        if attempts.superseded or attempts.current is not None or not attempts.may_propose(now_s):
            return []
        peers = tuple(sorted(party for party in attempts.numbers if party != attempts.own))
        return [Outgoing(peers, MessageKind.PROPOSAL, attempts.propose().encode())]

    def announcement(self, to: Iterable[PartyNumber]) -> list[Outgoing]:
        """Return for which attempt this party is ready, and what it proposed or began on."""
        receivers, current = tuple(to), self._attempts.current
        proposed = current if self._attempts.leads else None
        proposals = {one.encode() for one in (self._began_on, proposed) if one is not None}
        ready = [] if self._own is None else [Outgoing(receivers, MessageKind.READY, self._own.encode())]
        return ready + [Outgoing(receivers, MessageKind.PROPOSAL, content) for content in sorted(proposals)]
