"""How an outcome and its verification are shown: lines for people, plain objects for scripts.

Apart from :mod:`.auction_view`, so that who verifies files loads nothing that talks to parties.
"""

from collections.abc import Mapping
from typing import Any, Final

from aukciszek.console.report import Report, plain
from aukciszek.protocol.evidence.certificate import Certificate
from aukciszek.protocol.evidence.verification import VerificationReport

_MARKS: Final = {"passed": "[green]ok[/]", "failed": "[bold red]FAILED[/]", "not-checked": "[yellow]not checked[/]"}


def show_outcome(report: Report, certificate: Certificate, verification: VerificationReport) -> None:
    """Show an outcome, and line by line why it can be believed."""
    body = certificate.body
    match body.outcome:
        case "too-few-bids":
            report.say(f"[bold]nothing was sold[/]: fewer than {body.spec.minimum_bids} valid bids came in")
        case "reserve-not-met":
            report.say("[bold]nothing was sold[/]: no bid met the reserve price")
        case "sold":
            prices = body.prices if len(body.prices) == len(body.winners) else body.prices * len(body.winners)
            report.table(
                "",
                ("winner", f"price ({body.spec.currency})"),
                [(winner.bidder, price) for winner, price in zip(body.winners, prices, strict=True)],
            )
    show_checks(report, verification)


def show_checks(report: Report, verification: VerificationReport) -> None:
    """Show what was verified, line by line."""
    for check in verification.checks:
        report.say(f"{_MARKS[check.verdict]}  {check.name}: {plain(check.text)}")


def outcome_object(certificate: Certificate, verification: VerificationReport) -> Mapping[str, Any]:
    """Return an outcome for scripts."""
    body = certificate.body
    return {
        "auction": body.auction,
        "outcome": body.outcome,
        "winners": [winner.bidder for winner in body.winners],
        "prices": list(body.prices),
        "currency": body.spec.currency,
        "bids": len(body.bids),
        "left_out": [{"bundle": one.bundle, "reason": one.reason} for one in body.left_out],
        "signed_by": [signature.party for signature in certificate.signatures],
        "verified": verification.valid,
        "checks": checks_object(verification),
    }


def checks_object(verification: VerificationReport) -> list[Mapping[str, str]]:
    """Return what was verified, for scripts."""
    return [{"name": check.name, "verdict": check.verdict, "text": check.text} for check in verification.checks]
