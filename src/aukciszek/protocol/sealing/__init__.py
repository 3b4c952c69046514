"""Sealed bids: bundles, envelopes to the parties' sealing keys, the secret with which a bidder opens its own bid.

Knows the rules of an auction, and nothing of what parties sign about it.
"""
