"""Getting to know a cluster: from one server's address, or from a cluster file, to parties that tell one story.

A cluster file that is fetched is trusted on first use: the server's owner could have invented it. Compare its
digest with the one that an operator names, or start from a file that an operator gave.
"""

from dataclasses import dataclass
from pathlib import Path

from aukciszek.client.connection import PartyConnection, Request, RetryPolicy
from aukciszek.client.errors import AnswerNotUnderstoodError, PartiesDisagreeError
from aukciszek.client.parties import Parties, PartyResults, connect, http_session
from aukciszek.client.schemas import Status
from aukciszek.clock import SystemClock
from aukciszek.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Discovered:
    """A cluster as a client may use it.

    Attributes:
        cluster_file: the bytes of the cluster file.
        cluster: what they say.
        login_server: the number of the party that keeps the accounts.
    """

    cluster_file: bytes
    cluster: Cluster
    login_server: int


async def fetch_cluster_file(url: str, *, ca_file: Path | None = None, retries: RetryPolicy | None = None) -> bytes:
    """Fetch the cluster file from one server.

    Raises:
        ClientError: no answer.
        ClusterFileError: the answer is no cluster file.
    """
    async with http_session(ca_file) as http:
        party = PartyConnection(http, 0, url, retries=retries or RetryPolicy(), clock=SystemClock())
        content = await party.ask(Request("GET", "/api/cluster"))
    Cluster.parse(content)
    return content


async def discover(
    cluster_file: bytes,
    *,
    login_server: int | None = None,
    ca_file: Path | None = None,
    retries: RetryPolicy | None = None,
) -> Discovered:
    """Ask all parties of a cluster whether they go by the same file, and which of them keeps the accounts.

    Args:
        cluster_file: the bytes that the user trusts.
        login_server: the number of the login server, if the user knows it.
        ca_file: certificates to trust instead of the system's.
        retries: time limits and repeats.

    Raises:
        PartiesDisagreeError: a party that answered goes by another cluster file, or they name different login servers.
        ClientError: no party answered.
        ClusterFileError: the bytes are no cluster file.
    """
    cluster = Cluster.parse(cluster_file)
    async with connect(cluster, ca_file=ca_file, retries=retries) as parties:
        answers = (await ask_statuses(parties)).need(1, "say who they are")
    for number, status in answers.items():
        if status.cluster_digest != cluster.digest:
            raise PartiesDisagreeError(f"party {number} goes by another cluster file: compare the digests by telephone")
    if login_server is None:
        named = {status.login_server for status in answers.values()}
        if len(named) != 1 or not named <= set(cluster.numbers):
            raise PartiesDisagreeError("the parties name different login servers: ask an operator for its number")
        login_server = named.pop()
    return Discovered(cluster_file, cluster, login_server)


async def ask_statuses(parties: Parties) -> PartyResults[Status]:
    """Ask every party how it is; one that answers as another party counts as an error."""

    async def ask(party: PartyConnection) -> Status:
        status = party.parse(Status, await party.ask(Request("GET", "/api/status")))
        if status.party != party.number:
            raise AnswerNotUnderstoodError(f"at the address of party {party.number} answers party {status.party}")
        return status

    return await parties.each(ask)


async def ask_threshold(parties: Parties) -> int:
    """Return how many of the parties may collude, as all that answer agree.

    Raises:
        PartiesDisagreeError: they do not agree.
        ClientError: no party answered.
    """
    answers = (await ask_statuses(parties)).need(1, "say their threshold")
    named = {status.threshold for status in answers.values()}
    if len(named) != 1:
        raise PartiesDisagreeError("the parties have different thresholds: ask their operators to settle on one")
    return named.pop()
