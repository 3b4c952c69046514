"""``aukciszek backup`` and ``restore``, with the settings of the party whose machine this is.

A backup holds the party's database and nothing else: identity key, token keys and certificates stay apart. What going
back to an older state means for running auctions is written in ``docs/operations.md``.
"""

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer

from aukciszek import __version__
from aukciszek.auctions.restore import prepare_restored
from aukciszek.cli.operator.backup_file import (
    BackupFileError,
    BackupHeader,
    read_header,
    read_private,
    read_public,
    recipient_of,
    seal,
    unseal,
    write_file,
)
from aukciszek.clock import Clock, SystemClock, format_time
from aukciszek.console.report import JsonOption, Report, plain
from aukciszek.settings import Settings, load_settings
from aukciszek.storage.snapshot import file_of, install, take_snapshot


def add_commands(app: typer.Typer) -> None:
    """Add ``backup`` and ``restore`` to the command line."""
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    file: Annotated[Path, typer.Argument(help="The new file to write.")],
    *,
    recipient: Annotated[Path, typer.Option("--to", help="The public key from `aukciszek keys backup`.")],
    as_json: JsonOption = False,
) -> None:
    """Back up this party's database, while the party runs, encrypted to a key that is kept elsewhere.

    Identity key and token keys are not in it: keep copies of those apart, each in its own safe place.
    """
    with Report(as_json=as_json) as report:
        settings, key = load_settings(), read_public(recipient)
        header = BackupHeader(
            party=settings.party_id,
            cluster=settings.cluster.digest,
            taken_at=SystemClock().now(),
            program=__version__,
            recipient=recipient_of(key.content),
        )
        size = write_file(file, seal(header, take_snapshot(file_of(settings.database_url)), key))
        report.say(f"backup of party {header.party} written to {plain(str(file))} ({size} bytes)")
        report.result(
            {"file": str(file), "party": header.party, "taken_at": format_time(header.taken_at), "bytes": size}
        )


def restore(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    *,
    key_file: Annotated[Path, typer.Option("--key", help="The private key from `aukciszek keys backup`.")],
    as_json: JsonOption = False,
) -> None:
    """Put a backup in place where this party has no database, before it is started again.

    Bids that came in after the backup are fetched from the other parties; every unfinished auction's record says that
    this party went back.
    """
    with Report(as_json=as_json) as report:
        settings, pair = load_settings(), read_private(key_file)
        # Bringing tables up to date is worth no line here.
        logging.getLogger("alembic").setLevel(logging.WARNING)
        content = _read(file)
        header = _check_is_ours(read_header(content), settings)
        auctions = asyncio.run(_install(settings, header, unseal(content, pair), SystemClock()))
        report.say(
            f"party {header.party} is as it was at {format_time(header.taken_at)}; start it with `aukciszek serve`"
        )
        report.say(f"unfinished auctions: {len(auctions)}")
        report.result(
            {"party": header.party, "taken_at": format_time(header.taken_at), "unfinished_auctions": auctions}
        )


async def _install(settings: Settings, header: BackupHeader, content: bytes, clock: Clock) -> list[str]:
    async with install(file_of(settings.database_url), content) as database:
        return await prepare_restored(database, settings.party_id, header.taken_at, clock)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BackupFileError(f"cannot read {file} ({error.strerror})") from error


def _check_is_ours(header: BackupHeader, settings: Settings) -> BackupHeader:
    if (header.party, header.cluster) != (settings.party_id, settings.cluster.digest):
        raise BackupFileError(
            f"this is a backup of party {header.party} of cluster {header.cluster[:16]}; the settings here are "
            f"those of party {settings.party_id} of cluster {settings.cluster.digest[:16]}"
        )
    return header
