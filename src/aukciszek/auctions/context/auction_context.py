"""What the parts of one auction at one party share: the rules, where the auction stands, and the means to act.

:class:`PartyContext` is what all auctions of a party have in common, an :class:`AuctionContext` what all parts of one
auction share. Every change of state is stored together with its entry in the audit record, before anything is built on
it.
"""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aukciszek.auctions.context.bid_quota import BidQuota
from aukciszek.auctions.context.change_notifier import ChangeNotifier
from aukciszek.auctions.context.peer_network import MessageKind, Outgoing, PeerMessage, PeerNetwork
from aukciszek.auctions.context.session_scheduler import SessionScheduler
from aukciszek.auctions.context.workers import Workers
from aukciszek.clock import Clock
from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.encoding import Json
from aukciszek.identity import Identity
from aukciszek.mpc.mode import Mode
from aukciszek.protocol.evidence.statements import Signed, Statement, read_statement
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState, check_transition
from aukciszek.storage.backends.connection import DatabaseConnection
from aukciszek.storage.database import Database
from aukciszek.storage.repositories.auctions import AuctionRepository
from aukciszek.storage.rows import AuctionRow

_log = logging.getLogger(__name__)

_MOST_REPORTS: Final = 10
"""Of one kind, about one party, in one auction, between two starts."""

VERIFIED: Final = "verified"
"""What is on record before anything is opened."""

LOST_MEMORY: Final = "own-statements-recalled"
"""What is on record of a party that was told what it had signed before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyContext:
    """One party: who it is, what it stores in, whom it can reach."""

    number: PartyNumber
    cluster: Cluster
    threshold: int
    identity: Identity
    clock: Clock
    database: Database
    repository: AuctionRepository
    network: PeerNetwork
    round_timeout_s: float
    """How long one round of a session waits for the other parties."""
    computing: SessionScheduler
    workers: Workers = field(default_factory=Workers)
    bid_quota: BidQuota = field(default_factory=BidQuota)

    @property
    def vouchers_needed(self) -> int:
        """``t + 1``: of so many parties at least one is honest."""
        return self.threshold + 1

    @property
    def mode(self) -> Mode:
        """What ``n`` and ``t`` can promise."""
        return Mode(self.cluster.size, self.threshold)

    @property
    def quorum(self) -> int:
        """How many parties must take part: all, or, where lies and gaps are corrected, ``n - t``."""
        return self.mode.needed

    @property
    def actor(self) -> str:
        """How the audit record names this party."""
        return f"party {self.number}"


def rules_of(row: AuctionRow) -> AuctionSpec:
    """Return the rules of a stored auction.

    Raises:
        MalformedSpecError: what is stored is none.
    """
    return AuctionSpec.parse(row.spec.encode())


@dataclass(frozen=True, slots=True)
class Stage:
    """How far the current state's work has come."""

    name: str
    fraction: float
    """From 0 to 1."""


class AuctionContext:
    """One auction at one party."""

    def __init__(self, party_context: PartyContext, row: AuctionRow) -> None:
        """Begin from what is stored.

        Raises:
            MalformedSpecError: the stored rules are none.
        """
        self.party = party_context
        self.spec = rules_of(row)
        self.auction = self.spec.auction_id
        self.signal = ChangeNotifier(party_context.clock)
        self.state = AuctionState(row.state)
        self.state_since = row.state_since
        self.stage = Stage(self.state.value, 0.0)
        self.waiting_for: frozenset[PartyNumber] = frozenset()
        self.may_have_opened = self.state is AuctionState.REVEALING
        """Whether this party has ever been about to open something: others may know the outcome since."""
        self.recalled = row.recalled
        """Whether this party knows all that it ever signed about the auction."""
        self._reports: Counter[tuple[str, PartyNumber | None]] = Counter()
        self.has_lost_memory = False
        """Whether it had to be told by the others."""

    async def load(self) -> None:
        """Load what is on record about the time before a restart."""
        recorded = self.party.repository.has_happened
        self.may_have_opened |= await recorded(self.auction, VERIFIED)
        self.has_lost_memory = await recorded(self.auction, LOST_MEMORY)

    @asynccontextmanager
    async def entering(
        self, state: AuctionState, action: str, details: Mapping[str, Json]
    ) -> AsyncIterator[DatabaseConnection]:
        """Enter ``state`` and put ``action`` on record, in one transaction with what the caller does inside.

        Raises:
            ForbiddenTransitionError: there is no way from the present state to this one.
        """
        check_transition(self.state, state)
        now = self.party.clock.now()
        repository = self.party.repository
        async with self.party.database.transaction() as connection:
            await repository.set_state(self.auction, state.value, now, connection=connection)
            await repository.append_record(self.auction, now, self.party.actor, action, details, connection=connection)
            yield connection
        self.state, self.state_since = state, now
        self.may_have_opened |= state is AuctionState.REVEALING
        self.stage = Stage(state.value, 0.0)
        self.waiting_for = frozenset()
        self.signal.notify()

    async def enter(self, state: AuctionState, action: str, details: Mapping[str, Json] | None = None) -> None:
        """Enter ``state`` and put ``action`` on record.

        Raises:
            ForbiddenTransitionError: there is no way from the present state to this one.
        """
        async with self.entering(state, action, details or {}):
            pass

    async def note(self, action: str, details: Mapping[str, Json], *, actor: str | None = None) -> None:
        """Put something on record that changes no state."""
        await self.party.repository.append_record(
            self.auction, self.party.clock.now(), actor or self.party.actor, action, details
        )

    async def report(self, kind: str, party: PartyNumber | None, details: Mapping[str, Json]) -> None:
        """Put on record, and into the log, that ``party`` did something against the protocol.

        At most ten times of one kind and party: repeating it does not crowd out other reports.
        """
        self._reports[kind, party] += 1
        if self._reports[kind, party] > _MOST_REPORTS:
            return
        _log.warning("incident %s party=%s auction=%s: %s", kind, party, self.auction, dict(details))
        await self.party.repository.add_incident(
            self.party.clock.now(), kind, details, auction_id=self.auction, party=party
        )

    def read[S: Statement](self, kind: type[S], content: bytes) -> Signed[S]:
        """Read and verify a statement that a peer sent about this auction.

        Raises:
            StatementError: it is malformed, about another auction, or not signed by the party that it names.
        """
        return read_statement(kind, content, self.party.cluster, about=self.auction)

    def show_stage(self, name: str, fraction: float) -> None:
        """Let everybody who watches see how far the work has come."""
        stage = Stage(name, fraction)
        if stage != self.stage:
            self.stage = stage
            self.signal.notify()

    def wait_for_parties(self, parties: Iterable[PartyNumber]) -> None:
        """Let everybody who watches see for whom this party waits."""
        waiting_for = frozenset(parties)
        if waiting_for != self.waiting_for:
            self.waiting_for = waiting_for
            self.signal.notify()

    @property
    def peers(self) -> tuple[PartyNumber, ...]:
        """All other parties."""
        return tuple(number for number in self.party.cluster.numbers if number != self.party.number)

    async def dispatch(self, messages: Iterable[Outgoing]) -> None:
        """Send what a state machine has decided to send, in this order."""
        for message in messages:
            await self.send(message.to, message.kind, message.body)

    async def send(self, to: Iterable[PartyNumber], kind: MessageKind, body: bytes) -> None:
        """Send one message about this auction to some of the peers."""
        message = PeerMessage(kind, self.auction, body)
        for party in to:
            if party != self.party.number:
                await self.party.network.send(party, message)
