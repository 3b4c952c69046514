"""A user's access tokens, one for each party, as the login server issued them.

The client reads what its own tokens claim (who am I, until when), without verifying: only the party that a token
is for can do so, and only that party's decision counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field

from aukciszek.client.errors import AnswerNotUnderstoodError, NotLoggedInError
from aukciszek.encoding import MalformedEncodingError, from_base64url
from aukciszek.protocol.rules.fields import UserIdField
from aukciszek.protocol.rules.identifiers import UserId

_LATEST_S: Final = 2**37
"""Seconds since 1970; far beyond any log-in, and still a date."""


class _Claims(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    uid: UserIdField
    email: str
    is_admin: bool = Field(alias="isAdmin")
    exp: Annotated[int, Field(ge=0, le=_LATEST_S)]


@dataclass(frozen=True, slots=True)
class UserTokens:
    """Who a client acts for, and the tokens that let it.

    Attributes:
        uid: the user's id.
        email: the user's address, as the account has it.
        is_admin: whether the user may create auctions.
        expires_at: when the first of the tokens expires.
        by_party: the tokens; shown nowhere.
    """

    uid: UserId
    email: str
    is_admin: bool
    expires_at: datetime
    by_party: Mapping[int, str] = field(repr=False)

    @classmethod
    def read(cls, by_party: Mapping[int, str]) -> Self:
        """Read what the tokens claim.

        Raises:
            AnswerNotUnderstoodError: a token is not readable, or they are for different users.
        """
        claims = [_claims(token) for token in by_party.values()]
        if len({(claim.uid, claim.email, claim.is_admin) for claim in claims}) != 1:
            raise AnswerNotUnderstoodError("the access tokens are not all for one user: log in again")
        first = claims[0]
        expires_at = datetime.fromtimestamp(min(claim.exp for claim in claims), UTC)
        return cls(first.uid, first.email, first.is_admin, expires_at, dict(by_party))

    def at(self, party: int) -> str:
        """Return the token for one party.

        Raises:
            NotLoggedInError: there is none.
        """
        try:
            return self.by_party[party]
        except KeyError as error:
            raise NotLoggedInError(f"there is no access token for party {party}: log in again") from error


def _claims(token: str) -> _Claims:
    try:
        _header, claims, _signature = token.split(".")  # RFC 7519, section 3.1
        return _Claims.model_validate_json(from_base64url(claims))
    except (ValueError, MalformedEncodingError) as error:
        raise AnswerNotUnderstoodError("an access token is not readable: log in again") from error
