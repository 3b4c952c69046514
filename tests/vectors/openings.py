"""Known answers about opened bids: what each says about a certificate that all parties signed."""

from functools import partial

from aukciszek.encoding import Json, to_base64url
from aukciszek.protocol.evidence.certificate import CertificateBody, LeftOut
from aukciszek.protocol.evidence.opened_bid import OpenedBid
from aukciszek.protocol.evidence.verification import verify_certificate
from support.evidence import BIDDERS, Evidence
from vectors.samples import Answers, cluster, code_of, identities, spec


def openings() -> Answers:
    """Return certificates with opened bids and what follows, and texts that are no opened bid. Others each time."""
    evidence = Evidence(spec(), cluster().content, identities())
    best, friend, absent = (evidence.seal(bidder, step) for bidder, step in zip(BIDDERS, (100, 200, 90), strict=False))
    opened = evidence.open(best)
    true = evidence.body([best, friend], (best, "50.00"))
    forged = evidence.body([best, friend], (friend, "100.00"))
    other = evidence.seal(BIDDERS[3], 300)
    out = (LeftOut(bundle=best.digest, reason="out-of-range"),)
    unused = (LeftOut(bundle=best.digest, reason="envelope-unusable"),)
    few = evidence.receipts((best.bundle, evidence.in_time(1, 2)))
    cases = [
        ("a true outcome", true, opened),
        ("another winner than the best bid", forged, opened),
        ("a bid that is absent although it has receipts", true, evidence.open(absent)),
        (
            "a valid bid left out as invalid",
            evidence.body([best, friend, other], (friend, "100.00"), left_out=out),
            opened,
        ),
        (
            "a bid left out for an envelope, with few receipts",
            evidence.body([best, friend, other], (friend, "100.00"), left_out=unused),
            evidence.open(best, few),
        ),
        ("rows exchanged", forged, opened.model_copy(update={"rows": tuple(reversed(opened.rows))})),
    ]
    text = opened.encode().decode()
    bad = {
        "a newline at the end": text + "\n",
        "another version": text.replace('"version":1}', '"version":2}'),
        "an unknown field": text[:-1] + ',"zone":1}',
        "not JSON": "opened",
    }
    return {
        "openings": [_case(evidence, why, body, one) for why, body, one in cases],
        "secret": {
            "bundle": to_base64url(best.bundle.encode()),
            "secret": to_base64url(best.secret.encode()),
            "key": to_base64url(best.secret.key),
            "step": str(best.secret.step),
            "rows": [to_base64url(row) for row in best.secret.rows(best.bundle)],
        },
        "refused": [
            {"why": why, "text": wrong, "code": code_of(partial(OpenedBid.decode, wrong.encode()))}
            for why, wrong in bad.items()
        ],
    }


def _case(evidence: Evidence, why: str, body: CertificateBody, opened: OpenedBid) -> Json:
    certificate = evidence.sign(body)
    report = verify_certificate(certificate, cluster=certificate.cluster, opening=opened)
    return {
        "why": why,
        "certificate": certificate.encode().decode(),
        "opening": opened.encode().decode(),
        "checks": {check.name: check.verdict for check in report.checks},
    }
