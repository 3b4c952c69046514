"""How auctions and their progress are shown: tables for people, plain objects for scripts."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from aukciszek.client.overview import AuctionOverview
from aukciszek.client.schemas import Progress
from aukciszek.clock import format_time
from aukciszek.console.report import Report, plain
from aukciszek.protocol.rules.states import WAITING_FOR_SLOT, AuctionState

_IN_WORDS: Final = {
    AuctionState.CREATED: "not open yet",
    AuctionState.OPEN: "taking bids",
    AuctionState.CLOSED: "closed",
    AuctionState.AGREEING: "agreeing on the bids that count",
    AuctionState.COMPUTING: "computing on shares",
    AuctionState.REVEALING: "opening the outcome",
    AuctionState.SIGNING: "signing the outcome",
    AuctionState.FINAL: "final",
    AuctionState.CANCELLED: "cancelled",
    AuctionState.ABANDONED: "abandoned: there was no outcome in time",
}

_SHARE_OF_THE_WAY: Final = {
    AuctionState.CREATED: (0.0, 0.0),
    AuctionState.OPEN: (0.0, 0.0),
    AuctionState.CLOSED: (0.0, 0.05),
    AuctionState.AGREEING: (0.05, 0.15),
    AuctionState.COMPUTING: (0.2, 0.6),
    AuctionState.REVEALING: (0.8, 0.05),
    AuctionState.SIGNING: (0.85, 0.15),
    AuctionState.FINAL: (1.0, 0.0),
    AuctionState.CANCELLED: (1.0, 0.0),
    AuctionState.ABANDONED: (1.0, 0.0),
}
"""Where each state begins on the progress bar, and how much of it it fills."""


def show_list(report: Report, overviews: list[AuctionOverview]) -> None:
    """Show auctions as a table, and answer scripts."""
    report.table(
        "",
        ("auction", "title", "state", "bids", "closes (UTC)"),
        [
            (one.id, one.spec.title, _state_of(one), str(one.bids), f"{one.spec.closes_at:%Y-%m-%d %H:%M:%S}")
            for one in overviews
        ],
    )
    report.result({"auctions": [auction_object(one) for one in overviews]})


def show_auction(report: Report, overview: AuctionOverview) -> None:
    """Show one auction's rules and what each party says about it."""
    spec = overview.spec
    wins = "lowest" if spec.direction == "reverse" else "highest"
    report.say(f"[bold]{plain(spec.title)}[/]")
    if spec.description:
        report.say("\n".join(plain(line) for line in spec.description.splitlines()))
    report.table(
        "",
        ("rule", ""),
        [
            ("auction", overview.id),
            ("kind", f"{spec.direction}, {spec.format}: the {wins} price wins, {spec.winners} winner(s)"),
            ("prices", f"{spec.minimum} to {spec.maximum} {spec.currency} in steps of {spec.step}"),
            ("reserve price", spec.reserve_price or "none"),
            ("minimum number of bids", str(spec.minimum_bids)),
            ("opens", f"{spec.opens_at:%Y-%m-%d %H:%M:%S} UTC"),
            ("closes", f"{spec.closes_at:%Y-%m-%d %H:%M:%S} UTC"),
            ("abandoned without an outcome", f"{spec.abandons_at:%Y-%m-%d %H:%M:%S} UTC"),
            ("may close early", "yes" if spec.early_close_allowed else "no"),
            ("may be cancelled", "yes" if spec.cancel_allowed else "no"),
            ("bidders", "open to all" if spec.invited is None else f"{len(spec.invited)} invited"),
            ("parties", f"{spec.parties}, of which {spec.threshold} may collude and learn nothing"),
        ],
    )
    if overview.is_being_cancelled:
        report.say("[yellow]the auction is being cancelled[/]: nothing is opened, unless an outcome was found before")
    report.table(
        "",
        ("party", "state", "bids", "waits for parties", "kept from going on by"),
        [
            *(
                (
                    str(party),
                    _IN_WORDS[answer.state] + (", in line" if answer.stage == WAITING_FOR_SLOT else ""),
                    str(answer.bids),
                    ", ".join(map(str, answer.waiting_for)),
                    answer.failure or "",
                )
                for party, answer in sorted(overview.answers.items())
            ),
            *((str(party), str(error), "", "", "") for party, error in sorted(overview.errors.items())),
        ],
    )


def _state_of(overview: AuctionOverview) -> str:
    return "being cancelled" if overview.is_being_cancelled else overview.state.value


def auction_object(overview: AuctionOverview) -> Mapping[str, Any]:
    """Return an auction for scripts."""
    return {
        "auction": overview.id,
        "state": overview.state.value,
        "being_cancelled": overview.is_being_cancelled,
        "bids": overview.bids,
        "sealing_keys": sorted(overview.sealing_keys),
        "spec": overview.spec.model_dump(mode="json"),
        "parties": {
            str(party): {
                "state": answer.state.value,
                "since": format_time(answer.state_since),
                "bids": answer.bids,
                "stage": answer.stage,
                "waiting_for": list(answer.waiting_for),
                "failure": answer.failure,
            }
            for party, answer in sorted(overview.answers.items())
        },
        "errors": {str(party): {"code": error.code, "message": str(error)} for party, error in overview.errors.items()},
    }


@contextmanager
def following(report: Report) -> Iterator[Callable[[Progress], None]]:
    """Show a progress bar; yield what is called with every step forward."""
    with report.progress() as bar:
        task = bar.add_task(_IN_WORDS[AuctionState.OPEN], total=1.0)

        def on_progress(progress: Progress) -> None:
            bar.update(task, description=describe(progress), completed=_completed(progress))

        yield on_progress


def describe(progress: Progress) -> str:
    """Say in words how far an auction is."""
    words = _IN_WORDS[progress.state]
    if progress.waiting_for:
        words += f", waiting for party {', '.join(map(str, progress.waiting_for))}"
    elif progress.stage == WAITING_FOR_SLOT:
        words += ", in line: other auctions are computed first"
    if progress.failure is not None:
        words += f", kept from going on by {plain(progress.failure)}"
    return words


def _completed(progress: Progress) -> float:
    start, width = _SHARE_OF_THE_WAY[progress.state]
    return start + width * min(max(progress.fraction, 0.0), 1.0)
