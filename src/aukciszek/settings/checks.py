"""The rules that bind several settings, from ``docs/architecture.md``.

Only the login server holds all token keys and the Supabase credentials, so that no other party can speak as a user
elsewhere. No server listens without TLS except on loopback and inside a WireGuard tunnel. Lists that repeat what the
cluster file says must say the same.
"""

import dataclasses
import ipaddress
from typing import Final
from urllib.parse import urlsplit

from aukciszek.settings import parsing
from aukciszek.settings.model import Settings, listener
from aukciszek.settings.problems import Reader

KEYS_REMEDY: Final = (
    "give this party's own token key, from `aukciszek keys new`; the login server needs those of all parties, in the "
    "order of their numbers"
)

_TUNNEL: Final = ("WIREGUARD_SERVERS", "WIREGUARD_IPS")


def check(settings: Settings, reader: Reader) -> None:
    """Add a problem for every rule that is broken; what cannot be judged, because a part is missing, is skipped."""
    _check_supabase(settings, reader)
    _check_pair(reader, "SSL_CERTFILE", "SSL_KEYFILE", "or neither")
    _check_pair(reader, *_TUNNEL, "as `aukciszek wireguard config` prints them, or neither")
    _check_origins(settings, reader)
    if reader.is_sound("CLUSTER_FILE"):
        _check_lists(settings, reader)
        _check_tunnel(settings, reader)
        _check_tls(settings, reader)


def arrange_token_keys(settings: Settings, reader: Reader) -> Settings:
    """Put a lone key in the place of its party; refuse a key that this party must not hold.

    Every party but the login server gives its own key alone, followed by ``None``s, or at its own place among
    ``None``s.
    """
    if not reader.is_sound("CLUSTER_FILE", "PARTY_ID", "LOGIN_SERVER", "SECRET_KEYS_JWT"):
        return settings
    keys, size, party = settings.secret_keys_jwt, settings.cluster.size, settings.party_id
    held = [(position, key) for position, key in enumerate(keys, start=1) if key is not None]
    if settings.is_login_server:
        if len(held) != size or len(keys) != size:
            reader.add(
                "SECRET_KEYS_JWT",
                f"must hold the keys of all {size} parties in the order of their numbers, since party {party} is the "
                f"login server; it holds {len(held)}",
            )
        return settings
    if len(held) != 1 or len(keys) not in {1, size} or held[0][0] not in {1, party}:
        reader.add(
            "SECRET_KEYS_JWT",
            f"must hold the key of party {party} and no other, alone or followed by None up to {size} entries: only "
            "the login server holds the others",
        )
        return settings
    own = tuple(held[0][1] if number == party else None for number in settings.cluster.numbers)
    return dataclasses.replace(settings, secret_keys_jwt=own)


def _check_supabase(settings: Settings, reader: Reader) -> None:
    pair = ("SUPABASE_URL", "SUPABASE_KEY")
    if reader.is_sound("PARTY_ID", "LOGIN_SERVER") and not settings.is_login_server:
        for variable in filter(reader.is_given, pair):
            reader.add(variable, f"belongs to the login server (party {settings.login_server}) alone: remove it here")
    else:
        _check_pair(reader, *pair, "or neither for the embedded accounts")


def _check_pair(reader: Reader, first: str, second: str, otherwise: str) -> None:
    for given, missing in ((first, second), (second, first)):
        if reader.is_given(given) and not reader.is_given(missing):
            reader.add(missing, f"is missing, and {given} is there: give both, {otherwise}")


def _check_origins(settings: Settings, reader: Reader) -> None:
    for origin in settings.web_origins:
        parts = urlsplit(origin)
        if parts.scheme != "https" and not parsing.is_loopback(parts.hostname or ""):
            reader.add("WEB_ORIGINS", f"{origin} must start with https://: anybody could change a page on its way")


def _check_lists(settings: Settings, reader: Reader) -> None:
    servers = reader.optional("SERVERS", parsing.urls, default=settings.servers)
    if servers != settings.servers:
        reader.add("SERVERS", f"differs from the cluster file: write {','.join(settings.servers)}, or leave it out")
    trusted = reader.optional("TRUSTED_IPS", parsing.addresses, default=settings.trusted_ips)
    if trusted != settings.trusted_ips:
        expected = ",".join(settings.trusted_ips)
        reader.add("TRUSTED_IPS", f"differs from the cluster file: write {expected}, or leave it out")


def _check_tunnel(settings: Settings, reader: Reader) -> None:
    if not settings.wireguard_servers or not reader.is_sound(*_TUNNEL):
        return
    for variable, values in zip(_TUNNEL, (settings.wireguard_servers, settings.wireguard_ips), strict=True):
        if len(values) != settings.cluster.size or len(set(values)) != len(values):
            reader.add(variable, f"must have {settings.cluster.size} different entries, in the order of the parties")
    for address in settings.wireguard_ips:
        if ipaddress.ip_address(address).is_global:
            reader.add("WIREGUARD_IPS", f"{address} is a public address: give the private one inside the tunnel")
    if reader.is_sound(*_TUNNEL):
        _check_tunnel_urls(settings, reader)


def _check_tunnel_urls(settings: Settings, reader: Reader) -> None:
    for url, address in zip(settings.wireguard_servers, settings.wireguard_ips, strict=True):
        if not _names(url, address):
            reader.add("WIREGUARD_SERVERS", f"{url} does not name the party's address in WIREGUARD_IPS, {address}")
            return
    if reader.is_sound("PARTY_ID"):
        public = listener(settings.own.url)
        tunnel = listener(settings.wireguard_servers[settings.party_id - 1])
        if public.tls != tunnel.tls and public.port == tunnel.port and public.host in {"0.0.0.0", tunnel.host}:
            reader.add(
                "WIREGUARD_SERVERS",
                f"port {tunnel.port} is that of the public server, which listens at all addresses: choose another",
            )


def _check_tls(settings: Settings, reader: Reader) -> None:
    if not reader.is_sound("PARTY_ID", "SSL_CERTFILE", "SSL_KEYFILE", *_TUNNEL):
        return
    url = settings.own.url
    needs_certificate = any(each.tls for each in settings.listeners)
    if needs_certificate and settings.ssl_certfile is None:
        reader.add("SSL_CERTFILE", f"is missing, with SSL_KEYFILE: TLS ends at this party itself, whose URL is {url}")
    elif settings.ssl_certfile is not None and not needs_certificate:
        reader.add("SSL_CERTFILE", f"would not be used, since this party's URL is {url}: leave it out, or use https://")
    elif url.startswith("http://") and not _is_out_of_reach(settings, settings.party_id):
        reader.add(
            "CLUSTER_FILE",
            f"gives this party the URL {url}, which is neither on loopback nor in a WireGuard tunnel: it must start "
            "with https://, and SSL_CERTFILE and SSL_KEYFILE name its certificate and key",
        )
    for party in settings.cluster.parties:
        within_reach = party.url.startswith("http://") and not _is_out_of_reach(settings, party.number)
        if within_reach and party.number != settings.party_id:
            reader.add(
                "CLUSTER_FILE",
                f"gives party {party.number} the URL {party.url}, which is neither on loopback nor in a WireGuard "
                "tunnel: it must start with https://, or anybody on the way could read and change what it carries",
            )
            return


def _is_out_of_reach(settings: Settings, party: int) -> bool:
    """Tell whether nobody outside can listen to what a party's URL carries."""
    url = settings.cluster.parties[party - 1].url
    in_tunnel = len(settings.wireguard_ips) >= party and _names(url, settings.wireguard_ips[party - 1])
    return in_tunnel or parsing.is_loopback(urlsplit(url).hostname or "")


def _names(url: str, address: str) -> bool:
    host = urlsplit(url).hostname or ""
    return parsing.is_address(host) and ipaddress.ip_address(host) == ipaddress.ip_address(address)
