"""What the commands of auctioneers and bidders share: the log-in they act under, secrets that never stand in argv.

Arguments of a command are visible to every user of the machine and stay in the shell's history. So passwords are
asked for, or read from a file or from the environment.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from aukciszek.client.errors import NotLoggedInError
from aukciszek.client.sdk import AukciszekClient
from aukciszek.client.stores.login_state import LoginState, default_state_file
from aukciszek.client.tokens import UserTokens
from aukciszek.clock import Clock, SystemClock
from aukciszek.cluster import Cluster
from aukciszek.errors import AukciszekError

PASSWORD_VARIABLE = "AUKCISZEK_PASSWORD"  # noqa: S105 -- the name of a variable, not a password

StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state",
        help="The file with the log-in; default AUKCISZEK_STATE, or aukciszek/login.json below XDG_STATE_HOME.",
    ),
]


class SecretInputError(AukciszekError):
    """A password or a price was asked for, and there is none."""

    code = "secret-input"


@dataclass(frozen=True, slots=True)
class LoginSession:
    """A logged-in user at the command line."""

    client: AukciszekClient
    cluster: Cluster
    tokens: UserTokens


def state_file(chosen: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the file with the log-in."""
    return chosen or default_state_file(environment)


@asynccontextmanager
async def logged_in(state: Path | None, *, clock: Clock | None = None) -> AsyncIterator[LoginSession]:
    """Yield the session that `aukciszek login` began.

    Raises:
        LoginStateError: nobody is logged in, or the file is not usable.
        NotLoggedInError: the tokens have expired.
    """
    stored = LoginState.read(state_file(state))
    tokens = UserTokens.read(stored.tokens)
    if tokens.expires_at <= (clock or SystemClock()).now():
        raise NotLoggedInError(f"your log-in expired at {tokens.expires_at:%H:%M} UTC: run `aukciszek login`")
    cluster = stored.cluster
    async with AukciszekClient.open(
        cluster, login_server=stored.login_server, tokens=tokens, ca_file=stored.ca_file
    ) as client:
        yield LoginSession(client, cluster, tokens)


def as_user[T](state: Path | None, action: Callable[[LoginSession], Awaitable[T]]) -> T:
    """Run ``action`` in the session that `aukciszek login` began.

    Raises:
        AukciszekError: what :func:`logged_in` or the action raise.
    """

    async def act() -> T:
        async with logged_in(state) as session:
            return await action(session)

    return asyncio.run(act())


def read_password(file: Path | None, *, confirm: bool, environment: Mapping[str, str] = os.environ) -> str:
    """Return a password from ``file`` (``-``: standard input), the environment, or the keyboard.

    Raises:
        SecretInputError: there is none.
    """
    if file is None and (given := environment.get(PASSWORD_VARIABLE)):
        return given
    return read_secret(file, "Password", hidden=True, confirm=confirm)


def read_secret(file: Path | None, prompt: str, *, hidden: bool, confirm: bool = False) -> str:
    """Return the first line of ``file`` (``-``: standard input), or what is typed at the keyboard.

    Raises:
        SecretInputError: the file cannot be read, or there is nobody to ask.
    """
    if file is None:
        if not sys.stdin.isatty():
            raise SecretInputError(f"{prompt.lower()}: nobody to ask here; name a file, or - for standard input")
        return str(typer.prompt(prompt, hide_input=hidden, confirmation_prompt=confirm, err=True))
    try:
        text = sys.stdin.readline() if str(file) == "-" else file.read_text().partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        raise SecretInputError(f"{prompt.lower()}: cannot read {file}") from error
    if not (line := text.rstrip("\r\n")):
        raise SecretInputError(f"{prompt.lower()}: the first line of {file} is empty")
    return line
