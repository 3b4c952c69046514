"""What is done to the tables, by subject: states, bids, statements, keys, openings, the audit record, accounts.

A repository turns rows into small frozen values, and each of its methods is one transaction or part of one. It knows
neither which database it writes to nor what its rows mean.
"""
