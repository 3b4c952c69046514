"""The way to all parties at once: one shared HTTP session, one connection per party.

Asking all parties never fails as a whole: each party's answer or error is reported by its number, and the
caller decides how many answers it needs.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self

import aiohttp

from aukciszek.client.connection import PartyConnection, RetryPolicy
from aukciszek.client.errors import TrustFileError, UnreachableError
from aukciszek.clock import Clock, SystemClock
from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.errors import AukciszekError

_CONNECTIONS_PER_PARTY: Final = 16


class Parties:
    """All parties of a cluster, as a client reaches them; make it with :func:`connect`."""

    def __init__(self, cluster: Cluster, connections: Mapping[PartyNumber, PartyConnection]) -> None:
        self.cluster = cluster
        self._connections = dict(connections)

    def __getitem__(self, party: int) -> PartyConnection:
        return self._connections[PartyNumber(party)]

    async def each[T](
        self, call: Callable[[PartyConnection], Awaitable[T]], parties: Iterable[int] | None = None
    ) -> "PartyResults[T]":
        """Call all parties (or the named ones) at the same time, and wait for every one."""
        numbers = self.cluster.numbers if parties is None else [PartyNumber(party) for party in parties]
        results = await asyncio.gather(*(_caught(call(self._connections[number])) for number in numbers))
        return PartyResults.of(dict(zip(numbers, results, strict=True)))


class PartyResults[T]:
    """The results of one call to several parties: each party's answer, or the error in its place.

    Attributes:
        answers: the good answers, by party number.
        errors: why there is no answer, by party number.
    """

    def __init__(self, answers: Mapping[int, T], errors: Mapping[int, AukciszekError]) -> None:
        self.answers = dict(answers)
        self.errors = dict(errors)

    @classmethod
    def of(cls, results: Mapping[PartyNumber, T | AukciszekError]) -> Self:
        """Sort the results into answers and errors."""
        return cls(
            {number: result for number, result in results.items() if not isinstance(result, AukciszekError)},
            {number: result for number, result in results.items() if isinstance(result, AukciszekError)},
        )

    def need(self, least: int, what: str) -> Mapping[int, T]:
        """Return the answers, if there are at least ``least``.

        Raises:
            ClientError: one party's refusal, if all parties that failed refused or misspoke; it explains most.
            UnreachableError: parties cannot be reached; names them all.
        """
        if len(self.answers) >= least:
            return self.answers
        answered = [error for error in self.errors.values() if not isinstance(error, UnreachableError)]
        if answered:
            raise answered[0]
        reasons = {number: reason for error in self.errors.values() for number, reason in _reasons(error).items()}
        listed = "; ".join(f"party {number}: {reason}" for number, reason in sorted(reasons.items()))
        raise UnreachableError(f"too few parties answered to {what} ({listed})", reasons)


@asynccontextmanager
async def connect(
    cluster: Cluster, *, ca_file: Path | None = None, retries: RetryPolicy | None = None, clock: Clock | None = None
) -> AsyncIterator[Parties]:
    """Open the way to all parties of ``cluster``.

    Args:
        cluster: who the parties are; the caller has compared its digest.
        ca_file: certificates to trust instead of the system's, for clusters with an authority of their own.
        retries: time limits and repeats; the default suits people.
        clock: the default is the machine's own.

    Raises:
        TrustFileError: ``ca_file`` cannot be read.
    """
    async with http_session(ca_file) as http:
        retries, clock = retries or RetryPolicy(), clock or SystemClock()
        yield Parties(
            cluster,
            {
                PartyNumber(party.number): PartyConnection(http, party.number, party.url, retries=retries, clock=clock)
                for party in cluster.parties
            },
        )


def http_session(ca_file: Path | None) -> aiohttp.ClientSession:
    """Return a session to talk to parties with, to be entered as a context.

    Raises:
        TrustFileError: ``ca_file`` cannot be read.
    """
    connector = aiohttp.TCPConnector(limit=0, limit_per_host=_CONNECTIONS_PER_PARTY, ssl=tls_context(ca_file))
    # No cookies: a token is sent where we say, and nothing else identifies the user.
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return how a client checks the parties' certificates.

    Raises:
        TrustFileError: ``ca_file`` cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise TrustFileError(f"cannot use the certificates in {ca_file} ({error.strerror or error})") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


async def _caught[T](call: Awaitable[T]) -> T | AukciszekError:
    try:
        return await call
    except AukciszekError as error:
        return error


def _reasons(error: AukciszekError) -> Mapping[int, str]:
    return error.reasons if isinstance(error, UnreachableError) else {}
