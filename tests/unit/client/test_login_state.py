import os
from pathlib import Path

import pytest

from aukciszek.client.errors import LoginStateError
from aukciszek.client.stores.login_state import LoginState, default_state_file

STATE = LoginState("ada@example.org", 1, b"{}", None, {1: "first-token", 2: "second-token"})


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    STATE.write(tmp_path / "deep" / "login.json")
    assert LoginState.read(tmp_path / "deep" / "login.json") == STATE


def test_a_later_log_in_replaces_the_earlier_one(tmp_path: Path) -> None:
    later = LoginState("eve@example.org", 2, b"{}", Path("/ca.pem"), {1: "other"})
    STATE.write(tmp_path / "login.json")
    later.write(tmp_path / "login.json")
    assert LoginState.read(tmp_path / "login.json") == later
    assert [path.name for path in tmp_path.iterdir()] == ["login.json"]


def test_the_tokens_are_the_owners_alone(tmp_path: Path) -> None:
    STATE.write(tmp_path / "login.json")
    assert (tmp_path / "login.json").stat().st_mode & 0o777 == 0o600


def test_a_file_open_to_others_is_refused(tmp_path: Path) -> None:
    STATE.write(tmp_path / "login.json")
    (tmp_path / "login.json").chmod(0o644)
    with pytest.raises(LoginStateError, match="readable by other users"):
        LoginState.read(tmp_path / "login.json")


@pytest.mark.parametrize("content", ["", "{}", '{"version":2}', "[1]"])
def test_a_damaged_file_is_refused_without_quoting_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "login.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(LoginStateError, match="aukciszek login"):
        LoginState.read(path)


def test_a_missing_file_says_how_to_log_in(tmp_path: Path) -> None:
    with pytest.raises(LoginStateError, match="aukciszek login"):
        LoginState.read(tmp_path / "login.json")


def test_a_place_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LoginStateError, match="cannot write"):
        STATE.write(tmp_path / "file" / "login.json")


def test_no_token_is_shown() -> None:
    assert "token" not in repr(STATE).replace("2 tokens", "")


def test_the_file_lies_where_the_user_wants_it() -> None:
    assert default_state_file({"AUKCISZEK_STATE": "/x/y"}) == Path("/x/y")
    assert default_state_file({"XDG_STATE_HOME": "/s", "HOME": "/h"}) == Path("/s/aukciszek/login.json")
    assert default_state_file({"HOME": "/h"}) == Path("/h/.local/state/aukciszek/login.json")
    assert default_state_file(dict(os.environ)).name
