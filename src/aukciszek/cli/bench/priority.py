"""Putting a process behind others: what stands in for machines of their own where there are none."""

import contextlib
import os
from pathlib import Path
from typing import Final

_LOWEST: Final = 19


def put_last(process: int) -> None:
    """Let a server and the processes beside it have the processor only when nobody else wants it.

    As far as that can be had.

    Args:
        process: the id of the server, which leads a group of processes of its own.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PGRP, process, _LOWEST)
    tasks = Path(f"/proc/{process}/task")
    # Linux keeps a priority for each thread, and with automatic groups compares it within a session only.
    threads = [int(task.name) for task in tasks.iterdir()] if tasks.is_dir() else [process]
    for thread in threads:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, _LOWEST)
    with contextlib.suppress(OSError):
        Path(f"/proc/{process}/autogroup").write_text(f"{_LOWEST}", encoding="ascii")


def processor_s(process: int) -> float:
    """Return how long a process has kept processors busy; 0 where the system does not say."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    # User and system time, the 14th and 15th field of the line, of which two are cut off.
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def forget_peak(process: int) -> None:
    """Let :func:`peak_mib` of a process begin anew, as far as that can be had."""
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
