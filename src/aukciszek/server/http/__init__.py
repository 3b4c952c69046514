"""The HTTP interface of one party: routes, schemas, problem documents, event streams and the page.

Handlers authenticate, parse, call :mod:`aukciszek.auctions` or :mod:`aukciszek.accounts` once, and answer; no decision
of the protocol is made here.
"""
