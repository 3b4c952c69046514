"""What users do with accounts: register and log in. The server calls nothing else here."""

from aukciszek.accounts.errors import WrongCredentialsError
from aukciszek.accounts.password_policy import check_policy
from aukciszek.accounts.passwords import PasswordHasher
from aukciszek.accounts.throttle import LoginThrottle
from aukciszek.accounts.tokens import AccessToken, TokenIssuer
from aukciszek.accounts.users import User, UserStore, normal_email
from aukciszek.clock import Clock
from aukciszek.secret import Secret


class Accounts:
    """The accounts of a cluster, as the login server keeps them."""

    def __init__(self, store: UserStore, hasher: PasswordHasher, issuer: TokenIssuer, clock: Clock) -> None:
        self._store = store
        self._hasher = hasher
        self._issuer = issuer
        self._throttle = LoginThrottle(clock)

    async def register(self, email: str, password: Secret[str]) -> User:
        """Make an account; it never has privileges.

        Raises:
            MalformedEmailError: the address is none.
            PasswordPolicyError: the password is too easy to guess.
            EmailTakenError: the address has an account already.
            TooManyLoginsError: the server has too many passwords to hash.
        """
        address = normal_email(email)
        check_policy(password.reveal(), address)
        return await self._store.add(address, await self._hasher.hash(password))

    async def log_in(self, email: str, password: Secret[str], *, origin: str = "") -> tuple[User, list[AccessToken]]:
        """Return the user and a token for every party.

        A wrong password and an address without an account get the same answer after the same work.

        Args:
            email: the address, in any spelling.
            password: what the user typed.
            origin: where the request comes from. Wrong passwords from one place do not lock out another.

        Raises:
            WrongCredentialsError: address and password do not belong together.
            MalformedEmailError: the address is none.
            TooManyAttemptsError: too many wrong passwords came from ``origin`` for this address.
            TooManyLoginsError: the server has too many passwords to verify.
        """
        address = normal_email(email)
        self._throttle.begin(address, origin)
        stored = await self._store.by_email(address)
        matches = await self._hasher.verify(password, None if stored is None else stored.password_hash)
        if stored is None or not matches:
            raise WrongCredentialsError("address and password do not belong together: check both")
        self._throttle.forgive(address, origin)
        if self._hasher.is_outdated(stored.password_hash):
            await self._store.replace_hash(stored.user.uid, await self._hasher.hash(password))
        return stored.user, self._issuer.issue(stored.user)
