"""The outermost middleware: security headers, the access log, and an answer to every unexpected exception.

A line of the log names address, method, route, status and time, and nothing that the sender chose: no path, no query,
no header.
"""

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aukciszek.clock import Clock
from aukciszek.server.problems import internal_error

_log = logging.getLogger("aukciszek.access")

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    # Pages of other parties read answers by CORS, which this does not restrict; it excludes all other uses.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_STRICT_TRANSPORT: Final = {"Strict-Transport-Security": "max-age=31536000"}


def _raw(headers: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.lower().encode(), value.encode()) for name, value in headers.items())


_RAW_HEADERS: Final = MappingProxyType({False: _raw(_HEADERS), True: _raw(_HEADERS | _STRICT_TRANSPORT)})
"""Encoded; with and without TLS."""


class OutermostMiddleware:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        began_s = self._clock.monotonic_s()
        status = 0

        async def send_wrapped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, is_tls=scope["scheme"] == "https")
            await send(message)

        try:
            await self._app(scope, receive, send_wrapped)
        except Exception as error:  # noqa: BLE001 -- the last handler that can report a failure without its contents
            answer = internal_error(f"answering {_route(scope)}", error)
            if not status:
                await answer(scope, receive, send_wrapped)
        finally:
            _log_request(scope, status, (self._clock.monotonic_s() - began_s) * 1000)


def _add_headers(start: Message, *, is_tls: bool) -> None:
    headers = start.setdefault("headers", [])
    present = {name.lower() for name, _ in headers}
    start["headers"] = [*headers, *(header for header in _RAW_HEADERS[is_tls] if header[0] not in present)]


def _log_request(scope: Scope, status: int, took_ms: float) -> None:
    address = scope["client"][0] if scope.get("client") else "-"
    _log.info("%s %s %s %d %.1fms", address, scope["method"], _route(scope), status, took_ms)


def _route(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", "no route"))
