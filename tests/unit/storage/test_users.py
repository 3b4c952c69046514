from datetime import UTC, datetime

import pytest

from aukciszek.storage.database import Database
from aukciszek.storage.repositories.users import UserRepository
from aukciszek.storage.rows import AuctionKeyRow, BundleRow, UserRow

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def user(uid: str = "u1", email: str = "anna@example.org") -> UserRow:
    return UserRow(uid=uid, email=email, password_hash="$hash", is_admin=False, created_at=NOON)


async def test_an_account_is_stored_once_whatever_the_case_of_its_address(database: Database) -> None:
    users = UserRepository(database)
    assert await users.add_user(user(email="Anna@Example.org"))
    assert not await users.add_user(user("u2", "anna@example.org"))
    assert not await users.add_user(user("u3", "ANNA@EXAMPLE.ORG"))
    assert await users.user_by_email("aNNa@example.org") == user()
    assert await users.user_by_email("bert@example.org") is None


async def test_changes_reach_one_account_only(database: Database) -> None:
    users = UserRepository(database)
    await users.add_user(user())
    await users.add_user(user("u2", "bert@example.org"))
    assert await users.set_admin("u1")
    assert await users.set_password_hash("u2", "$new")
    assert not await users.set_admin("u3")
    assert not await users.set_password_hash("u3", "$new")
    anna, bert = await users.user_by_email("anna@example.org"), await users.user_by_email("bert@example.org")
    assert anna is not None
    assert bert is not None
    assert (anna.is_admin, anna.password_hash) == (True, "$hash")
    assert (bert.is_admin, bert.password_hash) == (False, "$new")


@pytest.mark.parametrize(
    "row",
    [
        AuctionKeyRow(auction_id="a", members=3, dealer=1, key=b"hidden"),
        UserRow(uid="u", email="e", password_hash="hidden", is_admin=False, created_at=NOON),
        BundleRow(
            digest="d", auction_id="a", bidder="b", revision=1, withdrawal=False, received_at=None, content=b"hidden"
        ),
    ],
)
def test_rows_do_not_show_what_they_guard(row: object) -> None:
    assert "hidden" not in repr(row)
