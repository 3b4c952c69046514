"""What ``aukciszek cluster check`` looks at before a party goes live, and from time to time afterwards.

First what this machine can tell by itself: settings, identity key, certificate. Then what the parties say about
themselves: whether they answer, go by the same cluster file and threshold, and have the right time.
"""

import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from aukciszek.client.connection import RetryPolicy
from aukciszek.client.discovery import ask_statuses
from aukciszek.client.parties import connect
from aukciszek.client.schemas import Status
from aukciszek.clock import Clock
from aukciszek.cluster import Cluster
from aukciszek.identity import Identity, IdentityKeyError
from aukciszek.settings import Settings

CLOCK_TOLERANCE: Final = timedelta(seconds=5)
"""Receipts and closes are times of day; parties whose clocks differ by more count bids differently."""

RENEWAL_TIME: Final = timedelta(days=14)
"""A certificate that is valid for less than this should have been renewed."""

_NO_RETRIES: Final = RetryPolicy(request_timeout_s=10.0, attempts=2)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; the text says what to do if it is not good."""

    what: str
    is_good: bool
    text: str


def check_settings(settings: Settings, cluster: Cluster, now: datetime) -> list[Finding]:
    """Look at this machine's cluster file, identity key and certificate."""
    same = settings.cluster.digest == cluster.digest
    remedy = "" if same else ", but CLUSTER_FILE names another cluster file than the one that is checked"
    findings = [
        Finding("settings", is_good=same, text=f"party {settings.party_id} of {settings.cluster.size}{remedy}"),
        _check_identity(settings),
    ]
    if settings.ssl_certfile is not None and settings.ssl_keyfile is not None:
        host = urlsplit(settings.own.url).hostname or ""
        findings.append(_check_certificate(settings.ssl_certfile, settings.ssl_keyfile, host, now))
    return findings


async def check_parties(cluster: Cluster, ca_file: Path | None, clock: Clock) -> list[Finding]:
    """Ask every party how it is."""
    async with connect(cluster, ca_file=ca_file, retries=_NO_RETRIES, clock=clock) as parties:
        outcomes = await ask_statuses(parties)
    findings = [_check_status(status, cluster, clock.now()) for _, status in sorted(outcomes.answers.items())]
    findings += [Finding(_party(number), is_good=False, text=str(error)) for number, error in outcomes.errors.items()]
    findings.sort(key=lambda finding: finding.what)
    return [*findings, *_check_agreement(list(outcomes.answers.values()))]


def _check_identity(settings: Settings) -> Finding:
    try:
        identity = Identity.read(settings.identity_file)
    except IdentityKeyError as error:
        return Finding("identity key", is_good=False, text=error.message)
    if identity.public != settings.own.identity:
        text = f"{settings.identity_file} is not the key that the cluster file lists for party {settings.party_id}"
        return Finding("identity key", is_good=False, text=f"{text}: compare PARTY_ID and DATA_DIR")
    return Finding("identity key", is_good=True, text="the one that the cluster file lists")


def _check_certificate(certificate: Path, key: Path, host: str, now: datetime) -> Finding:
    try:
        first = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:
        text = f"SSL_CERTFILE and SSL_KEYFILE cannot be used together: {error}"
        return Finding("certificate", is_good=False, text=text)
    ends_at = first.not_valid_after_utc
    if not first.not_valid_before_utc <= now <= ends_at - RENEWAL_TIME:
        text = f"valid from {first.not_valid_before_utc:%Y-%m-%d} to {ends_at:%Y-%m-%d}: renew it"
        return Finding("certificate", is_good=False, text=text)
    if not _names(first, host):
        return Finding("certificate", is_good=False, text=f"it does not name {host}: get one for this party's URL")
    return Finding("certificate", is_good=True, text=f"for {host}, valid to {ends_at:%Y-%m-%d}")


def _names(certificate: x509.Certificate, host: str) -> bool:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    try:
        return ipaddress.ip_address(host) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        parent = host.partition(".")[2]
        return bool(
            {host.lower(), f"*.{parent}".lower()} & {n.lower() for n in names.get_values_for_type(x509.DNSName)}
        )


def _check_status(status: Status, cluster: Cluster, now: datetime) -> Finding:
    what = _party(status.party)
    if status.cluster_digest != cluster.digest:
        text = f"it goes by another cluster file, digest {status.cluster_digest[:16]}...: compare by telephone"
        return Finding(what, is_good=False, text=text)
    difference_s = abs(status.time - now).total_seconds()
    if difference_s > CLOCK_TOLERANCE.total_seconds():
        text = f"its clock and this one differ by {difference_s:.0f} s: synchronise both (NTP)"
        return Finding(what, is_good=False, text=text)
    away = [peer.party for peer in status.peers if not peer.connected]
    if away:
        text = f"it is not connected with party {', '.join(map(str, away))}: look at both logs"
        return Finding(what, is_good=False, text=text)
    if not status.ready:
        return Finding(what, is_good=False, text="it is not ready for auctions yet: look at its log")
    text = f"ready, version {status.version}, clock right within {difference_s:.1f} s"
    if status.sessions is not None and status.sessions.computing:
        text += f"; computes {status.sessions.computing} auctions, of {status.sessions.most} at most"
        text += f", and {status.sessions.waiting} wait in line"
    return Finding(what, is_good=True, text=text)


def _check_agreement(answers: Sequence[Status]) -> list[Finding]:
    findings = []
    for what, values in (
        ("threshold", {status.threshold for status in answers}),
        ("login server", {status.login_server for status in answers}),
    ):
        listed = ", ".join(map(str, sorted(values)))
        if len(values) > 1:
            findings.append(Finding(what, is_good=False, text=f"the parties differ: {listed}; settle on one"))
        elif values:
            findings.append(Finding(what, is_good=True, text=f"{listed} at all parties that answered"))
    return findings


def _party(number: int) -> str:
    return f"party {number}"
