"""The settings of one party as one frozen value, and what follows from them."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aukciszek.cluster import Cluster, PartyEntry, PartyNumber
from aukciszek.secret import Secret
from aukciszek.settings.parsing import is_address

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the server listens."""

    host: str
    """An IP address of this machine, or the one that stands for all of them."""
    port: int
    tls: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one party is set up. Built by :func:`~aukciszek.settings.load_settings`, which checks it as a whole."""

    party_id: PartyNumber
    cluster: Cluster
    data_dir: Path
    secret_keys_jwt: tuple[Secret[str] | None, ...]
    """One for each party, in the order of their numbers; None for those that this party does not hold."""
    login_server: PartyNumber
    threshold: int
    access_token_expire_minutes: int
    supabase_url: str | None
    supabase_key: Secret[str] | None
    database_url: Secret[str]
    """A secret as a whole, because it may hold a password."""
    ssl_certfile: Path | None
    ssl_keyfile: Path | None
    ssl_ca_file: Path | None
    """The only certificate authorities trusted when this party connects to others; None for the machine's own."""
    wireguard_servers: tuple[str, ...]
    """The parties' URLs inside the tunnel, in the order of their numbers; empty without WireGuard."""
    wireguard_ips: tuple[str, ...]
    web_origins: tuple[str, ...]
    """Other origins whose pages may call this party's interface."""
    sessions_at_once: int
    """How many auctions this party computes at the same time."""
    sessions_memory_mib: int
    """How much memory they may take together; a single one may take more."""

    @property
    def algorithm(self) -> str:
        """The algorithm of user tokens; there is one."""
        return "HS256"

    @property
    def servers(self) -> tuple[str, ...]:
        """The parties' public URLs, in the order of their numbers."""
        return tuple(party.url for party in self.cluster.parties)

    @property
    def trusted_ips(self) -> tuple[str, ...]:
        """The addresses that the parties' connections come from, in the order of their numbers, without a tunnel."""
        return tuple(party.address for party in self.cluster.parties)

    @property
    def peer_urls(self) -> tuple[str, ...]:
        """Where the parties reach one another, in the order of their numbers: inside the tunnel, where there is one."""
        return self.wireguard_servers or self.servers

    @property
    def peer_addresses(self) -> tuple[str, ...]:
        """Where the parties' connections to one another come from, in the order of their numbers."""
        return self.wireguard_ips or self.trusted_ips

    @property
    def own(self) -> PartyEntry:
        """This party's entry in the cluster file."""
        return self.cluster.party(self.party_id)

    @property
    def is_login_server(self) -> bool:
        """Tell whether this party keeps the accounts."""
        return self.party_id == self.login_server

    @property
    def own_token_key(self) -> Secret[str]:
        """The key that tokens for this party are verified with."""
        key = self.secret_keys_jwt[self.party_id - 1]
        if key is None:  # load_settings has made sure; a Settings built by hand may lack it
            raise ValueError("the settings hold no token key of this party")
        return key

    @property
    def access_token_lifetime(self) -> timedelta:
        """How long a token is valid."""
        return timedelta(minutes=self.access_token_expire_minutes)

    @property
    def identity_file(self) -> Path:
        """Where this party's identity key is kept."""
        return self.data_dir / "identity.pem"

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """Where this party's server listens: its public URL and, where another socket is needed, the tunnel."""
        public = listener(self.own.url)
        if not self.wireguard_servers:
            return (public,)
        tunnel = listener(self.wireguard_servers[self.party_id - 1])
        covered = public.port == tunnel.port and public.host in {"0.0.0.0", "::", tunnel.host}
        return (public,) if covered else (public, tunnel)


def listener(url: str) -> Listener:
    """Return where a server with this URL listens: at the address it names, or, for a name, at all addresses."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host == "localhost":
        host = "127.0.0.1"
    elif not is_address(host):
        host = "0.0.0.0"
    return Listener(host, parts.port or _DEFAULT_PORTS[parts.scheme], tls=parts.scheme == "https")
