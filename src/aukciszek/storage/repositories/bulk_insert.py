"""Many rows by few statements.

A statement for each row costs SQLAlchemy and the driver far more than the row itself; and with SQLite each execution
gives up the interpreter's lock and then waits for it. So the rows of a batch are inserted by statements for 64, 32,
16, ... rows, which are built once.
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
"""A function of a module that adds an ``ON CONFLICT`` without parameters; built statements are kept by it."""


def insert_rows(database: Connection, table: Table, rows: Sequence[object], conflicts: Conflicts) -> int:
    """Insert rows, whose attributes have the columns' names; return how many were inserted or changed."""
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
    """Let a row that is there already be an error."""
    return statement


def keep_first(statement: AnyInsert) -> AnyInsert:
    """Leave a row as it is that is there already."""
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
    """Return, for the columns that need it, their index and what turns a value into what the driver takes."""
    found = (column.type.dialect_impl(dialect).bind_processor(dialect) for column in table.columns)
    return tuple((index, write) for index, write in enumerate(found) if write is not None)
