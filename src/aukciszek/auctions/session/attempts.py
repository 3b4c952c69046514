"""At which attempt each party is, and when this one goes on to another: a state machine without input or output.

``docs/protocol.md``, "Attempts". What one peer says moves a number by itself nowhere: a party follows the ``(t+1)``-th
highest number, which an honest party has reached, and goes beyond its own only when a quorum has come that far. Where
all parties are needed the slowest is thus waited for, and nobody can run through the numbers.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from aukciszek.auctions.context.change_notifier import STRAGGLER_TIMEOUT_S
from aukciszek.auctions.session.readiness import Proposal, Readiness, Ready
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.statements import Signed

STEP_S: Final = 1.0
"""How long a party stays at an attempt at least, unless others are ahead."""

_MOST_PROPOSALS: Final = 16


@dataclass(slots=True)
class Attempts:
    """What one party knows about the attempts at one auction.

    Attributes:
        own: this party.
        numbers: all parties.
        threshold: ``t``.
        quorum: how many parties a session needs.
        number: the attempt that this party announced last, also before a restart.
    """

    own: PartyNumber
    numbers: Collection[PartyNumber]
    threshold: int
    quorum: int
    number: int = 0
    _last_for_others: dict[str, int] = field(default_factory=dict)
    _unknown_until: int = 0
    _ready: dict[PartyNumber, Signed[Readiness]] = field(default_factory=dict)
    _proposals: dict[str, Proposal] = field(default_factory=dict)
    _cancellation: Proposal | None = None
    _current: Proposal | None = None
    _joined_at_s: float = 0.0
    _leader_idle_since_s: float = 0.0

    def resume(self, number: int) -> None:
        """Go on after a restart, or after a loss, from an attempt that this party has announced something for."""
        self.number = max(self.number, number)
        self._unknown_until = self.number

    def join(self, announcement: Signed[Readiness], now_s: float) -> None:
        """Announce this party for an attempt."""
        self._ready[self.own] = announcement
        self.number = announcement.content.attempt
        self._last_for_others[announcement.content.input_set] = self.number
        self._current = None
        self._joined_at_s = self._leader_idle_since_s = now_s

    def note(self, announcement: Signed[Readiness], now_s: float) -> bool:
        """Take in a peer's announcement, the latest that it made; tell whether it contradicts one that is here."""
        were_enough = self.are_enough
        party = announcement.content.party
        known = self._ready.get(party)
        if known is not None and known.content.attempt == announcement.content.attempt:
            return known.content != announcement.content
        self._ready[party] = announcement
        if not were_enough:
            # The leader has had no time before.
            self._leader_idle_since_s = max(self._leader_idle_since_s, now_s)
        return False

    def note_proposal(self, proposal: Proposal, sender: PartyNumber) -> None:
        """Take in a verified proposal: it begins the session of this attempt if its leader sends it."""
        self._keep(proposal)
        own = self._announced
        if own is None or self._current is not None or sender != self.leader:
            return
        # An honest leader has what this party announced, or nothing of it; anything else is a replay.
        same = (proposal.attempt, proposal.input_set) == (own.attempt, own.input_set)
        if same and (self.own not in proposal.ready or proposal.ready[self.own].content == own):
            self._current = proposal

    def propose(self) -> Proposal:
        """Put the announcements for this attempt together, as its leader."""
        ready = self.matching
        confirming = {party: one for party, one in ready.items() if 0 < one.content.confirms < self.number}
        # Who is ready to cancel without confirming what is known takes away nothing where the others are enough.
        self._current = Proposal(confirming if len(confirming) >= self.quorum else ready)
        self._keep(self._current)
        return self._current

    def confirms(self, input_set: str) -> int:
        """Return which proposal this party may confirm when it is ready to cancel on this input set; 0: none.

        It may if no proposal for anything else is higher, and if it was ready for nothing else since: so whatever
        others could have begun, they cannot finish.
        """
        locked = self.locked
        if locked is None or locked.input_set != input_set or not locked.cancelled:
            return 0
        others = [number for digest, number in self._last_for_others.items() if digest != input_set]
        return locked.attempt if locked.attempt > max([self._unknown_until, *others]) else 0

    def announced_by(self, party: PartyNumber) -> Signed[Readiness] | None:
        """Return the latest announcement of a party."""
        return self._ready.get(party)

    @property
    def current(self) -> Proposal | None:
        """The proposal for the attempt that this party is at."""
        return self._current

    @property
    def leader(self) -> PartyNumber:
        """Who proposes the session of the attempt that this party is at."""
        ordered = sorted(self.numbers)
        return ordered[(max(1, self.number) - 1) % len(ordered)]

    @property
    def leads(self) -> bool:
        """Whether this party leads the attempt, and so proposes."""
        return self.leader == self.own

    @property
    def matching(self) -> Ready:
        """The announcements for this party's attempt and input set."""
        own = self._announced
        if own is None:
            return {}
        same = (own.attempt, own.input_set, own.cancelled)
        return {
            party: one
            for party, one in self._ready.items()
            if (one.content.attempt, one.content.input_set, one.content.cancelled) == same
        }

    @property
    def absent(self) -> frozenset[PartyNumber]:
        """The parties that are not ready for this attempt."""
        return frozenset(self.numbers) - self.matching.keys()

    @property
    def locked(self) -> Proposal | None:
        """The proposal with the highest attempt that is known, for another input set than one's own or not."""
        return max(self._proposals.values(), key=lambda one: one.attempt, default=None)

    @property
    def cancellation(self) -> Proposal | None:
        """The proof that enough parties are bound to cancel, if there is one."""
        return self._cancellation

    def may_propose(self, now_s: float) -> bool:
        """Tell whether this party leads the attempt, and enough parties are ready."""
        if not self.leads or self._announced is None:
            return False
        return not self.absent or (self.are_enough and now_s - self._joined_at_s >= STRAGGLER_TIMEOUT_S)

    @property
    def followed(self) -> int:
        """The ``(t+1)``-th highest number: one of those who reached it is honest."""
        reached = sorted((self._number_of(party) for party in self.numbers), reverse=True)
        return reached[self.threshold]

    @property
    def superseded(self) -> bool:
        """Whether honest parties have moved on to an attempt that this party has not joined."""
        return self.followed > self.number

    @property
    def sets_differ(self) -> bool:
        """Whether so many parties are ready for another input set in this attempt that it cannot begin."""
        own = self._announced
        if own is None:
            return False
        contents = [signed.content for signed in self._ready.values()]
        others = sum(one.attempt == own.attempt and one.input_set != own.input_set for one in contents)
        return len(self.numbers) - others < self.quorum

    def is_decided(self, now_s: float) -> bool:
        """Tell whether this attempt's session can begin, or is known to be unable to."""
        return self._current is not None or self.superseded or self.may_propose(now_s) or self.sets_differ

    def give_more_time(self, now_s: float) -> None:
        """Note that the session could begin, but that others go first here: its leader is not to blame."""
        self._leader_idle_since_s = now_s

    def is_stalled(self, now_s: float) -> bool:
        """Tell whether this attempt's session can no longer begin, or its leader had time enough and did nothing."""
        if self._announced is None:
            return True
        if self.is_abandoned:
            return True
        if self.are_enough:
            return now_s - self._leader_idle_since_s >= 2 * STRAGGLER_TIMEOUT_S
        # Enough have come this far and some have gone on, so that those who are here may wait for silent ones in vain.
        return self._have_reached and now_s - self._joined_at_s >= 2 * STRAGGLER_TIMEOUT_S

    @property
    def is_abandoned(self) -> bool:
        """Whether so many parties have gone on, or are ready for something else, that the session lacks some it needs.

        Those who left it may have sent their part of its first round before.
        """
        gone = sum(
            self._number_of(party) > self.number or (self._number_of(party) == self.number and party in self.absent)
            for party in self.numbers
        )
        return len(self.numbers) - gone < self.quorum

    def next_number(self, now_s: float, *, failed: bool) -> int | None:
        """Return the attempt to join now; None: stay.

        Args:
            now_s: the time.
            failed: whether a session of the attempt that this party is at was begun and has failed.
        """
        announced = self._announced
        if announced is None:
            return max(self.number + 1, self.followed)
        if self.superseded:
            return self.followed
        # Cancelling takes two proposals, one after the other, and needs no session that could fail in between.
        confirms = self._current is not None and self._current.cancelled and not announced.confirms
        if not confirms and (now_s - self._joined_at_s < STEP_S or not (failed or self.is_stalled(now_s))):
            return None
        return self.number + 1 if self._have_reached else None

    def _keep(self, proposal: Proposal) -> None:
        known = self._proposals.get(proposal.input_set)
        if known is None or known.attempt < proposal.attempt:
            self._proposals[proposal.input_set] = proposal
        if proposal.confirmed:
            self._cancellation = self._cancellation or proposal
        while len(self._proposals) > _MOST_PROPOSALS:
            del self._proposals[min(self._proposals, key=lambda digest: self._proposals[digest].attempt)]

    @property
    def _have_reached(self) -> bool:
        return sum(self._number_of(party) >= self.number for party in self.numbers) >= self.quorum

    @property
    def _announced(self) -> Readiness | None:
        own = self._ready.get(self.own)
        return None if own is None else own.content

    @property
    def are_enough(self) -> bool:
        """Whether enough parties are ready for this attempt and input set."""
        return len(self.matching) >= self.quorum

    def _number_of(self, party: PartyNumber) -> int:
        if party == self.own:
            return self.number
        known = self._ready.get(party)
        return 0 if known is None else known.content.attempt
