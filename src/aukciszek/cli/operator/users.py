"""``aukciszek users``: what only the operator of the login server can do, with that party's settings and database."""

import asyncio
from typing import Annotated

import typer

from aukciszek.accounts.user_stores import open_user_store
from aukciszek.accounts.users import User
from aukciszek.clock import SystemClock
from aukciszek.console.report import JsonOption, Report, plain
from aukciszek.email_address import normal_email
from aukciszek.errors import AukciszekError
from aukciszek.settings import Settings, load_settings
from aukciszek.storage.database import Database


class NotHereError(AukciszekError):
    """A command works on the login server's machine only."""

    code = "not-on-login-server"


def add_commands(app: typer.Typer) -> None:
    """Add ``users`` to the command line."""
    users = typer.Typer(no_args_is_help=True, help="Accounts; on the login server's machine only.")
    # A callback keeps `grant-admin` a subcommand although it is the only one.
    users.callback()(lambda: None)
    users.command("grant-admin")(grant_admin)
    app.add_typer(users, name="users")


def grant_admin(
    email: Annotated[str, typer.Argument(help="The account's e-mail address.")], *, as_json: JsonOption = False
) -> None:
    """Let an account create auctions; on the login server's machine only, with that party's settings.

    The account has the privilege from its next log-in on. There is no other way to become an auctioneer.
    """
    with Report(as_json=as_json) as report:
        user = asyncio.run(_grant_admin(load_settings(), email))
        report.say(f"[bold]{plain(user.email)}[/] may create auctions from the next log-in on")
        report.result({"email": user.email, "uid": user.uid, "is_admin": user.is_admin})


async def _grant_admin(settings: Settings, email: str) -> User:
    if not settings.is_login_server:
        raise NotHereError(f"accounts are kept by party {settings.login_server}: run this on its machine")
    address = normal_email(email)
    database = await Database.open(settings.database_url)
    try:
        async with open_user_store(settings, database, SystemClock()) as store:
            return await store.grant_admin(address)
    finally:
        await database.close()
