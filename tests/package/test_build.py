"""What `uv build` makes, in a copy of the repository: a package with the page and nothing foreign, or none."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).parents[2]
PAGE: Final = "aukciszek/server/page_files/index.html"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What a package is built from, without a page, and with what must not get into it."""
    for name in ("LICENSE", "README.md", "hatch_build.py", "pyproject.toml", ".gitignore"):
        shutil.copy(REPOSITORY / name, tmp_path)
    built = shutil.ignore_patterns("__pycache__", "page_files")
    shutil.copytree(REPOSITORY / "src", tmp_path / "src", ignore=built)
    for foreign in ("web/node_modules/left-pad/index.js", "src/aukciszek/__pycache__/x.pyc", ".env"):
        (tmp_path / foreign).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / foreign).write_text("foreign")
    (tmp_path / "web" / "main.ts").write_text("our own")
    return tmp_path


def build(directory: Path) -> subprocess.CompletedProcess[str]:
    """Run `uv build`, as whoever publishes the package does."""
    uv = os.environ.get("UV") or shutil.which("uv") or str(REPOSITORY / ".tools" / "bin" / "uv")
    if not Path(uv).exists():
        pytest.skip("uv is not installed: `make setup` brings it")
    return subprocess.run(  # noqa: S603 -- nothing foreign in it
        [uv, "build", "--python", sys.executable], cwd=directory, capture_output=True, text=True, check=False
    )


def put_page(copy: Path, *, whole: bool = True) -> None:
    page = copy / "src" / PAGE
    (page.parent / "assets").mkdir(parents=True)
    page.write_text('<script type="module" src="./assets/index.js"></script>')
    if whole:
        (page.parent / "assets" / "index.js").write_text("// the page")


@pytest.mark.parametrize("half", [False, True])
def test_no_package_is_built_without_the_page(copy: Path, half: bool) -> None:  # noqa: FBT001 -- pytest passes it
    if half:
        put_page(copy, whole=False)
    ended = build(copy)
    assert ended.returncode != 0
    assert f"src/{PAGE} is missing or not whole" in ended.stderr
    assert "make page" in ended.stderr
    assert not list(copy.glob("dist/aukciszek*"))


def test_a_package_holds_the_page_and_nothing_foreign(copy: Path) -> None:
    put_page(copy)
    ended = build(copy)
    assert ended.returncode == 0, ended.stderr

    with tarfile.open(next(copy.glob("dist/*.tar.gz"))) as archive:
        source = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/{PAGE}", "src/aukciszek/py.typed", "web/main.ts", "hatch_build.py"} <= source
    assert not [name for name in source if "node_modules" in name or "__pycache__" in name or name == ".env"]

    # uv builds the wheel from the source distribution, so neither is without the page.
    with zipfile.ZipFile(next(copy.glob("dist/*.whl"))) as wheel:
        assert b"assets/index.js" in wheel.read(PAGE)
        assert all(name.startswith(("aukciszek/", "aukciszek-")) for name in wheel.namelist())
        assert not [name for name in wheel.namelist() if "__pycache__" in name]
