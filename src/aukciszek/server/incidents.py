"""Violations of the protocol by others: logged immediately, stored in the database in the background.

``docs/operations.md``, "Incidents". Anyone who can connect can cause them, so equal incidents are recorded once a
minute and the queue is bounded; those left out are counted.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from aukciszek.clock import Clock
from aukciszek.cluster import PartyNumber
from aukciszek.encoding import Json

REPEAT_AFTER_S: Final = 60.0
MOST_WAITING: Final = 1000
MOST_REMEMBERED: Final = 4096

_log = logging.getLogger(__name__)


class IncidentStore(Protocol):
    """Where incidents are kept."""

    async def add_incident(
        self,
        at: datetime,
        kind: str,
        details: Mapping[str, Json],
        *,
        auction_id: str | None = None,
        party: int | None = None,
    ) -> object:
        """Keep one incident."""
        ...


@dataclass(frozen=True, slots=True)
class _Incident:
    at: datetime
    kind: str
    party: PartyNumber | None
    auction: str | None
    details: Mapping[str, Json]


class IncidentLog:
    """Accepts incidents without waiting; :meth:`run` stores them."""

    def __init__(self, store: IncidentStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._waiting: asyncio.Queue[_Incident] = asyncio.Queue(MOST_WAITING)
        self._last_seen: dict[tuple[str, PartyNumber | None, str], float] = {}
        self._left_out = 0

    def report(
        self,
        kind: str,
        text: str,
        *,
        party: PartyNumber | None = None,
        auction: str | None = None,
        address: str | None = None,
    ) -> None:
        """Take in an incident.

        Args:
            kind: a stable code.
            text: what happened; contains nothing secret.
            party: the responsible party, if that is certain.
            auction: the auction concerned.
            address: where the connection came from, if the party is not known.
        """
        if self._is_repetition(kind, party, address or text):
            self._left_out += 1
            return
        _log.warning("incident %s party=%s address=%s: %s", kind, party, address, text)
        details: dict[str, Json] = {"text": text}
        if address is not None:
            details["address"] = address
        if self._left_out:
            details["left_out_before"] = self._left_out
        try:
            self._waiting.put_nowait(_Incident(self._clock.now(), kind, party, auction, details))
            self._left_out = 0
        except asyncio.QueueFull:
            self._left_out += 1

    async def run(self) -> None:
        """Store what was reported, until cancelled."""
        while True:
            incident = await self._waiting.get()
            try:
                await self._store.add_incident(
                    incident.at, incident.kind, incident.details, auction_id=incident.auction, party=incident.party
                )
            except Exception as error:  # noqa: BLE001 -- a failure to store one incident must not stop the next ones
                _log.error("an incident of kind %s was not stored: %s", incident.kind, type(error).__name__)
            finally:
                self._waiting.task_done()

    async def flush(self) -> None:
        """Wait until everything reported so far is stored; :meth:`run` must be running."""
        await self._waiting.join()

    def _is_repetition(self, kind: str, party: PartyNumber | None, what: str) -> bool:
        now = self._clock.monotonic_s()
        key = (kind, party, what)
        last = self._last_seen.get(key)
        if last is not None and now - last < REPEAT_AFTER_S:
            return True
        if len(self._last_seen) >= MOST_REMEMBERED:
            self._last_seen.clear()
        self._last_seen[key] = now
        return False
