"""What every part of an auction at one party works with: resources, change notification, limits, the network.

Knows no step of the protocol: intake, keys, agreement, session and outcome build on it, never the other way round.
"""
