"""Durable state of one party: its tables, their migrations, and the repositories that read and write them.

Storage keeps bytes, text, numbers and moments, and commits them durably. It knows neither what a bid is worth nor
which step an auction takes next.
"""
