"""Users, passwords and tokens: who a user is, and whether they are an auctioneer.

It stores accounts in this party's database or in Supabase; it must not know HTTP.
"""
