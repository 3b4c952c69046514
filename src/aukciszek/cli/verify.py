"""``aukciszek verify``: what an auditor types. From files alone; no party is asked."""

from pathlib import Path
from typing import Annotated

import typer

from aukciszek.auctions.certificate import Certificate
from aukciszek.auctions.errors import BrokenRecordError
from aukciszek.auctions.receipts import ReceiptFile
from aukciszek.auctions.record import AuditRecord, verify_record
from aukciszek.auctions.verification import verify_certificate
from aukciszek.cli.auction_view import outcome_object, show_outcome
from aukciszek.cli.report import JsonOption, Report, plain
from aukciszek.cluster import Cluster
from aukciszek.errors import AukciszekError


class UnreadableFileError(AukciszekError):
    """A file that was named cannot be read."""

    code = "unreadable-file"


def add_commands(app: typer.Typer) -> None:
    """Add ``verify`` to the command line."""
    app.command("verify")(verify)


def verify(
    certificate: Annotated[Path, typer.Argument(help="The certificate, as `auction result --output` wrote it.")],
    *,
    receipts: Annotated[Path | None, typer.Option(help="Your receipt file: was your bid counted?")] = None,
    cluster: Annotated[Path | None, typer.Option(help="The cluster file that you trust.")] = None,
    record: Annotated[
        list[Path] | None, typer.Option(help="A party's audit record, to check its chain; repeat.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Verify a certificate from files alone. The status is 0 if it holds and 1 if it does not."""
    with Report(as_json=as_json) as report:
        read = Certificate.decode(_content(certificate))
        verification = verify_certificate(
            read,
            cluster=None if cluster is None else Cluster.read(cluster),
            receipts=None if receipts is None else ReceiptFile.read(receipts),
        )
        show_outcome(report, read, verification)
        records = [_check_record(report, path, read) for path in record or ()]
        holds = verification.valid and all(found["whole"] for found in records)
        report.say("[bold green]the certificate holds[/]" if holds else "[bold red]the certificate does NOT hold[/]")
        report.result({**outcome_object(read, verification), "records": records, "verified": holds})
        if not holds:
            report.answer_is_no()


def _check_record(report: Report, path: Path, certificate: Certificate) -> dict[str, object]:
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
    return {"file": str(path), "party": record.party, "whole": fault is None, "head": record.head, "fault": fault}


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFileError(f"cannot read {path} ({error.strerror})") from error
