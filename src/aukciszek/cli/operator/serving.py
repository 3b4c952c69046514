"""``aukciszek serve``: one party, from its settings to its end."""

import typer

from aukciszek.console.report import Report
from aukciszek.server.serve import serve as serve_party
from aukciszek.settings import load_settings


def add_commands(app: typer.Typer) -> None:
    """Add ``serve`` to the command line."""
    app.command("serve")(serve)


def serve() -> None:
    """Run one party, with the settings of the environment or of the file .env, until SIGTERM or Ctrl-C."""
    with Report(as_json=False):
        serve_party(load_settings())
