"""What an opened bid says about a certificate: nothing against it, or that the parties who signed it are wrong.

``docs/protocol.md``, "Opening one's own bid". A certificate with enough signatures is believed because at most ``t``
parties are corrupt; an opened bid is evidence that needs no such trust, and contradicts even what all parties signed.

Pure: from the two files' contents alone. Whether the certificate's signatures are genuine is asked in
:mod:`.verification`; without them a verdict accuses nobody.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.protocol.evidence.certificate import NOT_BITS, OUT_OF_RANGE, Certificate, CertificateBody
from aukciszek.protocol.evidence.checks import Check, Verdict
from aukciszek.protocol.evidence.contradictions import OpenedPrice, contradiction
from aukciszek.protocol.evidence.opened_bid import OpenedBid, find_bid
from aukciszek.protocol.evidence.receipts import BidReceipts, in_time
from aukciszek.protocol.rules.errors import BundleError, OpeningError, StatementError
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.sealing.bundle import BundleHeader

_ABOUT_THE_BID: Final = frozenset({NOT_BITS, OUT_OF_RANGE})
"""The reasons for leaving a bid out that its rows can disprove; all others are about what an envelope held."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on an outcome in the light of one opened bid, and why."""

    verdict: Verdict
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One revision of the bid, with the parties whose genuine receipts its bidder shows."""

    bundle: BundleDigest
    revision: int
    withdrawal: bool
    signed: frozenset[PartyNumber]
    signed_in_time: frozenset[PartyNumber]
    """Those that signed that they had it by the close."""


def check_opening(certificate: Certificate, opened: OpenedBid) -> Iterator[Check]:
    """Yield whether an opened bid is genuine and, if so, what follows from it."""
    spec = certificate.body.spec
    try:
        found = find_bid(opened)
        found.bundle.check_fits(spec)
        revisions = [_read(certificate, bid) for bid in opened.receipts.bids]
    except (OpeningError, BundleError, StatementError, ValueError) as error:
        yield Check("opening", "failed", f"this opened bid proves nothing, for or against the outcome: {error}")
        return
    valid = fault_of(certificate.body, found.step) is None and found.step is not None
    price = f"{spec.grid.to_price(found.step)} {spec.currency}" if valid and found.step is not None else "no price"
    header = found.header
    text = f"all {spec.parties} commitments open: revision {header.revision} of bidder {header.bidder} is {price}"
    yield Check("opening", "passed", text)
    judgement = judge(certificate, header, found.step, revisions)
    yield Check("opened-bid", judgement.verdict, judgement.text)


def judge(
    certificate: Certificate, header: BundleHeader, step: int | None, revisions: Collection[Revision]
) -> Judgement:
    """Judge an outcome by one bid that was opened.

    Args:
        certificate: what the parties say.
        header: of the opened bundle.
        step: its price in steps of the grid; None if what was shared is no number.
        revisions: all revisions that the bidder shows receipts for, this one as well if it has any.
    """
    body = certificate.body
    if header.digest not in body.bids:
        return _judge_absence(certificate, header, revisions)
    fault = fault_of(body, step)
    reason = next((one.reason for one in body.left_out if one.bundle == header.digest), None)
    if reason is not None:
        signed = next((len(one.signed) for one in revisions if one.bundle == header.digest), 0)
        return _judge_left_out(body, reason, fault, signed)
    if fault is not None or step is None:
        return Judgement("failed", f"outcome false: this bid took part, although it is not valid ({fault})")
    wrong = contradiction(body, OpenedPrice(header.digest, header.bidder, step))
    if wrong is not None:
        return Judgement("failed", f"outcome false: {wrong}")
    won = any(winner.bundle == header.digest for winner in body.winners)
    return Judgement("passed", f"consistent with the outcome: the bid took part and {'won' if won else 'did not win'}")


def fault_of(body: CertificateBody, step: int | None) -> str | None:
    """Return why a bid must be left out, as the stable code; None if it is valid."""
    if step is None:
        return NOT_BITS
    return OUT_OF_RANGE if step > body.spec.grid.highest_step else None


def _judge_left_out(body: CertificateBody, reason: str, fault: str | None, signed: int) -> Judgement:
    if fault is not None:
        return Judgement("passed", f"the bid was left out ({reason}), rightly: it is not valid ({fault})")
    if reason in _ABOUT_THE_BID:
        return Judgement("failed", f"outcome false: the bid was left out ({reason}), although it is valid")
    needed = body.spec.parties - body.spec.threshold
    if signed < needed:
        text = f"the bid was left out ({reason}), and its rows do not show what its envelopes held"
        return Judgement("not-checked", f"{text}: that takes receipts from {needed} parties")
    text = f"the bid was left out ({reason}), although it is valid and {signed} parties signed that they can use it"
    return Judgement("failed", f"outcome false: {text}")


def _judge_absence(certificate: Certificate, header: BundleHeader, revisions: Collection[Revision]) -> Judgement:
    body, enough = certificate.body, certificate.body.spec.threshold + 1
    for later in sorted((one for one in revisions if one.revision > header.revision), key=lambda one: one.revision):
        what = "withdrew" if later.withdrawal else "replaced"
        if later.bundle in body.bids:
            return Judgement("passed", f"revision {later.revision} {what} this bid and took part: open that one")
        if len(later.signed_in_time) >= enough:
            verdict: Verdict = "passed" if later.withdrawal else "not-checked"
            advice = "rightly, it did not take part" if later.withdrawal else "open that one"
            return Judgement(verdict, f"revision {later.revision} {what} this bid: {advice}")
        if later.withdrawal and later.signed:
            return Judgement("not-checked", f"revision {later.revision} withdrew this bid, and may have counted")
    signers = next((one.signed_in_time for one in revisions if one.bundle == header.digest), frozenset[PartyNumber]())
    if len(signers) < enough:
        text = f"the bid did not take part, and had to only with receipts in time from {enough} parties, not"
        return Judgement("not-checked", f"{text} {len(signers)}")
    text = (
        f"the bid did not count, although these parties signed for it in time: {_names(certificate.cluster, signers)}"
    )
    also = signers & {signature.party for signature in certificate.signatures}
    text += f"; of them {_numbers(also)} signed this certificate, which leaves the bid out" if also else ""
    excuse = "either its bidder replaced or withdrew it later, which they have to show, or they denied their receipts"
    return Judgement("failed", f"{text}; {excuse}")


def _read(certificate: Certificate, bid: BidReceipts) -> Revision:
    """Read the receipts for one revision.

    Raises:
        StatementError: one is not genuine.
        ValueError: one is for another bundle or auction.
    """
    body = certificate.body
    receipts = [signed.content for signed in bid.read(certificate.cluster)]
    if any((one.auction, one.bundle) != (body.auction, bid.bundle) for one in receipts):
        raise ValueError("a receipt is for another bundle or auction")
    return Revision(
        bundle=bid.bundle,
        revision=bid.revision,
        withdrawal=bid.withdrawal,
        signed=frozenset(one.party for one in receipts),
        signed_in_time=frozenset(one.party for one in receipts if in_time(one.received_at, body.spec.closes_at)),
    )


def _names(cluster: Cluster, parties: Collection[PartyNumber]) -> str:
    return ", ".join(f"party {party} ({cluster.party(party).name})" for party in sorted(parties))


def _numbers(parties: Collection[PartyNumber]) -> str:
    return ", ".join(f"party {party}" for party in sorted(parties))
