"""Where compiled kernels are kept, and that a process that may write nowhere computes all the same."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

import aukciszek

PACKAGE: Final = Path(aukciszek.__file__).parent

COMPILE: Final = """
import sys
from pathlib import Path
import numpy as np
from aukciszek.mpc.sharing import field
from aukciszek.mpc.sharing import kernels
element = np.array([2**60], dtype=np.uint64)
before = field.multiply(element, element)
print(kernels.compile_kernels(*map(Path, sys.argv[1:])), kernels.are_compiled())
assert (field.multiply(element, element) == before).all()
"""

SESSION: Final = """
import asyncio
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.simulation import simulate

async def program(runtime: Runtime) -> list[int]:
    await runtime.start()
    secret = runtime.random(1)
    square = await runtime.multiply(secret, secret)
    return (await runtime.reveal({"nothing": square - await runtime.multiply(secret, secret)}))["nothing"]

print(asyncio.run(simulate(program, n=3, t=1)).result)
"""


def run_read_only(
    *command: str | Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command of Python's that may not write to the package and has no home."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare (util-linux) is not installed")
    protect = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && ! touch "$0/x" 2>/dev/null && exec "$@"'
    entry = ["unshare", "--mount", "--map-root-user", "sh", "-c", protect, str(PACKAGE)]
    if subprocess.run([*entry, "true"], capture_output=True, check=False).returncode:  # noqa: S603 -- nothing of outside
        pytest.skip("this kernel lets no unprivileged process make a mount namespace")
    own = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/nonexistent",
    }
    return subprocess.run(  # noqa: S603 -- as above
        [*entry, sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        env=own | dict(environment or {}),
    )


@pytest.mark.parametrize("command", [["--version"], ["serve", "--help"]], ids=str)
def test_commands_start_without_a_home_and_with_a_read_only_package(command: list[str]) -> None:
    ended = run_read_only("-m", "aukciszek.cli", *command)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_where_the_package_is_read_only_kernels_are_kept_in_the_directory_that_is_offered(tmp_path: Path) -> None:
    offered, other = tmp_path / "data" / "kernels", tmp_path / "other"
    ended = run_read_only("-c", COMPILE, offered)
    assert (ended.stdout, ended.stderr) == (f"{offered} True\n", "")
    assert offered.stat().st_mode & 0o777 == 0o700
    kept = {path: path.stat().st_mtime_ns for path in offered.rglob("*.nbi")}
    assert kept

    # A directory that the environment names comes first; what another process has compiled is not compiled again.
    ended = run_read_only("-c", COMPILE, other, environment={"NUMBA_CACHE_DIR": str(offered)})
    assert (ended.stdout, ended.stderr) == ("None True\n", "")
    assert not other.exists()
    assert {path: path.stat().st_mtime_ns for path in offered.rglob("*.nbi")} == kept


def test_a_session_computes_where_nothing_can_be_written() -> None:
    ended = run_read_only("-c", SESSION)
    assert (ended.stdout, ended.stderr) == ("[0]\n", "")
