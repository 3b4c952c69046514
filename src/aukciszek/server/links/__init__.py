"""The links between parties: one authenticated WebSocket for each ordered pair, its frames and the sessions' channels.

It authenticates the sender and carries bytes; it must not know what they mean.
"""
