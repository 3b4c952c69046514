"""What routes depend on: the party, the authenticated user, the parameters of the path.

Every route that serves a user depends on :func:`current_user` or :func:`current_admin`; a test inspects all routes and
fails for one that does not and is not on its short list of public ones.
"""

from typing import Annotated, cast

from fastapi import Depends, Path
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from aukciszek.accounts.errors import TokenInvalidError, TokenMissingError
from aukciszek.accounts.tokens import Principal
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.server.errors import AdminOnlyError
from aukciszek.server.party import Party


async def the_party(connection: HTTPConnection) -> Party:
    """Return the party that this server is."""
    return cast("Party", connection.app.state.party)


ThisParty = Annotated[Party, Depends(the_party)]


async def current_user(
    connection: HTTPConnection,
    party: ThisParty,
    _described: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))],
) -> Principal:
    """Return the authenticated user.

    Raises:
        TokenError: there is no token, or it is not valid at this party now.
    """
    return authenticate(connection, party)


def authenticate(connection: HTTPConnection, party: Party) -> Principal:
    """Return the user that a connection's token authenticates.

    Raises:
        TokenError: there is no token, or it is not valid at this party now.
    """
    shown = connection.headers.getlist("authorization")
    if len(shown) > 1:
        raise TokenInvalidError("send one token, not several")
    scheme, _, token = shown[0].partition(" ") if shown else ("", "", "")
    if scheme.lower() != "bearer" or not token:
        raise TokenMissingError("log in and send the token for this server in the header `Authorization: Bearer ...`")
    return party.verifier.verify(token)


CurrentUser = Annotated[Principal, Depends(current_user)]


async def current_admin(user: CurrentUser) -> Principal:
    """Return the authenticated user, if they are an auctioneer.

    Raises:
        TokenError: there is no token, or it is not valid at this party now.
        AdminOnlyError: the user is none.
    """
    if not user.is_admin:
        raise AdminOnlyError("only auctioneers may do this: ask the login server's operator for the privilege")
    return user


CurrentAdmin = Annotated[Principal, Depends(current_admin)]

AuctionInPath = Annotated[AuctionId, Path(pattern="^[0-9a-f]{64}$", description="64 hexadecimal digits")]
