"""What users do with accounts: register and log in. The interface of this package to the server."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from aukciszek.accounts.errors import (
    AccountsUnavailableError,
    EmailTakenError,
    TooManyLoginsError,
    UnknownUserError,
    WrongCredentialsError,
)
from aukciszek.accounts.login_attempts import LoginAttempts
from aukciszek.accounts.password_policy import check_form, check_guesses
from aukciszek.accounts.passwords import PasswordHasher
from aukciszek.accounts.throttle import LoginThrottle
from aukciszek.accounts.tokens import AccessToken, TokenIssuer
from aukciszek.accounts.users import StoredUser, User, UserStore
from aukciszek.email_address import normal_email
from aukciszek.secret import Secret

_MOST_AT_ONCE: Final = 256


class Accounts:
    """The accounts of a cluster, as the login server keeps them."""

    def __init__(
        self,
        store: UserStore,
        hasher: PasswordHasher,
        issuer: TokenIssuer,
        throttle: LoginThrottle,
        *,
        most_at_once: int = _MOST_AT_ONCE,
    ) -> None:
        self._store = store
        self._hasher = hasher
        self._issuer = issuer
        self._throttle = throttle
        self._attempts = LoginAttempts(throttle)
        self._most_at_once = most_at_once
        self._at_once = 0

    async def register(self, email: str, password: Secret[str], *, origin: str = "") -> User:
        """Create an account, always without privileges.

        Args:
            email: the address, in any spelling.
            password: what the user chose.
            origin: where the request comes from.

        Raises:
            MalformedEmailError: it is no address.
            PasswordPolicyError: the password is too easy to guess.
            EmailTakenError: the address has an account already.
            TooManyAttemptsError: too many wrong attempts came from ``origin``.
            TooManyLoginsError: the server has too many passwords to hash.
            AccountsUnavailableError: the user store does not answer.
        """
        address = normal_email(email)
        check_form(password.reveal())
        with self._one_more():
            await self._throttle.check_network(origin)
            password_hash = await self._hasher.hash(password, check=lambda: check_guesses(password.reveal(), address))
            try:
                return await self._store.add(address, password_hash)
            except EmailTakenError:
                await self._throttle.found_taken(origin)
                raise

    async def log_in(self, email: str, password: Secret[str], *, origin: str = "") -> tuple[User, list[AccessToken]]:
        """Return the user and a token for every party.

        A wrong password and an address without an account are answered alike after the same work.

        Args:
            email: the address, in any spelling.
            password: what the user typed.
            origin: where the request comes from. Wrong passwords from one network do not lock out another.

        Raises:
            WrongCredentialsError: address and password do not match.
            MalformedEmailError: it is no address.
            TooManyAttemptsError: too many wrong passwords came for this address or from ``origin``.
            TooManyLoginsError: the server has too many passwords to verify.
            AccountsUnavailableError: the user store does not answer.
        """
        address = normal_email(email)
        with self._one_more():
            async with self._attempts.attempt(address, origin):
                stored = await self._store.by_email(address)
                matches = await self._hasher.verify(password, None if stored is None else stored.password_hash)
                if stored is None or not matches:
                    await self._throttle.failed(address, origin)
                    raise WrongCredentialsError("address and password do not match: check both")
                await self._throttle.succeeded(address, origin)
            await self._renew(stored, password)
            return stored.user, self._issuer.issue(stored.user)

    async def _renew(self, stored: StoredUser, password: Secret[str]) -> None:
        """Replace a password's hash that was made with other parameters than the current ones.

        The user is authenticated, so a failure here only postpones this to their next log-in.
        """
        if self._hasher.is_outdated(stored.password_hash):
            with suppress(AccountsUnavailableError, TooManyLoginsError, UnknownUserError):
                await self._store.replace_hash(stored.user.uid, await self._hasher.hash(password))

    @contextmanager
    def _one_more(self) -> Iterator[None]:
        """Refuse a caller who would have to wait too long, before any work is done."""
        if self._at_once >= self._most_at_once:
            raise TooManyLoginsError("many users are logging in: try again in a few seconds")
        self._at_once += 1
        try:
            yield
        finally:
            self._at_once -= 1
