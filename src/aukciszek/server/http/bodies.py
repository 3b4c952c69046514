"""Reading a request's body: of the right media type, within its limit, in time, and after authentication.

FastAPI would read a body of any length before it authenticates the sender. Routes here use these dependencies instead,
after the one that authenticates.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.types import Receive

from aukciszek.server.errors import BodyTooLargeError, BodyTooSlowError, MediaTypeError, RefusedRequestError
from aukciszek.server.problems import faults_of

BODY_TIMEOUT_S: Final = 30.0

JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"


class BytesBody:
    """A dependency that returns the body as it was sent."""

    def __init__(self, most_bytes: int, media_type: str) -> None:
        self._most_bytes = most_bytes
        self._media_type = media_type

    async def __call__(self, request: Request) -> bytes:
        """Read the body.

        Raises:
            MediaTypeError: the body is of another type.
            BodyTooLargeError: it is too long, by its header or by its content.
            BodyTooSlowError: it did not arrive in time.
        """
        return await read_body(request, self._most_bytes, self._media_type)


class ModelBody[Model: BaseModel]:
    """A dependency that returns a JSON body as a model."""

    def __init__(self, model: type[Model], most_bytes: int) -> None:
        self._model = model
        self._most_bytes = most_bytes

    async def __call__(self, request: Request) -> Model:
        """Read the body and validate it.

        Raises:
            InvalidRequestError: it does not match the model.
            MediaTypeError: the body is not JSON.
            BodyTooLargeError: it is too long, by its header or by its content.
            BodyTooSlowError: it did not arrive in time.
        """
        content = await read_body(request, self._most_bytes, JSON)
        try:
            return self._model.model_validate_json(content)
        except ValidationError as error:
            raise faults_of(error, where="#") from None


async def read_body(request: Request, most_bytes: int, media_type: str) -> bytes:
    """Read a body of one media type; see :class:`BytesBody`."""
    headers = dict(reversed(request.headers.raw))  # of several headers with one name the first, as in `request.headers`
    if _text(headers, b"content-type").partition(";")[0].strip().lower() != media_type:
        raise MediaTypeError(f"send the body as {media_type} and say so in the Content-Type header")
    if _text(headers, b"content-encoding") not in {"", "identity"}:
        raise MediaTypeError("send the body without Content-Encoding")
    announced = _text(headers, b"content-length")
    if announced.isdecimal() and int(announced) > most_bytes:
        raise _too_large(most_bytes)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _receive_body(request.receive, most_bytes)
    except TimeoutError:
        raise BodyTooSlowError(f"the body did not arrive within {BODY_TIMEOUT_S:.0f} seconds: try again") from None


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")


async def _receive_body(receive: Receive, most_bytes: int) -> bytes:
    content = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedRequestError("the connection ended before the body did")
        piece: bytes = message.get("body", b"")
        is_last = not message.get("more_body", False)
        if len(content) + len(piece) > most_bytes:
            raise _too_large(most_bytes)
        if is_last and not content:
            return piece  # most bodies arrive in one piece, which needs no copy
        content += piece
        if is_last:
            return bytes(content)


def described(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return what the OpenAPI document says about a body that is read here."""
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


def _too_large(most_bytes: int) -> BodyTooLargeError:
    return BodyTooLargeError(f"the body is longer than the {most_bytes} bytes that this path accepts")
