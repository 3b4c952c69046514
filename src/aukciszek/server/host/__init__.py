"""The process that a party runs in: web server, TLS, data directory, memory, worker processes and log.

Knows no auction and no account.
"""
