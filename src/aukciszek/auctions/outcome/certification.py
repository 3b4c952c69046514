"""From the computed outcome to the certificate that all parties signed.

``docs/protocol.md``, "The certificate". Each party signs only a body that it computed itself. The outcome and this
party's signature are stored together; the keys are destroyed once every party has signed, or, after a
timeout, all but ``t``, or, after more, ``t + 1``: then nobody needs another session, because who was not there adopts
what ``t + 1`` parties signed, and who adopts does not sign.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from aukciszek.auctions.agreement.input_set import CountedBid
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.context.change_notifier import STRAGGLER_TIMEOUT_S
from aukciszek.auctions.context.peer_network import MessageKind
from aukciszek.auctions.session.session_input import SessionOutcome
from aukciszek.cluster import PartyNumber
from aukciszek.encoding import Json
from aukciszek.mpc.protocols.runtime import Revealed
from aukciszek.protocol.evidence.audit_record import KEYS_DESTROYED
from aukciszek.protocol.evidence.certificate import Certificate, CertificateBody, LeftOut, Winner, order_outcome
from aukciszek.protocol.evidence.statements import OutcomeSignature, Signed
from aukciszek.protocol.rules.errors import AuctionError
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState

UNUSABLE_REASON: Final = "envelope-unusable"
"""Why a bid is left out about which too many parties complained."""

LONG_STRAGGLER_TIMEOUT_S: Final = 6 * STRAGGLER_TIMEOUT_S
"""How long parties wait for signatures that are worth having but may never come."""


class OutcomesDifferError(AuctionError):
    """A repeated session found another outcome than the one that this party signed."""

    code = "outcomes-differ"


class Certification:
    """The outcome of one auction at one party, and all parties' signatures under it."""

    def __init__(self, context: AuctionContext) -> None:
        self._context = context
        self._body: CertificateBody | None = None
        self._signatures: dict[PartyNumber, Signed[OutcomeSignature]] = {}
        self._offered: CertificateBody | None = None
        self._since_s = 0.0

    async def load(self) -> None:
        """Load the outcome and the signatures that were stored before a restart."""
        repository, auction = self._context.party.repository, self._context.auction
        content = await repository.outcome(auction)
        if content is not None:
            self._body = CertificateBody.decode(content)
            self._since_s = self._context.party.clock.monotonic_s()
            for row in await repository.signatures(auction):
                statement = OutcomeSignature(
                    auction=auction, party=PartyNumber(row.party), certificate=self._body.digest
                )
                self._signatures[statement.party] = Signed(statement, row.signature)

    async def conclude(self, outcome: SessionOutcome) -> None:
        """Store what a session found, sign it and enter ``signing``.

        Raises:
            OutcomesDifferError: this party signed another outcome before.
        """
        context, party_context = self._context, self._context.party
        if outcome.result.revealed and context.state is not AuctionState.REVEALING:
            raise RuntimeError("an outcome was opened although nothing is on record of its being opened")
        body = certificate_body(context.spec, outcome)
        if self._body is not None and self._body != body:
            raise OutcomesDifferError("a repeated session found another outcome than the first: tell the operators")
        own = body.signed_by(party_context.number, party_context.identity)
        details: dict[str, Json] = {"certificate": body.digest, "revealed": _to_json(outcome.result.revealed)}
        async with context.entering(AuctionState.SIGNING, "outcome-found", details) as connection:
            await party_context.repository.put_outcome(context.auction, body.canonical_bytes, connection=connection)
            await party_context.repository.put_signature(
                context.auction, party_context.number, own.signature, connection=connection
            )
        await self._take_up(body, {party_context.number: own})

    async def receive(self, content: bytes) -> None:
        """Note a party's signature; more of them may come after the outcome is final here.

        Raises:
            StatementError: it is not signed by the party that it names.
        """
        signed = self._context.read(OutcomeSignature, content)
        if self._body is None:
            self._signatures[signed.content.party] = signed
        elif signed.content.party not in self._signatures:
            await self._keep(signed)
            self._context.signal.notify()

    async def receive_outcome(self, content: bytes) -> None:
        """Note an outcome that this party did not compute; it is believed once ``t + 1`` parties signed it.

        Raises:
            MalformedCertificateError: the content is no certificate's body.
        """
        body = CertificateBody.decode(content)
        if self._body is None and body.spec == self._context.spec:
            self._offered = body
            self._context.signal.notify()

    @property
    def knows_outcome(self) -> bool:
        """Whether this party found the outcome, or adopted it."""
        return self._body is not None

    @property
    def is_offered(self) -> bool:
        """Whether another party has sent an outcome that this party did not compute."""
        return self._offered is not None

    @property
    def may_adopt(self) -> bool:
        """Whether other parties computed the outcome without this one, and enough of them signed it."""
        if self._body is not None or self._offered is None:
            return False
        signers = [one for one in self._signatures.values() if one.content.certificate == self._offered.digest]
        return len(signers) >= self._context.party.vouchers_needed

    async def adopt(self, state: AuctionState = AuctionState.SIGNING) -> None:
        """Store an outcome that enough other parties signed, without signing it, and enter ``state``."""
        context, body = self._context, self._offered
        if body is not None and self.may_adopt:
            details: dict[str, Json] = {"certificate": body.digest, "signatures": sorted(self._signatures)}
            async with context.entering(state, "outcome-adopted", details) as connection:
                await context.party.repository.put_outcome(context.auction, body.canonical_bytes, connection=connection)
            await self._take_up(body, {})

    async def finish(self) -> None:
        """Enter ``final`` and destroy this party's keys: no bid can be read from here on."""
        context = self._context
        details = {"signatures": sorted(self._signatures)}
        async with context.entering(AuctionState.FINAL, KEYS_DESTROYED, details) as connection:
            await context.party.repository.erase_secrets(context.auction, connection=connection)

    async def announce(self, to: Sequence[PartyNumber]) -> None:
        """Send the signatures that are here, and ask for those that are not."""
        await self.send_signatures(to)
        await self._context.send(to, MessageKind.SIGNATURES_WANTED, b"")

    async def receive_wanted(self, sender: PartyNumber, _content: bytes) -> None:
        """Answer a peer that asks for signatures."""
        await self.send_signatures([sender])

    async def send_signatures(self, to: Sequence[PartyNumber]) -> None:
        """Send every signature that this party has under the outcome."""
        if self._body is not None:
            for signed in self._signatures.values():
                await self._context.send(to, MessageKind.OUTCOME_SIGNATURE, signed.encode())

    async def send_outcome(self, to: Sequence[PartyNumber]) -> None:
        """Send the outcome itself to peers that were not there when it was computed, if enough parties signed it."""
        if self._body is not None and self.is_settled:
            await self._context.send(to, MessageKind.OUTCOME, self._body.canonical_bytes)
            await self.send_signatures(to)

    @property
    def is_settled(self) -> bool:
        """Whether ``t + 1`` parties signed: nobody needs another session, the others can adopt the outcome."""
        return len(self._signatures) >= self._context.party.vouchers_needed

    @property
    def is_complete(self) -> bool:
        """Whether all parties signed the outcome or, after a timeout, as many as may be all that ever will."""
        party_context, signed = self._context.party, len(self._signatures)
        waited_s = party_context.clock.monotonic_s() - self._since_s
        enough = signed >= party_context.cluster.size - party_context.threshold and waited_s >= STRAGGLER_TIMEOUT_S
        # All others may have adopted the outcome: they were absent, or a corrupt party disturbed the session for them.
        all_that_come = self.is_settled and waited_s >= LONG_STRAGGLER_TIMEOUT_S
        return self._body is not None and (not self.missing or enough or all_that_come)

    @property
    def missing(self) -> frozenset[PartyNumber]:
        """The parties whose signature is not here."""
        return frozenset(self._context.party.cluster.numbers) - self._signatures.keys()

    def certificate(self) -> Certificate | None:
        """Return the certificate as it stands, once ``t + 1`` parties signed: one of them is honest."""
        if self._body is None or not self.is_settled:
            return None
        return Certificate.assemble(self._body, self._context.party.cluster.content, self._signatures.values())

    async def _take_up(self, body: CertificateBody, own: dict[PartyNumber, Signed[OutcomeSignature]]) -> None:
        """Settle on a body; signatures that came before it was known count if they are under it."""
        self._body, self._offered = body, None
        self._since_s = self._context.party.clock.monotonic_s()
        early, self._signatures = self._signatures, own
        for signed in early.values():
            await self._keep(signed)
        self._context.signal.notify()

    async def _keep(self, signed: Signed[OutcomeSignature]) -> None:
        context, party = self._context, signed.content.party
        if self._body is None or signed.content.certificate != self._body.digest:
            await context.report("other-outcome-signed", party, {"certificate": signed.content.certificate})
            return
        await context.party.repository.put_signature(context.auction, party, signed.signature)
        self._signatures[party] = signed


def certificate_body(spec: AuctionSpec, outcome: SessionOutcome) -> CertificateBody:
    """Return the certificate's body: the same bytes at every party that found the same."""
    result = outcome.result
    left_out = [LeftOut(bundle=digest, reason=UNUSABLE_REASON) for digest in outcome.unusable]
    left_out += [LeftOut(bundle=outcome.bids[index].digest, reason=reason) for index, reason in result.left_out]
    winners, prices = order_outcome(
        [_winner(outcome.bids[index]) for index in result.winners],
        [spec.grid.to_price(step) for step in result.prices],
        price_each=spec.format == "pay-as-bid",
    )
    return CertificateBody(
        spec=spec,
        bids=outcome.input_set.digests,
        left_out=tuple(sorted(left_out, key=lambda one: one.bundle)),
        tie_break_seed=None if result.tie_break_seed is None else result.tie_break_seed.hex(),
        outcome=result.kind,
        winners=winners,
        prices=prices,
    )


def _winner(bid: CountedBid) -> Winner:
    return Winner(bundle=bid.digest, bidder=bid.bidder)


def _to_json(revealed: Iterable[Revealed]) -> Json:
    # Field elements do not fit into JSON's safe integers.
    return [{"reason": one.reason, "values": [str(value) for value in one.values]} for one in revealed]
