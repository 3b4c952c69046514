"""One party, assembled: its database, its accounts, its links, its auctions.

The one module that knows all parts. Everything is created in :meth:`Party.open`, started in :meth:`Party.start`, and
ended in :meth:`Party.stop` and :meth:`Party.close`; nothing is global.
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final, Self

from aukciszek.accounts.passwords import HashCost, PasswordHasher
from aukciszek.accounts.service import Accounts
from aukciszek.accounts.throttle import LoginThrottle
from aukciszek.accounts.tokens import TokenIssuer, TokenVerifier
from aukciszek.accounts.user_stores import open_user_store
from aukciszek.auctions.context.auction_context import PartyContext
from aukciszek.auctions.context.session_scheduler import SessionScheduler
from aukciszek.auctions.context.workers import Workers
from aukciszek.auctions.service import AuctionService
from aukciszek.clock import Clock
from aukciszek.identity import Identity, IdentityKeyError
from aukciszek.mpc.mode import Mode
from aukciszek.server.host.tls import client_context
from aukciszek.server.incidents import IncidentLog
from aukciszek.server.links.directory import PeerDirectory
from aukciszek.server.links.identity_token import IdentityTokens
from aukciszek.server.links.peers import Peers
from aukciszek.settings import Settings
from aukciszek.storage.database import Database
from aukciszek.storage.repositories.auctions import AuctionRepository
from aukciszek.storage.repositories.logins import LoginMarkRepository

ROUND_TIMEOUT_S: Final = 30.0
"""How long a round waits for a party whose link is up but silent; a lost link is noticed immediately."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Everything that one party consists of. Make one with :meth:`open`."""

    settings: Settings
    clock: Clock
    mode: Mode
    verifier: TokenVerifier
    accounts: Accounts | None
    """At the login server only."""
    repository: AuctionRepository
    auctions: AuctionService
    computing: SessionScheduler
    peers: Peers
    incidents: IncidentLog
    stopping: asyncio.Event
    """Set when the server is about to stop, so that event streams end."""
    _resources: AsyncExitStack = field(repr=False)
    _work: AsyncExitStack = field(repr=False, default_factory=AsyncExitStack)

    @classmethod
    async def open(
        cls, settings: Settings, clock: Clock, *, hash_cost: HashCost | None = None, workers: Workers | None = None
    ) -> Self:
        """Open the database and assemble all parts; nothing runs yet. Without ``workers`` threads do their work.

        Raises:
            IdentityKeyError: the identity key is missing, or is not the one in the cluster file.
            StorageError: the database does not open.
        """
        identity = read_identity(settings)
        async with AsyncExitStack() as resources:
            database = await Database.open(settings.database_url)
            resources.push_async_callback(database.close)
            accounts = None
            if settings.is_login_server:
                store = await resources.enter_async_context(open_user_store(settings, database, clock))
                hasher = await asyncio.to_thread(PasswordHasher, hash_cost)
                resources.callback(hasher.close)
                throttle = LoginThrottle(LoginMarkRepository(database), clock)
                accounts = Accounts(store, hasher, _token_issuer(settings, clock), throttle)
            return cls._assemble(
                settings,
                clock,
                resources.pop_all(),
                identity=identity,
                database=database,
                accounts=accounts,
                workers=workers or Workers(),
            )

    @classmethod
    def _assemble(  # noqa: PLR0913 -- the parts
        cls,
        settings: Settings,
        clock: Clock,
        resources: AsyncExitStack,
        *,
        identity: Identity,
        database: Database,
        accounts: Accounts | None,
        workers: Workers,
    ) -> Self:
        own, cluster, mode = settings.party_id, settings.cluster, Mode(settings.cluster.size, settings.threshold)
        directory, repository = PeerDirectory.of(settings), AuctionRepository(database)
        incidents = IncidentLog(repository, clock)
        tokens = IdentityTokens(directory, identity, clock)
        peers = Peers(directory, tokens, incidents, enough=mode.needed, clock=clock)
        computing = SessionScheduler(
            clock, most_sessions=settings.sessions_at_once, most_memory_mib=settings.sessions_memory_mib
        )
        context = PartyContext(
            number=own,
            cluster=cluster,
            threshold=settings.threshold,
            identity=identity,
            clock=clock,
            database=database,
            repository=repository,
            network=peers,
            round_timeout_s=ROUND_TIMEOUT_S,
            computing=computing,
            workers=workers,
        )
        login_url = cluster.party(settings.login_server).url
        return cls(
            settings=settings,
            clock=clock,
            mode=mode,
            verifier=TokenVerifier(
                settings.own_token_key, url=settings.own.url, login_server_url=login_url, clock=clock
            ),
            accounts=accounts,
            repository=repository,
            auctions=AuctionService(context),
            computing=computing,
            peers=peers,
            incidents=incidents,
            stopping=asyncio.Event(),
            _resources=resources,
        )

    @property
    def is_ready(self) -> bool:
        """Whether enough parties for an auction are linked to this one, both ways, and it is not about to stop."""
        return len(self.peers.connected_both_ways) >= self.mode.needed - 1 and not self.stopping.is_set()

    async def start(self) -> None:
        """Resume unfinished auctions and connect to the other parties.

        Raises:
            CertificateError: the authorities that the peers' certificates are checked with cannot be read.
            StorageFaultError: the database cannot be read.
        """
        tls = client_context(self.settings)
        self._work.push_async_callback(_end, asyncio.create_task(self.incidents.run(), name="incidents"))
        self._work.push_async_callback(self.auctions.stop)
        await self.auctions.start()
        self._work.push_async_callback(self.peers.stop)
        await self.peers.start(self.auctions, tls)

    async def stop(self) -> None:
        """End all work; stored auctions are resumed at the next start. Requests are still answered."""
        self.stopping.set()
        await self._work.aclose()

    async def close(self) -> None:
        """Close the database, after :meth:`stop` and after the last request."""
        await self._resources.aclose()


def read_identity(settings: Settings) -> Identity:
    """Read this party's identity key.

    Raises:
        IdentityKeyError: it is missing, or it is not the one in the cluster file.
    """
    identity = Identity.read(settings.identity_file)
    if identity.public != settings.own.identity:
        raise IdentityKeyError(
            f"{settings.identity_file} is not the key that the cluster file lists for party {settings.party_id}: "
            "compare PARTY_ID, DATA_DIR and CLUSTER_FILE"
        )
    return identity


def _token_issuer(settings: Settings, clock: Clock) -> TokenIssuer:
    keys = {url: key for url, key in zip(settings.servers, settings.secret_keys_jwt, strict=True) if key is not None}
    return TokenIssuer(keys, login_server_url=settings.own.url, lifetime=settings.access_token_lifetime, clock=clock)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
