"""What travels between bidders, parties and auditors, and what they sign: formats, limits and checks.

Shared by client, party and auditor. No input or output, no storage, no server: bytes and values in, values out.
"""
