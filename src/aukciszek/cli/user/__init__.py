"""Commands of auctioneers, bidders and auditors.

Know the client and files; must not know the server.
"""
