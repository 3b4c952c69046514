"""Auctions in words."""

import pytest

from aukciszek.client.schemas import Progress
from aukciszek.console.auction_view import describe, following
from aukciszek.console.report import Report
from aukciszek.protocol.rules.states import AuctionState


@pytest.mark.parametrize(
    ("stage", "waiting_for", "failure", "words"),
    [
        ("ranking", (), None, "computing on shares"),
        ("computing", (2, 4), None, "computing on shares, waiting for party 2, 4"),
        ("waiting-for-slot", (), None, "computing on shares, in line: other auctions are computed first"),
        ("computing", (), "keys-not-chosen", "computing on shares, kept from going on by keys-not-chosen"),
    ],
)
def test_what_an_auction_waits_for_is_said(
    stage: str, waiting_for: tuple[int, ...], failure: str | None, words: str
) -> None:
    progress = Progress(
        state=AuctionState.COMPUTING, stage=stage, fraction=0.0, waiting_for=waiting_for, bids=3, failure=failure
    )
    assert describe(progress) == words


@pytest.mark.parametrize("state", AuctionState)
def test_every_state_has_words_and_a_place_on_the_way(state: AuctionState, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(state=state, stage=state, fraction=0.5, waiting_for=(), bids=3)
    assert describe(progress)
    with Report(as_json=False) as report, following(report) as on_progress:
        on_progress(progress)
    assert "Error" not in capsys.readouterr().err
