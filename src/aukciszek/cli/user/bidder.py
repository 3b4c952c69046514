"""``aukciszek bid``: what a bidder types. The price leaves this machine only as sealed shares.

A price that is typed as an argument stays in the shell's history and is visible to other users of the machine while
the command runs; left out, it is asked for.
"""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from aukciszek.cli.user.auctioneer import AuctionArgument
from aukciszek.cli.user.login_session import LoginSession, StateOption, as_user, read_secret
from aukciszek.cli.user.prove import OpeningOption, OpeningPasswordOption, keep_openings, prove
from aukciszek.client.bidding import HeldBid, ignore_sealed
from aukciszek.client.stores.receipt_store import ReceiptStore, read_receipt_file
from aukciszek.client.submission import PlacedBid, placed_before
from aukciszek.clock import format_time
from aukciszek.console.report import JsonOption, Report, plain
from aukciszek.protocol.evidence.statements import Receipt, Signed
from aukciszek.protocol.rules.identifiers import parse_auction_id
from aukciszek.protocol.sealing.bundle import BundleHeader

ReceiptsOption = Annotated[
    Path | None, typer.Option("--receipts", help="Keep the parties' receipts in this file; new ones are added to it.")
]


KeepTryingOption = Annotated[
    float,
    typer.Option("--keep-trying", min=0.0, help="For so many seconds, try parties again that cannot be reached."),
]


def add_commands(app: typer.Typer) -> None:
    """Add ``bid`` to the command line."""
    bid = typer.Typer(no_args_is_help=True, help="Bid, check your bid, withdraw it.")
    for command in (place, show, withdraw, prove):
        bid.command(command.__name__)(command)
    bid.command("relay")(relay_receipts)
    app.add_typer(bid, name="bid")


def place(  # noqa: PLR0913 -- a command's parameters are its options
    auction: AuctionArgument,
    price: Annotated[str | None, typer.Argument(help="The price; better left out, then it is asked for.")] = None,
    *,
    price_file: Annotated[
        Path | None, typer.Option("--price-file", help="Read the price from this file's first line; - is stdin.")
    ] = None,
    receipts: ReceiptsOption = None,
    opening: OpeningOption = "plain",
    opening_password: OpeningPasswordOption = None,
    keep_trying: KeepTryingOption = 10.0,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bid, or replace your bid. Every party that holds the sealed bid answers with a signed receipt.

    With a receipt file, what opens the bid is kept beside it, in FILE.opening: it can prove a wrong outcome, and,
    without --opening password, it discloses the price to every reader.
    """
    with Report(as_json=as_json) as report:
        keep = keep_openings(receipts, opening, opening_password)
        chosen = price if price is not None else read_secret(price_file, "Price", hidden=False)
        following = _Following(report)

        async def bid(session: LoginSession, store: ReceiptStore) -> PlacedBid:
            following.store = store
            on_sealed = ignore_sealed if keep is None else keep(parse_auction_id(auction), session.tokens.uid)
            return await session.client.place_bid(
                auction, chosen, keep_trying_s=keep_trying, on_sealed=on_sealed, on_placed=following.on_placed
            )

        placed = as_user(state, lambda session: _kept(session, auction, receipts, bid))
        _show_placed(report, placed, receipts)
        if keep is not None:
            locked = "under your password: without it nobody can open the bid, not even you"
            risk = locked if opening == "password" else "and discloses the price to everyone who can read it"
            report.say(f"what opens this bid is kept beside them, {risk}")


def withdraw(
    auction: AuctionArgument,
    *,
    receipts: ReceiptsOption = None,
    keep_trying: KeepTryingOption = 10.0,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Withdraw your bid. You can bid again until the auction closes."""
    with Report(as_json=as_json) as report:
        following = _Following(report)

        async def take_back(session: LoginSession, store: ReceiptStore) -> PlacedBid:
            following.store = store
            return await session.client.withdraw_bid(auction, keep_trying_s=keep_trying, on_placed=following.on_placed)

        placed = as_user(state, lambda session: _kept(session, auction, receipts, take_back))
        _show_placed(report, placed, receipts)


def relay_receipts(
    receipts: Annotated[Path, typer.Argument(help="The receipt file of your bid.")],
    *,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Submit the last revision of your bid to parties that were away, and show all parties each other's receipts.

    Then your bid depends on no single party: one that is lost for good, or denies its receipt, changes nothing.
    """
    with Report(as_json=as_json) as report:
        placed = as_user(state, lambda session: _relay_receipts(session, receipts))
        _show_placed(report, placed, receipts)


def show(
    auction: AuctionArgument, *, receipts: ReceiptsOption = None, state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Show all revisions of your bid and which parties hold them; never the price, which no party knows."""
    with Report(as_json=as_json) as report:
        held = as_user(state, lambda session: _show(session, auction, receipts))
        report.table(
            "",
            ("revision", "kind", "bundle", "held by parties", "first received (UTC)"),
            [
                (
                    str(one.header.revision),
                    "withdrawal" if one.header.withdrawal else "bid",
                    one.header.digest,
                    ", ".join(map(str, sorted(one.receipts))),
                    f"{min(receipt.content.received_at for receipt in one.receipts.values()):%Y-%m-%d %H:%M:%S}",
                )
                for one in held
            ],
        )
        report.result({"auction": auction, "bids": [_bid_object(one.header, one.receipts) for one in held]})


async def _show(session: LoginSession, auction: str, receipts: Path | None) -> list[HeldBid]:
    store = ReceiptStore.open(receipts, parse_auction_id(auction), session.tokens.uid)
    held = await session.client.own_bids(auction)
    for one in held:
        store.add(one.header, one.receipts.values())
    return held


async def _kept(
    session: LoginSession,
    auction: str,
    receipts: Path | None,
    action: Callable[[LoginSession, ReceiptStore], Awaitable[PlacedBid]],
) -> PlacedBid:
    # The file is opened before the bid is sent: a bid without a place for its receipts is not made.
    store = ReceiptStore.open(receipts, parse_auction_id(auction), session.tokens.uid)
    placed = await action(session, store)
    store.add(placed.header, placed.receipts.values(), placed.content)
    return placed


async def _relay_receipts(session: LoginSession, path: Path) -> PlacedBid:
    file = read_receipt_file(path)
    overview = await session.client.auction(file.auction)
    placed = placed_before(file, session.cluster, threshold=overview.spec.threshold)
    placed = await session.client.submit_again(placed)
    store = ReceiptStore.open(path, file.auction, file.bidder)
    store.add(placed.header, placed.receipts.values(), placed.content)
    return placed


class _Following:
    """Says how many receipts are in as they come, and keeps each at once."""

    def __init__(self, report: Report) -> None:
        self.store: ReceiptStore | None = None
        self._report = report
        self._given = 0

    def on_placed(self, placed: PlacedBid) -> None:
        given = len(placed.receipts)
        if given == self._given:
            return
        self._given = given
        if self.store is not None:
            self.store.add(placed.header, placed.receipts.values(), placed.content)
        enough = "your bid counts" if placed.counts else f"it counts with {placed.needed}"
        self._report.say(f"{given} of {placed.parties} receipts are in: {enough}")


def _show_placed(report: Report, placed: PlacedBid, receipts: Path | None) -> None:
    what = "withdrawal" if placed.header.withdrawal else "bid"
    for party, receipt in sorted(placed.receipts.items()):
        report.say(f"[green]ok[/]  party {party} received it at {format_time(receipt.content.received_at)}")
    for party, error in sorted(placed.errors.items()):
        report.say(f"[yellow]--[/]  party {party} gave no receipt: {plain(str(error))}")
    given = f"{len(placed.receipts)} of {placed.parties} receipts, {placed.needed} are needed"
    report.say(f"revision {placed.header.revision} of your {what}: {given}")
    if placed.relayed:
        report.say(f"parties that keep the others' receipts: {', '.join(map(str, sorted(placed.relayed)))}")
    elif placed.counts and not placed.complete:
        report.say("submit it to the other parties later: `aukciszek bid relay` with your receipt file")
    if receipts is None:
        report.say("keep the receipts as proof with --receipts FILE, now or with `aukciszek bid show`")
    else:
        report.say(f"receipts kept in {plain(str(receipts))}")
    errors = {str(party): {"code": error.code, "message": str(error)} for party, error in placed.errors.items()}
    report.result(
        {
            **_bid_object(placed.header, placed.receipts),
            "counts": placed.counts,
            "needed": placed.needed,
            "parties": placed.parties,
            "relayed": sorted(placed.relayed),
            "errors": errors,
        }
    )


def _bid_object(header: BundleHeader, receipts: Mapping[int, Signed[Receipt]]) -> Mapping[str, Any]:
    return {
        "auction": header.auction,
        "bundle": header.digest,
        "revision": header.revision,
        "withdrawal": header.withdrawal,
        "receipts": {str(party): format_time(one.content.received_at) for party, one in sorted(receipts.items())},
    }
