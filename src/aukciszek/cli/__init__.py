"""The command line: what operators, auctioneers, bidders and auditors type."""
