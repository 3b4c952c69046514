"""How the demo tells what happens, so that a procurement officer understands it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from aukciszek.client.schemas import Progress
from aukciszek.client.submission import PlacedBid
from aukciszek.console.auction_view import following
from aukciszek.console.outcome_view import show_checks
from aukciszek.console.report import Report, plain
from aukciszek.local_cluster.files import LocalCluster
from aukciszek.protocol.evidence.audit_log import AuditRecord
from aukciszek.protocol.evidence.verification import VerificationReport
from aukciszek.protocol.rules.spec import AuctionSpec

_WINS: Final = {
    "first-price": "The {best} price wins, and is the price to pay.",
    "second-price": "The {best} price wins; the price to pay is the second {best} one.",
    "uniform-price": "The {k} {best} prices win; all pay the price of the first one that did not.",
    "pay-as-bid": "The {k} {best} prices win, each at its own price.",
}


class Story:
    """Tells one demo, step by step."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._step = 0

    def parties_start(self, cluster: LocalCluster) -> None:
        """Introduce the parties."""
        size, threshold = cluster.cluster.size, cluster.threshold
        self._begin(f"{size} organisations run one server each, as separate programs")
        self._report.table(
            "",
            ("party", "organisation", "server"),
            [(str(party.number), party.name, party.url) for party in cluster.cluster.parties],
        )
        who = "No single one of them learns" if threshold == 1 else f"No {threshold} of them together learn"
        self._report.say(f"   {who} anything about a bid, whatever they do.")

    def accounts_are_open(self, bidders: int) -> None:
        """Introduce the people."""
        self._begin(f"An auctioneer and {_count(bidders, 'bidder')} register and log in")
        self._report.say("   The operator of party 1 grants the auctioneer's privilege on that machine; no one can")
        self._report.say("   claim it over the network.")

    def auction_is_open(self, spec: AuctionSpec) -> None:
        """Introduce the auction."""
        best = "lowest" if spec.direction == "reverse" else "highest"
        self._begin(f"The auctioneer creates the auction: [bold]{plain(spec.title)}[/]")
        self._report.say(f"   {_WINS[spec.format].format(best=best, k=spec.winners)}")
        self._report.say(f"   Prices from {spec.minimum} to {spec.maximum} {spec.currency} in steps of {spec.step}.")
        self._report.say(f"   Its rules are frozen at all servers under their hash, {spec.auction_id[:16]}...")

    def bids_are_in(self, placed: Sequence[PlacedBid], spec: AuctionSpec) -> None:
        """Tell how bids were sealed and received."""
        self._begin(f"{_count(len(placed), 'bidder')} bid")
        self._report.say(
            f"   Each bidder's own program splits the price into {spec.bits} bits and each bit into shares,"
        )
        self._report.say("   one for each server, sealed so that only that server can open its own.")
        fewest = min(len(one.receipts) for one in placed)
        least = "" if fewest == spec.parties else "at least "
        self._report.say(f"   Every bidder holds {least}{fewest} of {spec.parties} signed receipts.")

    def outcome_is_known(self, names: Sequence[str], prices: Sequence[str], currency: str, seconds: float) -> None:
        """Tell who won."""
        self._begin("The auctioneer closes the auction, and the servers compute on the shares")
        self._report.say(f"   {seconds:.2f} s from the close to the signed outcome.")
        each = prices if len(prices) == len(names) else list(prices) * len(names)
        for name, price in zip(names, each, strict=True):
            self._report.say(f"   Won by [bold green]{plain(name)}[/] at [bold green]{price} {currency}[/].")

    def nothing_else_was_opened(self, records: Mapping[int, AuditRecord], bids: int, winners: int) -> None:
        """Tell from the parties' own audit records what was ever opened."""
        self._begin("What was opened, according to the audit records of all servers")
        for reason, count in _opened(records).items():
            self._report.say(f"   {plain(reason)}: {_count(count, 'value')}")
        losing = bids - winners
        if losing:
            self._report.say(f"   Nothing else: none of the {_count(losing, 'losing bid')} was opened.")

    def certificate_verifies(self, verification: VerificationReport, path: str) -> None:
        """Tell that the outcome can be checked by anybody, from files alone."""
        self._begin("Anybody can check the outcome from files alone")
        show_checks(self._report, verification)
        self._report.say(f"   aukciszek verify {plain(path)}/certificate.json --cluster {plain(path)}/cluster.json")

    def compare(self, *, correct: bool, names: Sequence[str], prices: Sequence[str], currency: str) -> None:
        """Tell whether the outcome is right; the demo made the bids up, so it knows."""
        self._begin("The demo knows the bids that it made up, and computes the outcome in the clear")
        expected = f"{', '.join(names)} at {', '.join(prices)} {currency}"
        mark = "[bold green]the same[/]" if correct else "[bold red]NOT the same[/]"
        self._report.say(f"   Expected: {plain(expected)}: {mark}.")

    @contextmanager
    def counting(self, what: str, total: int) -> Iterator[Callable[[], None]]:
        """Show how many of ``total`` are done; yield what is called for each."""
        with self._report.progress() as bar:
            task = bar.add_task(what, total=total)
            yield lambda: bar.advance(task)

    @contextmanager
    def following(self) -> Iterator[Callable[[Progress], None]]:
        """Show the parties' progress."""
        with following(self._report) as on_progress:
            yield on_progress

    def _begin(self, text: str) -> None:
        self._step += 1
        self._report.say()
        self._report.say(f"[bold cyan]{self._step}[/] {text}")


def _opened(records: Mapping[int, AuditRecord]) -> Mapping[str, int]:
    """Return how many values each party opened at most, by the reason that the record gives."""
    counts: dict[str, int] = {}
    for record in records.values():
        for entry in record.entries:
            revealed = entry.details.get("revealed")
            for opened in revealed if isinstance(revealed, list) else []:
                if isinstance(opened, dict) and isinstance(values := opened.get("values"), list):
                    reason = str(opened.get("reason"))
                    counts[reason] = max(counts.get(reason, 0), len(values))
    return counts


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
