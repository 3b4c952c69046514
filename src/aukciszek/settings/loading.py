"""Reads the settings of one party from the environment and ``.env``, and puts them together.

The rules that bind several settings stand in :mod:`~aukciszek.settings.checks`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from decouple import RepositoryEnv

from aukciszek.cluster import LARGEST_CLUSTER, Cluster, PartyNumber
from aukciszek.secret import Secret
from aukciszek.settings import parsing
from aukciszek.settings.checks import KEYS_REMEDY, arrange_token_keys, check
from aukciszek.settings.model import Settings
from aukciszek.settings.problems import Problem, Reader, SettingsError
from aukciszek.settings.variables import SECRET_VARIABLES

_DOTENV: Final = Path(".env")
_NO_CLUSTER: Final = Cluster((), "")
"""Stands in for a cluster file that cannot be read, so that the other settings are still looked at."""

_DEFAULT_TOKEN_MINUTES: Final = 60
_LONGEST_TOKEN_MINUTES: Final = 24 * 60
_MOST_SESSIONS: Final = 256
_SESSIONS_A_PROCESSOR: Final = 8
"""Some compute while most wait for a round: more would not be done sooner, but hold memory for longer."""

_MOST_SESSIONS_BY_DEFAULT: Final = 64
_LEAST_SESSIONS_MIB: Final = 64
_DEFAULT_SESSIONS_MIB: Final = 1024
_MOST_SESSIONS_MIB: Final = 1024 * 1024
_DATABASE_FILE: Final = "aukciszek.db"


def load_settings(environment: Mapping[str, str] | None = None, *, dotenv: Path | None = None) -> Settings:
    """Read and check all settings.

    Args:
        environment: the variables; without it, those of the process. They win over those of ``dotenv``.
        dotenv: a file of ``NAME=value`` lines. Without ``environment`` and without this, ``.env`` in the current
            directory, where there is one.

    Raises:
        SettingsError: something is missing or wrong. It lists everything that is.
    """
    if environment is None:
        environment = os.environ
        dotenv = dotenv or (_DOTENV if _DOTENV.is_file() else None)
    reader = Reader({**_read_dotenv(dotenv), **environment})
    settings = arrange_token_keys(_read(reader), reader)
    check(settings, reader)
    if reader.problems:
        raise SettingsError(reader.problems)
    return settings


def _read_dotenv(dotenv: Path | None) -> Mapping[str, str]:
    if dotenv is None:
        return {}
    try:
        values: dict[str, str] = RepositoryEnv(dotenv).data
        mode = dotenv.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([Problem(str(dotenv), f"cannot be read ({type(error).__name__}): replace it")]) from None
    secrets = [variable for variable in SECRET_VARIABLES if values.get(variable)]
    if secrets and mode & 0o077:
        remedy = f"holds {' and '.join(secrets)} and is open to other users: run `chmod 600 {dotenv}`"
        raise SettingsError([Problem(str(dotenv), remedy)])
    return values


def _read(reader: Reader) -> Settings:
    """Read every variable by itself. With problems, the result holds stand-ins and only serves further checks."""
    cluster = reader.required(
        "CLUSTER_FILE", parsing.cluster_file, "name the file that `aukciszek cluster build` made", stand_in=_NO_CLUSTER
    )
    size = cluster.size or LARGEST_CLUSTER
    number = parsing.number_within(1, size)
    largest_threshold = (size - 1) // 2
    data_dir = reader.required(
        "DATA_DIR", parsing.private_folder, "name the directory of keys and database, of mode 700", stand_in=Path()
    )
    reader.optional("ALGORITHM", parsing.algorithm, default="HS256")
    return Settings(
        party_id=PartyNumber(reader.required("PARTY_ID", number, "say which party this is", stand_in=1)),
        cluster=cluster,
        data_dir=data_dir,
        login_server=PartyNumber(reader.optional("LOGIN_SERVER", number, default=1)),
        threshold=reader.optional("THRESHOLD", parsing.number_within(1, largest_threshold), default=largest_threshold),
        secret_keys_jwt=reader.required("SECRET_KEYS_JWT", parsing.token_keys, KEYS_REMEDY, stand_in=()),
        access_token_expire_minutes=reader.optional(
            "ACCESS_TOKEN_EXPIRE_MINUTES",
            parsing.number_within(1, _LONGEST_TOKEN_MINUTES),
            default=_DEFAULT_TOKEN_MINUTES,
        ),
        supabase_url=reader.optional("SUPABASE_URL", parsing.service_url, default=None),
        supabase_key=reader.optional("SUPABASE_KEY", Secret, default=None),
        database_url=reader.optional(
            "DATABASE_URL", parsing.database_url, default=_sqlite_url(data_dir / _DATABASE_FILE)
        ),
        ssl_certfile=reader.optional("SSL_CERTFILE", parsing.readable_file, default=None),
        ssl_keyfile=reader.optional("SSL_KEYFILE", parsing.private_file, default=None),
        ssl_ca_file=reader.optional("SSL_CA_FILE", parsing.readable_file, default=None),
        wireguard_servers=reader.optional("WIREGUARD_SERVERS", parsing.urls, default=()),
        wireguard_ips=reader.optional("WIREGUARD_IPS", parsing.addresses, default=()),
        web_origins=reader.optional("WEB_ORIGINS", parsing.urls, default=()),
        sessions_at_once=reader.optional(
            "SESSIONS_AT_ONCE", parsing.number_within(1, _MOST_SESSIONS), default=_sessions_for_processors()
        ),
        sessions_memory_mib=reader.optional(
            "SESSIONS_MEMORY_MIB",
            parsing.number_within(_LEAST_SESSIONS_MIB, _MOST_SESSIONS_MIB),
            default=_DEFAULT_SESSIONS_MIB,
        ),
    )


def _sessions_for_processors() -> int:
    return min(_SESSIONS_A_PROCESSOR * (os.process_cpu_count() or 1), _MOST_SESSIONS_BY_DEFAULT)


def _sqlite_url(path: Path) -> Secret[str]:
    return Secret(f"sqlite:///{quote(str(path), safe='/ +')}")
