"""``aukciszek``: the console entry point, which gathers the commands of this layer's modules.

What each exit status means is written in :mod:`aukciszek.console.exit_codes`.
"""

import importlib
import sys
from collections.abc import Mapping
from typing import Annotated, Final, NamedTuple

import typer

import aukciszek


class Offer(NamedTuple):
    """A command that there is."""

    module: str
    """The module of this layer that adds it to a command line."""
    summary: str
    """What the overview says of it: the beginning of the command's own help."""


COMMANDS: Final[Mapping[str, Offer]] = {
    "demo": Offer("demo", "Run a whole auction on this machine: servers, bidders, sealed bids, outcome, certificate."),
    "register": Offer("user.login", "Make an account with the login server."),
    "login": Offer(
        "user.login",
        "Log in, once for all commands; the cluster is remembered, so later log-ins need the address alone.",
    ),
    "verify": Offer("user.verify", "Verify a certificate from files alone."),
    "serve": Offer(
        "operator.serving",
        "Run one party, with the settings of the environment or of the file .env, until SIGTERM or Ctrl-C.",
    ),
    "backup": Offer(
        "operator.backup",
        "Back up this party's database, while the party runs, encrypted to a key that is kept elsewhere.",
    ),
    "restore": Offer(
        "operator.backup",
        "Put a backup in place where this party has no database, before it is started again.",
    ),
    "auction": Offer("user.auctioneer", "Create auctions, follow them, fetch their outcome."),
    "bid": Offer("user.bidder", "Bid, check your bid, withdraw it."),
    "keys": Offer("operator.keys", "A party's own keys."),
    "cluster": Offer("operator.cluster_commands", "The file that lists the parties; the same at every party."),
    "wireguard": Offer("operator.wireguard", "Traffic between the parties through WireGuard."),
    "users": Offer("operator.users", "Accounts; on the login server's machine only."),
    "bench": Offer("bench", "How fast the system is on this machine."),
}
"""Every command, in the order in which the overview lists them."""

_EPILOG: Final = (
    "Exit status: 0 done; 1 the answer is no; 2 wrong usage; 3 refused by a party; 4 a party is unreachable; "
    "5 a file, setting or answer is not usable; 130 interrupted; 143 terminated."
)


def build_app(*wanted: str) -> typer.Typer:
    """Return the command line with the commands that are wanted, by default with all.

    Loading the server, the engine or the client takes as long as seconds, so only what the commands need is loaded.
    """
    app = _empty_app()
    for module in dict.fromkeys(COMMANDS[name].module for name in wanted or COMMANDS):
        importlib.import_module(f"aukciszek.cli.{module}").add_commands(app)
    return app


def build_overview() -> typer.Typer:
    """Return a command line that names all commands and has none of them, for its help and its error texts."""
    app = _empty_app()
    for name, offer in COMMANDS.items():
        app.command(name, help=offer.summary)(lambda: None)
    return app


def main() -> None:
    """Run the command that the arguments name."""
    named = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    app = build_app(named) if named is not None and named in COMMANDS else build_overview()
    app()


def _empty_app() -> typer.Typer:
    app = typer.Typer(
        name="aukciszek",
        help="Sealed-bid auctions in which nobody ever sees a losing bid.",
        epilog=_EPILOG,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_common_options)
    return app


def _show_version(wanted: bool) -> None:  # noqa: FBT001 -- Typer calls it with the option's value
    if wanted:
        typer.echo(f"aukciszek {aukciszek.__version__}")
        raise typer.Exit


def _common_options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Sealed-bid auctions in which nobody ever sees a losing bid."""
