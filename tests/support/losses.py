"""Parties that lose what they stored."""

from collections.abc import Iterable

from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.statements import OutcomeSignature, read_verified_statement
from support.parties import Parties


async def lose_database(parties: Parties, number: int) -> None:
    """Stop a party, give it an empty disk, and start it again."""
    await parties.stop(number)
    parties.disks.pop(PartyNumber(number)).close()
    await parties.start(number)


def states_stored(parties: Parties, number: int) -> list[str]:
    """Return the states of the auctions that a party knows."""
    rows = parties.disks[PartyNumber(number)].raw.execute("SELECT state FROM auctions").fetchall()
    return [state for (state,) in rows]


def incidents_of(parties: Parties, numbers: Iterable[int]) -> set[tuple[str, int]]:
    """Return what is on record, at any of these parties, about parties: what, and about whom."""
    return {
        (kind, party)
        for number in numbers
        for kind, party in parties.disks[PartyNumber(number)].raw.execute("SELECT kind, party FROM incidents")
        if party is not None
    }


class Certified:
    """The outcomes under which parties put their signatures, by party."""

    def __init__(self) -> None:
        self.by_party: dict[int, set[str]] = {}

    def note(self, _sender: PartyNumber, message: PeerMessage) -> None:
        if message.kind is MessageKind.OUTCOME_SIGNATURE:
            signed = read_verified_statement(OutcomeSignature, message.body).content
            self.by_party.setdefault(signed.party, set()).add(signed.certificate)

    def of(self, numbers: Iterable[int]) -> set[str]:
        """Return all outcomes that any of these parties signed."""
        return {digest for number in numbers for digest in self.by_party.get(number, ())}
