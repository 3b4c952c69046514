"""Brings a database's tables up to date: Alembic, run inside one transaction when the database is opened.

A new version of the schema adds a file to ``versions``; existing files never change, since they have run at the
parties.
"""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from aukciszek.storage.backends.connection import finish
from aukciszek.storage.errors import DatabaseVersionError

_ALEMBIC: Final = threading.Lock()
"""Alembic keeps the migration under way in module variables, so a process runs one at a time."""


@asynccontextmanager
async def one_at_a_time() -> AsyncIterator[None]:
    """Wait until no other migration is under way here, and keep others waiting."""
    try:
        await finish(asyncio.to_thread(_ALEMBIC.acquire))
        yield
    finally:
        # Also when the task was cancelled while it waited: then it has the lock by now.
        _ALEMBIC.release()


def upgrade(connection: Connection) -> None:
    """Apply what is missing, in the transaction that ``connection`` is in.

    Raises:
        DatabaseVersionError: a newer version of this program wrote the database.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    present = set(MigrationContext.configure(connection).get_current_heads())
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    if not present <= known:
        unknown = ", ".join(sorted(present - known))
        raise DatabaseVersionError(
            f"a newer version of this program wrote the database (its schema is {unknown}): install that version, "
            "or restore the backup that was made before it ran"
        )
    if present != set(scripts.get_heads()):
        command.upgrade(config, "head")
