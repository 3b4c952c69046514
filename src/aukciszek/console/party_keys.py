"""A party's own keys, and its entry for the cluster file: made on the party's own machine."""

import secrets
from pathlib import Path

from pydantic import ValidationError

from aukciszek.cluster import ClusterFileError, PartyEntry
from aukciszek.console.new_file import KeyFileError, write_new_file
from aukciszek.encoding import canonical_json, to_base64url
from aukciszek.identity import Identity

IDENTITY_FILE = "identity.pem"
TOKEN_KEY_FILE = "token.key"  # noqa: S105 -- the name of a file, not a secret
_TOKEN_KEY_BYTES = 48


def make_party_keys(data_dir: Path, *, number: int, name: str, url: str, address: str) -> PartyEntry:
    """Make identity, token key and cluster entry in ``data_dir`` and return the entry; never overwrites.

    Raises:
        ClusterFileError: number, name, URL or address are not what a cluster file may hold.
        IdentityKeyError: the identity exists already or cannot be written.
        KeyFileError: the same of the other files.
    """
    identity = Identity.new()
    try:
        entry = PartyEntry(number=number, name=name, url=url, address=address, identity_key=identity.public.text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ClusterFileError(f"the entry is not valid at {place}: {first['msg']}") from error
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KeyFileError(f"cannot make the directory {data_dir} ({error.strerror})") from error
    identity.write(data_dir / IDENTITY_FILE)
    token_key = to_base64url(secrets.token_bytes(_TOKEN_KEY_BYTES))
    write_new_file(data_dir / TOKEN_KEY_FILE, token_key.encode() + b"\n", mode=0o600)
    write_new_file(data_dir / f"party-{number}.json", canonical_json(entry.model_dump()), mode=0o644)
    return entry
