"""Putting a process behind others: what stands in for machines of their own where there are none."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def put_last(process: int) -> None:
    """Let a server and the processes beside it have a processor only when nobody else wants it.

    As far as that can be had: Linux has a policy for it, for each thread. It holds among processes of one session, as
    children of one command are; sessions may share the processors as groups.

    Args:
        process: the id of the server.
    """
    for thread in _threads_of(process):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))


def _threads_of(process: int) -> Iterator[int]:
    """Tell the threads of a process and of its children; none where the system does not say."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            yield int(task.name)
            for child in (task / "children").read_text(encoding="ascii").split():
                yield from _threads_of(int(child))


def processor_s(process: int) -> float:
    """Return how long a process has kept processors busy; 0 where the system does not say."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    # User and system time, the 14th and 15th field of the line, of which two are cut off.
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def forget_peak(process: int) -> None:
    """Let :func:`peak_mib` of a process start again, as far as the system allows."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{process}/clear_refs").write_text("5", encoding="ascii")


def peak_mib(process: int) -> float:
    """Return the most memory that a process held since :func:`forget_peak`, in MiB; 0 where nobody says."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    kib = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), "0")
    return int(kib) / 1024
