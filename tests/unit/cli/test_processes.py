"""Children that are started anew, and children that are copies of a template: both behave alike."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from aukciszek.local_cluster.processes import Child, ChildEndedError, Children, Launch, children, execute
from aukciszek.local_cluster.template import template

pytestmark = pytest.mark.asyncio(loop_scope="module")

FOREVER = ("wireguard", "config", "--party", "1", "--data-dir", "/nowhere", "--cluster")
"""Made to last by reading a named pipe that nobody writes to."""

GRANT = ("users", "grant-admin", "ada@example.org")
"""Begins by reading the settings, and says what is wrong with them."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def copy() -> AsyncIterator[Launch]:
    async with template() as launch:
        yield launch


@pytest.fixture(params=["anew", "as a copy"])
def launch(request: pytest.FixtureRequest) -> Launch:
    found: Launch = execute if request.param == "anew" else request.getfixturevalue("copy")
    return found


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


async def start(group: Children, path: Path) -> Child:
    child = await group.start("party 1", (*FOREVER, str(path)), os.environ, path.with_name("log"))
    # Opening for writing succeeds only once the child has opened the pipe for reading: then it is up.
    await asyncio.to_thread(os.open, path, os.O_WRONLY)
    return child


async def test_leaving_the_context_ends_the_children(launch: Launch, pipe: Path) -> None:
    async with children(launch) as group:
        child = await start(group, pipe)
    assert child.process.returncode == -signal.SIGTERM


async def test_an_error_ends_the_children(launch: Launch, pipe: Path) -> None:
    started: list[Child] = []

    async def fail() -> None:
        async with children(launch) as group:
            started.append(await start(group, pipe))
            _ = 1 // 0

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert started[0].process.returncode == -signal.SIGTERM


async def test_cancelling_ends_the_children_even_if_repeated(launch: Launch, pipe: Path) -> None:
    started: list[Child] = []

    async def work() -> None:
        async with children(launch) as group:
            started.append(await start(group, pipe))
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    while not started:  # noqa: ASYNC110 -- what is waited for lies in another process
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert started[0].process.returncode == -signal.SIGTERM


async def test_a_child_that_ends_early_is_reported_with_its_last_words(launch: Launch, tmp_path: Path) -> None:
    async with children(launch) as group:
        await group.start("party 7", (*FOREVER, str(tmp_path / "missing")), os.environ, tmp_path / "log")
        with pytest.raises(ChildEndedError) as told:
            await group.while_all_run(asyncio.Event().wait())
    assert "party 7 ended with status 5" in told.value.message
    assert "cannot read the cluster file" in told.value.message


async def test_work_that_is_done_first_hands_back_its_result(launch: Launch, pipe: Path) -> None:
    async with children(launch) as group:
        await start(group, pipe)
        assert await group.while_all_run(asyncio.sleep(0, "done")) == "done"


async def test_a_killed_child_is_no_longer_watched(launch: Launch, pipe: Path) -> None:
    async with children(launch) as group:
        child = await start(group, pipe)
        await group.kill(child)
        assert child.process.returncode == -signal.SIGKILL
        assert await group.while_all_run(asyncio.sleep(0, "done")) == "done"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
@pytest.mark.parametrize("way", ["anew", "as a copy"])
async def test_a_child_does_not_outlive_a_killed_parent(way: str, pipe: Path, tmp_path: Path) -> None:
    program = f"""
import asyncio, os, signal
from contextlib import AsyncExitStack
from pathlib import Path
from aukciszek.local_cluster.processes import children, execute
from aukciszek.local_cluster.template import template
async def main():
    async with AsyncExitStack() as stack:
        launch = execute if {way!r} == "anew" else await stack.enter_async_context(template())
        group = await stack.enter_async_context(children(launch))
        child = await group.start("party 1", {(*FOREVER, str(pipe))!r}, os.environ, Path({str(tmp_path / "log")!r}))
        os.open({str(pipe)!r}, os.O_WRONLY)
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    assert await parent.wait() == -signal.SIGKILL
    # The reading end closes when the child is gone: only then does opening without waiting fail.
    async with asyncio.timeout(60):
        while _has_reader(pipe):  # noqa: ASYNC110 -- what is waited for lies in another process
            await asyncio.sleep(0.01)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is copied")
async def test_a_copy_is_to_the_kernel_what_a_child_started_anew_is(copy: Launch, pipe: Path, tmp_path: Path) -> None:
    async with children(execute) as group:
        anew = _seen_from_outside((await start(group, pipe)).process.pid)
    async with children(copy) as group:
        copied = _seen_from_outside((await start(group, pipe)).process.pid)
    assert copied == anew
    assert set(anew["files"].values()) == {"/dev/null", str(tmp_path / "log"), str(pipe)}


async def test_a_child_has_the_environment_that_it_is_given_and_no_other(
    launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARTY_ID", "1")
    environment = {name: value for name, value in os.environ.items() if name != "PARTY_ID"}
    said = []
    async with children(launch) as group:
        for name, changes in (("without", {}), ("wrong", {"PARTY_ID": "seventeen"})):
            log = tmp_path / f"{name}.log"
            child = await group.start("party", GRANT, environment | changes, log, directory=tmp_path)
            assert await child.process.wait() == 5
            said.append(log.read_text())
    assert ["seventeen" in one for one in said] == [False, True]
    assert "PARTY_ID: is missing" in said[0]


async def test_a_setting_in_the_current_directory_is_found_there(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PARTY_ID=eighteen\n")
    async with children(launch) as group:
        child = await group.start("party", GRANT, os.environ, tmp_path / "log", directory=tmp_path)
        assert await child.process.wait() == 5
    assert "eighteen" in (tmp_path / "log").read_text()


async def test_what_outlives_its_template_is_ended_and_nothing_can_be_copied_any_more(pipe: Path) -> None:
    async with template() as launch, children(launch) as group:
        child = await start(group, pipe)
        os.kill(_parent_of(child.process.pid), signal.SIGKILL)
        assert await child.process.wait() == -signal.SIGTERM
        with pytest.raises(ChildEndedError):
            await start(group, pipe)


_SIGNALS = ~(0b11 << 31)
"""All but the two that the C library keeps for its threads, and takes once a library with threads is loaded."""


def _seen_from_outside(pid: int) -> dict[str, dict[str, str | int]]:
    """Return what the kernel knows of a process: its open files, its signals, its limits, where it is."""
    place = Path("/proc") / str(pid)
    said = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
    return {
        "files": {path.name: str(path.readlink()) for path in (place / "fd").iterdir()},
        "signals": {name: int(said[name], 16) & _SIGNALS for name in ("SigPnd", "SigBlk", "SigIgn", "SigCgt")},
        "limits": {"all": (place / "limits").read_text()},
        "places": {"current": str((place / "cwd").readlink()), "leads its group": str(os.getpgid(pid) == pid)},
        "threads": {"number": said["Threads"]},
    }


def _parent_of(pid: int) -> int:
    return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])


def _has_reader(pipe: Path) -> bool:
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True
