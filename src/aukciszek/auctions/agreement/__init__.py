"""Agreement on the input set: receipts are relayed and replicated, signed receipt lists exchanged, and the set derived.

Ends where the set of bids is fixed; knows nothing of sessions.
"""
