"""The process that :mod:`aukciszek.local_cluster.template` copies: ``python -m aukciszek.cli.template_process FD``.

It loads what its copies run, then makes a copy for each command that arrives. In a copy the function that waits for
commands returns, which closes everything that belongs to the template; the command line runs after that, as the main
program of an interpreter that ends like any other.
"""

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aukciszek.cli.child import end_with_parent
from aukciszek.cli.main import main
from aukciszek.mpc.sharing.kernels import compile_kernels

MOST_BYTES: Final = 1 << 20
"""The largest command."""

_LOADED: Final = ("aukciszek.cli.operator.serving", "aukciszek.cli.operator.users")
"""What parties run, and what the operator of the login server runs."""


def load() -> None:
    """Load what copies run, and keep the garbage collector from touching, and so from copying, what they share."""
    for name in _LOADED:
        importlib.import_module(name)
    compile_kernels()
    gc.collect()
    gc.freeze()


@dataclass(frozen=True, slots=True)
class _Order:
    """A command, for the copy that runs it."""

    content: dict[str, Any]
    log: int
    template: int


def _wait_for_orders(line: socket.socket) -> _Order | None:
    """Make copies until the line is closed; return the order in a copy, and None in the template."""
    try:
        return _copy_for_each_order(line)
    except BrokenPipeError:
        return None


def _copy_for_each_order(line: socket.socket) -> _Order | None:
    with line, _woken_when_a_child_ends() as woken, selectors.DefaultSelector() as selector:
        selector.register(line, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if woken in ready:
                woken.recv(4096)
                _tell_who_has_ended(line)
            if line in ready:
                content, files, _, _ = socket.recv_fds(line, MOST_BYTES, 1)
                if not content:
                    return None
                template, (log,) = os.getpid(), files
                pid = os.fork()
                if pid == 0:
                    return _Order(json.loads(content), log, template)
                os.close(log)
                del content  # a party's settings: the next copy must not find them
                line.send(json.dumps({"pid": pid}).encode())


@contextmanager
def _woken_when_a_child_ends() -> Iterator[socket.socket]:
    reading, writing = socket.socketpair()
    with reading, writing:
        writing.settimeout(0.0)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(writing.fileno())
        try:
            yield reading
        finally:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _tell_who_has_ended(line: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        line.send(json.dumps({"pid": pid, "status": os.waitstatus_to_exitcode(status)}).encode())


def _become(order: _Order) -> None:
    """Be what a new process would be that was started for this command."""
    os.setpgid(0, 0)
    end_with_parent(order.template)
    for own in (sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(order.log, own)
    os.close(order.log)
    os.environ.clear()
    os.environ.update(order.content["environment"])
    os.chdir(order.content["directory"])
    tempfile.tempdir = None  # looked up again
    sys.argv[1:] = order.content["arguments"]
    with contextlib.suppress(OSError):  # what ps and top show: all copies have the template's command line
        Path("/proc/self/comm").write_text(_title(order), encoding="utf-8")


def _title(order: _Order) -> str:
    """Return how a copy is called in lists of processes: at most 15 characters are shown."""
    party = order.content["environment"].get("PARTY_ID")
    words = [*order.content["arguments"][:1], *([] if party is None else [party])]
    return " ".join(words)


if __name__ == "__main__":
    load()
    order = _wait_for_orders(socket.socket(fileno=int(sys.argv[1])))
    if order is not None:
        _become(order)
        main()
