import io
import sys
from pathlib import Path

import pytest

from aukciszek.cli.user.login_session import SecretInputError, read_password, read_secret


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stdin = io.StringIO()
    monkeypatch.setattr(sys, "stdin", stdin)
    return stdin


def test_a_secret_is_the_first_line_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("open sesame \r\nsomething else\n")
    assert read_secret(tmp_path / "secret", "Password", hidden=True) == "open sesame "


def test_a_dash_is_standard_input(stdin: io.StringIO) -> None:
    stdin.write("open sesame\nrest")
    stdin.seek(0)
    assert read_secret(Path("-"), "Password", hidden=True) == "open sesame"


def test_the_environment_counts_only_where_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file")
    environment = {"AUKCISZEK_PASSWORD": "from the environment"}
    assert read_password(None, confirm=False, environment=environment) == "from the environment"
    assert read_password(tmp_path / "secret", confirm=False, environment=environment) == "from the file"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\n"])
def test_a_file_without_a_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(SecretInputError):
        read_secret(tmp_path / "secret", "Password", hidden=True)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretInputError, match="cannot read"):
        read_secret(tmp_path / "secret", "Price", hidden=False)


@pytest.mark.usefixtures("stdin")
def test_where_nobody_can_be_asked_the_remedy_is_named() -> None:
    with pytest.raises(SecretInputError, match="name a file"):
        read_password(None, confirm=False, environment={})
