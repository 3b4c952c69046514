"""Aukciszek: sealed-bid auctions in which nobody ever sees a losing bid.

Start with ``README.md``, then ``docs/architecture.md``, which names each layer of this package.
"""

__version__: str


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version  # noqa: PLC0415 -- a fifth of the time that a command takes to start

    return version("aukciszek")
