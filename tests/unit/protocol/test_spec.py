import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from aukciszek.protocol.rules.errors import MalformedSpecError
from aukciszek.protocol.rules.spec import MOST_SPEC_BYTES, AuctionSpec, invitation

type MakeSpec = Callable[..., AuctionSpec]

FORMATS_WITH_MANY_WINNERS = ["uniform-price", "pay-as-bid"]


def test_the_id_is_the_hash_of_the_canonical_bytes(spec: AuctionSpec) -> None:
    assert spec.canonical_bytes.startswith(
        b'{"abandons_at":"2026-03-31T12:00:00.000Z","auctioneer":"11111111-1111-4111-8111-111111111111",'
    )
    assert spec.auction_id == hashlib.sha256(b"aukciszek/1/auction\x00" + spec.canonical_bytes).hexdigest()
    # Written down once: any change of the form would orphan every auction that exists.
    assert spec.auction_id == "c3fa2d3d345808b79ddcefed6e63a6b99fc80ba087d13a226f94246d70ab3503"
    assert AuctionSpec.parse(spec.canonical_bytes) == spec
    assert AuctionSpec.parse(spec.canonical_bytes).auction_id == spec.auction_id


OTHER_VALUES: dict[str, object] = {
    "title": "Sugar beet, 401 t",
    "description": "",
    "direction": "forward",
    "format": "second-price",
    "winners": 2,
    "currency": "PLN",
    "minimum": "0.50",
    "maximum": "1000.50",
    "step": "1.00",
    "reserve_price": None,
    "minimum_bids": 1,
    "opens_at": datetime(2026, 3, 1, 8, 0, 0, 1000, tzinfo=UTC),
    "closes_at": datetime(2026, 3, 1, 12, 0, 0, 1000, tzinfo=UTC),
    "abandons_at": datetime(2026, 3, 31, 12, 0, 0, 1000, tzinfo=UTC),
    "early_close_allowed": False,
    "cancel_allowed": True,
    "invited": ("cd" * 32,),
    "auctioneer": "11111111-1111-4111-8111-111111111112",
    "nonce": "ac" * 32,
    "cluster": "cd" * 32,
    "parties": 7,
    "threshold": 1,
}


def test_every_field_has_another_value_to_try() -> None:
    assert set(OTHER_VALUES) == set(AuctionSpec.model_fields) - {"version"}


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_any_changed_field_gives_another_id(make_spec: MakeSpec, name: str) -> None:
    base: dict[str, object] = {"format": "pay-as-bid"} if name == "winners" else {}
    assert make_spec(**base, **{name: OTHER_VALUES[name]}).auction_id != make_spec(**base).auction_id


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ({"title": ""}, "title"),
        ({"title": " x"}, "white space"),
        ({"title": "a\nb"}, r"invisible character U\+000A"),
        ({"title": "a\u202eb"}, r"invisible character U\+202E"),
        ({"title": "a\u2028b"}, r"invisible character U\+2028"),
        ({"title": "a\x00b"}, r"invisible character U\+0000"),
        ({"title": "e\u0301"}, "NFC"),
        ({"title": "x" * 201}, "title"),
        ({"description": "x" * 10_001}, "description"),
        ({"description": "a\tb"}, r"U\+0009"),
        ({"direction": "sideways"}, "direction"),
        ({"format": "dutch"}, "format"),
        ({"winners": 0, "format": "pay-as-bid"}, "winners"),
        ({"winners": 1001, "format": "pay-as-bid"}, "winners"),
        ({"winners": 2}, "one winner"),
        ({"winners": 2, "format": "second-price"}, "one winner"),
        ({"winners": True}, "winners"),
        ({"winners": 1.0}, "winners"),
        ({"currency": "eur"}, "currency"),
        ({"currency": "EURO"}, "currency"),
        ({"minimum": "0"}, "same number of decimals"),
        ({"maximum": "1000.10"}, "whole number of steps"),
        ({"step": "0.00"}, "step above 0"),
        ({"minimum": "9" * 31}, "minimum"),
        ({"reserve_price": "900.10"}, r"nearest are 900\.00 and 900\.50"),
        ({"reserve_price": "1000.50"}, "between"),
        ({"reserve_price": "900"}, "as many decimals"),
        ({"reserve_price": "900.000"}, "as many decimals"),
        ({"minimum_bids": 0}, "minimum_bids"),
        ({"minimum_bids": 100_001}, "minimum_bids"),
        ({"opens_at": datetime(2026, 3, 1, 12, tzinfo=UTC)}, "opens? before"),
        ({"abandons_at": datetime(2026, 3, 1, 12, tzinfo=UTC)}, "only after its close"),
        ({"abandons_at": datetime(2026, 3, 1, 11, tzinfo=UTC)}, "only after its close"),
        ({"abandons_at": None}, "abandons_at"),
        ({"opens_at": datetime(2026, 3, 1, 8)}, "UTC"),  # noqa: DTZ001 -- refused for that reason
        ({"opens_at": datetime(2026, 3, 1, 8, 0, 0, 1, tzinfo=UTC)}, "milliseconds"),
        ({"opens_at": "2026-03-01T08:00:00Z"}, "milliseconds"),
        ({"opens_at": 1_772_352_000}, "opens_at"),
        ({"early_close_allowed": 1}, "early_close_allowed"),
        ({"invited": ()}, "invited"),
        ({"invited": ("x",)}, "invited"),
        ({"invited": ("cd" * 32, "ab" * 32)}, "ascending"),
        ({"invited": ("ab" * 32, "ab" * 32)}, "ascending"),
        ({"auctioneer": "admin"}, "UUID"),
        ({"nonce": "ab" * 31}, "nonce"),
        ({"cluster": "AB" * 32}, "cluster"),
        ({"parties": 2, "threshold": 1}, "parties"),
        ({"parties": 10}, "parties"),
        ({"threshold": 0}, "threshold"),
        ({"threshold": 3}, "below half"),
        ({"version": 2}, "version"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_rules_that_make_no_sense_are_refused(make_spec: MakeSpec, change: dict[str, object], remedy: str) -> None:
    with pytest.raises(ValidationError, match=remedy):
        make_spec(**change)


@pytest.mark.parametrize("auction_format", FORMATS_WITH_MANY_WINNERS)
def test_some_formats_take_many_winners(make_spec: MakeSpec, auction_format: str) -> None:
    assert make_spec(format=auction_format, winners=1000).winners == 1000


def test_text_in_any_language_is_kept(make_spec: MakeSpec) -> None:
    spec = make_spec(title="Buraki cukrowe — 400 t 🍬", description="甜菜\n\nسكر")
    assert AuctionSpec.parse(spec.canonical_bytes).title == "Buraki cukrowe — 400 t 🍬"
    assert "🍬".encode() in spec.canonical_bytes


def _without_white_space(rules: object) -> bytes:
    return json.dumps(rules, separators=(",", ":")).encode()


def test_only_the_canonical_form_is_read(spec: AuctionSpec) -> None:
    rules = json.loads(spec.canonical_bytes)
    backwards = dict(reversed(rules.items()))
    doubled = spec.canonical_bytes[:-1] + b',"winners":1}'
    for content in (
        b"",
        b"null",
        b"[]",
        spec.canonical_bytes + b"\n",
        spec.canonical_bytes + b"{}",
        json.dumps(rules).encode(),
        _without_white_space(backwards),
        _without_white_space(rules | {"version": True}),
        _without_white_space(rules | {"version": 1.0}),
        _without_white_space(rules | {"winners": 1.0}),
        _without_white_space(rules | {"title": "\ud800"}),
        _without_white_space({key: value for key, value in rules.items() if key != "reserve_price"}),
        _without_white_space({key: value for key, value in rules.items() if key != "abandons_at"}),
        doubled,
        spec.canonical_bytes.replace(b"Sugar", b"S\\u0075gar"),
        spec.canonical_bytes.replace(b"Sugar", b"S\xffgar"),
    ):
        with pytest.raises(MalformedSpecError):
            AuctionSpec.parse(content)


def test_the_length_is_limited_before_anything_is_read() -> None:
    with pytest.raises(MalformedSpecError, match="at most"):
        AuctionSpec.parse(b"[" * (MOST_SPEC_BYTES + 1))


def test_an_error_never_quotes_what_was_sent(spec: AuctionSpec) -> None:
    content = spec.canonical_bytes.replace(b'"EUR"', b'"a secret typed into the wrong field"')
    with pytest.raises(MalformedSpecError) as caught:
        AuctionSpec.parse(content)
    assert "currency" in caught.value.message
    assert "secret" not in caught.value.message


def test_as_many_invitations_fit_as_are_allowed(make_spec: MakeSpec) -> None:
    spec = make_spec(invited=tuple(f"{number:064x}" for number in range(10_000)), description="x" * 10_000)
    assert AuctionSpec.parse(spec.canonical_bytes) == spec


def test_an_invitation_holds_for_one_address_in_one_auction(make_spec: MakeSpec) -> None:
    nonce = "ab" * 32
    spec = make_spec(invited=(invitation(nonce, "ann@example.org"),))
    assert spec.admits("ann@example.org")
    assert not spec.admits("bob@example.org")
    assert not make_spec(invited=spec.invited, nonce="ac" * 32).admits("ann@example.org")
    assert make_spec().admits("anybody@example.org")


def test_what_follows_from_the_rules(make_spec: MakeSpec) -> None:
    spec = make_spec()
    assert (spec.grid.highest_step, spec.bits, spec.reserve_step) == (2000, 11, 1800)
    assert make_spec(reserve_price=None).reserve_step is None
    assert [make_spec(parties=n, threshold=t).mode.security for n, t in ((5, 2), (7, 2), (5, 1))] == [
        "with-abort",
        "with-detection",
        "robust",
    ]


def test_a_moment_in_another_zone_is_the_same_moment(make_spec: MakeSpec) -> None:
    east = timezone(timedelta(hours=2))
    spec = make_spec(opens_at=datetime(2026, 3, 1, 10, tzinfo=east))
    assert spec.auction_id == make_spec().auction_id


def test_a_changed_copy_has_an_id_of_its_own(spec: AuctionSpec, make_spec: MakeSpec) -> None:
    changed = spec.model_copy(update={"title": "Other"})
    assert changed.auction_id == make_spec(title="Other").auction_id != spec.auction_id
