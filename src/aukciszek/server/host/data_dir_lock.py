"""What a party needs of its machine before it starts: its directory for itself alone, and enough open files."""

import fcntl
import logging
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from aukciszek.server.errors import DirectoryInUseError
from aukciszek.server.host.http_protocol import MOST_CONNECTIONS

LOCK_FILE: Final = "serve.lock"
FILES_NEEDED: Final = 2 * MOST_CONNECTIONS + 512
"""Connections that are answered, as many that are turned away, and the party's own files and links."""

_log = logging.getLogger(__name__)


@contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Hold a party's directory, so that no second server works on its database and with its identity.

    Raises:
        DirectoryInUseError: another server holds it, or the lock file cannot be made.
    """
    path = directory / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DirectoryInUseError(f"{path} cannot be made ({error.strerror}): see DATA_DIR") from error
    try:
        # The kernel gives the lock back however the process ends, so nothing is left over that somebody has to remove.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise DirectoryInUseError(
            f"another `aukciszek serve` works in {directory}: stop it first, or give this party a DATA_DIR of its own"
        ) from error
    try:
        yield
    finally:
        os.close(descriptor)


def allow_open_files() -> None:
    """Raise the number of files that this process may open as far as it can; warn where that is too few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else max(soft, FILES_NEEDED)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if wanted < FILES_NEEDED:
        _log.warning(
            "this process may open %d files, and under a flood of connections needs %d: raise LimitNOFILE or ulimit -n",
            wanted,
            FILES_NEEDED,
        )
