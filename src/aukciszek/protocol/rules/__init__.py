"""The rules of an auction and the vocabulary they are written in: prices, identifiers, states, errors and refusals.

Knows no bundle and no signature; everything else in :mod:`aukciszek.protocol` builds on it.
"""
