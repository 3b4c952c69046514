"""Looks on while a history happens: what honest parties send, what they open, what they keep."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aukciszek.auctions.agreement.messages import NewReceipts
from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.auctions.session.opening_statements import OpeningStatement, Release
from aukciszek.auctions.session.readiness import Readiness
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.key_tables import KeyTable
from aukciszek.protocol.evidence.receipt_list import ReceiptListStatement
from aukciszek.protocol.evidence.statements import (
    OrderStatement,
    OutcomeSignature,
    SealingKeyStatement,
    Signed,
    Statement,
    read_verified_statement,
)
from simulation.knowledge import Learned
from support.parties import Parties


class Watch:
    """What was seen."""

    def __init__(self, parties: Parties) -> None:
        self.learned = Learned()
        self.heard: dict[str, set[PartyNumber]] = {}
        """By input set: the parties whose lists all who were ready for it had by then."""
        self.dishonest: set[int] = set()
        self._parties = parties
        self.violations: list[AssertionError] = []
        self._sent: set[tuple[int, MessageKind, bytes]] = set()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look on at what is sent and opened."""
        self._parties.network.on_sent = self._on_sent
        with self.learned.collecting():
            yield

    def lies(self, party: int) -> None:
        """Note that a party is dishonest from now on."""
        self.dishonest.add(party)
        self.learned.dishonest.add(party)

    def _on_sent(self, sender: PartyNumber, message: PeerMessage) -> None:
        """Make sure that an honest party has stored what it says before it says it."""
        place = (sender, message.kind, message.body)
        if sender in self.dishonest or place in self._sent:
            return
        self._sent.add(place)
        try:
            self._check(sender, message)
        except AssertionError as violation:
            # Whoever sends may take it for anything: it must not be lost.
            self.violations.append(violation)

    def raise_violations(self) -> None:
        """Raise what was seen."""
        if self.violations:
            raise self.violations[0]

    def _check(self, sender: PartyNumber, message: PeerMessage) -> None:  # noqa: C901 -- one case for each kind
        match message.kind:
            case MessageKind.ORDER:
                self._check_own(sender, OrderStatement, message.body, "orders")
            case MessageKind.SEALING_KEY:
                self._check_own(sender, SealingKeyStatement, message.body, "sealing_keys")
            case MessageKind.RECEIPT_LIST:
                self._check_own(sender, ReceiptListStatement, message.body, "lists")
            case MessageKind.KEY_TABLE:
                self._check_own(sender, KeyTable, message.body, "key_tables")
            case MessageKind.DEALING:
                stored = self._has(sender, "SELECT 1 FROM auction_keys WHERE dealer = ?", (sender,))
                assert stored, f"party {sender} dealt keys that are not stored"
            case MessageKind.OUTCOME_SIGNATURE:
                self._check_signature(sender, read_verified_statement(OutcomeSignature, message.body))
            case MessageKind.RECEIPTS:
                for receipt in NewReceipts.decode(message.body).receipts:
                    self.check_receipt(sender, receipt.bundle)
            case MessageKind.READY:
                self._check_ready(sender, read_verified_statement(Readiness, message.body).content)
            case MessageKind.OPENING_SIGNATURE:
                self._check_own(sender, OpeningStatement, message.body, "opening_signatures")
            case MessageKind.RELEASE:
                self._check_release(sender, Release.decode(message.body))

    def check_receipt(self, party: int, bundle: str) -> None:
        """Make sure that a bundle is on a party's disk together with its receipt."""
        query = "SELECT 1 FROM bundles JOIN receipts USING (digest) WHERE digest = ? AND party = ? AND received_at > ''"
        assert self._has(party, query, (bundle, party)), f"party {party} gave a receipt for a bundle that is not stored"

    def _check_own(self, sender: int, kind: type[Statement], content: bytes, table: str) -> None:
        if read_verified_statement(kind, content).content.party == sender:
            stored = self._has(sender, f"SELECT 1 FROM {table} WHERE statement = ?", (content,))  # noqa: S608 -- see above
            assert stored, f"party {sender} said something that is not stored in {table}"

    def _check_signature(self, sender: int, signed: Signed[OutcomeSignature]) -> None:
        if signed.content.party == sender:
            query = "SELECT 1 FROM outcomes, certificate_signatures WHERE party = ? AND signature = ?"
            stored = self._has(sender, query, (sender, signed.signature))
            assert stored, f"party {sender} signed an outcome that is not stored"

    def _check_ready(self, sender: int, ready: Readiness) -> None:
        (state,) = self._rows(sender, "SELECT attempt, input_set FROM auctions", ())
        assert state[0] >= ready.attempt, f"party {sender} took a number for an attempt that is not stored"
        assert not ready.confirms or state[1] == ready.input_set, f"party {sender} confirms what it is not bound to"
        authors = {PartyNumber(row[0]) for row in self._rows(sender, "SELECT party FROM lists", ())}
        self.heard[ready.input_set] = self.heard.get(ready.input_set, authors) & authors

    def _check_release(self, sender: int, release: Release) -> None:
        """A party releases nothing that it has not stored, nor before all have signed."""
        signers = {read_verified_statement(OpeningStatement, one).content.party for one in release.signatures}
        assert signers == set(self._parties.cluster.numbers), f"party {sender} released a mask that not all signed"
        for one in release.keys:
            stored = self._has(sender, "SELECT 1 FROM opening_keys WHERE key = ?", (one.key,))
            assert stored, f"party {sender} released a key that is not stored"

    def _has(self, party: int, query: str, arguments: tuple[object, ...]) -> bool:
        return bool(self._rows(party, query, arguments))

    def _rows(self, party: int, query: str, arguments: tuple[object, ...]) -> list[Any]:
        raw = self._parties.disks[PartyNumber(party)].raw
        assert not raw.in_transaction, f"party {party} speaks before its transaction is committed"
        return raw.execute(query, arguments).fetchall()
