"""``aukciszek``: the console entry point, which gathers the commands of this layer's modules.

What each exit status means is written in :mod:`aukciszek.cli.console.exit_codes`.
"""

import importlib
import sys
from collections.abc import Mapping
from typing import Annotated, Final

import typer

from aukciszek import __version__

COMMANDS: Final[Mapping[str, str]] = {
    "demo": "demo",
    "register": "user.login",
    "login": "user.login",
    "auction": "user.auctioneer",
    "bid": "user.bidder",
    "verify": "user.verify",
    "serve": "operator.serving",
    "keys": "operator.keys",
    "cluster": "operator.cluster_commands",
    "wireguard": "operator.wireguard",
    "users": "operator.users",
    "backup": "operator.backup",
    "restore": "operator.backup",
    "bench": "bench",
}
"""Every command, and the module of this layer that offers it."""

_EPILOG: Final = (
    "Exit status: 0 done; 1 the answer is no; 2 wrong usage; 3 refused by a party; 4 a party is unreachable; "
    "5 a file, setting or answer is not usable; 130 interrupted; 143 terminated."
)


def build_app(command: str | None = None) -> typer.Typer:
    """Return the command line, with the one command that is wanted or with all.

    Loading the server, the engine or the client takes a second each, so only what the command needs is loaded.
    """
    app = typer.Typer(
        name="aukciszek",
        help="Sealed-bid auctions in which nobody ever sees a losing bid.",
        epilog=_EPILOG,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_common_options)
    wanted = [COMMANDS[command]] if command is not None and command in COMMANDS else dict.fromkeys(COMMANDS.values())
    for name in wanted:
        importlib.import_module(f"aukciszek.cli.{name}").add_commands(app)
    return app


def main() -> None:
    """Run the command that the arguments name."""
    build_app(sys.argv[1] if len(sys.argv) > 1 else None)()


def _show_version(wanted: bool) -> None:  # noqa: FBT001 -- Typer calls it with the option's value
    if wanted:
        typer.echo(f"aukciszek {__version__}")
        raise typer.Exit


def _common_options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Sealed-bid auctions in which nobody ever sees a losing bid."""
