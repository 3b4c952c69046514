"""Registering and logging in; at the login server only.

A request here establishes who a user is, never what they may do: no member claims a privilege, and an unknown member
is refused.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from aukciszek.accounts.service import Accounts
from aukciszek.secret import Secret
from aukciszek.server.errors import NotLoginServerError
from aukciszek.server.http.bodies import JSON, ModelBody, described
from aukciszek.server.http.dependencies import ThisParty
from aukciszek.server.http.schemas import RegisteredAnswer, TokensAnswer
from aukciszek.server.links.directory import plain_address

MOST_BYTES: Final = 16 * 1024
_MOST_CHARACTERS: Final = 4096
"""Of a password; the accounts decide how long a usable one is."""


class Credentials(BaseModel):
    """What a user logs in with."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    email: Annotated[str, Field(max_length=320)]
    password: Annotated[SecretStr, Field(max_length=_MOST_CHARACTERS)]


def account_routes() -> APIRouter:
    """Return the routes about accounts."""
    routes = APIRouter(prefix="/api/auth", tags=["accounts"])
    body = described(JSON, Credentials.model_json_schema())
    routes.post("/register", status_code=201, openapi_extra=body)(register)
    routes.post("/login", openapi_extra=body)(log_in)
    return routes


async def the_accounts(party: ThisParty) -> Accounts:
    """Return the accounts that this party keeps.

    Raises:
        NotLoginServerError: another party keeps them.
    """
    if party.accounts is None:
        login_server = party.settings.cluster.party(party.settings.login_server)
        raise NotLoginServerError(f"accounts are kept by party {login_server.number}: ask {login_server.url}")
    return party.accounts


KeptAccounts = Annotated[Accounts, Depends(the_accounts)]
SentCredentials = Annotated[Credentials, Depends(ModelBody(Credentials, MOST_BYTES))]


async def register(request: Request, accounts: KeptAccounts, sent: SentCredentials) -> RegisteredAnswer:
    """Create an account without privileges."""
    password = Secret(sent.password.get_secret_value())
    user = await accounts.register(sent.email, password, origin=_origin(request))
    return RegisteredAnswer(uid=user.uid, email=user.email)


async def log_in(request: Request, accounts: KeptAccounts, sent: SentCredentials) -> TokensAnswer:
    """Issue a token for every party."""
    password = Secret(sent.password.get_secret_value())
    _, tokens = await accounts.log_in(sent.email, password, origin=_origin(request))
    return TokensAnswer.of(tokens)


def _origin(request: Request) -> str:
    """Return the address that a connection comes from; headers that name another are ignored."""
    return plain_address(request.client.host) if request.client is not None else ""
