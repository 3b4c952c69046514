"""Who a command line user is logged in as: the file with their access tokens and the cluster they trust.

The tokens let their holder act as the user until they expire, so the file is readable by its owner
alone and is replaced in one step. It never holds a password.
"""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aukciszek.client.errors import LoginStateError
from aukciszek.cluster import Cluster
from aukciszek.encoding import MalformedEncodingError, from_base64url, to_base64url


class _StateFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    version: Literal[1] = 1
    email: str
    login_server: Annotated[int, Field(ge=1)]
    cluster: str
    ca_file: str | None
    tokens: Annotated[dict[int, str], Field(repr=False)]


@dataclass(frozen=True)
class LoginState:
    """A user's log-in, as a file keeps it: the account, its access tokens, and the cluster that the user accepted.

    Attributes:
        email: the account's address.
        login_server: the number of the party that issued the tokens.
        cluster_file: the bytes of the cluster file that the user accepted.
        ca_file: certificates to trust instead of the system's, or ``None``.
        tokens: the access tokens by party number; shown nowhere.
    """

    email: str
    login_server: int
    cluster_file: bytes
    ca_file: Path | None
    tokens: Mapping[int, str]

    def __repr__(self) -> str:
        return f"LoginState({self.email!r}, {len(self.tokens)} tokens)"

    @property
    def cluster(self) -> Cluster:
        """The cluster that the user accepted."""
        return Cluster.parse(self.cluster_file)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file that :meth:`write` made.

        Raises:
            LoginStateError: there is none, it is open to others, or it is not readable.
        """
        try:
            content, mode = path.read_bytes(), path.stat().st_mode
        except FileNotFoundError as error:
            raise LoginStateError(f"you are not logged in ({path} is missing): run `aukciszek login`") from error
        except OSError as error:
            raise LoginStateError(f"cannot read {path} ({error.strerror})") from error
        if mode & 0o077:
            raise LoginStateError(f"{path} is readable by other users: remove it and log in again")
        try:
            file = _StateFile.model_validate_json(content)
            cluster_file = from_base64url(file.cluster)
        except (ValidationError, MalformedEncodingError) as error:
            raise LoginStateError(f"{path} is damaged: run `aukciszek login` again") from error
        ca_file = None if file.ca_file is None else Path(file.ca_file)
        return cls(file.email, file.login_server, cluster_file, ca_file, file.tokens)

    def write(self, path: Path) -> None:
        """Store the log-in, readable by its owner alone, in place of an earlier one.

        Raises:
            LoginStateError: the file cannot be written.
        """
        file = _StateFile(
            email=self.email,
            login_server=self.login_server,
            cluster=to_base64url(self.cluster_file),
            ca_file=None if self.ca_file is None else str(self.ca_file),
            tokens=dict(self.tokens),
        )
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # mkstemp makes the file with mode 0600; the rename replaces the earlier log-in in one step.
            descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
            with os.fdopen(descriptor, "wb") as target:
                target.write(file.model_dump_json().encode())
            Path(temporary).replace(path)
        except OSError as error:
            raise LoginStateError(f"cannot write {path} ({error.strerror})") from error


def default_state_file(environment: Mapping[str, str]) -> Path:
    """Return where a log-in is kept: ``AUKCISZEK_STATE``, or below ``XDG_STATE_HOME`` (default ``~/.local/state``)."""
    if chosen := environment.get("AUKCISZEK_STATE"):
        return Path(chosen)
    home = Path(environment.get("HOME") or Path.home())
    return Path(environment.get("XDG_STATE_HOME") or home / ".local" / "state") / "aukciszek" / "login.json"
