"""The ``demo`` command: its options, its files, and its answer to scripts."""

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from aukciszek.client.connection import RetryPolicy
from aukciszek.client.sdk import AukciszekClient
from aukciszek.cluster import Cluster
from aukciszek.console.options import DIRECTIONS, FORMATS, check_cluster_size, one_of
from aukciszek.console.report import JsonOption, Report, plain
from aukciszek.console.signals import Ending, run_until_signalled
from aukciszek.demo.plan import MOST_BIDDERS, DemoPlan
from aukciszek.demo.run import Demo, DemoResult
from aukciszek.demo.story import Story
from aukciszek.demo.timing import envelopes_s, steps_s
from aukciszek.local_cluster.files import BASE_PORT, check_ports, make_cluster
from aukciszek.local_cluster.running import running
from aukciszek.local_cluster.template import template
from aukciszek.protocol.evidence.verification import verify_certificate
from aukciszek.protocol.rules.identifiers import UserId
from aukciszek.protocol.rules.spec import AuctionFormat

_MANY_RETRIES: Final = RetryPolicy(request_timeout_s=120.0, attempts=6)
"""With hundreds of bidders on two cores the servers are busy."""

_AUTHORITY: Final = "ca.pem"


def add_commands(app: typer.Typer) -> None:
    """Add ``demo`` to the command line."""
    app.command("demo")(demo)


def demo(  # noqa: PLR0913 -- a command's parameters are its options
    *,
    parties: Annotated[int, typer.Option(help="How many servers, 3 to 9.")] = 5,
    threshold: Annotated[
        int | None, typer.Option(help="How many of them may collude and learn nothing; default: just under half.")
    ] = None,
    bidders: Annotated[int, typer.Option(min=1, max=MOST_BIDDERS, help="How many bidders.")] = 20,
    auction_format: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}.")] = "first-price",
    winners: Annotated[int, typer.Option(min=1, help="How many bidders win.")] = 1,
    direction: Annotated[str, typer.Option(help="reverse: the lowest price wins; forward: the highest.")] = "reverse",
    seed: Annotated[int, typer.Option(help="Of the bidders' prices; the same seed gives the same prices.")] = 1,
    once: Annotated[bool, typer.Option("--once", help="Leave after the outcome; 0 only if it is right.")] = False,
    equal_bids: Annotated[
        bool, typer.Option("--equal-bids", help="All bid the same, so the tie-break decides.")
    ] = False,
    base_port: Annotated[int, typer.Option(help="Party i listens at this port plus i.")] = BASE_PORT,
    https: Annotated[bool, typer.Option("--https", help="TLS everywhere, with a temporary authority.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a whole auction on this machine: servers, bidders, sealed bids, outcome, certificate.

    Afterwards the servers keep running for you to look at, until Ctrl-C; with --once the demo leaves.
    """
    with Report(as_json=as_json) as report:
        plan = DemoPlan(
            parties=parties,
            threshold=check_cluster_size(parties, threshold),
            bidders=bidders,
            auction_format=one_of(auction_format, FORMATS, "--format"),
            winners=winners,
            direction=one_of(direction, DIRECTIONS, "--direction"),
            seed=seed,
            equal_bids=equal_bids,
            base_port=base_port,
            https=https,
        )
        run_until_signalled(lambda ending: _play(plan, report, ending, once=once))


async def _play(plan: DemoPlan, report: Report, ending: Ending, *, once: bool) -> None:
    check_ports(plan.parties, plan.base_port)
    story = Story(report)
    with _workplace() as (secret_files, public_files):
        files = make_cluster(
            secret_files, parties=plan.parties, threshold=plan.threshold, base_port=plan.base_port, tls=plan.https
        )
        plan.rules(
            files.cluster, UserId(str(uuid.UUID(int=0)))
        )  # refuses contradictory options before anything is started
        story.parties_start(files)
        async with (
            template() as launch,
            running(files, launch) as cluster,
            AukciszekClient.open(files.cluster, ca_file=files.ca_file, retries=_MANY_RETRIES) as client,
        ):
            demo = Demo(plan, cluster, client, story)
            result = await cluster.children.while_all_run(demo.run())
            (public_files / "cluster.json").write_bytes(files.cluster_file.read_bytes())
            if files.ca_file is not None:
                (public_files / _AUTHORITY).write_bytes(files.ca_file.read_bytes())
            await _tell(result, client, story, public_files)
            report.result(await asyncio.to_thread(_answer, plan, result, public_files))
            if not result.correct:
                report.answer_is_no()
            if not once:
                _invite(report, demo, files.cluster)
                if plan.https:
                    report.say(f"   Trust {plain(str(public_files / _AUTHORITY))} for it (programs: --ca-file).")
                ending.is_welcome = True
                await cluster.children.while_all_run(asyncio.Event().wait())


async def _tell(result: DemoResult, client: AukciszekClient, story: Story, public_files: Path) -> None:
    body = result.certificate.body
    currency = body.spec.currency
    (public_files / "certificate.json").write_bytes(result.certificate.encode())
    story.outcome_is_known(result.winners, body.prices, currency, result.close_to_result_s)
    story.nothing_else_was_opened(result.records, len(body.bids), len(body.winners))
    story.certificate_verifies(verify_certificate(result.certificate, cluster=client.cluster), str(public_files))
    story.compare(
        correct=result.correct, names=result.expected_winners, prices=result.expected_prices, currency=currency
    )


def _invite(report: Report, demo: Demo, cluster: Cluster) -> None:
    report.say()
    report.say(f"The servers keep running until Ctrl-C. Have a look at [bold]{cluster.parties[0].url}/[/] as")
    for person in (demo.auctioneer, demo.bidders[0]):
        report.say(f"   {plain(person.email)} with the password {plain(person.password)}")


def _answer(plan: DemoPlan, result: DemoResult, public_files: Path) -> Mapping[str, Any]:
    body = result.certificate.body
    envelopes = envelopes_s(body.spec, len(body.bids))
    return {
        "parties": plan.parties,
        "threshold": plan.threshold,
        "bidders": plan.bidders,
        "format": plan.auction_format,
        "direction": plan.direction,
        "outcome": body.outcome,
        "winners": result.winners,
        "price": _price(body.prices, plan.auction_format),
        "currency": body.spec.currency,
        "expected_winners": result.expected_winners,
        "expected_price": _price(result.expected_prices, plan.auction_format),
        "correct": result.correct,
        "close_to_result_s": round(result.close_to_result_s, 3),
        # What this machine needs for opening all envelopes, and everything else.
        "envelopes_s": round(envelopes, 3),
        "rest_s": round(result.close_to_result_s - envelopes, 3),
        "steps_s": steps_s(result.records.values(), result.closed_at),
        "receipts": min(len(one.receipts) for one in result.placed),
        "signed_by": [one.party for one in result.certificate.signatures],
        "auction": body.auction,
        "certificate": str(public_files / "certificate.json"),
        "cluster_file": str(public_files / "cluster.json"),
    } | ({"ca_file": str(public_files / _AUTHORITY)} if plan.https else {})


def _price(prices: tuple[str, ...], auction_format: AuctionFormat) -> str | list[str] | None:
    """Return one price, or with pay-as-bid one for each winner; None if nothing was sold."""
    if auction_format == "pay-as-bid":
        return list(prices)
    return prices[0] if prices else None


@contextmanager
def _workplace() -> Iterator[tuple[Path, Path]]:
    """Yield a directory for secrets, removed afterwards, and one for the certificate, which stays.

    After a failure the parties' logs stay as well; they hold nothing secret.
    """
    public_files = Path(tempfile.mkdtemp(prefix="aukciszek-demo-"))
    secret_files = Path(tempfile.mkdtemp(prefix="aukciszek-parties-"))
    try:
        yield secret_files, public_files
    except Exception:
        for log in secret_files.glob("*.log"):
            shutil.copy(log, public_files)
        raise
    finally:
        shutil.rmtree(secret_files, ignore_errors=True)
        if not any(public_files.iterdir()):
            public_files.rmdir()
