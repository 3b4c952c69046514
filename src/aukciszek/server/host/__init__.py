"""The process of a party: web server, TLS, lock of the data directory, memory and worker processes.

It must know no auction and no account.
"""
