"""``aukciszek bid``: what a bidder types. The price leaves this machine only as sealed shares.

A price that is typed as an argument stays in the shell's history and is visible to other users of the machine while
the command runs; left out, it is asked for.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from aukciszek.auctions.bundle import BundleHeader
from aukciszek.auctions.identifiers import parse_auction_id
from aukciszek.auctions.statements import Receipt, Signed
from aukciszek.cli.auctioneer import AuctionArgument
from aukciszek.cli.report import JsonOption, Report, plain
from aukciszek.cli.session import Session, StateOption, as_user, read_secret
from aukciszek.client.bidding import HeldBid, PlacedBid
from aukciszek.client.receipt_store import ReceiptStore
from aukciszek.clock import format_time

ReceiptsOption = Annotated[
    Path | None, typer.Option("--receipts", help="Keep the parties' receipts in this file; new ones are added to it.")
]


def add_commands(app: typer.Typer) -> None:
    """Add ``bid`` to the command line."""
    bid = typer.Typer(no_args_is_help=True, help="Bid, look after your bid, take it back.")
    for command in (place, show, withdraw):
        bid.command(command.__name__)(command)
    app.add_typer(bid, name="bid")


def place(  # noqa: PLR0913 -- a command's parameters are its options
    auction: AuctionArgument,
    price: Annotated[str | None, typer.Argument(help="The price; better left out, then it is asked for.")] = None,
    *,
    price_file: Annotated[
        Path | None, typer.Option("--price-file", help="Read the price from this file's first line; - is stdin.")
    ] = None,
    receipts: ReceiptsOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bid, or replace your bid. Every party that holds the sealed bid answers with a signed receipt."""
    with Report(as_json=as_json) as report:
        chosen = price if price is not None else read_secret(price_file, "Price", hidden=False)
        placed = as_user(state, lambda session: _place(session, auction, chosen, receipts))
        _show_placed(report, placed, receipts)


def withdraw(
    auction: AuctionArgument, *, receipts: ReceiptsOption = None, state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Take your bid back. You can bid again until the auction closes."""
    with Report(as_json=as_json) as report:
        placed = as_user(state, lambda session: _withdraw(session, auction, receipts))
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


async def _show(session: Session, auction: str, receipts: Path | None) -> list[HeldBid]:
    store = ReceiptStore.open(receipts, parse_auction_id(auction), session.tokens.uid)
    held = await session.client.own_bids(auction)
    for one in held:
        store.add(one.header, one.receipts.values())
    return held


async def _place(session: Session, auction: str, price: str, receipts: Path | None) -> PlacedBid:
    # The file is opened before the bid is sent: a bid without a place for its receipts is not made.
    store = ReceiptStore.open(receipts, parse_auction_id(auction), session.tokens.uid)
    placed = await session.client.place_bid(auction, price)
    store.add(placed.header, placed.receipts.values())
    return placed


async def _withdraw(session: Session, auction: str, receipts: Path | None) -> PlacedBid:
    store = ReceiptStore.open(receipts, parse_auction_id(auction), session.tokens.uid)
    placed = await session.client.withdraw_bid(auction)
    store.add(placed.header, placed.receipts.values())
    return placed


def _show_placed(report: Report, placed: PlacedBid, receipts: Path | None) -> None:
    parties = len(placed.receipts) + len(placed.errors)
    what = "withdrawal" if placed.header.withdrawal else "bid"
    for party, receipt in sorted(placed.receipts.items()):
        report.say(f"[green]ok[/]  party {party} received it at {format_time(receipt.content.received_at)}")
    for party, error in sorted(placed.errors.items()):
        report.say(f"[yellow]--[/]  party {party} gave no receipt: {plain(str(error))}")
    report.say(f"revision {placed.header.revision} of your {what}: {len(placed.receipts)} of {parties} receipts")
    if receipts is None:
        report.say("keep the receipts as proof with --receipts FILE, now or with `aukciszek bid show`")
    else:
        report.say(f"receipts kept in {plain(str(receipts))}")
    errors = {str(party): {"code": error.code, "message": str(error)} for party, error in placed.errors.items()}
    report.result({**_bid_object(placed.header, placed.receipts), "counts": placed.counts, "errors": errors})


def _bid_object(header: BundleHeader, receipts: Mapping[int, Signed[Receipt]]) -> Mapping[str, Any]:
    return {
        "auction": header.auction,
        "bundle": header.digest,
        "revision": header.revision,
        "withdrawal": header.withdrawal,
        "receipts": {str(party): format_time(one.content.received_at) for party, one in sorted(receipts.items())},
    }
