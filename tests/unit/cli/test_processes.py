import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from aukciszek.cli.local_cluster.processes import Child, ChildEndedError, Children, children

FOREVER = ("wireguard", "config", "--party", "1", "--data-dir", "/nowhere", "--cluster")
"""Made to last by reading a named pipe that nobody writes to."""


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


async def test_leaving_the_context_ends_the_children(pipe: Path) -> None:
    async with children() as group:
        child = await start(group, pipe)
    assert child.process.returncode == -signal.SIGTERM


async def test_an_error_ends_the_children(pipe: Path) -> None:
    started: list[Child] = []

    async def fail() -> None:
        async with children() as group:
            started.append(await start(group, pipe))
            _ = 1 // 0

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert started[0].process.returncode == -signal.SIGTERM


async def test_cancelling_ends_the_children_even_if_repeated(pipe: Path) -> None:
    started: list[Child] = []

    async def work() -> None:
        async with children() as group:
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


async def test_a_child_that_ends_early_is_reported_with_its_last_words(tmp_path: Path) -> None:
    async with children() as group:
        await group.start("party 7", (*FOREVER, str(tmp_path / "missing")), os.environ, tmp_path / "log")
        with pytest.raises(ChildEndedError) as told:
            await group.while_all_run(asyncio.Event().wait())
    assert "party 7 ended with status 5" in told.value.message
    assert "cannot read the cluster file" in told.value.message


async def test_work_that_is_done_first_hands_back_its_result(pipe: Path) -> None:
    async with children() as group:
        await start(group, pipe)
        assert await group.while_all_run(asyncio.sleep(0, "done")) == "done"


async def test_a_killed_child_is_no_longer_watched(pipe: Path) -> None:
    async with children() as group:
        child = await start(group, pipe)
        await group.kill(child)
        assert child.process.returncode == -signal.SIGKILL
        assert await group.while_all_run(asyncio.sleep(0, "done")) == "done"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
async def test_a_child_does_not_outlive_a_killed_parent(pipe: Path, tmp_path: Path) -> None:
    program = f"""
import asyncio, os, signal
from pathlib import Path
from aukciszek.cli.local_cluster.processes import children
async def main():
    async with children() as group:
        child = await group.start("party 1", {(*FOREVER, str(pipe))!r}, os.environ, Path({str(tmp_path / "log")!r}))
        os.open({str(pipe)!r}, os.O_WRONLY)
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    assert await parent.wait() == -signal.SIGKILL
    # The reading end closes when the child is gone: only then does opening without waiting fail.
    async with asyncio.timeout(10):
        while _has_reader(pipe):  # noqa: ASYNC110 -- as above
            await asyncio.sleep(0.01)


def _has_reader(pipe: Path) -> bool:
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True
