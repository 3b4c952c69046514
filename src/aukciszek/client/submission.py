"""Submitting a bundle: receipts as they arrive, the receipts relayed to all parties, failed parties tried again.

``docs/protocol.md``, "Receipts and the input set". A bid that only some parties hold depends on each of them, and one
of them may be lost for good a moment later. A party may also deny later what it signed, even where all have signed.
Therefore, as soon as enough receipts are in for the bid to count, every party that can be reached is shown the receipts
of the others: no one can hide what an honest party has seen signed.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from aukciszek.backoff import Backoff
from aukciszek.client.connection import PartyConnection, Request
from aukciszek.client.errors import AnswerNotUnderstoodError, ForgedStatementError, PartyRefusedError, UnreachableError
from aukciszek.client.parties import Parties, PartyResults
from aukciszek.client.schemas import ReceiptAnswer, RelayedBidAnswer
from aukciszek.client.tokens import UserTokens
from aukciszek.clock import Clock
from aukciszek.cluster import Cluster
from aukciszek.errors import AukciszekError
from aukciszek.protocol.evidence.receipts import ReceiptFile, RelayedBid
from aukciszek.protocol.evidence.statements import Receipt, Signed, read_statement
from aukciszek.protocol.rules.errors import MalformedReceiptFileError
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest
from aukciszek.protocol.sealing.bundle import Bundle, BundleHeader
from aukciszek.racing import race

RELAY_AFTER_S: Final = 1.0
"""How long receipts wait for those of slower parties before they are relayed."""

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 10.0
_SERVER_ERROR: Final = 500
_PASSING_PROBLEMS: Final = frozenset({"auction-not-open"})
"""A party that was down when an auction was created opens it a little later than the others."""


@dataclass(frozen=True)
class PlacedBid:
    """A bundle that was submitted to the parties, and their answers.

    Attributes:
        header: what is public about the bundle.
        content: the bundle's bytes, needed to submit it again; ``None`` if only receipts were kept.
        receipts: the verified receipts, by party number.
        errors: why other parties gave none.
        threshold: ``t``; the bundle counts if at least ``t + 1`` parties received it in time.
        parties: how many parties there are.
        relayed: the parties that store the receipts of others, so that the bid depends on no single party.
    """

    header: BundleHeader
    content: bytes | None = field(repr=False)
    receipts: Mapping[int, Signed[Receipt]]
    errors: Mapping[int, AukciszekError]
    threshold: int
    parties: int
    relayed: frozenset[int] = frozenset()

    @property
    def needed(self) -> int:
        """How many receipts make the bundle count."""
        return self.threshold + 1

    @property
    def counts(self) -> bool:
        """Whether enough parties gave a receipt for the bundle to count, whatever ``t`` of them do later."""
        return len(self.receipts) >= self.needed

    @property
    def complete(self) -> bool:
        """Whether every party gave a receipt."""
        return len(self.receipts) == self.parties

    @property
    def may_still_come(self) -> frozenset[int]:
        """The parties that gave no receipt, for a reason that passes."""
        return frozenset(party for party, error in self.errors.items() if _passes(error))


type OnPlaced = Callable[[PlacedBid], None]
"""Called with every receipt, and with every party that gave none, as it happens."""


def ignore_placed(_: PlacedBid) -> None:
    """Do nothing."""


class BidSubmission:
    """One bundle on its way to the parties."""

    def __init__(
        self,
        parties: Parties,
        tokens: UserTokens,
        placed: PlacedBid,
        *,
        clock: Clock,
        on_placed: OnPlaced = ignore_placed,
    ) -> None:
        self.placed = placed
        self._parties = parties
        self._tokens = tokens
        self._clock = clock
        self._on_placed = on_placed
        self._asked: set[int] = set()
        self._shown: dict[int, frozenset[int]] = {}

    async def submit(self, only: Iterable[int] | None = None) -> PlacedBid:
        """Submit the bundle to all parties, or the named ones, and relay the receipts to all that can be reached."""
        numbers = self._parties.cluster.numbers if only is None else tuple(only)
        content = self.placed.content
        tasks = [] if content is None else [asyncio.create_task(self._submit(party, content)) for party in numbers]
        try:
            await race(asyncio.shield(asyncio.gather(*tasks)), self._clock.sleep(RELAY_AFTER_S))
            await self._relay_receipts()
            while pending := [task for task in tasks if not task.done()]:
                await race(*map(asyncio.shield, pending))
                await self._relay_receipts()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return self.placed

    async def keep_trying(self, for_s: float) -> PlacedBid:
        """Submit the bundle repeatedly to parties that may still accept it, until all did or the time is over."""
        until_s = self._clock.monotonic_s() + for_s
        backoff = Backoff(self._clock, first_s=_FIRST_PAUSE_S, longest_s=_LONGEST_PAUSE_S)
        while self.placed.may_still_come and (rest_s := until_s - self._clock.monotonic_s()) > 0:
            await backoff.pause(at_most_s=rest_s)
            await self.submit(self.placed.may_still_come)
        return self.placed

    async def submit_until_counted(self, keep_trying_s: float, what: str) -> PlacedBid:
        """Submit the bundle to all parties, repeatedly for a while to those that may still accept it.

        Raises:
            ClientError: too few parties gave a receipt for the bundle to count.
        """
        await self.submit()
        placed = await self.keep_trying(keep_trying_s)
        PartyResults(placed.receipts, placed.errors).need(placed.needed, what)
        return placed

    async def _submit(self, number: int, content: bytes) -> None:
        self._asked.add(number)
        token, cluster = self._tokens.at(number), self._parties.cluster
        try:
            receipt = await submit_to(self._parties[number], token, cluster, self.placed.header, content)
        except AukciszekError as error:
            self._update(replace(self.placed, errors={**self.placed.errors, number: error}))
        else:
            errors = {other: error for other, error in self.placed.errors.items() if other != number}
            self._update(replace(self.placed, receipts={**self.placed.receipts, number: receipt}, errors=errors))
        finally:
            self._asked.discard(number)

    async def _relay_receipts(self) -> None:
        """Show the receipts that are in to all parties that can be reached and have not seen as many."""
        placed, signers = self.placed, frozenset(self.placed.receipts)
        if not placed.counts:
            return
        away = {party for party, error in placed.errors.items() if isinstance(error, UnreachableError)}
        reached = set(self._parties.cluster.numbers) - away - self._asked
        targets = sorted(party for party in reached if self._shown.get(party) != signers)
        self._shown |= dict.fromkeys(targets, signers)
        outcomes = await relay_receipts(self._parties, self._tokens, placed, only=targets)
        for party, error in outcomes.errors.items():
            if _passes(error):
                self._shown.pop(party, None)
        errors = {party: error for party, error in outcomes.errors.items() if party not in self.placed.receipts}
        self._update(
            replace(
                self.placed,
                errors=errors | dict(self.placed.errors),
                relayed=self.placed.relayed | outcomes.answers.keys(),
            )
        )

    def _update(self, placed: PlacedBid) -> None:
        if placed != self.placed:
            self.placed = placed
            self._on_placed(placed)


def placed_before(file: ReceiptFile, cluster: Cluster, *, threshold: int) -> PlacedBid:
    """Return the last revision of a receipt file as it was placed.

    Raises:
        StatementError: a receipt is malformed or not signed by the party that it names.
        MalformedReceiptFileError: there is no revision in it, or what it says of its bundle is not so.
    """
    if not file.bids:
        raise MalformedReceiptFileError("there is no bid in this receipt file")
    last = file.bids[-1]
    header = BundleHeader(
        digest=last.bundle,
        auction=file.auction,
        bidder=file.bidder,
        revision=last.revision,
        withdrawal=last.withdrawal,
    )
    if last.content is not None and Bundle.decode(last.content).header() != header:
        raise MalformedReceiptFileError("the bundle in this receipt file is not the one that it names")
    receipts = {
        int(one.content.party): read_receipt(one.encode(), one.content.party, file.auction, last.bundle, cluster)
        for one in last.read(cluster)
    }
    return PlacedBid(header, last.content, receipts, {}, threshold, cluster.size)


async def submit_to(
    party: PartyConnection, token: str, cluster: Cluster, header: BundleHeader, content: bytes
) -> Signed[Receipt]:
    """Submit a bundle to one party.

    Raises:
        ClientError: the party cannot be reached, refused, or gave no receipt for this bundle.
        StatementError: its receipt is malformed, or not signed by it.
    """
    path = f"/api/auctions/{header.auction}/bids"
    request = Request("POST", path, body=content, content_type="application/octet-stream", token=token)
    answer = party.parse(ReceiptAnswer, await party.ask(request))
    return read_receipt(answer.statement, party.number, header.auction, header.digest, cluster)


async def relay_receipts(
    parties: Parties, tokens: UserTokens, placed: PlacedBid, *, only: Iterable[int] | None = None
) -> PartyResults[frozenset[int]]:
    """Show the receipts for a bundle to all parties, or the named ones.

    Returns:
        By party, whose receipts it has now.
    """
    header, signers = placed.header, frozenset(placed.receipts)
    receipts = tuple(receipt.encode() for _, receipt in sorted(placed.receipts.items()))
    # The signers hold the bundle, so it is not sent to them a second time.
    for_signers = RelayedBid(receipts=receipts).canonical_bytes
    for_others = RelayedBid(bundle=placed.content, receipts=receipts).canonical_bytes
    path = f"/api/auctions/{header.auction}/receipts"

    async def show(party: PartyConnection) -> frozenset[int]:
        body = for_signers if party.number in signers else for_others
        request = Request("POST", path, body=body, token=tokens.at(party.number))
        answer = party.parse(RelayedBidAnswer, await party.ask(request))
        known = frozenset(answer.receipts_of)
        if answer.bundle != header.digest or not signers - {party.number} <= known:
            raise AnswerNotUnderstoodError(f"party {party.number} does not have the receipts that it was given")
        return known

    return await parties.each(show, only)


def read_receipt(
    content: bytes, party: int, auction: AuctionId, digest: BundleDigest, cluster: Cluster
) -> Signed[Receipt]:
    """Read and verify a party's receipt for one bundle.

    Raises:
        StatementError: it is malformed, or not signed by the party that it names.
        ForgedStatementError: it names another party than the one that sent it.
        AnswerNotUnderstoodError: it is for something else.
    """
    receipt = read_statement(Receipt, content, cluster)
    if receipt.content.party != party:
        raise ForgedStatementError(f"party {party} gave a receipt in another party's name: keep it as proof")
    if (receipt.content.auction, receipt.content.bundle) != (auction, digest):
        raise AnswerNotUnderstoodError(f"party {party} gave a receipt for something else than this bid")
    return receipt


def _passes(error: AukciszekError) -> bool:
    if isinstance(error, PartyRefusedError):
        return error.status >= _SERVER_ERROR or error.problem in _PASSING_PROBLEMS
    return isinstance(error, UnreachableError)
