"""Benchmarks: the engine, the intake of bids, and many auctions that close at once, on this machine.

``engine``: the computation alone, by separate processes over the servers' own links with TLS, from shares that the
benchmark dealt. ``intake``: bids with receipts per second at one real party, beside an endpoint that does nothing.
``closings``: many auctions that close at the same moment. Their command line is :mod:`aukciszek.cli.bench`.
"""
