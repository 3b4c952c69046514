"""What the description of the interface allows, and what it does not, sent to a running party by schemathesis.

No answer may be a failure of the server, have a status that its operation does not list, or another form than the one
that is described. Sent by nobody, by a bidder and by an auctioneer; for auctions that do not exist, that take bids, and
that are over.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from .conftest import Site, User, running_site

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(600),
    # The parties run in this process and may draw from `random`; Hypothesis takes it for a strategy's doing.
    pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies"),
]

EXAMPLES = 6
"""For each operation, kind of input, sender and auction."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    unsupported_method,
]
"""Not those that take every input of the described form for good: rules and bundles obey more rules than a form has."""


@dataclass
class Stage:
    """A site with people and auctions."""

    site: Site
    people: dict[str, User | None]
    auctions: dict[str, str | None]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with running_site(tmp_path_factory.mktemp("described")) as site:
        auctioneer, bidder = await site.register("auctioneer", admin=True), await site.register("bidder")
        open_one, over = await site.create(auctioneer), await site.create(auctioneer)
        bundle = await site.seal(over, bidder, "42")
        for party in (1, 2, 3):
            assert (await site.submit_bid(over, bidder, bundle, party=party)).status == 201
        for party in (1, 2, 3):
            await site.post(f"/api/auctions/{over.auction_id}/close", party=party, user=auctioneer)
        await site.until_state(over, "final")
        people = {"nobody": None, "a bidder": bidder, "an auctioneer": auctioneer}
        auctions = {"any": None, "open": str(open_one.auction_id), "over": str(over.auction_id)}
        yield Stage(site, people, auctions)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as described", "otherwise"])
@pytest.mark.parametrize("sender", ["nobody", "a bidder", "an auctioneer"])
@pytest.mark.parametrize("auction", ["any", "open", "over"])
async def test_every_answer_is_a_described_one(stage: Stage, mode: GenerationMode, sender: str, auction: str) -> None:
    user = stage.people[sender]
    url = stage.site.url(1)
    headers = {"Authorization": f"Bearer {user.tokens[url]}"} if user is not None else {}
    answered = await asyncio.to_thread(call_everything, url, mode, headers, stage.auctions[auction])
    assert all(status < 500 for status in answered)
    # That the requests got as far as they should have.
    assert user is not None or 401 in answered
    assert auction != "any" or (200 if mode is GenerationMode.POSITIVE else 422) in answered
    assert auction == "any" or user is None or mode is GenerationMode.NEGATIVE or {200, 202, 403, 409} & answered


def call_everything(url: str, mode: GenerationMode, headers: Mapping[str, str], auction: str | None) -> set[int]:
    """Call every operation in many ways; return the statuses that were met."""
    schema = schemathesis.openapi.from_url(f"{url}/api/openapi.json")
    met: set[int] = set()
    with requests.Session() as session:
        for result in schema.get_all_operations():
            assert isinstance(result, Ok), result
            operation = result.ok()
            if auction is not None and "{auction}" not in operation.path:
                continue
            if auction is not None and operation.path.endswith("/progress"):
                continue  # an open auction's progress has no end; see test_auctions.py
            takes = operation.definition.raw
            if mode is GenerationMode.NEGATIVE and not ({"parameters", "requestBody"} & takes.keys()):
                continue  # what takes nothing cannot be given anything wrong
            met |= call(operation, mode, session, headers, auction)
    return met


def call(
    operation: Any, mode: GenerationMode, session: requests.Session, headers: Mapping[str, str], auction: str | None
) -> set[int]:
    met: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        database=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        if auction is not None:
            case.path_parameters["auction"] = auction
        answer = case.call_and_validate(session=session, headers=dict(headers), checks=CHECKS, timeout=60)
        met.add(answer.status_code)

    ask()
    return met
