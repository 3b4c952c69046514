"""``aukciszek demo``: a whole auction on this machine, told so that a procurement officer understands it."""

import typer

from aukciszek.cli.demo.command import demo


def add_commands(app: typer.Typer) -> None:
    """Add ``demo`` to the command line."""
    app.command("demo")(demo)
