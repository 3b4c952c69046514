import json

import pytest
import typer

from aukciszek.client.errors import (
    AuctionAbandonedError,
    AuctionCancelledError,
    LoginStateError,
    NotLoggedInError,
    PartyRefusedError,
    UnreachableError,
)
from aukciszek.console.exit_codes import ExitCode
from aukciszek.console.report import Report


def test_json_output_is_one_object_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    with Report(as_json=True) as report:
        report.say("for people")
        report.table("", ("a",), [("b",)])
        report.result({"price": "1.00"})
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"price": "1.00"}
    assert "for people" in captured.err


def test_without_json_people_read_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    with Report(as_json=False) as report:
        report.say("for people")
        report.result({"price": "1.00"})
    assert capsys.readouterr().out == "for people\n"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (LoginStateError("broken"), ExitCode.UNUSABLE, "login-state"),
        (NotLoggedInError("log in"), ExitCode.REFUSED, "not-logged-in"),
        (UnreachableError("gone"), ExitCode.UNREACHABLE, "party-unreachable"),
        (PartyRefusedError("no", party=2, status=403, problem="not-allowed"), ExitCode.REFUSED, "not-allowed"),
        (AuctionCancelledError("over"), ExitCode.ANSWER_IS_NO, "auction-cancelled"),
        (AuctionAbandonedError("over"), ExitCode.ANSWER_IS_NO, "auction-abandoned"),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED, "interrupted"),
    ],
)
def test_an_error_is_one_json_object_too(
    capsys: pytest.CaptureFixture[str], error: BaseException, status: ExitCode, code: str
) -> None:
    with pytest.raises(typer.Exit) as ended, Report(as_json=True):
        raise error
    assert ended.value.exit_code == status
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error"]["code"] == code
    assert code in captured.err


def test_a_mistake_in_the_program_keeps_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), Report(as_json=True):
        _ = 1 // 0
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "internal"


def test_a_command_whose_answer_is_no_says_so_in_its_status() -> None:
    with pytest.raises(typer.Exit) as ended, Report(as_json=False) as report:
        report.answer_is_no()
    assert ended.value.exit_code == ExitCode.ANSWER_IS_NO


def test_text_from_outside_is_neither_markup_nor_control(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), Report(as_json=False):
        raise LoginStateError("[red]\x1b[2Jtitle")
    assert "[red]\N{REPLACEMENT CHARACTER}[2Jtitle" in capsys.readouterr().err


def test_a_command_answers_once() -> None:
    report = Report(as_json=False)
    report.result({})
    with pytest.raises(RuntimeError):
        report.result({})
