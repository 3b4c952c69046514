"""Protocols on shares: multiplication, verification, (fair) opening, share recovery, and the runtime that joins them.

Knows the other parties through a :class:`~aukciszek.mpc.channel.Channel`; must not know what is computed.
"""
