"""Commands of an operator: keys, cluster file, WireGuard, server, accounts, backups.

Work on this machine's files and settings; none acts for a user.
"""
