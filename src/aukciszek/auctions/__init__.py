"""The auctions of one party: from creation, over bids and agreement, to the computed and certified outcome.

Knows storage, accounts and the engine; no HTTP and no sockets: the other parties are reached through
:class:`~aukciszek.auctions.context.peer_network.PeerNetwork`.
"""
