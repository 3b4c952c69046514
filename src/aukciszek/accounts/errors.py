"""What can go wrong between a user and an account.

::

    AccountsError
    ├── AccountsUnavailableError accounts-unavailable
    ├── EmailTakenError          email-taken
    ├── PasswordPolicyError      weak-password
    ├── TooManyAttemptsError     too-many-attempts
    ├── TooManyLoginsError       too-many-logins
    ├── UnknownUserError         unknown-user
    ├── WrongCredentialsError    wrong-credentials
    └── TokenError
        ├── TokenAudienceError   token-wrong-audience
        ├── TokenExpiredError    token-expired
        ├── TokenInvalidError    token-invalid
        └── TokenMissingError    token-missing

No text here contains a password, a hash, a token or a key.
"""

from aukciszek.errors import AukciszekError


class AccountsError(AukciszekError):
    """A fault of a user's account or token."""

    code = "accounts"


class AccountsUnavailableError(AccountsError):
    """The user store does not answer in time, or not as it should."""

    code = "accounts-unavailable"


class EmailTakenError(AccountsError):
    """The address has an account already."""

    code = "email-taken"


class PasswordPolicyError(AccountsError):
    """The password is too easy to guess, or cannot be used."""

    code = "weak-password"


class TooManyAttemptsError(AccountsError):
    """Too many wrong passwords were tried for one address or from one network."""

    code = "too-many-attempts"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooManyLoginsError(AccountsError):
    """Too many passwords are waiting to be checked."""

    code = "too-many-logins"


class UnknownUserError(AccountsError):
    """The address has no account. Only an operator learns this."""

    code = "unknown-user"


class WrongCredentialsError(AccountsError):
    """Address and password do not match; whether the address has an account is not disclosed."""

    code = "wrong-credentials"


class TokenError(AccountsError):
    """A request does not authenticate its sender."""

    code = "token"


class TokenMissingError(TokenError):
    """A request came without a token."""

    code = "token-missing"


class TokenExpiredError(TokenError):
    """The token has expired."""

    code = "token-expired"


class TokenAudienceError(TokenError):
    """The token is for another party."""

    code = "token-wrong-audience"


class TokenInvalidError(TokenError):
    """The token was not made by the login server for this party."""

    code = "token-invalid"
