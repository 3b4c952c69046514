"""What the intake is compared with: an endpoint of FastAPI that reads a body and does nothing, on the same server.

The same uvicorn with the same settings as a party's, and an application with nothing around it: no authentication, no
headers, no log, no models.
"""

import asyncio
import signal

import uvloop
from fastapi import FastAPI, Request

from aukciszek.bench.plan import EMPTY_PATH
from aukciszek.server.host.web_server import WebServer, listen
from aukciszek.settings import Listener


def empty_app() -> FastAPI:
    """Return the application."""
    app = FastAPI(openapi_url=None)

    async def take(request: Request) -> dict[str, str]:
        await request.body()
        return {}

    app.post(EMPTY_PATH, status_code=201)(take)
    return app


def serve_empty_endpoint(host: str, port: int) -> None:
    """Serve it until SIGTERM.

    Raises:
        ListenError: the port is taken.
    """
    with listen(Listener(host=host, port=port, tls=False)) as listening:

        async def run() -> None:
            stop = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
            server = WebServer(empty_app(), listening, None)
            await server.start()
            await stop.wait()
            await server.stop()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run())
