"""The names of all settings, once. ``docs/settings.md`` explains each; a test compares the two."""

from typing import Final

VARIABLES: Final = (
    "PARTY_ID",
    "CLUSTER_FILE",
    "DATA_DIR",
    "SECRET_KEYS_JWT",
    "SERVERS",
    "TRUSTED_IPS",
    "LOGIN_SERVER",
    "THRESHOLD",
    "ALGORITHM",
    "ACCESS_TOKEN_EXPIRE_MINUTES",
    "SUPABASE_URL",
    "SUPABASE_KEY",
    "DATABASE_URL",
    "SSL_CERTFILE",
    "SSL_KEYFILE",
    "SSL_CA_FILE",
    "WIREGUARD_SERVERS",
    "WIREGUARD_IPS",
    "WEB_ORIGINS",
    "SESSIONS_AT_ONCE",
    "SESSIONS_MEMORY_MIB",
)

SECRET_VARIABLES: Final = ("SECRET_KEYS_JWT", "SUPABASE_KEY", "DATABASE_URL")
"""Those whose values are never shown, and that make ``.env`` a file for its owner alone."""
