"""The keys of one auction: sealing keys, PRSS keys dealt to the parties, and their recovery from co-members.

Knows nothing of bids.
"""
