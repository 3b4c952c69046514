"""Alembic's entry point: runs the migrations on the connection that it was given (see the package's docstring)."""

from alembic import context

from aukciszek.storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
