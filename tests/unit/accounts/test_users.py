import asyncio
import uuid

import pytest

from aukciszek.accounts.embedded_users import EmbeddedUserStore
from aukciszek.accounts.errors import EmailTakenError, UnknownUserError
from aukciszek.accounts.users import StoredUser, UserStore
from aukciszek.email_address import MalformedEmailError, normal_email


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("anna@example.org", "anna@example.org"),
        ("  Anna.Kowalska@Example.ORG ", "anna.kowalska@example.org"),
        ("\uff21nna@example.org", "anna@example.org"),
        ("Żółć@example.org", "żółć@example.org"),
    ],
)
def test_an_address_has_one_spelling(written: str, expected: str) -> None:
    assert normal_email(written) == expected
    assert normal_email(expected) == expected


@pytest.mark.parametrize(
    "written",
    ["", "anna", "@example.org", "anna@", "anna@@example.org", "Anna <anna@example.org>", "anna@example.org\nBcc: x",
     "a" * 250 + "@example.org", "anna@example", "anna\x00@example.org", "anna@exa\ud800mple.org"],
)  # fmt: skip
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(MalformedEmailError, match=r"name@example\.org"):
        normal_email(written)


async def test_an_account_is_found_by_its_address(store: EmbeddedUserStore) -> None:
    interface: UserStore = store
    user = await interface.add("anna@example.org", "$hash")
    assert uuid.UUID(user.uid).version == 4
    assert await interface.by_email("anna@example.org") == StoredUser(user, "$hash")
    assert await interface.by_email("bert@example.org") is None


async def test_an_address_has_one_account_whatever_the_case(store: EmbeddedUserStore) -> None:
    await store.add("anna@example.org", "$hash")
    for again in ("anna@example.org", "ANNA@example.org"):
        with pytest.raises(EmailTakenError, match="log in"):
            await store.add(again, "$another")
    stored = await store.by_email("anna@example.org")
    assert stored is not None
    assert stored.password_hash == "$hash"


async def test_of_two_registrations_at_once_one_wins(store: EmbeddedUserStore) -> None:
    answers = await asyncio.gather(
        *(store.add("anna@example.org", f"$hash{number}") for number in range(8)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, EmailTakenError)]
    assert len(refused) == 7


async def test_a_hash_is_replaced(store: EmbeddedUserStore) -> None:
    user = await store.add("anna@example.org", "$old")
    await store.replace_hash(user.uid, "$new")
    assert await store.by_email(user.email) == StoredUser(user, "$new")
    with pytest.raises(UnknownUserError):
        await store.replace_hash(str(uuid.uuid4()), "$new")


async def test_an_administrator_is_made_by_grant_alone(store: EmbeddedUserStore) -> None:
    user = await store.add("anna@example.org", "$hash")
    await store.add("bert@example.org", "$hash")
    assert not user.is_admin
    granted = await store.grant_admin("anna@example.org")
    assert granted.is_admin
    assert granted.uid == user.uid
    for email, expected in (("anna@example.org", True), ("bert@example.org", False)):
        stored = await store.by_email(email)
        assert stored is not None
        assert stored.user.is_admin is expected
    with pytest.raises(UnknownUserError, match="registers first"):
        await store.grant_admin("nobody@example.org")


def test_a_stored_user_does_not_show_the_hash() -> None:
    assert "hidden" not in repr(StoredUser(user=None, password_hash="hidden"))  # type: ignore[arg-type]  # the hash matters
