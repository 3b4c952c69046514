"""From the text of one setting to its value. Each function raises ValueError with the remedy as its text."""

import ipaddress
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aukciszek.cluster import Cluster, ClusterFileError, check_url
from aukciszek.secret import Secret

_SMALLEST_KEY_BYTES: Final = 32
"""HS256 keys are at least as long as the hash (RFC 7518, section 3.2)."""
_DATABASE_KINDS: Final = ("sqlite", "sqlite+aiosqlite", "postgresql", "postgresql+asyncpg")


def number_within(smallest: int, largest: int) -> Callable[[str], int]:
    """Return what reads a decimal number within the bounds."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or not smallest <= int(text[:9]) <= largest:
            raise ValueError(f"must be a number from {smallest} to {largest}, not {text[:20]!r}")
        return int(text)

    return parse


def items(text: str) -> tuple[str, ...]:
    """Read a comma-separated list."""
    return tuple(item.strip() for item in text.split(","))


def cluster_file(text: str) -> Cluster:
    """Read the cluster file."""
    try:
        return Cluster.read(Path(text))
    except ClusterFileError as error:
        raise ValueError(error.message) from error


def private_folder(text: str) -> Path:
    """Return a folder that exists, is writable, and is closed to other users."""
    path = Path(text)
    if not path.is_dir():
        raise ValueError(f"{path} is not a directory: make it with `mkdir -m 700 {path}`")
    if path.stat().st_mode & 0o077:
        raise ValueError(f"{path} is open to other users: run `chmod 700 {path}`")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise ValueError(f"{path} is not writable: give it to the user that runs the server")
    return path.absolute()


def readable_file(text: str) -> Path:
    """Return a file that can be read."""
    path = Path(text)
    if not path.is_file() or not os.access(path, os.R_OK):
        raise ValueError(f"{path} is not a file that this user can read")
    return path.absolute()


def private_file(text: str) -> Path:
    """Return a file that can be read, and not by everybody."""
    path = readable_file(text)
    # Certificate tools hand keys to servers through a group, so only access for all others is refused.
    if path.stat().st_mode & 0o007:
        raise ValueError(f"{path} is open to other users: run `chmod o-rwx {path}`")
    return path


def token_keys(text: str) -> tuple[Secret[str] | None, ...]:
    """Read the list of token keys, with ``None`` for those that this party does not hold."""
    keys = tuple(None if item == "None" else Secret(item) for item in items(text))
    for position, key in enumerate(keys, start=1):
        if key is not None and len(key.reveal().encode()) < _SMALLEST_KEY_BYTES:
            raise ValueError(
                f"the key at position {position} is shorter than {_SMALLEST_KEY_BYTES} bytes: `aukciszek keys new` "
                "makes one, and the list is separated by commas"
            )
    held = [key for key in keys if key is not None]
    if len(set(held)) != len(held):
        raise ValueError("two parties have the same key: a token must be valid at one party only")
    return keys


def algorithm(text: str) -> str:
    """Accept the one algorithm that tokens are signed with."""
    if text != "HS256":
        raise ValueError("must be HS256 (or left out): no other algorithm is accepted anywhere")
    return text


def database_url(text: str) -> Secret[str]:
    """Accept the kinds of database that are supported; the text may hold a password and is never quoted."""
    kind, separator, rest = text.partition("://")
    if not separator or kind not in _DATABASE_KINDS:
        raise ValueError("must start with sqlite:// or postgresql://")
    if kind.startswith("sqlite") and (not rest.startswith("//") or ":memory:" in rest):
        raise ValueError("must name a file by its full path, with four slashes: sqlite:////var/lib/...")
    return Secret(text)


def url(text: str) -> str:
    """Accept ``http(s)://host[:port]``."""
    try:
        return check_url(text)
    except ValueError as error:
        raise ValueError(f"{text[:80]!r} will not do: {error}") from None


def urls(text: str) -> tuple[str, ...]:
    """Read a list of URLs."""
    return tuple(url(item) for item in items(text))


def service_url(text: str) -> str:
    """Accept the URL of a service that gets credentials: HTTPS, or HTTP on this machine."""
    address = url(text)
    parts = urlsplit(address)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ValueError("must start with https://: the key and all accounts travel to it")
    return address


def addresses(text: str) -> tuple[str, ...]:
    """Read a list of IP addresses."""
    return tuple(address(item) for item in items(text))


def address(text: str) -> str:
    """Read one IP address, and spell it in the usual way."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"{text[:60]!r} is not an IP address") from None


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` is this machine itself."""
    if host == "localhost":
        return True
    return is_address(host) and ipaddress.ip_address(host).is_loopback


def is_address(host: str) -> bool:
    """Tell whether ``host`` is an IP address and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
