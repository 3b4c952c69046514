"""``aukciszek bench``: how fast the engine and the intake of bids are, on this machine.

``engine``: the computation alone, by separate processes over the servers' own links with TLS, from shares that the
benchmark dealt. ``intake``: bids with receipts per second at one real party, beside an endpoint that does nothing.
``closings``: many auctions that close at the same moment.
"""

import typer

from aukciszek.cli.bench.command import closings, empty_endpoint, engine, engine_party, intake


def add_commands(app: typer.Typer) -> None:
    """Add ``bench`` to the command line."""
    bench = typer.Typer(no_args_is_help=True, help="How fast the system is on this machine.")
    bench.command("engine")(engine)
    bench.command("intake")(intake)
    bench.command("closings")(closings)
    bench.command("engine-party", hidden=True)(engine_party)
    bench.command("empty-endpoint", hidden=True)(empty_endpoint)
    app.add_typer(bench, name="bench")
