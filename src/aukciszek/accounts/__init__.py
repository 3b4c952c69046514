"""Who may do what: users, passwords and tokens. Knows no HTTP."""
