"""User tokens: one HS256 JWT for each party, issued by the login server, valid at that party alone.

Claims, all of them required and no others: ``iss`` the login server's URL, ``aud`` the party's URL, ``iat``, ``exp``,
``uid``, ``isAdmin``, ``email``. The login server has every party's key and every other party only its own, so that a
party cannot issue a token for another one (``docs/architecture.md``).

Times are compared with the clock that is passed in, not with PyJWT's own.
"""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Final

import jwt
from jwt.types import Options
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from aukciszek.accounts.errors import TokenAudienceError, TokenExpiredError, TokenInvalidError
from aukciszek.accounts.users import User
from aukciszek.clock import Clock
from aukciszek.secret import Secret

_ALGORITHM: Final = "HS256"
_LONGEST_TOKEN: Final = 4096
_MOST_KNOWN: Final = 10_000
"""Tokens whose signature was verified; beyond it the oldest is forgotten, and verified again when shown."""

_LARGEST_SKEW_S: Final = 60
"""How far the login server's clock may be ahead of a party's."""
_LONGEST_LIFETIME_S: Final = 24 * 60 * 60
_CHECKED_HERE: Final[Options] = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "require": ["iss", "aud", "iat", "exp"],
}
"""Checked by :meth:`TokenVerifier.verify` instead: PyJWT knows neither the injected clock nor the form of claims."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token and the party that it is for."""

    server_url: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Principal:
    """The user that a token authenticates."""

    uid: str
    email: str
    is_admin: bool


def _check_uid(text: str) -> str:
    if str(uuid.UUID(text)) != text:
        raise ValueError("not a UUID in its usual spelling")
    return text


class _Claims(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    iss: str
    aud: str
    iat: Annotated[int, Field(ge=0)]
    exp: Annotated[int, Field(ge=0)]
    uid: Annotated[str, AfterValidator(_check_uid)]
    is_admin: Annotated[bool, Field(alias="isAdmin")]
    email: Annotated[str, Field(min_length=3, max_length=320)]


class TokenIssuer:
    """The login server's side."""

    def __init__(
        self, keys: Mapping[str, Secret[str]], *, login_server_url: str, lifetime: timedelta, clock: Clock
    ) -> None:
        """Take the keys by the parties' URLs, in the order of the issued tokens."""
        self._keys = dict(keys)
        self._login_server_url = login_server_url
        self._lifetime_s = int(lifetime.total_seconds())
        self._clock = clock

    def issue(self, user: User) -> list[AccessToken]:
        """Return one token for each party."""
        now_s = int(self._clock.now().timestamp())
        claims = {
            "iss": self._login_server_url,
            "iat": now_s,
            "exp": now_s + self._lifetime_s,
            "uid": user.uid,
            "isAdmin": user.is_admin,
            "email": user.email,
        }
        return [
            AccessToken(url, jwt.encode(claims | {"aud": url}, key.reveal(), algorithm=_ALGORITHM))
            for url, key in self._keys.items()
        ]


class TokenVerifier:
    """One party's side."""

    def __init__(self, key: Secret[str], *, url: str, login_server_url: str, clock: Clock) -> None:
        self._key = key
        self._url = url
        self._login_server_url = login_server_url
        self._clock = clock
        self._known: dict[bytes, _Claims] = {}

    def verify(self, token: str) -> Principal:
        """Return the user that a token authenticates.

        Raises:
            TokenAudienceError: the token is for another party.
            TokenExpiredError: the token has expired.
            TokenInvalidError: it is not valid for any other reason.
        """
        claims = self._claims(token)
        if claims.aud != self._url:
            raise _for_another_party()
        now_s = self._clock.now().timestamp()
        from_login_server = claims.iss == self._login_server_url
        lifetime_s = claims.exp - claims.iat
        if not from_login_server or not 0 < lifetime_s <= _LONGEST_LIFETIME_S or claims.iat > now_s + _LARGEST_SKEW_S:
            raise _invalid()
        if claims.exp <= now_s:
            raise TokenExpiredError("the token has expired: log in again")
        return Principal(claims.uid, claims.email, claims.is_admin)

    def _claims(self, token: str) -> _Claims:
        """Return the claims; those of a token that was shown before without verifying its signature again.

        Only tokens with a valid signature are cached, by their hash; the caller compares their claims with the time.
        """
        shown = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        claims = self._known.get(shown)
        if claims is None:
            claims = self._decode(token)
            if len(self._known) >= _MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[shown] = claims
        return claims

    def _decode(self, token: str) -> _Claims:
        """Verify the signature and the form of the claims, not their values."""
        if len(token) > _LONGEST_TOKEN:
            raise _invalid()
        try:
            content = jwt.decode(token, self._key.reveal(), algorithms=[_ALGORITHM], options=_CHECKED_HERE)
            return _Claims.model_validate(content)
        except jwt.InvalidSignatureError:
            # The likeliest mistake deserves a hint: a token sent to another party than its audience.
            raise _for_another_party() if self._names_another_party(token) else _invalid() from None
        except (jwt.PyJWTError, ValidationError):
            raise _invalid() from None

    def _names_another_party(self, token: str) -> bool:
        """Return whether an unverified token names another audience; only for the text of a refusal."""
        try:
            audience = jwt.decode(token, options={"verify_signature": False}).get("aud")
        except jwt.PyJWTError:
            return False
        return isinstance(audience, str) and audience != self._url


def _for_another_party() -> TokenAudienceError:
    return TokenAudienceError("the token is for another server: send each server the token that was issued for it")


def _invalid() -> TokenInvalidError:
    return TokenInvalidError("the token was not issued for this server by its login server: log in again")
