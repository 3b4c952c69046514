"""The links between parties: one authenticated WebSocket for each ordered pair, its frames and the sessions' channels.

Knows who speaks and carries bytes; must not know what they mean.
"""
