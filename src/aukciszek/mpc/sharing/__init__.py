"""Shares: the field and its kernels, Shamir sharing and its decoding, dealing, and pseudo-random secret sharing.

What one party computes by itself; knows no session and no other party.
"""
