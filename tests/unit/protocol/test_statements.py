import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
from pydantic import ValidationError

from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.identity import Identity
from aukciszek.protocol.evidence.receipt_list import ReceiptListStatement
from aukciszek.protocol.evidence.statements import (
    OrderStatement,
    OutcomeSignature,
    Receipt,
    SealingKeyStatement,
    Signed,
    Statement,
    read_statement,
    sign,
    statement_digest,
    verify,
)
from aukciszek.protocol.rules.errors import MalformedStatementError, UnknownPartyError, WrongSignatureError
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest, UserId
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.sealing.keys import SealingKeyPair

AUCTION = AuctionId("ab" * 32)
BUNDLE = BundleDigest("cd" * 32)
ONE = PartyNumber(1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AUCTIONEER = UserId("11111111-1111-4111-8111-111111111111")

RECEIPT = Receipt(auction=AUCTION, party=ONE, bundle=BUNDLE, received_at=NOON)

type Statements = dict[str, Statement]


@pytest.fixture(scope="module")
def statements(spec: AuctionSpec, key_pairs: list[SealingKeyPair]) -> Statements:
    order: dict[str, Any] = {"auction": spec.auction_id, "party": ONE, "by": AUCTIONEER, "at": NOON}
    return {
        "create": OrderStatement(**order, kind="create", spec=spec.canonical_bytes.decode()),
        "close": OrderStatement(**order, kind="close", spec=None),
        "cancel": OrderStatement(**order, kind="cancel", spec=None),
        "sealing-key": SealingKeyStatement(auction=AUCTION, party=ONE, public_key=key_pairs[0].public_bytes),
        "receipt": RECEIPT,
        "outcome": OutcomeSignature(auction=AUCTION, party=ONE, certificate="ef" * 32),
        "receipt-list": ReceiptListStatement.of(AUCTION, ONE, []),
    }


KINDS = ["create", "close", "cancel", "sealing-key", "receipt", "outcome", "receipt-list"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_statement_comes_back_whole(
    statements: Statements, kind: str, identities: list[Identity], cluster: Cluster
) -> None:
    signed = sign(statements[kind], identities[0])
    content = signed.encode()
    assert len(content) <= statements[kind].most_bytes
    again = read_statement(type(statements[kind]), content, cluster)
    assert again == signed
    assert again.encode() == content


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_party_that_is_named_can_sign(
    statements: Statements, kind: str, identities: list[Identity], cluster: Cluster
) -> None:
    content = sign(statements[kind], identities[1]).encode()
    with pytest.raises(WrongSignatureError, match="party 1"):
        read_statement(type(statements[kind]), content, cluster)


def test_every_kind_has_a_label_of_its_own(statements: Statements) -> None:
    kinds = {type(statement) for statement in statements.values()}
    assert len({kind.label for kind in kinds}) == len(kinds)


@pytest.mark.parametrize(("kind", "other"), list(permutations(KINDS, 2)))
def test_a_signature_for_one_purpose_is_worthless_for_another(
    statements: Statements, kind: str, other: str, identities: list[Identity], cluster: Cluster
) -> None:
    signature = sign(statements[kind], identities[0]).signature
    with pytest.raises(WrongSignatureError):
        verify(Signed(statements[other], signature), cluster)


def test_the_label_counts_and_not_only_the_body(identities: list[Identity], cluster: Cluster) -> None:
    signature = identities[0].sign("order", RECEIPT.body())
    with pytest.raises(WrongSignatureError):
        verify(Signed(RECEIPT, signature), cluster)
    assert identities[0].sign("receipt", RECEIPT.body()) == sign(RECEIPT, identities[0]).signature


CHANGES = [
    ("auction", "ac" * 32),
    ("party", 2),
    ("bundle", "ce" * 32),
    ("received_at", "2026-03-01T11:59:59.999Z"),
]


@pytest.mark.parametrize(("name", "value"), CHANGES)
def test_no_word_of_a_statement_can_be_changed(
    name: str, value: object, identities: list[Identity], cluster: Cluster
) -> None:
    content = sign(RECEIPT, identities[0]).encode()
    body = json.loads(content[64:]) | {name: value}
    changed = content[:64] + json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(WrongSignatureError):
        read_statement(Receipt, changed, cluster)


def test_no_single_byte_of_a_statement_can_be_changed(identities: list[Identity], cluster: Cluster) -> None:
    content = sign(RECEIPT, identities[0]).encode()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 0x01
        with pytest.raises((MalformedStatementError, WrongSignatureError, UnknownPartyError)):
            read_statement(Receipt, bytes(changed), cluster)


def test_a_statement_has_one_form(identities: list[Identity], cluster: Cluster) -> None:
    content = sign(RECEIPT, identities[0]).encode()
    signature, body = content[:64], content[64:]
    fields = json.loads(body)
    for changed in (
        b"",
        signature,
        body,
        content + b" ",
        content[:-1],
        signature + json.dumps(fields).encode(),
        signature + json.dumps(fields | {"note": 1}, sort_keys=True, separators=(",", ":")).encode(),
        signature + json.dumps(fields | {"party": True}, sort_keys=True, separators=(",", ":")).encode(),
        signature + body.replace(b"12:00:00.000Z", b"13:00:00.000+01:00"),
        signature + body.replace(b"12:00:00.000Z", b"12:00:00Z"),
        signature + body.replace(b"ab" * 32, b"AB" * 32),
    ):
        with pytest.raises(MalformedStatementError):
            read_statement(Receipt, changed, cluster)


@pytest.mark.parametrize("kind", [Receipt, OutcomeSignature, SealingKeyStatement, OrderStatement])
def test_the_length_is_limited_before_anything_is_read(kind: type[Statement], cluster: Cluster) -> None:
    with pytest.raises(MalformedStatementError, match="at most"):
        read_statement(kind, bytes(64) + b"[" * kind.most_bytes, cluster)


@pytest.mark.parametrize("party", [6, 9])
def test_a_party_that_the_cluster_does_not_have_is_named(
    party: int, identities: list[Identity], cluster: Cluster
) -> None:
    statement = RECEIPT.model_copy(update={"party": party})
    with pytest.raises(UnknownPartyError, match=f"no party {party}"):
        read_statement(Receipt, sign(statement, identities[0]).encode(), cluster)


@pytest.mark.parametrize("party", [0, -1, 10])
def test_no_party_has_such_a_number(party: int) -> None:
    with pytest.raises(ValidationError):
        Receipt(auction=AUCTION, party=PartyNumber(party), bundle=BUNDLE, received_at=NOON)


def test_an_order_to_create_carries_the_rules_that_its_id_names(
    spec: AuctionSpec, make_spec: Callable[..., AuctionSpec]
) -> None:
    order: dict[str, Any] = {"party": ONE, "by": AUCTIONEER, "at": NOON}
    rules = spec.canonical_bytes.decode()
    created = OrderStatement(**order, auction=spec.auction_id, kind="create", spec=rules)
    assert created.rules() == spec
    for auction, kind, carried, fault in (
        (spec.auction_id, "create", None, "carries the rules"),
        (spec.auction_id, "close", rules, "carries the rules"),
        (spec.auction_id, "cancel", rules, "carries the rules"),
        (make_spec(title="Other").auction_id, "create", rules, "another auction"),
        (spec.auction_id, "create", rules + " ", "canonical"),
        (spec.auction_id, "create", "{}", "not valid"),
        (spec.auction_id, "destroy", None, "kind"),
    ):
        with pytest.raises(ValidationError, match=fault):
            OrderStatement.model_validate(order | {"auction": auction, "kind": kind, "spec": carried})


def test_only_an_order_to_create_has_rules(statements: Statements) -> None:
    close = statements["close"]
    assert isinstance(close, OrderStatement)
    with pytest.raises(ValueError, match="only an order to create"):
        close.rules()


@pytest.mark.parametrize("key", [b"", bytes(1215), bytes(1216), b"\xff" * 1216])
def test_a_sealing_key_that_cannot_be_used_is_refused(key: bytes) -> None:
    with pytest.raises(ValidationError, match="sealing key"):
        SealingKeyStatement(auction=AUCTION, party=ONE, public_key=key)


def test_two_stories_have_two_digests() -> None:
    later = RECEIPT.model_copy(update={"received_at": datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)})
    assert statement_digest(RECEIPT) == statement_digest(RECEIPT.model_copy())
    assert statement_digest(RECEIPT) != statement_digest(later)
    assert len(statement_digest(RECEIPT)) == 64
