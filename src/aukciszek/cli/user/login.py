"""``aukciszek login`` and ``aukciszek register``: accounts, from the command line of their owner."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from aukciszek.cli.user.login_session import StateOption, read_password, state_file
from aukciszek.client.discovery import Discovered, discover, fetch_cluster_file
from aukciszek.client.errors import LoginStateError
from aukciszek.client.sdk import AukciszekClient
from aukciszek.client.stores.login_state import LoginState
from aukciszek.client.tokens import UserTokens
from aukciszek.clock import format_time
from aukciszek.cluster import ClusterFileError
from aukciszek.console.report import JsonOption, Report, group_digits, plain

EmailArgument = Annotated[str, typer.Argument(help="The account's e-mail address.")]
ServerOption = Annotated[
    str | None,
    typer.Option("--server", help="Any party's URL; its cluster file is fetched and trusted from then on."),
]
ClusterOption = Annotated[
    Path | None, typer.Option("--cluster", help="The cluster file that an operator gave you; better than --server.")
]
LoginServerOption = Annotated[int | None, typer.Option(help="The login server's number, if the parties disagree.")]
CaFileOption = Annotated[
    Path | None, typer.Option("--ca-file", help="Certificates to trust instead of the system's (PEM).")
]
PasswordFileOption = Annotated[
    Path | None, typer.Option("--password-file", help="Read the password from this file's first line; - is stdin.")
]


def add_commands(app: typer.Typer) -> None:
    """Add ``register`` and ``login`` to the command line."""
    app.command("register")(register)
    app.command("login")(login)


def register(  # noqa: PLR0913 -- a command's parameters are its options
    email: EmailArgument,
    *,
    server: ServerOption = None,
    cluster_file: ClusterOption = None,
    login_server: LoginServerOption = None,
    ca_file: CaFileOption = None,
    password_file: PasswordFileOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an account with the login server. The password is asked for, or comes from AUKCISZEK_PASSWORD or a file."""
    with Report(as_json=as_json) as report:
        known = _Where(server, cluster_file, login_server, ca_file, state_file(state))
        password = read_password(password_file, confirm=True)
        uid = asyncio.run(_register(known, email, password))
        report.say(f"made the account [bold]{plain(email)}[/]; now log in with `aukciszek login {plain(email)}`")
        report.result({"email": email, "uid": uid})


def login(  # noqa: PLR0913 -- a command's parameters are its options
    email: EmailArgument,
    *,
    server: ServerOption = None,
    cluster_file: ClusterOption = None,
    login_server: LoginServerOption = None,
    ca_file: CaFileOption = None,
    password_file: PasswordFileOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Log in, once for all commands; the cluster is remembered, so later log-ins need the address alone.

    The password is asked for, or comes from AUKCISZEK_PASSWORD or a file. Kept are access tokens, which expire; not
    the password.
    """
    with Report(as_json=as_json) as report:
        known = _Where(server, cluster_file, login_server, ca_file, state_file(state))
        password = read_password(password_file, confirm=False)
        found, tokens = asyncio.run(_log_in(known, email, password))
        role = "auctioneer" if tokens.is_admin else "bidder"
        report.say(f"logged in as [bold]{plain(tokens.email)}[/] ({role}) until {tokens.expires_at:%H:%M} UTC")
        report.say(f"cluster of {found.cluster.size} parties, digest {group_digits(found.cluster.digest)}")
        report.result(
            {
                "email": tokens.email,
                "uid": tokens.uid,
                "is_admin": tokens.is_admin,
                "expires_at": format_time(tokens.expires_at),
                "cluster_digest": found.cluster.digest,
            }
        )


class _Where:
    """Which cluster is meant: named now, or remembered from the last log-in."""

    def __init__(
        self, server: str | None, cluster_file: Path | None, login_server: int | None, ca_file: Path | None, state: Path
    ) -> None:
        self._server = server
        self._cluster_file = cluster_file
        self._login_server = login_server
        self._ca_file = ca_file
        self.state = state

    async def find(self) -> tuple[Discovered, Path | None]:
        """Return the cluster, checked with all its parties, and the certificates to trust."""
        if self._cluster_file is not None:
            try:
                content = self._cluster_file.read_bytes()
            except OSError as error:
                raise ClusterFileError(f"cannot read {self._cluster_file} ({error.strerror})") from error
        elif self._server is not None:
            content = await fetch_cluster_file(self._server, ca_file=self._ca_file)
        else:
            return await self._remembered()
        return await discover(content, login_server=self._login_server, ca_file=self._ca_file), self._ca_file

    async def _remembered(self) -> tuple[Discovered, Path | None]:
        try:
            stored = LoginState.read(self.state)
        except LoginStateError as error:
            raise LoginStateError("which cluster? name it with --cluster FILE or --server URL") from error
        ca_file = self._ca_file or stored.ca_file
        login_server = self._login_server or stored.login_server
        return await discover(stored.cluster_file, login_server=login_server, ca_file=ca_file), ca_file


async def _register(where: _Where, email: str, password: str) -> str:
    found, ca_file = await where.find()
    async with AukciszekClient.open(found.cluster, login_server=found.login_server, ca_file=ca_file) as client:
        return await client.register(email, password)


async def _log_in(where: _Where, email: str, password: str) -> tuple[Discovered, UserTokens]:
    found, ca_file = await where.find()
    async with AukciszekClient.open(found.cluster, login_server=found.login_server, ca_file=ca_file) as client:
        tokens = await client.log_in(email, password)
    LoginState(tokens.email, found.login_server, found.cluster_file, ca_file, tokens.by_party).write(where.state)
    return found, tokens
