"""A small world of machines that are network namespaces, joined by one switch; no traffic leaves it.

A process of its own, without special rights where the kernel allows that, holds a network and a mount namespace in
which everything else is made: so nothing of it is seen outside, and all of it is gone when that process ends. Every
network interface in every machine has a name of its own, since userspace WireGuard names its socket by it.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

PROGRAMS: Final = ("unshare", "nsenter", "ip", "ss", "wg", "wg-quick", "wireguard-go")
TIMEOUT_S: Final = 60

_PREPARE: Final = """
set -e
mount -t tmpfs tmpfs /run
mkdir /run/netns /run/wireguard
ip link set lo up
ip link add switch type bridge
ip link set switch up
echo ready
read -r until_its_input_ends
"""


class World:
    """The switch, and what runs on the machines at it; make it with :func:`small_world`."""

    def __init__(self, entry: Sequence[str], resources: ExitStack) -> None:
        self._entry = tuple(entry)
        self._resources = resources

    def run(self, *command: str) -> str:
        """Run a command at the switch and return what it prints."""
        return _run([*self._entry, *command])

    def add_machine(self, name: str, address: str) -> "Machine":
        """Make a machine whose one network interface has ``address`` and is plugged into the switch."""
        plug, socket = f"out-{name}", f"to-{name}"
        self.run("ip", "netns", "add", name)
        self.run("ip", "link", "add", socket, "type", "veth", "peer", "name", plug, "netns", name)
        self.run("ip", "link", "set", socket, "master", "switch", "up")
        machine = Machine(name, plug, address, ("ip", "netns", "exec", name), self)
        machine.run("ip", "address", "add", f"{address}/24", "dev", plug)
        machine.run("ip", "link", "set", plug, "up")
        machine.run("ip", "link", "set", "lo", "up")
        return machine

    def start(self, *command: str, environment: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
        """Start a program that runs until the end of this world at the latest."""
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 -- tests run what they name
                [*self._entry, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environment),
                cwd=log.parent,
            )
        self._resources.callback(_end, process)
        return process


class Machine:
    """One network namespace with one public address."""

    def __init__(self, name: str, plug: str, address: str, entry: Sequence[str], world: World) -> None:
        self.name = name
        self.plug = plug
        self.address = address
        self._entry = tuple(entry)
        self._world = world

    def run(self, *command: str) -> str:
        """Run a command on this machine and return what it prints."""
        return self._world.run(*self._entry, *command)

    def ask(self, *command: str, environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
        """Run a command on this machine with ``environment``, whatever its exit status."""
        entry = [*self._world._entry, *self._entry]
        return subprocess.run(  # noqa: S603 -- tests run what they name
            [*entry, *command], env=dict(environment), capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )

    def start(self, *command: str, environment: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
        """Start a program on this machine."""
        return self._world.start(*self._entry, *command, environment=environment, log=log)


@contextmanager
def small_world() -> Iterator[World]:
    """Make a world, and end it with all that runs in it; skip the test where there cannot be one."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=_path()) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: on Debian, 'make components'")
    if not Path("/dev/net/tun").exists():
        pytest.skip("this machine has no /dev/net/tun, so nothing can make a tunnel")
    as_root = os.geteuid() == 0
    rights = [] if as_root else ["--user", "--map-root-user"]
    with ExitStack() as resources:
        holder = subprocess.Popen(  # noqa: S603 -- as above
            [*_found("unshare"), *rights, "--mount", "--net", "/bin/sh", "-c", _PREPARE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            text=True,
        )
        resources.callback(_end_holder, holder)
        assert holder.stdout is not None
        if holder.stdout.readline() != "ready\n":
            _, told = holder.communicate(timeout=TIMEOUT_S)
            pytest.skip(f"this machine does not allow network namespaces: {told.strip()}")
        rights = [] if as_root else ["--user", "--preserve-credentials"]
        yield World([*_found("nsenter"), "--target", str(holder.pid), *rights, "--mount", "--net"], resources)


def _run(command: Sequence[str]) -> str:
    ended = subprocess.run(  # noqa: S603 -- as above
        command, env=_environment(), capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert ended.returncode == 0, f"{' '.join(command)}: {ended.stderr}"
    return ended.stdout


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end_holder(holder: "subprocess.Popen[str]") -> None:
    holder.communicate(timeout=TIMEOUT_S)  # closes its input, at whose end it ends


def _found(program: str) -> list[str]:
    found = shutil.which(program, path=_path())
    assert found is not None
    return [found]


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin"


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": _path()}
