"""Evidence: signed statements, receipts, receipt lists, certificates, audit records, and their verification from files.

Knows the rules and sealed bids; must not know any party, network or database.
"""
