import uuid
from typing import Any

import pytest

from aukciszek.cluster import Cluster, PartyEntry
from aukciszek.console.options import OptionError, check_cluster_size
from aukciszek.demo.plan import DemoPlan
from aukciszek.identity import Identity
from aukciszek.protocol.rules.errors import MalformedSpecError
from aukciszek.protocol.rules.identifiers import UserId

AUCTIONEER = UserId(str(uuid.UUID(int=1)))


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    entries = [
        PartyEntry(
            number=number,
            name="Office",
            url=f"http://127.0.0.{number}:5000",
            address=f"127.0.0.{number}",
            identity_key=Identity.new().public.text,
        )
        for number in range(1, 4)
    ]
    return Cluster.build(entries)[0]


def plan(**options: Any) -> DemoPlan:
    defaults: dict[str, Any] = {
        "parties": 3,
        "threshold": 1,
        "bidders": 5,
        "auction_format": "first-price",
        "winners": 1,
        "direction": "reverse",
        "seed": 1,
        "equal_bids": False,
        "base_port": 5000,
    }
    return DemoPlan(**(defaults | options))


def test_the_same_seed_gives_the_same_prices() -> None:
    assert plan(seed=7).prices() == plan(seed=7).prices()
    assert plan(seed=7).prices() != plan(seed=8).prices()


def test_a_plan_that_contradicts_itself_is_refused(cluster: Cluster) -> None:
    with pytest.raises(MalformedSpecError, match="has one winner"):
        plan(winners=2).rules(cluster, AUCTIONEER)


def test_all_prices_are_on_the_grid(cluster: Cluster) -> None:
    spec = plan().rules(cluster, AUCTIONEER)
    assert len({spec.grid.to_step(price) for price in plan(bidders=200).prices()}) > 100


def test_equal_bids_are_equal() -> None:
    assert len(set(plan(equal_bids=True, bidders=9).prices())) == 1


@pytest.mark.parametrize(("parties", "threshold"), [(2, None), (10, None), (5, 3), (5, 0), (3, 2)])
def test_impossible_clusters_are_refused(parties: int, threshold: int | None) -> None:
    with pytest.raises(OptionError):
        check_cluster_size(parties, threshold)


@pytest.mark.parametrize(("parties", "threshold", "chosen"), [(3, None, 1), (5, None, 2), (5, 1, 1), (9, None, 4)])
def test_the_threshold_is_by_default_the_largest(parties: int, threshold: int | None, chosen: int) -> None:
    assert check_cluster_size(parties, threshold) == chosen
