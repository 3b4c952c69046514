"""Every kind of place that keeps accounts: the embedded one, and Supabase's real components."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from aukciszek.accounts.embedded_users import EmbeddedUserStore
from aukciszek.accounts.supabase_users import SupabaseUserStore
from aukciszek.accounts.users import UserStore
from aukciszek.clock import SystemClock
from aukciszek.secret import Secret
from aukciszek.storage.database import Database
from support.supabase import Front, Project, running_front, running_project


@pytest.fixture(scope="session")
def project() -> Iterator[Project]:
    with running_project() as project:
        yield project


@pytest.fixture
async def front(project: Project) -> AsyncIterator[Front]:
    project.server.run("truncate public.users")
    async with running_front(project) as front:
        yield front


@pytest.fixture
async def supabase_store(front: Front) -> AsyncIterator[SupabaseUserStore]:
    async with SupabaseUserStore.open(front.url, Secret(front.project.key("service_role"))) as store:
        yield store


@pytest.fixture(params=["embedded", "supabase"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[UserStore]:
    async with AsyncExitStack() as stack:
        if request.param == "embedded":
            database = await Database.open(f"sqlite:///{tmp_path / 'login.db'}")
            stack.push_async_callback(database.close)
            yield EmbeddedUserStore(database, SystemClock())
        else:
            project: Project = request.getfixturevalue("project")
            project.server.run("truncate public.users")
            front = await stack.enter_async_context(running_front(project))
            key = Secret(project.key("service_role"))
            yield await stack.enter_async_context(SupabaseUserStore.open(front.url, key))
