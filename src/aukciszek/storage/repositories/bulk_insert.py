"""Many rows by few statements.

With a statement for each row SQLAlchemy and the driver cost far more than the row itself, and each execution by SQLite
releases the interpreter's lock and then waits for it. So the rows of a batch are inserted by statements for 64, 32, 16,
... rows, built once and executed without SQLAlchemy's processing of parameters. For a bid this saves a seventh to a
quarter of the server's processor time (``docs/benchmarks.md``).
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite

from aukciszek.storage.repositories.repository import insert

_LARGEST: Final = 64
_KEPT: Final = 256

type AnyInsert = sqlite.Insert | postgresql.Insert
type Conflicts = Callable[[AnyInsert], AnyInsert]
"""A module's function that adds an ``ON CONFLICT`` without parameters; built statements are cached by it."""


def insert_rows(database: Connection, table: Table, rows: Sequence[object], conflicts: Conflicts) -> int:
    """Insert rows whose attributes have the columns' names; return how many were inserted or changed."""
    take, writers = _values_of(table), _writers(database.dialect, table)
    changed = 0
    for some in _split(rows):
        values = [value for row in some for value in take(row)]
        for index, write in writers:
            values[index :: len(table.columns)] = map(write, values[index :: len(table.columns)])
        text = _statement(database.dialect, table, len(some), conflicts)
        changed += database.exec_driver_sql(text, tuple(values)).rowcount
    return changed


def refuse_conflicts(statement: AnyInsert) -> AnyInsert:
    """Raise an error for an existing row."""
    return statement


def keep_first(statement: AnyInsert) -> AnyInsert:
    """Leave an existing row unchanged."""
    return statement.on_conflict_do_nothing(index_elements=statement.table.primary_key)


def _split(rows: Sequence[object]) -> Iterator[Sequence[object]]:
    begin, size = 0, _LARGEST
    while begin < len(rows):
        while size > len(rows) - begin:
            size //= 2
        yield rows[begin : begin + size]
        begin += size


@lru_cache(_KEPT)
def _statement(dialect: Dialect, table: Table, count: int, conflicts: Conflicts) -> str:
    names = [column.name for column in table.columns]
    statement = conflicts(insert(dialect.name, table)).values([dict.fromkeys(names) for _ in range(count)])
    return str(statement.compile(dialect=dialect))


@lru_cache(_KEPT)
def _values_of(table: Table) -> Callable[[object], tuple[object, ...]]:
    return attrgetter(*(column.name for column in table.columns))


@lru_cache(_KEPT)
def _writers(dialect: Dialect, table: Table) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    """Return the index of each column whose values need conversion for the driver, and its conversion."""
    found = (column.type.dialect_impl(dialect).bind_processor(dialect) for column in table.columns)
    return tuple((index, write) for index, write in enumerate(found) if write is not None)
