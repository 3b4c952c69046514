"""Starting the parties of a throw-away cluster as processes of their own, and knowing when they are ready.

Each party is the real ``aukciszek serve``. Ready means: it says so itself, and every link between the parties is up.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from aukciszek.client.connection import RetryPolicy
from aukciszek.client.discovery import ask_statuses
from aukciszek.client.parties import connect
from aukciszek.client.schemas import Status
from aukciszek.errors import AukciszekError
from aukciszek.local_cluster.files import LocalCluster, LocalParty
from aukciszek.local_cluster.processes import Child, Children, Launch, children, execute
from aukciszek.local_cluster.shared_kernels import compile_for_all

_START_TIMEOUT_S: Final = 90.0
_LOOK_AGAIN_S: Final = 0.05
_QUICK_LOOK: Final = RetryPolicy(request_timeout_s=5.0, attempts=1)


class NotReadyError(AukciszekError):
    """The parties on this machine did not become ready in time."""

    code = "parties-not-ready"


class RunningCluster:
    """The processes of a throw-away cluster; make it with :func:`running`."""

    def __init__(self, plan: LocalCluster, group: Children, compiled: Mapping[str, str]) -> None:
        self.plan = plan
        self.children = group
        self._compiled = compiled
        self._running: dict[int, Child] = {}

    async def start(self, party: LocalParty) -> None:
        """Start one party; it may take part again after it was killed."""
        child = await self.children.start(
            f"party {party.number}",
            ["serve"],
            {**party.environment, **self._compiled},
            party.log,
            directory=party.data_dir,
        )
        self._running[party.number] = child

    async def kill(self, number: int) -> None:
        """End one party with SIGKILL, as a power cut would."""
        await self.children.kill(self._running.pop(number))

    def pid(self, number: int) -> int:
        """Return the process id of a running party."""
        return self._running[number].process.pid

    async def stop(self, number: int) -> None:
        """End one party in good order."""
        await self.children.end(self._running.pop(number))

    async def restart(self, number: int) -> None:
        """Start a party again that was killed or stopped."""
        await self.start(self.plan.parties[number - 1])

    async def wait_until_ready(self, timeout_s: float = _START_TIMEOUT_S) -> None:
        """Return when all parties are ready and reach one another.

        Raises:
            ChildEndedError: a party ended instead.
            NotReadyError: the time has passed; names what is missing.
        """
        await self.children.while_all_run(self._become_ready(timeout_s))

    async def run(self, name: str, arguments: list[str], party: LocalParty) -> int:
        """Run ``aukciszek <arguments>`` to its end on a party's machine, with its settings; return its status."""
        child = await self.children.start(name, arguments, party.environment, party.log, directory=party.data_dir)
        status = await child.process.wait()
        await self.children.end(child)
        return status

    async def _become_ready(self, timeout_s: float) -> None:
        missing = "no answer"
        try:
            async with (
                asyncio.timeout(timeout_s),
                connect(self.plan.cluster, ca_file=self.plan.ca_file, retries=_QUICK_LOOK) as parties,
            ):
                while missing:
                    missing = _what_is_missing((await ask_statuses(parties)).answers, self.plan.cluster.size)
                    if missing:
                        await asyncio.sleep(_LOOK_AGAIN_S)
        except TimeoutError as error:
            raise NotReadyError(f"the parties are not ready after {timeout_s:.0f} s: {missing}") from error


@asynccontextmanager
async def running(plan: LocalCluster, launch: Launch = execute) -> AsyncIterator[RunningCluster]:
    """Start all parties, wait until they are ready, and end each one when the context is left.

    Args:
        plan: the parties.
        launch: how processes are started: each from scratch, or as copies of a :mod:`~.template`.

    Raises:
        ChildEndedError: a party ended at once.
        NotReadyError: the parties did not become ready in time.
    """
    # Once, before several processes would do so at the same time; copies have what their template has.
    compiled: Mapping[str, str] = {}
    if launch is execute:
        compiled = await asyncio.to_thread(compile_for_all, plan.cluster_file.parent)
    async with children(launch) as group:
        cluster = RunningCluster(plan, group, compiled)
        for party in plan.parties:
            await cluster.start(party)
        await cluster.wait_until_ready()
        yield cluster


def _what_is_missing(answers: Mapping[int, Status], parties: int) -> str:
    silent = [number for number in range(1, parties + 1) if number not in answers]
    if silent:
        return f"no answer from {_named(silent)}"
    alone = [number for number, status in answers.items() if not all(peer.connected for peer in status.peers)]
    if alone:
        return f"links are missing at {_named(alone)}"
    unready = [number for number, status in answers.items() if not status.ready]
    return f"not ready: {_named(unready)}" if unready else ""


def _named(parties: list[int]) -> str:
    return f"part{'y' if len(parties) == 1 else 'ies'} {', '.join(map(str, parties))}"
