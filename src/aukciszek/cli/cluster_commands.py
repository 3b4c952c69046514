"""``aukciszek cluster``: build the file that lists the parties, compare its digest, check it before going live."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from aukciszek.cli.keys import write_new_file
from aukciszek.cli.report import JsonOption, Report
from aukciszek.cluster import Cluster, ClusterFileError, PartyEntry


def add_commands(app: typer.Typer) -> None:
    """Add ``cluster`` to the command line."""
    cluster = typer.Typer(no_args_is_help=True, help="The file that lists the parties; the same at every party.")
    cluster.command("build")(build)
    cluster.command("digest")(digest)
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


def spoken(digest_hex: str) -> str:
    """Group a digest in fours, as people read it to one another."""
    return " ".join(digest_hex[place : place + 4] for place in range(0, len(digest_hex), 4))


def _show(report: Report, cluster: Cluster) -> None:
    report.table(
        "",
        ("party", "name", "URL", "address"),
        [(str(party.number), party.name, party.url, party.address) for party in cluster.parties],
    )
    report.say(f"digest  [bold]{spoken(cluster.digest)}[/]")
