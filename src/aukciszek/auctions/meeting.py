"""How the parties meet for a session: attempt by attempt, without anyone in charge.

``docs/adr/0003-sessions-by-attempt.md``. Every party announces that it is ready. The party whose turn it is in this
attempt sends the announcements of all, or of enough of them, back to all; they make the session's id. Whoever waits in
vain moves on to the next attempt, and everybody follows the highest.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Final

from aukciszek.auctions.computing_places import WAITING_FOR_PLACE, Turn
from aukciszek.auctions.desk import PATIENCE_S, AuctionDesk
from aukciszek.auctions.errors import StatementError
from aukciszek.auctions.identifiers import BundleDigest
from aukciszek.auctions.ports import MessageKind
from aukciszek.auctions.readiness import Readiness, Ready, encode_convocation, in_microseconds, read_convocation
from aukciszek.auctions.statements import Signed, read_statement, sign
from aukciszek.cluster import PartyNumber

MOST_ATTEMPTS_AHEAD: Final = 10_000
"""An honest party is never so far ahead of another; a liar would use up the numbers."""

_NONCE_BYTES: Final = 32


class UnlawfulConvocationError(StatementError):
    """A party convened a session out of its turn, or with announcements that do not make one."""

    code = "unlawful-convocation"


class Meeting:
    """One party's part in bringing all parties to the same attempt."""

    def __init__(self, desk: AuctionDesk, would_cancel: Callable[[], bool]) -> None:
        """Meet for the sessions of one auction.

        Args:
            desk: the auction.
            would_cancel: whether an order to cancel is in force, and this party knows no outcome.
        """
        self._desk = desk
        self._would_cancel = would_cancel
        self._cancelled: set[PartyNumber] = set()
        self._ready: dict[PartyNumber, Signed[Readiness]] = {}
        self._own: Signed[Readiness] | None = None
        self._convened: Ready | None = None
        self._joined_at_s = 0.0
        self._held_up_at_s = 0.0
        """When this party last saw that others go first."""
        self._memory_bytes = 0
        self._last_attempt = 0
        self._reached = 0

    def load(self, last_attempt: int) -> None:
        """Take up, after a restart, the number of the last attempt."""
        self._last_attempt = self._reached = last_attempt

    @property
    def overtaken(self) -> bool:
        """Whether peers have moved on to an attempt that this party has not joined yet.

        Where all parties are needed, one is enough; where ``t`` can be done without, so many cannot disturb the others.
        """
        context = self._desk.context
        needs_all = context.quorum == context.cluster.size
        return len(self._ahead) > (0 if needs_all else context.threshold)

    @property
    def input_sets_begun(self) -> frozenset[str]:
        """The input sets on which some party says that it began a session."""
        return frozenset(one.content.input_set for one in self._ready.values() if one.content.began)

    @property
    def nobody_knows(self) -> bool:
        """Whether no honest party knows the outcome or ever will, as some have cancelled, and the others would.

        These were ready for this party's attempt, hence in no session before it any more, and said then that they knew
        nothing. A party that cancelled never took part in opening anything, so where all are needed nobody ever knew.
        """
        own = self._own
        if own is None or not self._cancelled:
            return False
        would_cancel = {
            party
            for party, one in self._ready.items()
            if one.content.attempt == own.content.attempt and one.content.cancels
        }
        return len(would_cancel | self._cancelled) == self._desk.context.cluster.size

    async def join(self, input_set: str, *, began: bool, unusable: Sequence[BundleDigest], memory_bytes: int) -> None:
        """Announce this party for the next attempt, or for the highest that a peer has reached.

        Args:
            input_set: the digest of the bids that this party will compute on.
            began: whether a session on them has begun here before.
            unusable: those whose envelope this party cannot use.
            memory_bytes: how much the session will take.
        """
        desk, context = self._desk, self._desk.context
        # The number is stored before it is used, so that no number is used twice, whenever this party stops.
        attempt = await context.repository.next_attempt(desk.auction, self._reached)
        readiness = Readiness(
            auction=desk.auction,
            party=context.number,
            attempt=attempt,
            input_set=input_set,
            began=began,
            cancels=self._would_cancel(),
            nonce=secrets.token_hex(_NONCE_BYTES),
            round_us=in_microseconds(context.network.round_s),
            unusable=tuple(unusable),
        )
        self._own = self._ready[context.number] = sign(readiness, context.identity)
        self._convened = None
        self._memory_bytes = memory_bytes
        self._joined_at_s = self._held_up_at_s = context.clock.monotonic_s()
        self._last_attempt = attempt
        desk.show_stage(desk.state.value, 0.0)
        self._reached = max(self._reached, attempt)

    @property
    def turn(self) -> Turn:
        """When it is this attempt's turn for a place."""
        return Turn.of(self._desk.spec.closes_at, max(1, self._last_attempt), self._desk.auction)

    async def can_begin(self) -> bool:
        """Wait until the session of the attempt that was joined can begin; False: another attempt must be made."""
        await self._desk.signal.wait_announcing(self._is_decided, self._announce_to_all)
        return not self.overtaken and (self._convened is not None or self._may_convene())

    async def participants(self) -> Ready | None:
        """Return who meets for the session, once there is a place for it; None: another attempt must be made.

        If it is this party's turn it convenes them, and not before: whoever is convened takes a place, too.
        """
        if self.overtaken:
            return None
        if self._convened is None and self._may_convene():
            self._convened = self._matching()
            await self._desk.send(self._desk.peers, MessageKind.CONVOCATION, encode_convocation(self._convened))
        return self._convened

    @property
    def sets_differ(self) -> bool:
        """Whether too few parties can ever be ready for this party's input set in this attempt."""
        if self._own is None:
            return False
        joined = [one for one in self._ready.values() if one.content.attempt == self._own.content.attempt]
        context = self._desk.context
        return len(self._matching()) + context.cluster.size - len(joined) < context.quorum

    async def receive_cancelled(self, sender: PartyNumber, _content: bytes) -> None:
        """Note that a peer has cancelled."""
        self._cancelled.add(sender)
        self._desk.signal.notify()

    async def receive_readiness(self, sender: PartyNumber, content: bytes) -> None:
        """Note a party's announcement, the first one for each attempt.

        Raises:
            StatementError: it is malformed, or not signed by the party that it names.
        """
        signed = read_statement(Readiness, content, self._desk.context.cluster)
        party, attempt = signed.content.party, signed.content.attempt
        if attempt > self._last_attempt + MOST_ATTEMPTS_AHEAD:
            raise UnlawfulConvocationError(f"party {party} is ready for attempt {attempt}, which is far from any other")
        known = self._ready.get(party)
        if known is None or attempt > known.content.attempt:
            self._ready[party] = signed
            self._reached = max(self._reached, attempt)
            self._desk.signal.notify()
        elif attempt == known.content.attempt and signed.content != known.content:
            await self._desk.report("two-announcements", party, {"attempt": attempt})
        if attempt < self._last_attempt:
            await self.announce([sender])

    async def receive_convocation(self, sender: PartyNumber, content: bytes) -> None:
        """Note the session that the party whose turn it is has convened.

        Raises:
            StatementError: it is malformed, or an announcement in it is not signed by its party.
            UnlawfulConvocationError: it was not the sender's turn, or the announcements do not belong together.
        """
        context, own = self._desk.context, self._own
        ready = read_convocation(content, context.cluster)
        attempts = {one.content.attempt for one in ready.values()}
        input_sets = {one.content.input_set for one in ready.values()}
        if len(attempts) != 1 or len(input_sets) != 1 or len(ready) < context.quorum:
            raise UnlawfulConvocationError(f"party {sender} convened a session of parties that do not belong together")
        if sender != self._convener(*attempts):
            raise UnlawfulConvocationError(f"party {sender} convened a session although it was not its turn")
        if own is None or (own.content.attempt, own.content.input_set) != (*attempts, *input_sets):
            return
        # An honest convener has what this party announced, or nothing of it; anything else is a replay.
        if ready.get(context.number, own).content == own.content and self._convened is None:
            self._convened = ready
            self._desk.signal.notify()

    @property
    def _ahead(self) -> set[PartyNumber]:
        return {party for party, one in self._ready.items() if one.content.attempt > self._last_attempt}

    async def announce(self, to: Sequence[PartyNumber]) -> None:
        """Say again for which attempt this party is ready, and which session it convened."""
        if self._own is not None:
            await self._desk.send(to, MessageKind.READY, self._own.encode())
            if self._convened is not None and self._convener(self._last_attempt) == self._desk.context.number:
                await self._desk.send(to, MessageKind.CONVOCATION, encode_convocation(self._convened))

    async def _announce_to_all(self) -> None:
        await self.announce(self._desk.peers)

    def _is_decided(self) -> bool:
        self._desk.wait_for_parties(set(self._desk.context.cluster.numbers) - self._matching().keys())
        return (
            self.overtaken
            or self._convened is not None
            or self._may_convene()
            or self.sets_differ
            or self._waits_in_vain()
            or self._must_follow()
            or self._must_say_that_it_would_cancel()
        )

    def _must_say_that_it_would_cancel(self) -> bool:
        return self._own is not None and self._would_cancel() and not self._own.content.cancels

    def _may_convene(self) -> bool:
        if self._convener(self._last_attempt) != self._desk.context.number:
            return False
        return len(self._matching()) == self._desk.context.cluster.size or self._are_enough(PATIENCE_S)

    def _waits_in_vain(self) -> bool:
        """Whether enough are ready, and the party whose turn it is has had time, and places, enough to convene them."""
        desk, now_s = self._desk, self._desk.context.clock.monotonic_s()
        if len(self._matching()) < desk.context.quorum:
            return False
        if desk.context.computing.is_taken_before(self.turn, self._memory_bytes, self._joined_at_s):
            self._held_up_at_s = now_s
            desk.show_stage(WAITING_FOR_PLACE, 0.0)
        return now_s - self._held_up_at_s >= 2 * PATIENCE_S

    def _must_follow(self) -> bool:
        """Whether too few are at this attempt and somebody is ahead: without that party it does not go on."""
        waited_s = self._desk.context.clock.monotonic_s() - self._joined_at_s
        too_few = len(self._matching()) < self._desk.context.quorum
        return bool(self._ahead) and too_few and waited_s >= PATIENCE_S

    def _are_enough(self, patience_s: float) -> bool:
        waited_s = self._desk.context.clock.monotonic_s() - self._joined_at_s
        return waited_s >= patience_s and len(self._matching()) >= self._desk.context.quorum

    def _matching(self) -> dict[PartyNumber, Signed[Readiness]]:
        """Return the announcements for this party's attempt and input set."""
        if self._own is None:
            return {}
        own = self._own.content
        return {
            party: one
            for party, one in self._ready.items()
            if (one.content.attempt, one.content.input_set) == (own.attempt, own.input_set)
        }

    def _convener(self, attempt: int) -> PartyNumber:
        numbers = self._desk.context.cluster.numbers
        return numbers[(attempt - 1) % len(numbers)]
