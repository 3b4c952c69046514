"""``aukciszek``: the console entry point, which gathers the commands of this layer's modules.

What each exit status means is written in :mod:`aukciszek.cli.exit_codes`.
"""

from typing import Annotated

import typer

from aukciszek import __version__
from aukciszek.cli import auctioneer, bidder, cluster_commands, keys, login, verify, wireguard

_EPILOG = (
    "Exit status: 0 done; 1 the answer is no; 2 wrong usage; 3 refused by a party; 4 a party is unreachable; "
    "5 a file, setting or answer is not usable; 130 interrupted; 143 terminated."
)


def build_app() -> typer.Typer:
    """Return the command line with all its commands."""
    app = typer.Typer(
        name="aukciszek",
        help="Sealed-bid auctions in which nobody ever sees a losing bid.",
        epilog=_EPILOG,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_common_options)
    for module in (login, auctioneer, bidder, verify, keys, cluster_commands, wireguard):
        module.add_commands(app)
    return app


def main() -> None:
    """Run the command that the arguments name."""
    build_app()()


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
