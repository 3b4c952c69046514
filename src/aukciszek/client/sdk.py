"""The SDK: everything a user can do, as one asynchronous class over all parties.

Trust nobody alone: what a party says is verified where it is signed, and an order or a bid goes to every party.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from aukciszek.client.account import log_in, register
from aukciszek.client.bidding import HeldBid, OnSealed, held_bids, ignore_sealed, own_next_revision, seal_price
from aukciszek.client.catalogue import describe_auction, known_auction, list_auctions, wait_until_open
from aukciszek.client.connection import RetryPolicy
from aukciszek.client.discovery import ask_statuses, ask_threshold
from aukciszek.client.errors import NotLoggedInError
from aukciszek.client.orders import cancel_auction, close_auction, create_auction
from aukciszek.client.outcome import OnProgress, fetch_certificate, fetch_records, wait_for_outcome, watch
from aukciszek.client.overview import AuctionOverview
from aukciszek.client.parties import Parties, PartyResults, connect
from aukciszek.client.schemas import AuctionAnswer, Status
from aukciszek.client.submission import BidSubmission, OnPlaced, PlacedBid, ignore_placed, relay_receipts
from aukciszek.client.tokens import UserTokens
from aukciszek.clock import Clock, SystemClock
from aukciszek.cluster import Cluster
from aukciszek.protocol.evidence.audit_record import AuditRecord
from aukciszek.protocol.evidence.certificate import Certificate
from aukciszek.protocol.rules.identifiers import UserId, parse_auction_id
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.sealing.bundle import BidKey, Bundle


class AukciszekClient:
    """One user's way to the parties; make the first with :meth:`open`, further users with :meth:`for_user`.

    Methods take an auction's id as a text, and raise :class:`MalformedIdentifierError` for a text that is none.
    """

    def __init__(
        self, parties: Parties, *, login_server: int, tokens: UserTokens | None = None, clock: Clock | None = None
    ) -> None:
        self._parties = parties
        self._login_server = login_server
        self._tokens = tokens
        self._clock = clock or SystemClock()

    @classmethod
    @asynccontextmanager
    async def open(  # noqa: PLR0913 -- each is a choice of its own, and all but the first have defaults
        cls,
        cluster: Cluster,
        *,
        login_server: int = 1,
        tokens: UserTokens | None = None,
        ca_file: Path | None = None,
        retries: RetryPolicy | None = None,
        clock: Clock | None = None,
    ) -> AsyncIterator[Self]:
        """Connect to the parties of a cluster, and yield a client for one user; the connections end with the context.

        Args:
            cluster: who the parties are; the caller has compared its digest.
            login_server: the number of the party that keeps the accounts.
            tokens: those of a user who has logged in before; without them, :meth:`log_in` comes first.
            ca_file: certificates to trust instead of the system's, for clusters with an authority of their own.
            retries: time limits and repeats; the default suits people.
            clock: the default is the machine's own.

        Raises:
            TrustFileError: ``ca_file`` cannot be read.
        """
        async with connect(cluster, ca_file=ca_file, retries=retries, clock=clock) as parties:
            yield cls(parties, login_server=login_server, tokens=tokens, clock=clock)

    def for_user(self, tokens: UserTokens | None = None) -> Self:
        """Return a client for another user over the same connections."""
        return type(self)(self._parties, login_server=self._login_server, tokens=tokens, clock=self._clock)

    @property
    def cluster(self) -> Cluster:
        """The parties that this client talks to."""
        return self._parties.cluster

    @property
    def tokens(self) -> UserTokens:
        """The user's tokens, to be kept for a later client.

        Raises:
            NotLoggedInError: nobody is logged in.
        """
        if self._tokens is None:
            raise NotLoggedInError("log in first")
        return self._tokens

    async def register(self, email: str, password: str) -> UserId:
        """Make an account, without any privilege.

        Raises:
            PartyRefusedError: the address is taken, or address or password are not acceptable.
            UnreachableError: no answer. The account may have been made: try to log in.
        """
        return await register(self._parties, self._login_server, email, password)

    async def log_in(self, email: str, password: str) -> UserTokens:
        """Get a token for each party; this client uses them from now on.

        Raises:
            PartyRefusedError: address or password are wrong.
            UnreachableError: the login server gave no answer.
            AnswerNotUnderstoodError: the tokens are not one for each party of the cluster.
        """
        self._tokens = await log_in(self._parties, self._login_server, email, password)
        return self._tokens

    async def status(self) -> PartyResults[Status]:
        """Ask every party how it is."""
        return await ask_statuses(self._parties)

    async def threshold(self) -> int:
        """Return how many of the parties may collude, as all that answer agree.

        Raises:
            PartiesDisagreeError: they do not agree.
            ClientError: no party answered.
        """
        return await ask_threshold(self._parties)

    async def create_auction(self, spec: AuctionSpec) -> PartyResults[AuctionAnswer]:
        """Create an auction at every party; doing it again with the same rules changes nothing.

        Raises:
            ClientError: fewer than ``t + 1`` parties accepted it; the others do not learn of it by themselves.
        """
        return await create_auction(self._parties, self.tokens, spec)

    async def close_auction(
        self, auction: str, *, overview: AuctionOverview | None = None
    ) -> PartyResults[AuctionAnswer]:
        """Close an auction before its time, if its rules allow it.

        Args:
            auction: the auction's id.
            overview: what :meth:`auction` gave, if the caller has it already.

        Raises:
            ValueError: ``overview`` is of another auction.
            ClientError: fewer than ``t + 1`` parties accepted the order.
        """
        overview = await known_auction(self._parties, auction, overview)
        return await close_auction(self._parties, self.tokens, overview.spec)

    async def cancel_auction(self, auction: str) -> PartyResults[AuctionAnswer]:
        """Cancel an auction before it closes, if its rules allow it.

        Raises:
            ClientError: fewer than ``t + 1`` parties accepted the order.
        """
        return await cancel_auction(self._parties, self.tokens, (await self.auction(auction)).spec)

    async def auctions(self, *, pages: int = 1) -> list[AuctionOverview]:
        """Return the newest auctions that any party knows, those that open last first.

        Args:
            pages: how many pages of 50 each party is asked for.

        Raises:
            ClientError: no party gave a usable answer.
        """
        return await list_auctions(self._parties, pages=pages)

    async def auction(self, auction: str) -> AuctionOverview:
        """Return what all parties together say about one auction; rules and keys in it are verified.

        Raises:
            MalformedIdentifierError: ``auction`` is no auction id.
            ClientError: no party gave a usable answer, or a party signed two sealing keys.
        """
        return await describe_auction(self._parties, auction)

    async def wait_until_open(self, auction: str, *, timeout_s: float = 30.0) -> AuctionOverview:
        """Return when all parties take bids; just after its creation an auction's sealing keys are still on their way.

        Raises:
            NotOpenInTimeError: the time has passed; names the parties that do not take bids.
            ClientError: no party gave a usable answer.
        """
        return await wait_until_open(self._parties, auction, self._clock, timeout_s)

    async def place_bid(  # noqa: PLR0913 -- each is a choice of its own, and all but the first two have defaults
        self,
        auction: str,
        price: str,
        *,
        overview: AuctionOverview | None = None,
        keep_trying_s: float = 0.0,
        on_sealed: OnSealed = ignore_sealed,
        on_placed: OnPlaced = ignore_placed,
    ) -> PlacedBid:
        """Bid, or replace the bid made before; the price leaves this process only as sealed shares.

        Args:
            auction: the auction's id.
            price: as people write it, such as ``1234.50``.
            overview: what :meth:`auction` gave, if the caller has it already.
            keep_trying_s: how long to submit the bid repeatedly to parties that are away.
            on_sealed: called with the bundle and its opening secret before any of it is sent, to store them
                (:class:`~aukciszek.client.stores.opening_store.OpeningStore`); if it raises, nothing is sent.
            on_placed: called with every receipt, and with every party that gave none, as it happens.

        Returns:
            The receipts, and why parties gave none. The bid counts once ``needed`` parties hold it. Every party that
            could be reached has been shown the receipts of the others, so that the bid depends on no single party
            and none can hide what it signed; :meth:`submit_again` reaches those that were away.

        Raises:
            ValueError: ``overview`` is of another auction.
            PriceError: the price cannot be bid in this auction.
            SealingKeysMissingError: not every party is ready for bids yet.
            ClientError: too few parties gave a receipt for the bid to count.
        """
        overview = await known_auction(self._parties, auction, overview)
        revision = await own_next_revision(self._parties, self.tokens, overview)
        place = BidKey(auction=overview.id, bidder=self.tokens.uid, revision=revision)
        sealed = await seal_price(overview, price, place=place)
        await asyncio.to_thread(on_sealed, sealed)
        return await self._submit(sealed.bundle, overview, "take the bid", keep_trying_s, on_placed)

    async def withdraw_bid(
        self, auction: str, *, keep_trying_s: float = 0.0, on_placed: OnPlaced = ignore_placed
    ) -> PlacedBid:
        """Take back the bid made before; see :meth:`place_bid`.

        Raises:
            ClientError: too few parties gave a receipt for the withdrawal to count.
        """
        overview = await self.auction(auction)
        revision = await own_next_revision(self._parties, self.tokens, overview)
        bundle = Bundle.for_withdrawal(auction=overview.id, bidder=self.tokens.uid, revision=revision)
        return await self._submit(bundle, overview, "take the withdrawal", keep_trying_s, on_placed)

    async def submit_again(self, placed: PlacedBid, *, on_placed: OnPlaced = ignore_placed) -> PlacedBid:
        """Submit a bundle again to the parties that gave no receipt, and relay all receipts to all in reach."""
        submission = BidSubmission(self._parties, self.tokens, placed, clock=self._clock, on_placed=on_placed)
        return await submission.submit([party for party in self.cluster.numbers if party not in placed.receipts])

    async def relay_receipts(self, placed: PlacedBid) -> PartyResults[frozenset[int]]:
        """Show the receipts for a bundle to all parties; return, by party, whose receipts it has now.

        A party takes them until it has agreed with the others on the bids that count, in general moments after the
        close; any logged-in user may submit them.
        """
        return await relay_receipts(self._parties, self.tokens, placed)

    async def own_bids(self, auction: str) -> list[HeldBid]:
        """Return all revisions of the user's own bid, with verified receipts.

        Raises:
            ClientError: too few parties answered.
        """
        overview = await self.auction(auction)
        return await held_bids(self._parties, self.tokens, overview.id, threshold=overview.spec.threshold)

    async def watch(self, auction: str, on_progress: OnProgress) -> None:
        """Report the auction's progress until a party says that it is over, or that it was abandoned.

        Raises:
            PartyRefusedError: a party does not know the auction.
        """
        await watch(self._parties, parse_auction_id(auction), on_progress, self._clock)

    async def wait_for_outcome(self, auction: str, on_progress: OnProgress = lambda _: None) -> Certificate:
        """Wait until the auction is over, and return its verified certificate.

        Raises:
            AuctionCancelledError: the auctioneer cancelled it.
            AuctionAbandonedError: there was none by the deadline of its rules.
            PartyRefusedError: a party does not know the auction.
        """
        return await wait_for_outcome(self._parties, parse_auction_id(auction), on_progress, self._clock)

    async def certificate(self, auction: str) -> Certificate:
        """Return the certificate, verified against this client's cluster file.

        Raises:
            PartyRefusedError: there is none yet.
            ForgedStatementError: no party has one that verifies.
        """
        return await fetch_certificate(self._parties, parse_auction_id(auction))

    async def records(self, auction: str) -> PartyResults[AuditRecord]:
        """Return each party's audit record: who did what, and what was opened. A broken chain counts as an error."""
        return await fetch_records(self._parties, parse_auction_id(auction))

    async def _submit(
        self, bundle: Bundle, overview: AuctionOverview, what: str, keep_trying_s: float, on_placed: OnPlaced
    ) -> PlacedBid:
        placed = PlacedBid(bundle.header(), bundle.encode(), {}, {}, overview.spec.threshold, self.cluster.size)
        submission = BidSubmission(self._parties, self.tokens, placed, clock=self._clock, on_placed=on_placed)
        return await submission.submit_until_counted(keep_trying_s, what)
