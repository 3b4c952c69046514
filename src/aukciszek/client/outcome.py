"""Waiting for an outcome, and fetching the certificate: believed only once it verifies.

Any party may be watched, since progress is for people's eyes; an outcome needs the signatures of at least ``t + 1``
parties (``docs/protocol.md``, "The certificate"), an end without an outcome the word of as many.
"""

import itertools
from collections.abc import Callable
from typing import Final

from aukciszek.client.catalogue import describe_auction
from aukciszek.client.connection import PartyConnection, Request
from aukciszek.client.errors import (
    AuctionAbandonedError,
    AuctionCancelledError,
    ClientError,
    ForgedStatementError,
    PartyRefusedError,
)
from aukciszek.client.parties import Parties, PartyResults
from aukciszek.client.schemas import Progress
from aukciszek.clock import Clock, format_time
from aukciszek.protocol.evidence.audit_record import AuditRecord, verify_record
from aukciszek.protocol.evidence.certificate import Certificate
from aukciszek.protocol.evidence.verification import verify_certificate
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.protocol.rules.states import AuctionState, has_no_keys

_PAUSE_S: Final = 0.2
_NOT_YET: Final = "no-outcome-yet"
_UNKNOWN: Final = "unknown-auction"

type OnProgress = Callable[[Progress], None]
"""Called with every progress that the watched party reports."""


async def fetch_certificate(parties: Parties, auction: AuctionId) -> Certificate:
    """Return the certificate, verified against the client's own cluster file; of several the one most have signed.

    Raises:
        PartyRefusedError: there is none yet.
        ForgedStatementError: no party has one that verifies.
        ClientError: no party gave an answer.
    """

    async def ask(party: PartyConnection) -> Certificate:
        content = await party.ask(Request("GET", f"/api/auctions/{auction}/certificate"))
        certificate = Certificate.decode(content)
        if certificate.body.auction != auction:
            raise ForgedStatementError(f"party {party.number} gave the certificate of another auction")
        for check in verify_certificate(certificate, cluster=parties.cluster).checks:
            if check.verdict == "failed":
                raise ForgedStatementError(f"party {party.number} gave a certificate that fails: {check.text}")
        return certificate

    answers = (await parties.each(ask)).need(1, "show the certificate")
    return max(answers.values(), key=lambda certificate: len(certificate.signatures))


async def fetch_records(parties: Parties, auction: AuctionId) -> PartyResults[AuditRecord]:
    """Return each party's audit record of an auction; a record whose chain is broken counts as an error."""

    async def ask(party: PartyConnection) -> AuditRecord:
        record = AuditRecord.decode(await party.ask(Request("GET", f"/api/auctions/{auction}/record")))
        if (record.auction, record.party) != (auction, party.number):
            raise ForgedStatementError(f"party {party.number} gave another record than its own of this auction")
        verify_record(record)
        return record

    return await parties.each(ask)


async def watch(parties: Parties, auction: AuctionId, on_progress: OnProgress, clock: Clock) -> None:
    """Report the auction's progress until a party says that it is over, or that it was abandoned.

    Follows one party, and the next one when that party goes away.

    Raises:
        PartyRefusedError: a party does not know the auction.
    """
    for number in itertools.cycle(parties.cluster.numbers):
        try:
            async for progress in parties[number].events(f"/api/auctions/{auction}/progress", Progress):
                on_progress(progress)
                if has_no_keys(progress.state):
                    return
        except ClientError as error:
            if isinstance(error, PartyRefusedError) and error.problem == _UNKNOWN:
                raise
        await clock.sleep(_PAUSE_S)


async def wait_for_outcome(parties: Parties, auction: AuctionId, on_progress: OnProgress, clock: Clock) -> Certificate:
    """Wait until the auction is over, and return its verified certificate.

    Raises:
        AuctionCancelledError: the auctioneer cancelled it.
        AuctionAbandonedError: there was none by the deadline of its rules.
        PartyRefusedError: a party does not know the auction.
    """
    while True:
        await watch(parties, auction, on_progress, clock)
        try:
            return await fetch_certificate(parties, auction)
        except PartyRefusedError as error:
            if error.problem != _NOT_YET:
                raise
        overview = await describe_auction(parties, auction)
        states = [answer.state for answer in overview.answers.values()]
        cancelled, abandoned = (states.count(end) for end in (AuctionState.CANCELLED, AuctionState.ABANDONED))
        if cancelled > overview.spec.threshold:
            raise AuctionCancelledError("the auctioneer cancelled this auction; nothing was opened")
        if abandoned + cancelled > overview.spec.threshold:
            raise AuctionAbandonedError(
                f"the parties found no outcome by {format_time(overview.spec.abandons_at)}, and destroyed their keys: "
                "see their records for the reason; should one come up after all, `aukciszek auction result` shows it"
            )
        # The party that was watched is ahead of the others, or corrupt: look again.
        await clock.sleep(_PAUSE_S)
