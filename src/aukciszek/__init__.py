"""Aukciszek: sealed-bid auctions in which nobody ever sees a losing bid.

Start with ``README.md``, then ``docs/architecture.md``, which names each layer of this package.
"""

from importlib.metadata import version

__version__ = version("aukciszek")
