"""One party on the network: the HTTP interface, the links to its peers, the background work."""
