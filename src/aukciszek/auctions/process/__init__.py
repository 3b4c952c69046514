"""One auction at one party, from its creation to its certificate: its parts, and the coroutine that drives them.

Knows all packages beside it, and nothing of other auctions.
"""
