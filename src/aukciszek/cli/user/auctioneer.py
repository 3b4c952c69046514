"""``aukciszek auction``: what an auctioneer types, and everybody who wants to look at auctions."""

import contextlib
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import ValidationError

from aukciszek.cli.user.login_session import LoginSession, StateOption, as_user
from aukciszek.client.errors import NotOpenInTimeError
from aukciszek.client.parties import PartyResults
from aukciszek.client.schemas import AuctionAnswer
from aukciszek.clock import MalformedTimeError, SystemClock, cut_to_milliseconds
from aukciszek.console.auction_view import auction_object, following, show_auction, show_list
from aukciszek.console.new_file import write_new_file
from aukciszek.console.outcome_view import outcome_object, show_outcome
from aukciszek.console.report import JsonOption, Report, plain
from aukciszek.protocol.evidence.certificate import Certificate
from aukciszek.protocol.evidence.verification import verify_certificate
from aukciszek.protocol.rules.draft import AuctionDraft
from aukciszek.protocol.rules.errors import MalformedSpecError
from aukciszek.protocol.rules.fields import first_fault
from aukciszek.protocol.rules.identifiers import AuctionId, parse_auction_id
from aukciszek.protocol.rules.spec import AuctionSpec

AuctionArgument = Annotated[str, typer.Argument(metavar="AUCTION", help="The auction's id, 64 digits of 0-9a-f.")]

_DURATION: Final = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_OPENING_TIMEOUT_S: Final = 10.0
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def add_commands(app: typer.Typer) -> None:
    """Add ``auction`` to the command line."""
    auction = typer.Typer(no_args_is_help=True, help="Create auctions, follow them, fetch their outcome.")
    for command in (create, list_, show, close, cancel, watch, result):
        auction.command(command.__name__.rstrip("_"))(command)
    app.add_typer(auction, name="auction")


def create(  # noqa: PLR0913 -- one option for each rule of an auction
    *,
    title: Annotated[str, typer.Option(help="What is bought or sold.")],
    minimum: Annotated[str, typer.Option(help="The lowest price that can be bid.")],
    maximum: Annotated[str, typer.Option(help="The highest price that can be bid.")],
    step: Annotated[str, typer.Option(help="The distance between two prices that can be bid.")],
    closes: Annotated[
        str, typer.Option(help="When it closes: a time as 2026-01-31T12:00:00+01:00, or in 30m, 2h, 3d.")
    ],
    opens: Annotated[str, typer.Option(help="When it opens, as --closes; the default is now.")] = "0s",
    abandons_at: Annotated[
        str | None,
        typer.Option(help="When the parties give up, as --closes; default: 30 days after the close."),
    ] = None,
    description: Annotated[str, typer.Option(help="What bidders should know.")] = "",
    direction: Annotated[str, typer.Option(help="reverse: the lowest price wins; forward: the highest.")] = "reverse",
    auction_format: Annotated[
        str, typer.Option("--format", help="first-price, second-price, uniform-price or pay-as-bid.")
    ] = "first-price",
    winners: Annotated[int, typer.Option(help="How many bidders win.")] = 1,
    currency: Annotated[str, typer.Option(help="ISO 4217, three letters.")] = "EUR",
    reserve_price: Annotated[str | None, typer.Option(help="The worst price at which you still deal.")] = None,
    minimum_bids: Annotated[int, typer.Option(help="With fewer valid bids nothing is opened.")] = 1,
    invite: Annotated[list[str] | None, typer.Option(help="An invited bidder's e-mail; repeat. Default: all.")] = None,
    early_close: Annotated[bool, typer.Option(help="Whether you may close it before its time.")] = True,
    cancellation: Annotated[bool, typer.Option(help="Whether you may cancel it before it closes.")] = True,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create an auction. Its rules are frozen under one id at all parties; nobody can change them afterwards."""
    with Report(as_json=as_json) as report:
        now = SystemClock().now()
        draft = read_draft(
            {
                "title": title,
                "description": description,
                "direction": direction,
                "format": auction_format,
                "winners": winners,
                "currency": currency,
                "minimum": minimum,
                "maximum": maximum,
                "step": step,
                "reserve_price": reserve_price,
                "minimum_bids": minimum_bids,
                "opens_at": read_moment(opens, now),
                "closes_at": read_moment(closes, now),
                "abandons_at": None if abandons_at is None else read_moment(abandons_at, now),
                "early_close_allowed": early_close,
                "cancel_allowed": cancellation,
                "invited": invite or None,
            }
        )
        spec, outcomes = as_user(state, lambda session: _create(session, draft, now))
        report.say(f"created [bold]{plain(spec.title)}[/]")
        report.say(f"auction {spec.auction_id}")
        _answer(report, spec.auction_id, outcomes)


def list_(
    *,
    pages: Annotated[int, typer.Option(min=1, max=1000, help="How many pages of 50; more show older ones.")] = 1,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the newest auctions."""
    with Report(as_json=as_json) as report:
        show_list(report, as_user(state, lambda session: session.client.auctions(pages=pages)))


def show(auction: AuctionArgument, *, state: StateOption = None, as_json: JsonOption = False) -> None:
    """Show an auction's rules, and what each party says about it."""
    with Report(as_json=as_json) as report:
        overview = as_user(state, lambda session: session.client.auction(auction))
        show_auction(report, overview)
        report.result(auction_object(overview))


def close(auction: AuctionArgument, *, state: StateOption = None, as_json: JsonOption = False) -> None:
    """Close your auction before its time, if its rules allow it."""
    with Report(as_json=as_json) as report:
        auction_id = parse_auction_id(auction)
        outcomes = as_user(state, lambda session: session.client.close_auction(auction_id))
        report.say("the auction closes; follow it with `aukciszek auction watch`")
        _answer(report, auction_id, outcomes)


def cancel(auction: AuctionArgument, *, state: StateOption = None, as_json: JsonOption = False) -> None:
    """Cancel your auction before it closes, if its rules allow it; nothing is ever opened then."""
    with Report(as_json=as_json) as report:
        auction_id = parse_auction_id(auction)
        outcomes = as_user(state, lambda session: session.client.cancel_auction(auction_id))
        report.say("the auction is being cancelled; follow it with `aukciszek auction watch`")
        _answer(report, auction_id, outcomes)


def watch(auction: AuctionArgument, *, state: StateOption = None, as_json: JsonOption = False) -> None:
    """Follow an auction until it is over, and show the outcome."""
    with Report(as_json=as_json) as report:
        auction_id = parse_auction_id(auction)
        with following(report) as on_progress:
            certificate = as_user(state, lambda session: session.client.wait_for_outcome(auction_id, on_progress))
        _show_outcome(report, certificate)


def result(
    auction: AuctionArgument,
    *,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Keep the certificate in this file.")] = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch and verify an auction's certificate, and show the outcome."""
    with Report(as_json=as_json) as report:
        auction_id = parse_auction_id(auction)
        certificate = as_user(state, lambda session: session.client.certificate(auction_id))
        if output is not None:
            write_new_file(output, certificate.encode(), mode=0o644)
            report.say(f"certificate kept in {plain(str(output))}")
        _show_outcome(report, certificate)


def read_draft(rules: Mapping[str, object]) -> AuctionDraft:
    """Read what an auctioneer typed.

    Raises:
        MalformedSpecError: a rule is not valid; the text names it.
    """
    try:
        return AuctionDraft.model_validate(rules)
    except ValidationError as error:
        raise MalformedSpecError(f"the auction's rules are not valid at {first_fault(error)}") from error


def read_moment(text: str, now: datetime) -> datetime:
    """Read ``2026-01-31T12:00:00+01:00``, or a time from now on such as ``30m``.

    Raises:
        MalformedTimeError: neither of the two, or without a time zone.
    """
    if found := _DURATION.fullmatch(text):
        return now + timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise MalformedTimeError(f"write a time as 2026-01-31T12:00:00+01:00, or as 30m, 2h, 3d: not {text[:40]!r}")
    return cut_to_milliseconds(moment)


async def _create(
    session: LoginSession, draft: AuctionDraft, now: datetime
) -> tuple[AuctionSpec, PartyResults[AuctionAnswer]]:
    spec = draft.freeze(
        cluster=session.client.cluster,
        threshold=await session.client.threshold(),
        auctioneer=session.tokens.uid,
        nonce=secrets.token_bytes(32),
    )
    outcomes = await session.client.create_auction(spec)
    if spec.opens_at <= now:
        # So that a script can bid in the next line; with a party away the auction opens when that party is back.
        with contextlib.suppress(NotOpenInTimeError):
            await session.client.wait_until_open(spec.auction_id, timeout_s=_OPENING_TIMEOUT_S)
    return spec, outcomes


def _answer(report: Report, auction: AuctionId, outcomes: PartyResults[AuctionAnswer]) -> None:
    for party, error in sorted(outcomes.errors.items()):
        report.say(f"[yellow]party {party} did not accept it[/]: {plain(str(error))}")
    report.say(f"accepted by {len(outcomes.answers)} of {len(outcomes.answers) + len(outcomes.errors)} parties")
    report.result(
        {
            "auction": auction,
            "accepted_by": sorted(outcomes.answers),
            "errors": {
                str(party): {"code": error.code, "message": str(error)} for party, error in outcomes.errors.items()
            },
        }
    )


def _show_outcome(report: Report, certificate: Certificate) -> None:
    verification = verify_certificate(certificate)
    show_outcome(report, certificate, verification)
    report.result(outcome_object(certificate, verification))
