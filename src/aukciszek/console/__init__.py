"""What commands share: exit codes, options, reports for people and scripts, new files and keys, signals.

Knows the client and how auctions are shown; must not know any command, nor the server.
"""
