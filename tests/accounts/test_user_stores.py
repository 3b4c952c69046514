"""What every place that keeps accounts promises: the same tests for each."""

import asyncio
import uuid

import pytest

from aukciszek.accounts.errors import EmailTakenError, UnknownUserError
from aukciszek.accounts.users import StoredUser, UserStore

ANNA = "anna@example.org"
BERT = "bert@example.org"
HASH = "$argon2id$v=19$m=47104,t=1,p=1$c29tZXNhbHQ$aGFzaA"
NEWER = "$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHQ$bmV3ZXI"


async def test_an_account_is_found_by_its_address(store: UserStore) -> None:
    user = await store.add(ANNA, HASH)
    assert user.email == ANNA
    assert uuid.UUID(user.uid).version == 4
    assert str(uuid.UUID(user.uid)) == user.uid
    assert not user.is_admin
    assert await store.by_email(ANNA) == StoredUser(user, HASH)


@pytest.mark.parametrize("email", [BERT, "", "*", "%", "anna@example.or_", "anna@example.org,bert@example.org"])
async def test_an_address_without_an_account_finds_nothing(store: UserStore, email: str) -> None:
    await store.add(ANNA, HASH)
    assert await store.by_email(email) is None


@pytest.mark.parametrize(
    "email",
    ["o'brien+bids@example.org", "a&b=c@example.org", "żółć@example.org", "{x}|~%41@example.org", "eq.a-b/c?d@ex.org"],
)
async def test_unusual_characters_of_an_address_mean_themselves(store: UserStore, email: str) -> None:
    await store.add(ANNA, HASH)
    user = await store.add(email, HASH)
    assert await store.by_email(email) == StoredUser(user, HASH)
    assert (await store.grant_admin(email)).uid == user.uid
    anna = await store.by_email(ANNA)
    assert anna is not None
    assert not anna.user.is_admin


async def test_an_address_has_one_account_whatever_the_case(store: UserStore) -> None:
    await store.add(ANNA, HASH)
    for again in (ANNA, "ANNA@example.org", "Anna@Example.Org"):
        with pytest.raises(EmailTakenError, match="log in"):
            await store.add(again, NEWER)
        found = await store.by_email(again)
        assert found is not None
        assert found.password_hash == HASH


async def test_of_registrations_at_the_same_instant_one_succeeds(store: UserStore) -> None:
    answers = await asyncio.gather(*(store.add(ANNA, HASH) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(answer, EmailTakenError) for answer in answers) == 7
    (winner,) = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert await store.by_email(ANNA) == StoredUser(winner, HASH)


async def test_different_addresses_register_at_the_same_instant(store: UserStore) -> None:
    users = await asyncio.gather(*(store.add(f"user{number}@example.org", HASH) for number in range(20)))
    assert len({user.uid for user in users}) == 20


async def test_a_hash_is_replaced(store: UserStore) -> None:
    user, other = await store.add(ANNA, HASH), await store.add(BERT, HASH)
    await store.replace_hash(user.uid, NEWER)
    assert await store.by_email(ANNA) == StoredUser(user, NEWER)
    assert await store.by_email(BERT) == StoredUser(other, HASH)


@pytest.mark.parametrize("uid", ["0b9c5a6e-3a4e-4c58-9d7f-2f6f1d3f7a10", "anna", "", "1 or true", "*"])
async def test_the_hash_of_nobody_is_not_replaced(store: UserStore, uid: str) -> None:
    user = await store.add(ANNA, HASH)
    with pytest.raises(UnknownUserError):
        await store.replace_hash(uid, NEWER)
    assert await store.by_email(ANNA) == StoredUser(user, HASH)


async def test_an_administrator_is_made_by_grant_alone(store: UserStore) -> None:
    user = await store.add(ANNA, HASH)
    await store.add(BERT, HASH)
    for _ in range(2):
        granted = await store.grant_admin(ANNA)
        assert granted.is_admin
        assert granted.uid == user.uid
    for email, expected in ((ANNA, True), (BERT, False)):
        stored = await store.by_email(email)
        assert stored is not None
        assert stored.user.is_admin is expected
    await store.replace_hash(user.uid, NEWER)
    stored = await store.by_email(ANNA)
    assert stored is not None
    assert stored.user.is_admin


async def test_nobody_is_made_an_administrator_before_registering(store: UserStore) -> None:
    with pytest.raises(UnknownUserError, match="registers first"):
        await store.grant_admin(ANNA)
    assert not (await store.add(ANNA, HASH)).is_admin
