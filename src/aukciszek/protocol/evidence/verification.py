"""Verifying a certificate from files alone: what `aukciszek verify` and the page show, line by line.

``docs/protocol.md``, "The certificate". A certificate is valid if at least ``t + 1`` parties signed it, as one of them
is honest; normally all ``n`` have. A bidder's receipt file adds the question whether the bid was counted; an opened
bid, whether the outcome can be true (:mod:`.opening_verdict`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.mpc.mode import Security
from aukciszek.protocol.evidence.certificate import Certificate
from aukciszek.protocol.evidence.checks import Check
from aukciszek.protocol.evidence.opened_bid import OpenedBid
from aukciszek.protocol.evidence.opening_verdict import check_opening
from aukciszek.protocol.evidence.receipts import BidReceipts, ReceiptFile, in_time
from aukciszek.protocol.evidence.statements import verify
from aukciszek.protocol.rules.errors import StatementError


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """All questions that could be asked of the files at hand."""

    checks: tuple[Check, ...]

    @property
    def valid(self) -> bool:
        """Whether the certificate is valid: no check failed."""
        return all(check.verdict != "failed" for check in self.checks)


def verify_certificate(
    certificate: Certificate,
    *,
    cluster: Cluster | None = None,
    receipts: ReceiptFile | None = None,
    opening: OpenedBid | None = None,
) -> VerificationReport:
    """Check a certificate.

    Args:
        certificate: as decoded, hence without contradictions in itself.
        cluster: the cluster file that the verifier trusts; without it the one inside the certificate is used and its
            digest is reported for comparison.
        receipts: the verifier's own receipts, if it was a bidder.
        opening: a bid that its bidder opened, to judge the outcome by.
    """
    checks = [
        _check_cluster(certificate, cluster),
        _check_signatures(certificate),
        Check("outcome", "passed", _describe(certificate)),
    ]
    if receipts is not None:
        checks.extend(_check_receipts(certificate, receipts))
    if opening is not None:
        checks.extend(check_opening(certificate, opening))
    return VerificationReport(tuple(checks))


_SECURITY: Final = {
    Security.WITH_ABORT: "everything that was computed was verified before the outcome was opened",
    Security.WITH_DETECTION: "a wrong share would have been detected immediately",
    Security.ROBUST: "wrong and missing shares would have been corrected",
}
"""What held against up to ``t`` corrupt parties; it follows from ``n`` and ``t``, which the rules name."""


def _check_cluster(certificate: Certificate, cluster: Cluster | None) -> Check:
    digest = certificate.cluster.digest
    if cluster is None:
        advice = "compare it with the one that you trust, or give your own cluster file"
        return Check(
            "cluster", "not-checked", f"the parties are those of the cluster file with SHA-256 {digest}: {advice}"
        )
    if cluster.digest != digest:
        text = f"the certificate is from the cluster {digest}, your cluster file has the SHA-256 {cluster.digest}"
        return Check("cluster", "failed", text)
    return Check("cluster", "passed", f"the parties are those of your cluster file, SHA-256 {digest}")


def _check_signatures(certificate: Certificate) -> Check:
    spec = certificate.body.spec
    wrong: list[PartyNumber] = []
    for claimed in certificate.claimed_signatures():
        try:
            verify(claimed, certificate.cluster)
        except StatementError:
            wrong.append(claimed.content.party)
    genuine = len(certificate.signatures) - len(wrong)
    needed = spec.threshold + 1
    if wrong:
        return Check(
            "signatures", "failed", f"not genuine: the signature of {_name(wrong)}; the certificate was changed"
        )
    if genuine < needed:
        return Check("signatures", "failed", f"{genuine} of {spec.parties} parties signed, at least {needed} must")
    text = f"{genuine} of {spec.parties} parties signed, {needed} are enough; {_SECURITY[spec.mode.security]}"
    return Check("signatures", "passed", text)


def _describe(certificate: Certificate) -> str:
    body = certificate.body
    counted = f"{body.valid_bids} valid bids of {len(body.bids)}, auction {body.auction}"
    if body.outcome == "too-few-bids":
        return f"fewer than the {body.spec.minimum_bids} bids that the rules ask for: nothing was sold ({counted})"
    if body.outcome == "reserve-not-met":
        return f"no bid met the reserve price: nothing was sold ({counted})"
    winners = ", ".join(winner.bidder for winner in body.winners)
    return f"won by {winners} at {', '.join(body.prices)} {body.spec.currency} ({counted})"


def _check_receipts(certificate: Certificate, file: ReceiptFile) -> Iterator[Check]:
    if file.auction != certificate.body.auction:
        yield Check("receipts", "failed", f"the receipts are from another auction: {file.auction}")
        return
    punctual: list[int] = []
    for bid in file.bids:
        try:
            punctual.append(_count_punctual(certificate, bid))
        except (StatementError, ValueError) as error:
            yield Check("receipts", "failed", f"the receipts for revision {bid.revision} are not genuine: {error}")
            return
    yield Check("receipts", "passed", f"all receipts are genuine, for {len(file.bids)} revisions of your bid")
    yield _check_own_bid(certificate, file.bids, punctual)


def _count_punctual(certificate: Certificate, bid: BidReceipts) -> int:
    """Return how many parties signed that they had the bid by the close."""
    receipts = [signed.content for signed in bid.read(certificate.cluster)]
    if any((one.auction, one.bundle) != (certificate.body.auction, bid.bundle) for one in receipts):
        raise ValueError("a receipt is for another bundle or auction")
    return len({one.party for one in receipts if in_time(one.received_at, certificate.body.spec.closes_at)})


def _check_own_bid(certificate: Certificate, bids: Sequence[BidReceipts], punctual: Sequence[int]) -> Check:
    body = certificate.body
    enough = body.spec.threshold + 1
    settled = [index for index, count in enumerate(punctual) if count >= enough]
    if not settled:
        text = f"no revision has receipts in time from {enough} parties, so that none had to be counted"
        return Check("own-bid", "not-checked", text)
    # A later revision may have counted too, through receipts that never reached the bidder.
    candidates = bids[settled[-1] :]
    left_out = {one.bundle: one.reason for one in body.left_out}
    counted = [bid for bid in bids if bid.bundle in body.bids]
    outdated = [bid for bid in counted if bid not in candidates]
    if outdated:
        return Check("own-bid", "failed", f"revision {outdated[-1].revision} was counted, although it was replaced")
    if not counted:
        if any(bid.withdrawal for bid in candidates):
            return Check("own-bid", "passed", "your bid was withdrawn and not counted")
        text = (
            f"revision {candidates[0].revision} was not counted, although {punctual[settled[-1]]} parties signed for it"
        )
        return Check("own-bid", "failed", f"{text}: show your receipts to the auctioneer and the operators")
    own = counted[-1]
    if own.bundle in left_out:
        return Check("own-bid", "failed", f"revision {own.revision} was left out: {left_out[own.bundle]}")
    won = any(winner.bundle == own.bundle for winner in body.winners)
    return Check("own-bid", "passed", f"revision {own.revision} was counted and {'won' if won else 'did not win'}")


def _name(parties: Sequence[PartyNumber]) -> str:
    return f"part{'y' if len(parties) == 1 else 'ies'} {', '.join(str(party) for party in parties)}"
