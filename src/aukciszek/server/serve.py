"""``aukciszek serve``: one party, from its settings to its end by SIGTERM or SIGINT."""

import asyncio
import logging
import signal
import sys
import time
from contextlib import AsyncExitStack
from typing import Final

import uvloop

from aukciszek import __version__
from aukciszek.auctions.context.workers import Workers
from aukciszek.clock import Clock, SystemClock
from aukciszek.mpc.sharing.kernels import compile_kernels
from aukciszek.server.host.allocator import freeze_permanent_objects, keep_freed_memory
from aukciszek.server.host.data_dir_lock import exclusive_use, raise_open_file_limit
from aukciszek.server.host.tls import server_context
from aukciszek.server.host.web_server import WebServer, listen, silence_uvicorn
from aukciszek.server.host.worker_processes import worker_processes
from aukciszek.server.http.app import create_app
from aukciszek.server.party import Party
from aukciszek.settings import Settings

_TIME: Final = "%Y-%m-%dT%H:%M:%S"

_log = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Run one party until a signal stops it.

    Raises:
        AukciszekError: it cannot start; the text says why and what to do.
    """
    configure_logging()
    raise_open_file_limit()
    keep_freed_memory()
    compile_kernels(settings.data_dir / "kernels")  # before the worker processes are copied, which need them, too
    with worker_processes() as processes, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve_until_told_to_stop(settings, Workers(processes)))


async def run_party(settings: Settings, clock: Clock, stop: asyncio.Event, workers: Workers | None = None) -> None:
    """Run one party in the running event loop until ``stop`` is set.

    Raises:
        AukciszekError: it cannot start; the text says why and what to do.
    """
    tls = server_context(settings)
    async with AsyncExitStack() as resources:
        resources.enter_context(exclusive_use(settings.data_dir))
        sockets = [(resources.enter_context(listen(where)), tls if where.tls else None) for where in settings.listeners]
        party = await Party.open(settings, clock, workers=workers)
        resources.push_async_callback(party.close)
        app = create_app(party)
        servers = [WebServer(app, listening, context) for listening, context in sockets]
        try:
            await party.start()
            for server in servers:
                await server.start()
            freeze_permanent_objects()
            _announce(settings)
            await stop.wait()
        finally:
            _log.info("party %d stops", settings.party_id)
            await party.stop()
            for server in servers:
                await server.stop()


def _announce(settings: Settings) -> None:
    _log.info(
        "party %d of %d serves at %s; cluster %s, threshold %d, version %s",
        settings.party_id,
        settings.cluster.size,
        settings.own.url,
        settings.cluster.digest,
        settings.threshold,
        __version__,
    )


async def _serve_until_told_to_stop(settings: Settings, workers: Workers) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await run_party(settings, SystemClock(), stop, workers)


class _UtcFormatter(logging.Formatter):
    converter = staticmethod(time.gmtime)


def configure_logging() -> None:
    """Write the log to standard error, one line for each event, times in UTC."""
    root = logging.getLogger()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_UtcFormatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", _TIME))
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    silence_uvicorn()
