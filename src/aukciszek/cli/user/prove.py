"""``aukciszek bid prove``: a bidder opens its own bid, from files alone; and how what that takes is kept.

``docs/protocol.md``, "Opening one's own bid".
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from aukciszek.cli.user.auctioneer import AuctionArgument
from aukciszek.cli.user.login_session import read_secret
from aukciszek.client.bidding import SealedBid
from aukciszek.client.stores.opening_store import KeptOpening, OpeningFile, OpeningStore, opening_file_beside
from aukciszek.client.stores.receipt_store import read_receipt_file
from aukciszek.console.new_file import write_new_file
from aukciszek.console.options import OptionError, one_of
from aukciszek.console.report import JsonOption, Report, plain
from aukciszek.protocol.evidence.opened_bid import OpenedBid
from aukciszek.protocol.evidence.receipts import ReceiptFile
from aukciszek.protocol.rules.errors import OpeningDoesNotFitError
from aukciszek.protocol.rules.identifiers import AuctionId, UserId, parse_auction_id

_PASSWORD_PROMPT: Final = "Password of the opening secret"  # noqa: S105 -- what is asked for, not a password
_WAYS: Final = ("plain", "password", "none")
_WARNING: Final = """\
The file will disclose the exact price of this bid to everybody who sees it, and prove it beyond doubt. It shows whether
the outcome can be true. It also proves to the other members of a cartel, or to anyone who bought or extorted the bid,
what was bid. Give it only to those who must see it; it cannot be taken back."""

OpeningOption = Annotated[
    str,
    typer.Option(
        "--opening",
        help="How to keep, beside the receipts, what opens your own bid later: plain, password (encrypted) or none.",
    ),
]
OpeningPasswordOption = Annotated[
    Path | None,
    typer.Option("--opening-password-file", help="Read that password from this file's first line; - is stdin."),
]

type KeepOpenings = Callable[[AuctionId, UserId], Callable[[SealedBid], None]]
"""For an auction and a bidder, gives what keeps the opening secret of a sealed bid."""


def keep_openings(receipts: Path | None, way: str, password_file: Path | None) -> KeepOpenings | None:
    """Return how the opening secrets of bids are kept; None: not at all. Asks for the password, if one is wanted.

    Raises:
        OptionError: there is no such way, or no receipt file that they could stand beside.
        SecretInputError: no password can be had.
    """
    chosen = one_of(way, _WAYS, "--opening")
    if receipts is None:
        if chosen == "password":
            raise OptionError("opening secrets are kept beside the receipts: name a file with --receipts")
        return None
    if chosen == "none":
        return None
    path = opening_file_beside(receipts)
    locked = chosen == "password"
    password = read_secret(password_file, _PASSWORD_PROMPT, hidden=True, confirm=True) if locked else None

    def keeper(auction: AuctionId, bidder: UserId) -> Callable[[SealedBid], None]:
        # Opened before the bid is sealed: one whose secret cannot be kept is not made.
        store = OpeningStore.open(path, auction, bidder, password=password)
        return lambda sealed: store.add(sealed.bundle, sealed.secret)

    return keeper


def prove(  # noqa: PLR0913 -- a command's parameters are its options
    auction: AuctionArgument,
    *,
    receipts: Annotated[
        Path, typer.Option("--receipts", help="Your receipt file; what opens your bids stands beside it.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The new file with the opened bid.")],
    revision: Annotated[
        int | None, typer.Option("--revision", min=1, help="Which revision of your bid to open; default the last.")
    ] = None,
    password_file: OpeningPasswordOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; you know what the file discloses.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Open your own bid: write a file that proves what you bid, for `aukciszek verify --opening`.

    The file discloses the exact price to everyone who sees it.
    """
    with Report(as_json=as_json) as report:
        kept_receipts = _receipts(receipts, parse_auction_id(auction))
        kept = _choose(OpeningFile.read(opening_file_beside(receipts)), kept_receipts, revision)
        report.say(f"[bold yellow]{plain(_WARNING.replace('\n', ' '))}[/]")
        if not yes and not _may_disclose():
            report.say("nothing was opened")
            report.result({"auction": auction, "bundle": kept.digest, "revision": kept.revision, "file": None})
            report.answer_is_no()
            return
        is_locked = kept.locked is not None
        password = read_secret(password_file, _PASSWORD_PROMPT, hidden=True) if is_locked else None
        opened = OpenedBid.of(kept.bundle, kept.reveal(password), kept_receipts)
        write_new_file(out, opened.encode(), mode=0o600)
        report.say(f"revision {kept.revision} of your bid is opened in {plain(str(out))}")
        report.say("check it with `aukciszek verify CERTIFICATE --opening FILE`")
        report.result({"auction": auction, "bundle": kept.digest, "revision": kept.revision, "file": str(out)})


def _receipts(path: Path, auction: AuctionId) -> ReceiptFile:
    file = read_receipt_file(path)
    if file.auction != auction:
        raise OpeningDoesNotFitError(f"{path} holds receipts of another auction")
    return file


def _choose(file: OpeningFile, receipts: ReceiptFile, revision: int | None) -> KeptOpening:
    """Return what is kept of the revision that is meant, of several bundles of one revision that with receipts.

    Raises:
        OpeningDoesNotFitError: nothing is kept of it.
    """
    wanted = revision or max((kept.revision for kept in file.bids), default=0)
    received = next((bid.bundle for bid in receipts.bids if bid.revision == wanted), None)
    kept = file.of_revision(wanted) if received is None else file.of_bundle(received)
    if kept is None:
        raise OpeningDoesNotFitError("nothing was kept that opens this revision of your bid: name another")
    return kept


def is_terminal() -> bool:
    """Tell whether there is somebody who can be asked."""
    return sys.stdin.isatty()


def _may_disclose() -> bool:
    if not is_terminal():
        raise OptionError("nobody to ask here: add --yes if the price may be disclosed")
    return typer.confirm("Disclose the price?", err=True)
