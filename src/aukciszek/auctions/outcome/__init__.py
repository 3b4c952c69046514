"""The outcome: its certificate with all parties' signatures, and catching up where a party missed it.

Knows what a session found, and nothing of how.
"""
