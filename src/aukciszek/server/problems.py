"""Every error as a problem document (RFC 9457), whatever raised it.

A document has ``type``, ``title``, ``status``, ``detail`` and ``code``, and for a malformed request ``errors`` with
the parts that are not valid. It quotes nothing of what was sent. The cause of a failure inside the server goes to its
log; the user learns only that it failed.
"""

import inspect
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from aukciszek.accounts.errors import TooManyAttemptsError
from aukciszek.diagnosis import log_failure
from aukciszek.encoding import Json
from aukciszek.errors import AukciszekError
from aukciszek.server.errors import (
    Fault,
    InternalError,
    InvalidRequestError,
    MethodNotAllowedError,
    NoSuchPageError,
    RefusedRequestError,
)
from aukciszek.server.statuses import status_of

MEDIA_TYPE: Final = "application/problem+json"
_BUSY_FOR_S: Final = 2

_HARMLESS_TEXTS: Final = {
    "missing": "is missing",
    "extra_forbidden": "has an unknown member",
    "json_invalid": "is not JSON",
    "model_type": "is not an object",
    "dict_type": "is not an object",
    "string_type": "is not a text",
    "string_too_short": "is too short",
    "string_too_long": "is too long",
    "string_pattern_mismatch": "does not have the agreed form",
    "int_type": "is not a whole number",
    "int_parsing": "is not a whole number",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
}
"""pydantic's own texts sometimes quote the input; these never do."""

_log = logging.getLogger(__name__)


def problem(error: AukciszekError) -> JSONResponse:
    """Answer with ``error``."""
    status = status_of(type(error))
    hidden = status is HTTPStatus.INTERNAL_SERVER_ERROR
    shown = InternalError("the server could not do this; its operator finds the reason in its log") if hidden else error
    document: dict[str, Json] = {
        "type": f"urn:aukciszek:problem:{shown.code}",
        "title": (inspect.getdoc(type(shown)) or shown.code).splitlines()[0].rstrip("."),
        "status": status.value,
        "detail": shown.message,
        "code": shown.code,
    }
    if isinstance(shown, InvalidRequestError):
        document["errors"] = [{"pointer": fault.pointer, "detail": fault.text} for fault in shown.faults]
    return JSONResponse(document, status, headers=_headers(shown, status), media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let ``app`` answer every error with a problem document."""
    app.add_exception_handler(AukciszekError, _answer_ours)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(HTTPException, _answer_framework)


def answer_ours(error: AukciszekError) -> JSONResponse:
    """Answer with ``error``, and log the cause of a failure inside the server."""
    if status_of(type(error)) is HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("a request failed: %s: %s", error.code, error.message)
    return problem(error)


def internal_error(what: str, error: Exception) -> JSONResponse:
    """Log an unexpected failure, and answer that it happened."""
    log_failure(_log, what, error)
    return problem(InternalError("see the log"))


def faults_of(error: ValidationError | RequestValidationError, *, where: str = "") -> InvalidRequestError:
    """Translate what pydantic found, without the values that it quotes.

    Args:
        error: what a model or the framework raised.
        where: ``#`` for a body; empty if the first part of each location says where it is.
    """
    return InvalidRequestError([_fault(one, where) for one in error.errors()])


def _fault(found: Mapping[str, Any], where: str) -> Fault:
    location = list(found["loc"])
    if found["type"] == "extra_forbidden":
        location.pop()  # the name was chosen by the sender
    if found["type"] == "json_invalid":
        location = location[:1] if not where else []
    parts = ([where] if where else []) + [str(part) for part in location]
    return Fault("/".join(parts), _HARMLESS_TEXTS.get(found["type"], "is not valid"))


def _headers(error: AukciszekError, status: HTTPStatus) -> dict[str, str]:
    headers: dict[str, str] = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooManyAttemptsError):
        headers["Retry-After"] = str(error.retry_after_s)
    if status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INSUFFICIENT_STORAGE}:
        headers["Retry-After"] = str(_BUSY_FOR_S)
    return headers


async def _answer_ours(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, AukciszekError):
        return internal_error("answering a request", error)
    return answer_ours(error)


async def _answer_validation(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        return internal_error("answering a request", error)
    return problem(faults_of(error))


async def _answer_framework(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        return internal_error("answering a request", error)
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            answer = problem(NoSuchPageError("no resource has this path: see /api/openapi.json"))
        case HTTPStatus.METHOD_NOT_ALLOWED:
            answer = problem(MethodNotAllowedError("this path does not support this method: see the Allow header"))
            answer.headers.update(error.headers or {})
        case _:
            answer = problem(RefusedRequestError(f"the request to {request.method} was refused: check its form"))
    return answer
