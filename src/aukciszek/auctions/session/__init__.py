"""Sessions: who takes part in an attempt, the computation on shares, share recovery and the fair opening of its result.

Begins with a fixed input set; knows nothing of how the outcome is certified.
"""
