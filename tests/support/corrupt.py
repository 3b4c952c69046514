"""Corrupt parties that keep things back, say what is not so, and put together all that they come to know.

A corrupt party runs the program of the honest ones, but for what a test replaces where it is this party that runs it.
"""

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from aukciszek.auctions.agreement.own_list import OwnList
from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.auctions.process.parts import AuctionParts
from aukciszek.auctions.session.opened_outcome import SUMMARY
from aukciszek.auctions.session.opening_port import SessionOpenings
from aukciszek.auctions.session.opening_statements import Release, known_keys
from aukciszek.auctions.session.readiness import Readiness
from aukciszek.cluster import PartyNumber
from aukciszek.errors import AukciszekError
from aukciszek.mpc.protocols.fair_opening import MaskedOpening, opening_keys
from aukciszek.mpc.sharing.prss import Members, prss_sets
from aukciszek.protocol.evidence.receipt_list import ReceiptListStatement
from aukciszek.protocol.evidence.statements import Signed, Statement, sign, statement_digest
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest
from aukciszek.protocol.rules.spec import AuctionSpec
from support.insides import parts_at
from support.memory_network import Round
from support.parties import Parties

type Values = tuple[tuple[str, tuple[int, ...]], ...]
"""What was opened: by reason."""


@dataclass
class Knowledge:
    """What corrupt parties can open, together, of everything that honest parties ever sent.

    A masked opening is uniform to them until an honest party releases a key that none of them holds; so what they know
    is what the honest parties' releases and their own keys open.
    """

    parties: Parties
    corrupt: Collection[int]
    auction: AuctionId
    known: dict[tuple[str, int], Values] = field(default_factory=dict)
    releases: list[tuple[int, tuple[str, int]]] = field(default_factory=list)
    """Who released what, honest parties alone, in this order."""
    _keys: dict[tuple[str, int], dict[Members, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._parts = [self._parts_of(number) for number in self.corrupt]
        self.parties.network.on_sent = self.note

    def note(self, sender: PartyNumber, message: PeerMessage) -> None:
        """Take in what somebody sends, whether it arrives or not."""
        if message.kind is not MessageKind.RELEASE or sender in self.corrupt:
            return
        release = Release.decode(message.body)
        opening = MaskedOpening.decode(release.opening, self._sets)
        place = opening.session.hex(), opening.number
        self.releases.append((sender, place))
        keys = self._keys.setdefault(place, {})
        keys |= known_keys(opening, release.by_members())
        for parts in self._parts:
            prss_keys = parts.openings._prss_keys
            assert prss_keys is not None
            keys |= known_keys(opening, opening_keys(prss_keys, opening.session, opening.number))
        if not opening.missing(keys):
            values = opening.unmask(keys)
            if not any(values.get(SUMMARY, ())):
                self.known[place] = tuple((reason, tuple(elements)) for reason, elements in values.items())

    @property
    def outcomes(self) -> set[Values]:
        """What they know, whatever session it is from: one thing at most, if the protocol holds."""
        return set(self.known.values())

    def _parts_of(self, number: int) -> AuctionParts:
        return parts_at(self.parties.service(number), self.auction)

    @property
    def _sets(self) -> list[Members]:
        size, threshold = self.parties.size, self.parties.threshold
        return [one for one in prss_sets(size, threshold) if len(one) == size - threshold]


@dataclass
class Withholding:
    """What corrupt parties keep back once something is about to be opened: in the first ``attempts`` sessions.

    ``what`` is ``share``, of the masked value; ``signature``, under the masked opening; or ``keys``, to the mask.
    Those in ``favoured`` get everything.
    """

    parties: Parties
    corrupt: Collection[int]
    what: str
    attempts: int
    favoured: Collection[int] = ()
    entered: list[bytes] = field(default_factory=list)
    """The sessions in which a corrupt party was about to open something."""

    def begin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        enter = SessionOpenings.enter

        async def evil_enter(openings: SessionOpenings, reasons: Iterable[str]) -> None:
            if openings._context.party.number in self.corrupt and openings._session not in self.entered:
                self.entered.append(openings._session)
            await enter(openings, tuple(reasons))

        monkeypatch.setattr(SessionOpenings, "enter", evil_enter)
        self.parties.network.drop_round = self._drop_round
        self.parties.network.drop = self._drop

    @property
    def is_over(self) -> bool:
        """Whether they have begun to play by the rules."""
        return len(self.entered) > self.attempts

    def _concerns(self, sender: int, to: int) -> bool:
        return sender in self.corrupt and to not in self.corrupt and to not in self.favoured

    def _drop_round(self, sender: int, to: int, content: Round) -> bool:
        return self.what == "share" and self._concerns(sender, to) and content.session in self.entered[: self.attempts]

    def _drop(self, sender: int, to: int, message: PeerMessage) -> bool:
        kinds = {
            "share": set[MessageKind](),
            "signature": {MessageKind.OPENING_SIGNATURE, MessageKind.RELEASE},
            "keys": {MessageKind.RELEASE},
        }[self.what]
        if message.kind is MessageKind.RECEIPTS and sender in self.corrupt:
            return True
        return message.kind in kinds and self._concerns(sender, to) and not self.is_over


def deny_receipts(
    monkeypatch: pytest.MonkeyPatch,
    parties: Parties,
    spec: AuctionSpec,
    corrupt: Collection[int],
    complaints: Iterable[BundleDigest] = (),
) -> None:
    """Let corrupt parties sign lists that name none of their receipts, and that complain about some bundles."""
    honest, about = OwnList.sign, tuple(complaints)

    async def deny(
        own_list: OwnList, complaints: Iterable[BundleDigest] = ()
    ) -> tuple[Signed[ReceiptListStatement], str]:
        number = own_list._context.party.number
        if number not in corrupt:
            return await honest(own_list, complaints)
        signed = list_without_receipts(parties, spec, number, about)
        return signed, statement_digest(signed.content)

    monkeypatch.setattr(OwnList, "sign", deny)


def list_without_receipts(
    parties: Parties,
    spec: AuctionSpec,
    number: int,
    complaints: Iterable[BundleDigest] = (),
    orders: Iterable[bytes] = (),
) -> Signed[ReceiptListStatement]:
    content = ReceiptListStatement.of(
        spec.auction_id, PartyNumber(number), [], complaints=sorted(complaints), orders=orders
    )
    return sign(content, parties.identities[number - 1])


def as_party[S: Statement](parties: Parties, statement: S) -> Signed[S]:
    """Sign as the party that a statement names."""
    return sign(statement, parties.identities[statement.party - 1])


def readiness(
    spec: AuctionSpec, number: int, attempt: int, input_set: str, *, cancelled: bool = False, confirms: int = 0
) -> Readiness:
    return Readiness(
        auction=spec.auction_id,
        party=PartyNumber(number),
        attempt=attempt,
        input_set=input_set,
        cancelled=cancelled,
        confirms=confirms,
        nonce=f"{number:032x}{attempt:032x}",
        round_us=1_000,
        asks=b"",
    )


async def tell(  # noqa: PLR0917 -- who says what to whom
    parties: Parties, sender: int, to: int, kind: MessageKind, auction: AuctionId, body: bytes
) -> None:
    """Hand a party a message of another one; whatever it thinks of it."""
    with suppress(AukciszekError):
        await parties.service(to).on_message(PartyNumber(sender), PeerMessage(kind, auction, body))
