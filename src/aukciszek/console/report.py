"""What a command says, and where: people read tables, scripts read exactly one JSON object on standard output.

With ``--json`` standard output carries one JSON object and nothing else, whatever happens: the result, or
``{"error": {"code": ..., "message": ...}}``. Everything meant for people then goes to standard error.
Without it, results go to standard output and errors to standard error.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Annotated, Any, Self

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from aukciszek.client.errors import (
    AuctionAbandonedError,
    AuctionCancelledError,
    NotLoggedInError,
    PartyRefusedError,
    UnreachableError,
)
from aukciszek.console.exit_codes import ExitCode
from aukciszek.console.signals import TerminatedError
from aukciszek.errors import AukciszekError

type JsonObject = Mapping[str, Any]

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print exactly one JSON object on standard output; all else on standard error.")
]


class Report:
    """One command's output; as a context manager it turns errors into clear words and an exit status.

    Raises:
        typer.Exit: on leaving the context, when the command failed or its answer is no.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._told = False
        self._status = ExitCode.DONE
        self.people = Console(stderr=as_json, soft_wrap=True, highlight=False)

    def say(self, text: str = "") -> None:
        """Tell people one line; Rich markup allowed, so escape what comes from outside with :func:`plain`."""
        self.people.print(text)

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Show people a table; the cells are plain text."""
        table = Table(title=title or None, title_justify="left", header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(plain(cell) for cell in row))
        self.people.print(table)

    def progress(self) -> Progress:
        """Return a progress bar for people, to be entered as a context."""
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=40),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            console=self.people,
        )

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show people that something takes a while."""
        with self.people.status(plain(text)):
            yield

    def result(self, answer: JsonObject) -> None:
        """Hand scripts the command's one answer; people have been told already.

        Raises:
            RuntimeError: a second answer, which would be a mistake in this program.
        """
        if self._told:
            raise RuntimeError("a command answers once")
        self._told = True
        if self._as_json:
            sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
            sys.stdout.flush()

    def answer_is_no(self) -> None:
        """Let the command end with the status for "done, and the answer is no"."""
        self._status = ExitCode.ANSWER_IS_NO

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        match error:
            case None:
                pass
            case AukciszekError():
                self._fail(error.problem if isinstance(error, PartyRefusedError) else error.code, error.message)
                self._status = status_of(error)
            case KeyboardInterrupt():
                self._fail("interrupted", "stopped by Ctrl-C")
                self._status = ExitCode.INTERRUPTED
            case Exception() if not isinstance(error, typer.Exit):
                self._fail("internal", "an error in the program itself; the traceback is on standard error")
                return
            case _:
                return
        if self._status is not ExitCode.DONE:
            raise typer.Exit(self._status) from error

    def _fail(self, code: str, message: str) -> None:
        Console(stderr=True, soft_wrap=True, highlight=False).print(
            f"[bold red]error[/] [dim]({plain(code)})[/]: {'\n'.join(plain(line) for line in message.splitlines())}"
        )
        if not self._told:
            self.result({"error": {"code": code, "message": message}})


def plain(text: str) -> str:
    """Return ``text`` so that Rich and the terminal show it as it is: no markup, no control characters."""
    return escape("".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text))


def status_of(error: AukciszekError) -> ExitCode:
    """Return the exit status that stands for ``error``."""
    match error:
        case AuctionCancelledError() | AuctionAbandonedError():
            return ExitCode.ANSWER_IS_NO
        case PartyRefusedError() | NotLoggedInError():
            return ExitCode.REFUSED
        case UnreachableError():
            return ExitCode.UNREACHABLE
        case TerminatedError():
            return ExitCode.TERMINATED
        case _:
            return ExitCode.UNUSABLE


def group_digits(digest_hex: str) -> str:
    """Group a digest in fours, as people read it to one another."""
    return " ".join(digest_hex[place : place + 4] for place in range(0, len(digest_hex), 4))
