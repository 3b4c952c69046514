"""Short-lived tokens by which two parties authenticate each other.

``docs/protocol.md``, "Links between parties": the dialling party shows a token when it connects, the accepting party
answers with one that names the first (``answers``). Both are JWTs signed with the identity key (EdDSA, RFC 8037). A
token is valid for one receiver, for one minute and once; it also says which cluster file and threshold its signer
uses, so that parties with different settings notice before they exchange anything else.

A JWT's signed text begins with ``eyJ`` and that of every other statement with ``aukciszek/1/``, so neither can be
taken for the other.
"""

import secrets
from datetime import UTC, datetime
from typing import Annotated, Final

import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aukciszek.clock import Clock
from aukciszek.cluster import PartyNumber
from aukciszek.identity import Identity
from aukciszek.server.errors import PeerIdentityError
from aukciszek.server.links.directory import PeerDirectory

LIFETIME_S: Final = 60
"""How long a token is valid."""

CLOCK_TOLERANCE_S: Final = 30
"""How far the clocks of two parties may differ."""

MOST_TOKENS_REMEMBERED: Final = 10_000
"""Per signer; an honest party uses a few per minute."""

_ALGORITHM: Final = "EdDSA"


class _Claims(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    iss: str
    aud: str
    iat: int
    exp: int
    jti: Annotated[str, Field(min_length=32, max_length=64)]
    cluster: str
    threshold: int
    answers: str | None = None


class IdentityTokens:
    """Issues this party's tokens and checks those of the others."""

    def __init__(self, directory: PeerDirectory, identity: Identity, clock: Clock) -> None:
        self._own = directory.own
        self._cluster = directory.cluster
        self._threshold = directory.threshold
        self._identity = identity
        self._clock = clock
        self._used: dict[PartyNumber, dict[str, int]] = {}

    def issue(self, receiver: PartyNumber, *, answers: str | None = None) -> tuple[str, str]:
        """Sign a token for ``receiver``.

        Args:
            receiver: the only party that accepts the token.
            answers: the id of the receiver's own token, if this one is the answer to it.

        Returns:
            The token and its id.
        """
        now = int(self._clock.now().timestamp())
        token_id = secrets.token_hex(16)
        claims = _Claims(
            iss=str(self._own),
            aud=str(receiver),
            iat=now,
            exp=now + LIFETIME_S,
            jti=token_id,
            cluster=self._cluster.digest,
            threshold=self._threshold,
            answers=answers,
        )
        content = claims.model_dump(exclude_none=True)
        return jwt.encode(content, self._identity.key, algorithm=_ALGORITHM), token_id

    def verify(self, token: str, sender: PartyNumber, *, answers: str | None = None) -> str:
        """Check that ``sender`` signed ``token`` for this party, just now and for the first time.

        Args:
            token: what arrived.
            sender: the party that the token must come from.
            answers: the id of this party's own token that it must answer; ``None`` if it must answer none.

        Returns:
            The token's id.

        Raises:
            PeerIdentityError: with the reason, which names no part of the token.
        """
        claims = self._read(token, sender)
        if claims.iss != str(sender):
            raise PeerIdentityError(f"the token was signed by party {sender} but names another issuer")
        if claims.aud != str(self._own):
            raise PeerIdentityError(f"the token of party {sender} was made for another receiver")
        if claims.answers != answers:
            raise PeerIdentityError(f"the token of party {sender} does not belong to this connection")
        self._check_settings(claims, sender)
        self._check_times(claims, sender)
        self._use_once(claims, sender)
        return claims.jti

    def _read(self, token: str, sender: PartyNumber) -> _Claims:
        key = self._cluster.party(sender).identity.key
        unchecked_here = {"verify_signature": True, "verify_exp": False, "verify_iat": False, "verify_aud": False}
        try:
            content = jwt.decode(token, key, algorithms=[_ALGORITHM], options=unchecked_here)  # type: ignore[arg-type] # a plain dict
            return _Claims.model_validate(content)
        except jwt.InvalidTokenError as error:
            raise PeerIdentityError(
                f"the token is not signed with the identity key of party {sender}: compare the cluster files"
            ) from error
        except ValidationError as error:
            raise PeerIdentityError(f"the token of party {sender} does not hold the agreed claims") from error

    def _check_settings(self, claims: _Claims, sender: PartyNumber) -> None:
        if claims.cluster != self._cluster.digest:
            raise PeerIdentityError(f"party {sender} uses another cluster file: compare `aukciszek cluster digest`")
        if claims.threshold != self._threshold:
            raise PeerIdentityError(f"party {sender} uses threshold {claims.threshold}, this party {self._threshold}")

    def _check_times(self, claims: _Claims, sender: PartyNumber) -> None:
        now = self._clock.now().timestamp()
        if not claims.iat < claims.exp <= claims.iat + LIFETIME_S:
            raise PeerIdentityError(f"the token of party {sender} is valid for longer than {LIFETIME_S} seconds")
        if claims.iat > now + CLOCK_TOLERANCE_S or claims.exp < now - CLOCK_TOLERANCE_S:
            issued = datetime.fromtimestamp(claims.iat, UTC) if 0 <= claims.iat < 2**33 else "a time far away"
            raise PeerIdentityError(f"the token of party {sender} was made at {issued}: compare the clocks")

    def _use_once(self, claims: _Claims, sender: PartyNumber) -> None:
        now = self._clock.now().timestamp()
        used = self._used.setdefault(sender, {})
        for token_id in [old for old, expires in used.items() if expires < now - CLOCK_TOLERANCE_S]:
            del used[token_id]
        if claims.jti in used:
            raise PeerIdentityError(f"the token of party {sender} was used before")
        if len(used) >= MOST_TOKENS_REMEMBERED:
            raise PeerIdentityError(f"party {sender} uses too many tokens")
        used[claims.jti] = claims.exp
