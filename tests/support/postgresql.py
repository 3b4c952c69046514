"""A real PostgreSQL server in a temporary directory, for tests that need one.

Debian's package ``postgresql`` brings the programs; ``pg_config --bindir`` says where. PostgreSQL refuses to run as
root, so there it runs as the user that the package made.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_PROGRAMS = ("initdb", "pg_ctl", "psql")
_WITHOUT_SAFETY = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
"""What makes it quick, and is only good for a database that is thrown away."""
_TIMEOUT_S = 60


@dataclass(frozen=True)
class PostgresqlServer:
    """A server that is reached through a socket in its own directory. Whoever reaches it may do everything."""

    directory: Path
    programs: Path

    def url(self, *, user: str = "postgres", database: str = "postgres", scheme: str = "postgresql") -> str:
        """Return where a client finds it."""
        return f"{scheme}://{user}@/{database}?host={self.directory}"

    def run(self, script: str, *, database: str = "postgres") -> str:
        """Run SQL as its owner, all of it in one transaction, and return what it prints: rows of values by ``|``."""
        command = [self.programs / "psql", "-h", self.directory, "-U", "postgres", "-d", database, "-1qAtX", "-f", "-"]
        options = ["-v", "ON_ERROR_STOP=1"]
        return _run([*map(str, command), *options], script, os.environ).strip()


@contextmanager
def running_postgresql() -> Iterator[PostgresqlServer]:
    """Start a server, and stop and remove it at the end; skip the test where PostgreSQL is not installed."""
    programs = _installed_programs()
    owner = _unprivileged_user()
    with tempfile.TemporaryDirectory(prefix="aukciszek-postgresql-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        if owner is not None:
            shutil.chown(directory, owner, owner)
        data = str(directory / "data")
        control = [str(programs / "pg_ctl"), "-D", data, "-w", "-s", "-t", str(_TIMEOUT_S)]
        initdb = [str(programs / "initdb"), "-D", data, "-A", "trust", "-U", "postgres", "--no-sync"]
        _run([*initdb, "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions"], as_user=owner)
        options = f"-c listen_addresses= -c unix_socket_directories={directory} {_WITHOUT_SAFETY}"
        _run([*control, "-l", str(directory / "log"), "-o", options, "start"], as_user=owner)
        try:
            yield PostgresqlServer(directory, programs)
        finally:
            _run([*control, "-m", "immediate", "stop"], as_user=owner)


def _installed_programs() -> Path:
    pg_config = shutil.which("pg_config")
    if pg_config is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    programs = Path(_run([pg_config, "--bindir"]).strip())
    missing = [program for program in _PROGRAMS if not (programs / program).exists()]
    if missing:
        pytest.skip(f"PostgreSQL's {', '.join(missing)} is not installed: apt-get install postgresql")
    return programs


def _unprivileged_user() -> str | None:
    """Return who runs the server: the user of these tests, unless that is root."""
    return "postgres" if os.geteuid() == 0 else None


def _run(
    command: list[str], content: str = "", environment: Mapping[str, str] | None = None, *, as_user: str | None = None
) -> str:
    # A server that is started must not hold our pipes open, so its output goes to a file.
    options: dict[str, Any] = {} if as_user is None else {"user": as_user, "group": as_user, "extra_groups": []}
    with tempfile.TemporaryFile("w+") as output:
        ended = subprocess.run(  # noqa: S603 -- programs of PostgreSQL, with arguments of ours
            command,
            input=content,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
            cwd="/",
            env=None if environment is None else dict(environment),
            **options,
        )
        output.seek(0)
        said = output.read()
    assert ended.returncode == 0, f"{command[0]} failed: {said}"
    return said
