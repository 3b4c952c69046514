"""``aukciszek keys``: a party's own keys, made by its operator on the party's own machine."""

from pathlib import Path
from typing import Annotated

import typer

from aukciszek.cli.operator.backup_file import write_private, write_public
from aukciszek.console.new_file import KeyFileError, write_new_file
from aukciszek.console.party_keys import IDENTITY_FILE, TOKEN_KEY_FILE, make_party_keys
from aukciszek.console.report import JsonOption, Report, plain
from aukciszek.protocol.sealing.keys import SealingKeyPair, SealingPublicKey

BACKUP_PRIVATE_FILE = "backup.key"
BACKUP_PUBLIC_FILE = "backup.pub"


def add_commands(app: typer.Typer) -> None:
    """Add ``keys`` to the command line."""
    keys = typer.Typer(no_args_is_help=True, help="A party's own keys.")
    keys.command("new")(keys_new)
    keys.command("backup")(keys_backup)
    app.add_typer(keys, name="keys")


def keys_new(  # noqa: PLR0913 -- one parameter for each thing that the cluster file says about a party
    *,
    number: Annotated[int, typer.Option(help="The party's number, 1..n.")],
    name: Annotated[str, typer.Option(help="The organisation that runs the party.")],
    url: Annotated[str, typer.Option(help="The party's public URL, such as https://party2.example.org.")],
    address: Annotated[str, typer.Option(help="The address that the party's connections to its peers come from.")],
    data_dir: Annotated[Path, typer.Option(envvar="DATA_DIR", help="The party's data directory; made if missing.")],
    as_json: JsonOption = False,
) -> None:
    """Make a party's identity and token key on its own machine, and its entry for the cluster file.

    Give the entry (party-N.json) to the operator who builds the cluster file: it holds nothing secret. Give the token
    key to the operator of the login server, over a channel that nobody else reads.
    """
    with Report(as_json=as_json) as report:
        entry = make_party_keys(data_dir, number=number, name=name, url=url, address=address)
        entry_file = data_dir / f"party-{number}.json"
        report.say(f"identity key   {plain(str(data_dir / IDENTITY_FILE))} (secret; back it up)")
        report.say(f"token key      {plain(str(data_dir / TOKEN_KEY_FILE))} (secret; for you and the login server)")
        report.say(f"cluster entry  {plain(str(entry_file))} (public; for the cluster file)")
        report.result(
            {
                "party": number,
                "identity_key": entry.identity_key,
                "identity_file": str(data_dir / IDENTITY_FILE),
                "token_key_file": str(data_dir / TOKEN_KEY_FILE),
                "entry_file": str(entry_file),
            }
        )


def keys_backup(
    directory: Annotated[Path, typer.Argument(help="Where the pair is written; made if missing.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Make a pair of keys for backups, on a machine that is not the party's.

    Take the public half to the party's machine: backups are encrypted to it. Keep the private half apart from the
    backups; without it they are worth nothing to anybody, you included.
    """
    with Report(as_json=as_json) as report:
        pair = SealingKeyPair.new()
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise KeyFileError(f"cannot make the directory {directory} ({error.strerror})") from error
        private, public = directory / BACKUP_PRIVATE_FILE, directory / BACKUP_PUBLIC_FILE
        write_new_file(private, write_private(pair), mode=0o600)
        write_new_file(public, write_public(SealingPublicKey(pair.public_bytes)), mode=0o644)
        report.say(f"private key  {plain(str(private))} (secret; needed to restore, never on the party's machine)")
        report.say(f"public key   {plain(str(public))} (for `aukciszek backup --to`)")
        report.result({"private_key_file": str(private), "public_key_file": str(public)})
