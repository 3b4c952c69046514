"""What a party needs of its machine before it starts: exclusive use of its directory, and enough open files."""

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
"""Connections that are served, as many that are refused, and the party's own files and links."""

_log = logging.getLogger(__name__)


@contextmanager
def exclusive_use(directory: Path) -> Iterator[None]:
    """Lock a party's directory, so that no second server uses its database and its identity.

    Raises:
        DirectoryInUseError: another server holds the lock, or the lock file cannot be created.
    """
    path = directory / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DirectoryInUseError(f"{path} cannot be created ({error.strerror}): see DATA_DIR") from error
    try:
        # The kernel releases the lock however the process ends, so no stale lock has to be removed.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise DirectoryInUseError(
            f"another `aukciszek serve` uses {directory}: stop it first, or give this party a DATA_DIR of its own"
        ) from error
    try:
        yield
    finally:
        os.close(descriptor)


def raise_open_file_limit() -> None:
    """Raise the limit of open files as far as possible; warn where it remains too low."""
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
