"""What a user does with the login server: making an account, and logging in at all parties at once."""

from aukciszek.client.connection import Request
from aukciszek.client.errors import AnswerNotUnderstoodError
from aukciszek.client.parties import Parties
from aukciszek.client.schemas import LoggedIn, Registered
from aukciszek.client.tokens import UserTokens
from aukciszek.encoding import canonical_json
from aukciszek.protocol.rules.identifiers import UserId


async def register(parties: Parties, login_server: int, email: str, password: str) -> UserId:
    """Make an account, without any privilege.

    Raises:
        PartyRefusedError: the address is taken, or address or password are not acceptable.
        UnreachableError: no answer. The account may have been made: try to log in.
    """
    party = parties[login_server]
    body = canonical_json({"email": email, "password": password})
    answer = await party.ask(Request("POST", "/api/auth/register", body=body, repeatable=False))
    return party.parse(Registered, answer).uid


async def log_in(parties: Parties, login_server: int, email: str, password: str) -> UserTokens:
    """Return a token for each party.

    Raises:
        PartyRefusedError: address or password are wrong.
        UnreachableError: the login server gave no answer.
        AnswerNotUnderstoodError: the tokens are not one for each party of the cluster.
    """
    party = parties[login_server]
    body = canonical_json({"email": email, "password": password})
    answer = party.parse(LoggedIn, await party.ask(Request("POST", "/api/auth/login", body=body)))
    issued = {token.server.rstrip("/"): token.access_token for token in answer.access_tokens}
    entries = parties.cluster.parties
    if set(issued) != {entry.url for entry in entries}:
        raise AnswerNotUnderstoodError("the login server issued tokens for other servers than your cluster file's")
    return UserTokens.read({entry.number: issued[entry.url] for entry in entries})
