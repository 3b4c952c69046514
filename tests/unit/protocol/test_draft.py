from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from pydantic import ValidationError

from aukciszek.cluster import Cluster
from aukciszek.protocol.rules.draft import AuctionDraft
from aukciszek.protocol.rules.errors import MalformedSpecError
from aukciszek.protocol.rules.identifiers import UserId
from aukciszek.protocol.rules.spec import AuctionSpec

AUCTIONEER = UserId("11111111-1111-4111-8111-111111111111")
OPENS_AT = datetime(2026, 3, 1, 10, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))


def _draft(**changes: object) -> AuctionDraft:
    typed: dict[str, object] = {
        "title": "  Sugar\u0301  ",
        "description": "one\r\ntwo\n",
        "minimum": "0",
        "maximum": "100.5",
        "step": "0.05",
        "opens_at": OPENS_AT,
        "closes_at": OPENS_AT + timedelta(hours=1),
    }
    return AuctionDraft.model_validate(typed | changes)


def _freeze(draft: AuctionDraft, cluster: Cluster) -> AuctionSpec:
    return draft.freeze(cluster=cluster, threshold=2, auctioneer=AUCTIONEER, nonce=bytes(32))


def test_a_draft_is_brought_into_the_form_of_rules(cluster: Cluster) -> None:
    spec = _freeze(_draft(reserve_price=Decimal(80)), cluster)
    assert (spec.title, spec.description) == ("Sugaŕ", "one\ntwo")
    assert (spec.minimum, spec.maximum, spec.step, spec.reserve_price) == ("0.00", "100.50", "0.05", "80.00")
    assert spec.opens_at.isoformat() == "2026-03-01T08:00:00.123000+00:00"
    assert (spec.cluster, spec.parties, spec.threshold) == (cluster.digest, 5, 2)
    assert AuctionSpec.parse(spec.canonical_bytes) == spec


def test_an_auction_is_abandoned_thirty_days_after_its_close_unless_the_draft_says_otherwise(cluster: Cluster) -> None:
    spec = _freeze(_draft(), cluster)
    assert spec.abandons_at - spec.closes_at == timedelta(days=30)
    other = _freeze(_draft(abandons_at=OPENS_AT + timedelta(hours=2)), cluster)
    assert other.abandons_at.isoformat() == "2026-03-01T10:00:00.123000+00:00"


def test_the_decimals_typed_are_kept(cluster: Cluster) -> None:
    spec = _freeze(_draft(minimum="1E+1", maximum="20.000", step="5"), cluster)
    assert (spec.minimum, spec.maximum, spec.step) == ("10.000", "20.000", "5.000")


def test_invitations_are_hashed_and_sorted(cluster: Cluster) -> None:
    spec = _freeze(_draft(invited=("Ann@Example.org", "bob@example.org", "ann@example.org")), cluster)
    assert spec.invited is not None
    assert len(spec.invited) == 2
    assert spec.admits("ann@example.org")
    assert spec.admits("bob@example.org")
    assert not spec.admits("cyd@example.org")
    assert b"example.org" not in spec.canonical_bytes


@pytest.mark.parametrize(
    "change",
    [{"maximum": "x"}, {"minimum": "-1"}, {"opens_at": "2026-03-01T08:00:00"}, {"invited": ("nobody",)}, {"extra": 1}],
)
def test_what_cannot_be_read_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        _draft(**change)


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ({"maximum": "100.52"}, r"try 100\.55"),
        ({"title": "  "}, "title"),
        ({"abandons_at": OPENS_AT + timedelta(hours=1)}, "only after its close"),
        ({"format": "first-price", "winners": 3}, "one winner"),
        ({"reserve_price": "80.01"}, r"80\.00 and 80\.05"),
    ],
)
def test_what_is_against_the_rules_says_where(cluster: Cluster, change: dict[str, object], remedy: str) -> None:
    with pytest.raises(MalformedSpecError, match=remedy):
        _freeze(_draft(**change), cluster)
