"""The files in which a user keeps a log-in, receipts and opening secrets, each replaced in one step.

Whatever discloses something is readable by its owner alone, and an opening secret can be locked with a password.
"""
