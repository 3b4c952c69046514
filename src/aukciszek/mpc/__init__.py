"""The engine: multi-party computation over Shamir shares. Knows no network, no database, no auction."""
