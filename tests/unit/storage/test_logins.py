import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from aukciszek.storage.database import Database
from aukciszek.storage.repositories.logins import Changes, LoginMarkRepository, Marks
from aukciszek.storage.rows import LoginMarkRow

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
KEYS = [f"{number:064x}" for number in range(6)]


@pytest.fixture
def marks(database: Database) -> LoginMarkRepository:
    return LoginMarkRepository(database)


def mark(key: str, level: float = 1.0, *, minutes: int = 10) -> LoginMarkRow:
    return LoginMarkRow(key=key, level=level, at=NOW, expires_at=NOW + timedelta(minutes=minutes))


async def store(marks: LoginMarkRepository, *rows: LoginMarkRow) -> None:
    await marks.change((), NOW, lambda _: (None, {row.key: row for row in rows}))


async def seen(marks: LoginMarkRepository, now: datetime = NOW) -> dict[str, LoginMarkRow]:
    return await marks.change(KEYS, now, lambda found: (dict(found), {}))


async def test_marks_are_stored_replaced_and_removed(marks: LoginMarkRepository) -> None:
    await store(marks, mark(KEYS[0]), mark(KEYS[1], 2.5))
    assert await seen(marks) == {KEYS[0]: mark(KEYS[0]), KEYS[1]: mark(KEYS[1], 2.5)}
    await marks.change((), NOW, lambda _: (None, {KEYS[0]: mark(KEYS[0], 7.25, minutes=20), KEYS[1]: None}))
    assert await seen(marks) == {KEYS[0]: mark(KEYS[0], 7.25, minutes=20)}


async def test_only_marks_that_are_asked_for_and_have_not_expired_are_seen(marks: LoginMarkRepository) -> None:
    await store(marks, mark(KEYS[0]), mark(KEYS[1], minutes=20))
    assert await marks.change(KEYS[:1], NOW, lambda found: (list(found), {})) == KEYS[:1]
    assert list(await seen(marks, NOW + timedelta(minutes=10))) == [KEYS[1]]


async def test_nothing_comes_between_seeing_and_changing(marks: LoginMarkRepository) -> None:
    def one_more(found: Marks) -> tuple[float, Changes]:
        level = found[KEYS[0]].level + 1 if found else 1.0
        return level, {KEYS[0]: mark(KEYS[0], level)}

    levels = await asyncio.gather(*(marks.change(KEYS[:1], NOW, one_more) for _ in range(20)))
    assert sorted(levels) == list(range(1, 21))


async def test_of_too_many_marks_those_that_expire_soonest_go(marks: LoginMarkRepository) -> None:
    await store(marks, *(mark(key, minutes=10 * (number + 1)) for number, key in enumerate(KEYS)))
    assert await marks.tidy(NOW, most=6) == 6
    assert await marks.tidy(NOW + timedelta(minutes=10), most=6) == 5
    assert await marks.tidy(NOW + timedelta(minutes=10), most=2) == 2
    assert sorted(await seen(marks)) == KEYS[4:]
