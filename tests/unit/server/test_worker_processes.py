"""The processes beside a server: each test starts an interpreter, since only a program with one thread is copied."""

import subprocess
import sys
from textwrap import dedent


def run(program: str) -> str:
    ended = subprocess.run(  # noqa: S603 -- a program of this file
        [sys.executable, "-c", dedent(program)], capture_output=True, text=True, timeout=60, check=True
    )
    return ended.stdout.strip()


def test_work_is_done_in_another_process_which_ends_with_its_parent() -> None:
    child = run(
        """
        import asyncio, os
        from aukciszek.auctions.context.workers import Workers
        from aukciszek.server.host import worker_processes
        worker_processes.os.process_cpu_count = lambda: 2
        with worker_processes.worker_processes() as processes:
            print(asyncio.run(Workers(processes).run(os.getpid)), os.getpid(), flush=True)
        """
    )
    worker, parent = map(int, child.split())
    assert worker != parent
    assert not _is_running(worker)


def test_a_killed_server_leaves_no_process_behind() -> None:
    worker = run(
        """
        import asyncio, os, signal, sys
        sys.stdout.flush()
        inner = os.fork()
        if not inner:
            from aukciszek.server.host import worker_processes
            worker_processes.os.process_cpu_count = lambda: 2
            with worker_processes.worker_processes() as processes:
                print(asyncio.run(processes.run(os.getpid)), flush=True)
                os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(inner, 0)
        """
    )
    # The pipe that `run` read from is at its end only when no process has it open any more.
    assert not _is_running(int(worker))


def test_all_processes_work_and_each_gets_its_own_answer() -> None:
    answers = run(
        """
        import asyncio, os, time, uvloop
        from aukciszek.server.host import worker_processes
        worker_processes.os.process_cpu_count = lambda: 3
        async def ask(processes):
            asked = [processes.run(divmod, number, number % 4) for number in range(9)]
            answers = await asyncio.gather(*asked, return_exceptions=True)
            print([type(one).__name__ if isinstance(one, Exception) else one for one in answers])
            long = await processes.run(bytes.upper, b"a" * 3_000_000)
            busy = asyncio.create_task(processes.run(time.sleep, 2))
            await asyncio.sleep(0)
            others = {await processes.run(os.getpid) for _ in range(5)}
            print(long == b"A" * 3_000_000, len(others), busy.done())
        with worker_processes.worker_processes() as processes:
            uvloop.run(ask(processes))
        """
    )
    zero = "'ZeroDivisionError'"
    assert answers.splitlines() == [
        f"[{zero}, (1, 0), (1, 0), (1, 0), {zero}, (5, 0), (3, 0), (2, 1), {zero}]",
        "True 1 False",
    ]


def test_work_goes_on_in_a_thread_when_a_process_was_killed() -> None:
    answer = run(
        """
        import asyncio, os, signal
        from aukciszek.auctions.context.workers import Workers
        from aukciszek.server.host import worker_processes
        worker_processes.os.process_cpu_count = lambda: 2
        async def kill(workers):
            process = await workers.run(os.getpid)
            os.kill(process, signal.SIGKILL)
            while await workers.run(os.getpid) == process:
                pass
            print(await workers.run(os.getpid) == os.getpid() != process)
        with worker_processes.worker_processes() as processes:
            asyncio.run(kill(Workers(processes)))
        """
    )
    assert answer == "True"


def test_on_one_processor_there_is_none() -> None:
    assert (
        run(
            """
        from aukciszek.server.host import worker_processes
        worker_processes.os.process_cpu_count = lambda: 1
        with worker_processes.worker_processes() as processes:
            print(processes)
        """
        )
        == "None"
    )


def _is_running(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as file:  # noqa: PTH123 -- not a path to keep
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
