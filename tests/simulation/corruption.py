"""The dishonest party: honest code, whose messages are changed on their way out, with its own key."""

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from aukciszek.auctions.agreement.messages import NewReceipts
from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.auctions.keys.envelopes import AuctionKey, KeyEnvelope
from aukciszek.auctions.session.opening_statements import OpeningStatement, Release, ReleasedKey
from aukciszek.auctions.session.readiness import LARGEST_ATTEMPT, Proposal, Readiness
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.protocols import runtime, share_recovery
from aukciszek.mpc.protocols.session import Session
from aukciszek.mpc.protocols.share_recovery import Requests
from aukciszek.mpc.sharing.dealing import challenge
from aukciszek.mpc.sharing.field import P, Vector
from aukciszek.mpc.sharing.prss import new_prss_key
from aukciszek.mpc.sharing.sizes import ELEMENT_BYTES, MASKS
from aukciszek.protocol.evidence.certificate import CertificateBody
from aukciszek.protocol.evidence.receipt_list import ListedReceipt, OtherReceipt, ReceiptListStatement
from aukciszek.protocol.evidence.statements import (
    OrderStatement,
    OutcomeSignature,
    Receipt,
    SealingKeyStatement,
    Signed,
    Statement,
    read_verified_statement,
    sign,
)
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState
from aukciszek.protocol.sealing.bundle import Bundle
from aukciszek.protocol.sealing.envelope import OwnEnvelope, _proof_context
from aukciszek.protocol.sealing.keys import SealingKeyPair, SealingPublicKey
from simulation.operations import WITHHOLDING, Lie, LieKind
from support.insides import parts_at, processes_at
from support.memory_network import Round
from support.parties import Parties


class CorruptParty:
    """Changes what one party sends, in all the ways that were asked for."""

    def __init__(self, number: int, parties: Parties, spec: AuctionSpec, seed: int) -> None:
        self._number = PartyNumber(number)
        self._parties = parties
        self._spec = spec
        self._ways: dict[LieKind, int] = {}
        self._chance = random.Random(seed)  # noqa: S311 -- decides what happens, and protects nothing
        self._other_key = SealingKeyPair.new()
        self._seen: list[PeerMessage] = []
        self.only_withheld = True
        """Whether all that it said was true, so that what its own engine found is what the others would have found."""

    def begin(self, lie: Lie) -> None:
        """Lie in one more way from now on."""
        self._ways[lie.how] = lie.place
        self.only_withheld = self.only_withheld and lie.how in WITHHOLDING
        network = self._parties.network
        network.tamper, network.rewrite, network.drop_round = self._tamper, self._rewrite, self._withholds
        orders = {"vouch-cancel": "cancel", "vouch-close": "close"}
        if lie.how in orders:
            self._vouch(orders[lie.how])
        elif lie.how == "redate":
            self._redate()
        elif lie.how == "false-outcome":
            self._conclude()
        elif lie.how in {"claim", "deny", "late-complaint", "late-cancel"}:
            self._say_list()
        elif lie.how == "replay":
            self._repeat()

    def end(self) -> None:
        """Be honest."""
        self._ways.clear()

    def _withholds(self, sender: int, _to: int, content: Round) -> bool:
        if sender != self._number:
            return False
        if "withhold-outcome" in self._ways and self._is_about_to_open:
            return True
        from_round = self._ways.get("withhold-rest", content.number + 1)
        return content.number == self._ways.get("withhold-round") or content.number >= from_round

    @property
    def _is_about_to_open(self) -> bool:
        process = processes_at(self._parties.service(self._number)).get(self._spec.auction_id)
        return process is not None and process.state in {AuctionState.REVEALING, AuctionState.SIGNING}

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let this party's engine compute with what it says, so that a lie to all is the same for itself."""
        exchange, seal, corrupt_party = Session.exchange, KeyEnvelope.seal, self

        async def shifting(session: Session, dealt: Vector, requests: Requests) -> Vector:
            if session.party == corrupt_party._number and "shift-help" in corrupt_party._ways:
                dealt = corrupt_party._shifted(dealt)
            return await share_recovery.recover_shares(session, dealt, requests)

        def sealing(envelope: KeyEnvelope, keys: Sequence[AuctionKey], to: SealingPublicKey) -> bytes:
            if (envelope.sender, envelope.purpose) == (
                corrupt_party._number,
                "keys",
            ) and "wrong-keys" in corrupt_party._ways:
                keys = [replace(one, key=new_prss_key()) for one in keys]
            return seal(envelope, keys, to)

        async def dishonest_exchange(session: Session, payload: bytes) -> Any:
            if session.party == corrupt_party._number and session.rounds + 1 == corrupt_party._ways.get("round-to-all"):
                payload = _with_another_element(payload, 1)
            return await exchange(session, payload)

        setattr(Session, "exchange", dishonest_exchange)  # noqa: B010 -- what is assigned has another name
        setattr(runtime, "recover_shares", shifting)  # noqa: B010 -- as above
        setattr(KeyEnvelope, "seal", sealing)  # noqa: B010 -- as above
        try:
            yield
        finally:
            setattr(Session, "exchange", exchange)  # noqa: B010 -- as above
            setattr(runtime, "recover_shares", share_recovery.recover_shares)  # noqa: B010 -- as above
            setattr(KeyEnvelope, "seal", seal)  # noqa: B010 -- as above

    def _shifted(self, dealt: Vector) -> Vector:
        """Add to the first bit of every row, and to the masks what hides that from the proof of degree."""
        raw = self._parties.disks[self._number].raw
        contents = dict(raw.execute("SELECT digest, content FROM bundles").fetchall())
        parts = parts_at(self._parties.services[self._number], self._spec.auction_id)
        fixed = parts.lists.fixed
        shifted = dealt.copy()
        for row, bid in zip(shifted, parts.late_outcome._input_sets[str(fixed)].computed, strict=True):
            envelope = OwnEnvelope.of(Bundle.decode(contents[bid.digest]), self._number)
            context = _proof_context(envelope.bid_key, envelope.threshold, envelope.bits, envelope.commitments)
            weights = challenge(context, row.size - MASKS)[0]
            row[0] = (int(row[0]) + 1) % P
            for mask in range(MASKS):
                row[mask - MASKS] = (int(row[mask - MASKS]) - int(weights[mask])) % P
        return shifted

    def _tamper(self, sender: int, to: int, content: Round) -> bytes:
        if sender == self._number and content.number == self._ways.get("round-to-each"):
            return _with_another_element(content.payload, to)
        return content.payload

    def _rewrite(self, sender: PartyNumber, to: PartyNumber, message: PeerMessage) -> Iterable[PeerMessage]:
        if sender != self._number:
            return [message]
        self._seen.append(message)
        if self._ways.get("withhold-outcome", 0) % 2 and self._is_about_to_open:
            return []
        if "silence" in self._ways and (to + self._ways["silence"]) % 2:
            return []
        if message.kind in self._withheld(to):
            return []
        body = self._other_body(to, message)
        if "garbage" in self._ways and body and self._chance.random() < 0.3:
            place = self._chance.randrange(len(body))
            body = body[:place] + bytes([body[place] ^ 1 << self._chance.randrange(8)]) + body[place + 1 :]
        return [PeerMessage(message.kind, message.auction, body)]

    def _withheld(self, to: PartyNumber) -> set[MessageKind]:
        """Return what is kept back from a party; by the place of the lie from all, or from every second one."""
        kinds: dict[LieKind, MessageKind] = {
            "withhold-signature": MessageKind.OPENING_SIGNATURE,
            "withhold-release": MessageKind.RELEASE,
            "hide-proposal": MessageKind.PROPOSAL,
        }
        return {kind for how, kind in kinds.items() if how in self._ways and (to + self._ways[how]) % 3}

    def _repeat(self) -> None:
        """Say again, in any order, what was said of attempts and proposals before."""
        kinds = {MessageKind.READY, MessageKind.PROPOSAL, MessageKind.OPENING_SIGNATURE, MessageKind.RELEASE}
        old = [message for message in self._seen if message.kind in kinds]
        for message in self._chance.sample(old, min(len(old), 12)):
            self._say(message.kind, message.body)

    def _other_body(self, to: PartyNumber, message: PeerMessage) -> bytes:  # noqa: PLR0911 -- one for each kind
        ways, odd = self._ways, to % 2 == 1
        match message.kind:
            case MessageKind.RECEIPT_LIST:
                return self._list(message.body, odd=odd)
            case MessageKind.READY:
                return self._announcement(message.body, odd=odd)
            case MessageKind.PROPOSAL if "two-proposals" in ways and odd:
                ready = dict(Proposal.read(message.body, self._parties.cluster, message.auction, 1).ready)
                own = ready.get(self._number)
                if own is not None:
                    ready[self._number] = self._again(own, nonce="c" * 64)
                return Proposal(ready).encode()
            case MessageKind.OPENING_SIGNATURE if "other-opening" in ways and odd:
                return self._mine(OpeningStatement, message.body, opening="0" * 64)
            case MessageKind.RELEASE if "false-release" in ways:
                release = Release.decode(message.body)
                keys = tuple(ReleasedKey(members=one.members, key=bytes(32)) for one in release.keys)
                return release.model_copy(update={"keys": keys}).encode()
            case MessageKind.OUTCOME_SIGNATURE if "false-outcome" in ways and odd:
                return self._mine(OutcomeSignature, message.body, certificate="0" * 64)
            case MessageKind.SEALING_KEY if "two-keys" in ways and odd:
                return self._mine(SealingKeyStatement, message.body, public_key=self._other_key.public_bytes)
        return message.body

    def _list(self, content: bytes, *, odd: bool) -> bytes:
        if "deny" in self._ways or ("two-lists" in self._ways and odd):
            return self._mine(ReceiptListStatement, content, own_receipts=(), other_receipts=())
        if "claim" in self._ways:
            return self._mine(
                ReceiptListStatement, content, own_receipts=tuple(sorted(self._all_in_time())), complaints=()
            )
        if "cannot-open" in self._ways:
            complaints = tuple(one.bundle for one in self._all_in_time())
            return self._mine(ReceiptListStatement, content, own_receipts=(), complaints=complaints)
        return content

    def _announcement(self, content: bytes, *, odd: bool) -> bytes:
        if "two-announcements" in self._ways and odd:
            content = self._mine(Readiness, content, nonce="d" * 64)
        if "ask-all" in self._ways:
            content = self._mine(Readiness, content, asks=b"\xff" * (self._ways["ask-all"] % 3))
        if "far-attempt" in self._ways:
            number = read_verified_statement(Readiness, content).content.attempt
            far = min(number + self._chance.choice([1, 2, 1000, LARGEST_ATTEMPT]), LARGEST_ATTEMPT)
            content = self._mine(Readiness, content, attempt=far)
        return content

    def _mine[S: Statement](self, kind: type[S], content: bytes, **changes: object) -> bytes:
        """Change a statement and sign it again, if it is one's own."""
        signed = read_verified_statement(kind, content)
        return self._again(signed, **changes).encode() if signed.content.party == self._number else content

    def _again[S: Statement](self, signed: Signed[S], **changes: object) -> Signed[S]:
        return sign(signed.content.model_copy(update=changes), self._parties.identities[self._number - 1])

    def _all_in_time(self) -> Iterator[ListedReceipt]:
        rows = self._parties.disks[self._number].raw.execute("SELECT digest FROM bundles ORDER BY digest")
        early = self._spec.opens_at + timedelta(milliseconds=1)
        return (ListedReceipt(BundleDigest(digest), early) for (digest,) in rows.fetchall())

    def _redate(self) -> None:
        identity = self._parties.identities[self._number - 1]
        receipts = tuple(
            OtherReceipt.of(
                sign(
                    Receipt(
                        auction=self._spec.auction_id,
                        party=self._number,
                        bundle=one.bundle,
                        received_at=one.received_at,
                    ),
                    identity,
                )
            )
            for one in self._all_in_time()
        )
        self._say(MessageKind.RECEIPTS, NewReceipts(receipts=receipts).encode())

    def _conclude(self) -> None:
        """Say that there were no bids, and sign that."""
        body = CertificateBody(
            spec=self._spec, bids=(), left_out=(), tie_break_seed=None, outcome="too-few-bids", winners=(), prices=()
        )
        signed = body.signed_by(self._number, self._parties.identities[self._number - 1])
        self._say(MessageKind.OUTCOME, body.canonical_bytes)
        self._say(MessageKind.OUTCOME_SIGNATURE, signed.encode())

    def _say_list(self) -> None:
        """Sign a list at once, whether it is time or not."""
        everything = sorted(self._all_in_time())
        own_receipts = everything if "claim" in self._ways else []
        complaints = [one.bundle for one in everything] if "late-complaint" in self._ways else []
        orders = [self._word("cancel")] if "late-cancel" in self._ways else []
        signed = sign(
            ReceiptListStatement.of(
                self._spec.auction_id, self._number, own_receipts, complaints=complaints, orders=orders
            ),
            self._parties.identities[self._number - 1],
        )
        self._say(MessageKind.RECEIPT_LIST, signed.encode())

    def _vouch(self, kind: str) -> None:
        self._say(MessageKind.ORDER, self._word(kind))

    def _word(self, kind: str) -> bytes:
        order = OrderStatement.model_validate(
            {
                "auction": self._spec.auction_id,
                "party": self._number,
                "kind": kind,
                "by": self._spec.auctioneer,
                "at": self._spec.opens_at,
                "spec": None,
            }
        )
        return sign(order, self._parties.identities[self._number - 1]).encode()

    def _say(self, kind: MessageKind, body: bytes) -> None:
        for peer in range(1, self._parties.size + 1):
            if peer != self._number:
                message = PeerMessage(kind, self._spec.auction_id, body)
                self._parties.network.post(self._number, PartyNumber(peer), message)


def _with_another_element(payload: bytes, change: int) -> bytes:
    """Change the last element: what comes before may be a hash that all compare."""
    if len(payload) < ELEMENT_BYTES:
        return payload
    place = len(payload) - ELEMENT_BYTES
    return payload[:place] + bytes([payload[place] ^ change]) + payload[place + 1 :]
