"""Durable state of one party: tables, migrations and repositories."""
