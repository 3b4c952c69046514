"""The intake of bids: admission checks, batches, and the receipt that leaves once its bundle is stored.

Knows nothing of lists, sessions and outcomes.
"""
