"""HTTP to one party: time limits, size limits, repeats with growing pauses, and its errors as ours.

A party may be hostile: its answers are bounded in size and time, and nothing in them is trusted here: the
caller decodes and verifies. Requests that do the same when they arrive twice are repeated, others only if they
were certainly not received.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ValidationError

from aukciszek.backoff import Backoff
from aukciszek.certificates import tls_fault
from aukciszek.client.errors import AnswerNotUnderstoodError, PartyRefusedError, UnreachableError
from aukciszek.clock import Clock

LARGEST_ANSWER_BYTES: Final = 64 * 1024 * 1024
"""A certificate names every bundle that counted, so answers grow with the number of bids."""

_BUSY: Final = 503
_jitter = random.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long and how often a client tries.

    Attributes:
        request_timeout_s: from sending a request to the end of its answer.
        attempts: how often a request is sent before the party counts as unreachable.
        first_pause_s: before the second attempt; each further pause is twice as long.
    """

    request_timeout_s: float = 30.0
    attempts: int = 4
    first_pause_s: float = 0.2


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a party.

    Attributes:
        method: GET or POST.
        path: from the party's root, such as ``/api/status``.
        body: bytes to send as they are, or ``None``.
        content_type: of the body.
        token: the user's access token at this party; never shown.
        repeatable: the request does the same when it arrives twice.
    """

    method: str
    path: str
    body: bytes | None = field(default=None, repr=False)
    content_type: str = "application/json"
    token: str | None = field(default=None, repr=False)
    repeatable: bool = True

    def headers(self) -> dict[str, str]:
        """Return the headers that the request needs."""
        headers = {"Accept": "application/json"}
        if self.body is not None:
            headers["Content-Type"] = self.content_type
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers


class PartyConnection:
    """The way to one party, over a session that several connections share.

    Attributes:
        number: the party's number; 0 while it is not known.
    """

    def __init__(
        self, http: aiohttp.ClientSession, number: int, url: str, *, retries: RetryPolicy, clock: Clock
    ) -> None:
        self.number = number
        self._url = url.rstrip("/")
        self._http = http
        self._retries = retries
        self._clock = clock

    async def ask(self, request: Request) -> bytes:
        """Send ``request`` and return the body of a good answer.

        Raises:
            PartyRefusedError: the party answered with a problem.
            UnreachableError: no answer within the limits of this connection.
            AnswerNotUnderstoodError: the answer is too large.
        """
        backoff = Backoff(self._clock, first_s=self._retries.first_pause_s, jitter=_jitter)
        for _ in range(self._retries.attempts - 1):
            try:
                return await self._ask_once(request)
            except UnreachableError as error:
                if not (request.repeatable or isinstance(error.__cause__, aiohttp.ClientConnectorError)):
                    raise
            except PartyRefusedError as error:
                # A busy party has not acted yet, so even a request that must not happen twice is repeated.
                if error.status != _BUSY:
                    raise
            await backoff.pause()
        return await self._ask_once(request)

    async def events[Model: BaseModel](self, path: str, model: type[Model]) -> AsyncIterator[Model]:
        """Yield what the party sends as server-sent events, until it ends the stream.

        Raises:
            PartyRefusedError: the party answered with a problem.
            UnreachableError: the connection broke, or was silent for longer than the request's time limit.
            AnswerNotUnderstoodError: an event is not of the agreed form.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_read=self._retries.request_timeout_s)
        headers = {"Accept": "text/event-stream"}
        try:
            async with self._http.get(self._url + path, headers=headers, timeout=timeout) as answer:
                if not answer.ok:
                    raise self._refusal(answer.status, await self._read(answer))
                async for line in answer.content:
                    if line.startswith(b"data:"):
                        yield self.parse(model, line.removeprefix(b"data:"))
        except HttpProcessingError as error:
            raise self._not_understood("an event is too long") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unreachable(error) from error

    def parse[Model: BaseModel](self, model: type[Model], content: bytes) -> Model:
        """Read an answer's body.

        Raises:
            AnswerNotUnderstoodError: the body is not of the agreed form.
        """
        try:
            return model.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "body"
            raise self._not_understood(f"at {place}: {first['msg']}") from error

    async def _ask_once(self, request: Request) -> bytes:
        timeout = aiohttp.ClientTimeout(total=self._retries.request_timeout_s)
        try:
            async with self._http.request(
                request.method,
                self._url + request.path,
                data=request.body,
                headers=request.headers(),
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                content = await self._read(answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unreachable(error) from error
        if not answer.ok or answer.status >= 300:  # noqa: PLR2004 -- a redirection is no answer: parties do not redirect
            raise self._refusal(answer.status, content)
        return content

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for chunk in answer.content.iter_any():
            content += chunk
            if len(content) > LARGEST_ANSWER_BYTES:
                raise self._not_understood("it is too large")
        return bytes(content)

    def _refusal(self, status: int, content: bytes) -> PartyRefusedError:
        problem, detail = "http-error", f"HTTP status {status}"
        try:
            document = json.loads(content)
            problem, detail = str(document["code"])[:80], str(document["detail"])[:1000]
        except (ValueError, KeyError, TypeError, RecursionError):
            pass  # not a problem document: the status has to do
        return PartyRefusedError(
            f"party {self.number} refused: {detail}", party=self.number, status=status, problem=problem
        )

    def _unreachable(self, error: Exception) -> UnreachableError:
        in_time = not isinstance(error, TimeoutError | asyncio.TimeoutError)
        reason = (tls_fault(error) or str(error)) if in_time else "no answer in time"
        return UnreachableError(
            f"party {self.number} ({self._url}) cannot be reached: {reason or type(error).__name__}",
            {self.number: reason or type(error).__name__},
        )

    def _not_understood(self, reason: str) -> AnswerNotUnderstoodError:
        return AnswerNotUnderstoodError(f"party {self.number} gave an answer that is not understood: {reason}")
