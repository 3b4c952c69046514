"""The process of a party: web server, TLS, lock of the data directory, memory, worker processes and log.

It must know no auction and no account.
"""
