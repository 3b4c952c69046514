from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from aukciszek.cli.user.auctioneer import read_draft, read_moment
from aukciszek.clock import MalformedTimeError
from aukciszek.protocol.rules.errors import MalformedSpecError

if TYPE_CHECKING:
    from .conftest import Run

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0s", NOW),
        ("30m", NOW + timedelta(minutes=30)),
        ("3d", NOW + timedelta(days=3)),
        ("2026-02-01T12:00:00+01:00", datetime(2026, 2, 1, 12, tzinfo=timezone(timedelta(hours=1)))),
        ("2026-02-01T12:00:00.123456Z", datetime(2026, 2, 1, 12, 0, 0, 123000, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_time_or_a_while_from_now(text: str, moment: datetime) -> None:
    assert read_moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "soon", "5", "-1h", "2026-02-01T12:00:00", "2026-02-30", "9999999d"])
def test_any_other_moment_is_refused(text: str) -> None:
    with pytest.raises(MalformedTimeError):
        read_moment(text, NOW)


def test_a_rule_that_is_not_valid_is_named() -> None:
    with pytest.raises(MalformedSpecError, match="minimum"):
        read_draft({"title": "x", "minimum": "cheap", "maximum": "2", "step": "1", "opens_at": NOW, "closes_at": NOW})


def test_without_a_log_in_every_command_says_how_to_get_one(run: "Run") -> None:
    auction = "0" * 64
    for words in (("auction", "list"), ("auction", "show", auction), ("bid", "show", auction)):
        ended = run(*words, "--json")
        assert (ended.status, ended.json()["error"]["code"]) == (5, "login-state")
        assert "aukciszek login" in ended.json()["error"]["message"]


def test_an_id_that_is_none_is_refused(run: "Run") -> None:
    ended = run("auction", "close", "library", "--json")
    assert (ended.status, ended.json()["error"]["code"]) == (5, "malformed-identifier")
