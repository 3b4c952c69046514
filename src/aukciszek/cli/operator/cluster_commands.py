"""``aukciszek cluster``: build the file that lists the parties, compare its digest, check it before going live."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from aukciszek.cli.operator.cluster_check import Finding, check_parties, check_settings
from aukciszek.clock import SystemClock
from aukciszek.cluster import Cluster, ClusterFileError, PartyEntry
from aukciszek.console.new_file import write_new_file
from aukciszek.console.report import JsonOption, Report, group_digits, plain
from aukciszek.settings import load_settings


def add_commands(app: typer.Typer) -> None:
    """Add ``cluster`` to the command line."""
    cluster = typer.Typer(no_args_is_help=True, help="The file that lists the parties; the same at every party.")
    cluster.command("build")(build)
    cluster.command("digest")(digest)
    cluster.command("check")(check)
    app.add_typer(cluster, name="cluster")


def build(
    entries: Annotated[list[Path], typer.Argument(help="The parties' entries, party-1.json party-2.json ...")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The cluster file to write.")] = Path("cluster.json"),
    as_json: JsonOption = False,
) -> None:
    """Build the cluster file from the parties' entries, which `keys new` made."""
    with Report(as_json=as_json) as report:
        cluster, content = Cluster.build([read_entry(path) for path in entries])
        write_new_file(output, content, mode=0o644)
        _show(report, cluster)
        report.say("Send the file to every operator, and compare the digest by telephone.")
        report.result({"file": str(output), "digest": cluster.digest, "parties": cluster.size})


def digest(
    file: Annotated[Path, typer.Argument(envvar="CLUSTER_FILE", help="The cluster file.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Show the cluster file's SHA-256, which must be the same at every party."""
    with Report(as_json=as_json) as report:
        cluster = Cluster.read(file)
        _show(report, cluster)
        report.result({"file": str(file), "digest": cluster.digest, "parties": cluster.size})


def check(
    file: Annotated[Path, typer.Argument(envvar="CLUSTER_FILE", help="The cluster file.")],
    *,
    own: Annotated[bool, typer.Option(help="Look at this machine's settings, key and certificate too.")] = True,
    online: Annotated[bool, typer.Option(help="Ask the parties how they are.")] = True,
    ca_file: Annotated[Path | None, typer.Option(help="Certificates to trust beside the settings'.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a party before it goes live: its settings, keys and certificate, and whether all parties fit together.

    The settings are those that `serve` would use: of the environment or of the file .env. The status is 1 if anything
    needs attention.
    """
    with Report(as_json=as_json) as report:
        clock = SystemClock()
        cluster = Cluster.read(file)
        findings: list[Finding] = []
        if own:
            settings = load_settings()
            ca_file = ca_file or settings.ssl_ca_file
            findings += check_settings(settings, cluster, clock.now())
        if online:
            findings += asyncio.run(check_parties(cluster, ca_file, clock))
        _show(report, cluster)
        for one in findings:
            report.say(f"{'[green]ok[/]    ' if one.is_good else '[bold red]FAULT[/] '} {one.what}: {plain(one.text)}")
        is_good = all(one.is_good for one in findings)
        report.result(
            {
                "ok": is_good,
                "digest": cluster.digest,
                "checks": [{"what": one.what, "ok": one.is_good, "text": one.text} for one in findings],
            }
        )
        if not is_good:
            report.answer_is_no()


def read_entry(path: Path) -> PartyEntry:
    """Read one party's entry.

    Raises:
        ClusterFileError: the file is missing or not an entry.
    """
    try:
        return PartyEntry.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ClusterFileError(f"cannot read the entry {path} ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "file"
        raise ClusterFileError(f"{path} is not an entry made by `keys new`, at {place}: {first['msg']}") from error


def _show(report: Report, cluster: Cluster) -> None:
    report.table(
        "",
        ("party", "name", "URL", "address"),
        [(str(party.number), party.name, party.url, party.address) for party in cluster.parties],
    )
    report.say(f"digest  [bold]{group_digits(cluster.digest)}[/]")
