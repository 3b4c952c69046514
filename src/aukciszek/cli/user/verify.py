"""``aukciszek verify``: what an auditor types. From files alone; no party is asked."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from aukciszek.client.stores.receipt_store import read_receipt_file
from aukciszek.cluster import Cluster
from aukciszek.console.outcome_view import outcome_object, show_outcome
from aukciszek.console.report import JsonOption, Report, plain
from aukciszek.errors import AukciszekError
from aukciszek.protocol.evidence.audit_record import AuditRecord, verify_record
from aukciszek.protocol.evidence.certificate import Certificate
from aukciszek.protocol.evidence.opened_bid import OpenedBid
from aukciszek.protocol.evidence.recorded_attempts import ComputingAttempt, attempts_in, remarks_on
from aukciszek.protocol.evidence.verification import VerificationReport, verify_certificate
from aukciszek.protocol.rules.errors import BrokenRecordError


class UnreadableFileError(AukciszekError):
    """A file that was named cannot be read."""

    code = "unreadable-file"


def add_commands(app: typer.Typer) -> None:
    """Add ``verify`` to the command line."""
    app.command("verify")(verify)


def verify(  # noqa: PLR0913 -- a command's parameters are its options
    certificate: Annotated[Path, typer.Argument(help="The certificate, as `auction result --output` wrote it.")],
    *,
    receipts: Annotated[Path | None, typer.Option(help="Your receipt file: was your bid counted?")] = None,
    opening: Annotated[
        Path | None, typer.Option(help="A bid that its bidder opened with `bid prove`: can the outcome be true?")
    ] = None,
    cluster: Annotated[Path | None, typer.Option(help="The cluster file that you trust.")] = None,
    record: Annotated[
        list[Path] | None,
        typer.Option(help="A party's audit record, to check its chain and to list all attempts to compute; repeat."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Verify a certificate from files alone. The status is 0 if the certificate is valid and 1 if it is not."""
    with Report(as_json=as_json) as report:
        read = Certificate.decode(_content(certificate))
        verification = verify_certificate(
            read,
            cluster=None if cluster is None else Cluster.read(cluster),
            receipts=None if receipts is None else read_receipt_file(receipts),
            opening=None if opening is None else OpenedBid.decode(_content(opening)),
        )
        show_outcome(report, read, verification)
        records = [_check_record(report, path, read) for path in record or ()]
        attempts = [attempt for _, own in records for attempt in own]
        remarks = _show_attempts(report, attempts)
        valid = verification.valid and all(found["whole"] for found, _ in records)
        report.say(_conclusion(verification, valid=valid))
        report.result(
            {
                **outcome_object(read, verification),
                "records": [found for found, _ in records],
                "remarks": remarks,
                "verified": valid,
            }
        )
        if not valid:
            report.answer_is_no()


def _conclusion(verification: VerificationReport, *, valid: bool) -> str:
    if valid:
        return "[bold green]the certificate is valid[/]"
    if {check.name for check in verification.checks if check.verdict == "failed"} == {"opening"}:
        return "[bold red]the opened bid is not genuine[/]: it says nothing about the certificate"
    return "[bold red]the certificate is NOT valid[/]"


def _check_record(
    report: Report, path: Path, certificate: Certificate
) -> tuple[Mapping[str, Any], Sequence[ComputingAttempt]]:
    record = AuditRecord.decode(_content(path))
    fault: str | None = None
    try:
        verify_record(record)
    except BrokenRecordError as error:
        fault = error.message
    if record.auction != certificate.body.auction:
        fault = "it is the record of another auction"
    mark = "[green]ok[/]" if fault is None else "[bold red]FAILED[/]"
    text = fault or f"{len(record.entries)} entries of party {record.party}, head {record.head}"
    report.say(f"{mark}  record {plain(str(path))}: {plain(text)}")
    # A broken record tells nothing that could be relied on.
    attempts = attempts_in(record) if fault is None else ()
    return {
        "file": str(path),
        "party": record.party,
        "whole": fault is None,
        "head": record.head,
        "fault": fault,
        "attempts": [_attempt_object(attempt) for attempt in attempts],
    }, attempts


def _show_attempts(report: Report, attempts: Sequence[ComputingAttempt]) -> list[str]:
    """List the attempts to compute, and what is unusual about them; return the latter."""
    if attempts:
        columns = ("party", "began", "attempt", "session", "participants", "bids", "transcript", "ended")
        report.table("attempts to compute", columns, [_attempt_row(attempt) for attempt in attempts])
    remarks = list(remarks_on(attempts))
    for remark in remarks:
        report.say(f"[yellow]note[/]  {plain(remark)}")
    return remarks


def _attempt_row(attempt: ComputingAttempt) -> Sequence[str]:
    ended = "-"
    if attempt.ended:
        ended = "outcome found" if attempt.error is None else attempt.error
    return (
        str(attempt.party),
        attempt.began_at,
        _or_dash(attempt.attempt),
        _or_dash(attempt.session)[:16],
        "-" if attempt.participants is None else ", ".join(map(str, attempt.participants)),
        _or_dash(attempt.bids),
        _or_dash(attempt.transcript)[:16],
        ended,
    )


def _or_dash(value: str | int | None) -> str:
    return "-" if value is None else str(value)


def _attempt_object(attempt: ComputingAttempt) -> Mapping[str, Any]:
    return {
        "began_at": attempt.began_at,
        "session": attempt.session,
        "attempt": attempt.attempt,
        "input_set": attempt.input_set,
        "participants": None if attempt.participants is None else list(attempt.participants),
        "bids": attempt.bids,
        "ended": attempt.ended,
        "transcript": attempt.transcript,
        "error": attempt.error,
    }


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFileError(f"cannot read {path} ({error.strerror})") from error
