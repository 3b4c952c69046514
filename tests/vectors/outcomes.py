"""Known answers about signed statements, agreement, certificates and records."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import cast

from pydantic import JsonValue

from aukciszek.auctions.agreement.input_set import CountedBid, InputSet
from aukciszek.cluster import PartyNumber
from aukciszek.encoding import Json, canonical_json, to_base64url
from aukciszek.protocol.evidence.audit_record import AuditRecord, RecordEntry, verify_record
from aukciszek.protocol.evidence.certificate import Certificate, CertificateBody, LeftOut, Winner
from aukciszek.protocol.evidence.key_tables import ChosenKey, ChosenKeys, members_mask
from aukciszek.protocol.evidence.receipt_list import ListedReceipt, OtherReceipt, ReceiptListStatement
from aukciszek.protocol.evidence.receipts import ReceiptFile
from aukciszek.protocol.evidence.record_chain import FIRST_PREVIOUS_HASH, NewRecordEntry, record_hash
from aukciszek.protocol.evidence.statements import (
    OrderStatement,
    OutcomeSignature,
    Receipt,
    SealingKeyStatement,
    Statement,
    read_statement,
    sign,
    statement_digest,
)
from aukciszek.protocol.evidence.tie_break import tie_break_order
from aukciszek.protocol.evidence.verification import verify_certificate
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest, labelled_sha256
from aukciszek.protocol.sealing.bundle import BundleHeader
from aukciszek.protocol.sealing.keys import SealingKeyPair
from support.receipts import give_receipt
from vectors.samples import (
    AUCTIONEER,
    BIDDER,
    NOON,
    ONE,
    OTHER_BIDDER,
    TWO,
    A,
    Answers,
    B,
    C,
    D,
    cluster,
    code_of,
    identities,
    spec,
)

KINDS: Mapping[str, type[Statement]] = {
    "order": OrderStatement,
    "sealing-key": SealingKeyStatement,
    "receipt": Receipt,
    "receipt-list": ReceiptListStatement,
    "outcome": OutcomeSignature,
}


def _receipt(party: int, bundle: BundleDigest = A) -> OtherReceipt:
    identity, number = identities()[party - 1], PartyNumber(party)
    moment = NOON - timedelta(milliseconds=party)
    return OtherReceipt.of(give_receipt(identity, number, auction=spec().auction_id, bundle=bundle, received_at=moment))


def statements() -> Answers:
    """Return one signed statement of each kind, and what is none."""
    auction = spec().auction_id
    pair = SealingKeyPair(labelled_sha256("vector", b"sealing key", b"\x01"))
    rules = spec().canonical_bytes.decode()
    good: list[Statement] = [
        OrderStatement(auction=auction, party=ONE, kind="create", by=AUCTIONEER, at=NOON, spec=rules),
        OrderStatement(auction=auction, party=ONE, kind="close", by=AUCTIONEER, at=NOON, spec=None),
        SealingKeyStatement(auction=auction, party=ONE, public_key=pair.public_bytes),
        Receipt(auction=auction, party=ONE, bundle=A, received_at=NOON),
        ReceiptListStatement.of(
            auction, ONE, [ListedReceipt(B, NOON), ListedReceipt(A, NOON)], [_receipt(3), _receipt(2)]
        ),
        OutcomeSignature(auction=auction, party=ONE, certificate="ef" * 32),
    ]
    signed = [sign(one, identities()[0]) for one in good]
    content = signed[3].encode()
    bad = {
        "another byte in the signature": bytes([content[0] ^ 1]) + content[1:],
        "another bundle": content.replace(b"a" * 64, b"b" * 64),
        "another party": content.replace(b'"party":1', b'"party":2'),
        "a party that does not exist": content.replace(b'"party":1', b'"party":6'),
        "a space": content.replace(b",", b", ", 1),
        "the signature alone": content[:64],
        "another kind": signed[5].encode(),
        "signed for another purpose": identities()[0].sign("outcome", content[64:]) + content[64:],
    }
    return {
        "cluster_file": cluster().content.decode(),
        "statements": [
            {
                "label": one.content.label,
                "statement": to_base64url(one.encode()),
                "body": one.content.body().decode(),
                "digest": statement_digest(one.content),
            }
            for one in signed
        ],
        "refused_receipts": [
            {
                "why": why,
                "statement": to_base64url(one),
                "code": code_of(partial(read_statement, Receipt, one, cluster())),
            }
            for why, one in bad.items()
        ],
    }


def agreement() -> Answers:
    """Return digests of input sets and orders by tie-break."""
    auction = spec().auction_id
    keys = ChosenKeys(
        {frozenset({1, 2, 3}): ChosenKey(ONE, b"\x01" * 32), frozenset({2, 9}): ChosenKey(TWO, bytes(32))}
    )
    sets = {
        "nothing": _input_set(auction),
        "one bid": _input_set(auction, A),
        "four bids": _input_set(auction, A, B, C, D),
        "the same ones, two left out": _input_set(auction, A, B, C, D, unusable=(B, D)),
        "one bid of another auction": _input_set(AuctionId("00" * 32), A),
        "one bid of an auction that is cancelled": _input_set(auction, A, cancelled=True),
        "one bid, with keys": _input_set(auction, A, keys=keys),
        "one bid, without any of the keys": _input_set(auction, A, keys=ChosenKeys({})),
        "all at once": _input_set(auction, A, B, C, unusable=(A,), cancelled=True, keys=keys),
    }
    lots = [bytes(32), bytes(range(32)), b"\xff" * 32]
    return {
        "input_sets": [
            {
                "why": why,
                "auction": one.auction,
                "bundles": list(one.digests),
                "unusable": list(one.unusable),
                "cancelled": one.cancelled,
                "keys": None if one.keys is None else _spell_keys(one.keys),
                "digest": one.digest,
            }
            for why, one in sets.items()
        ],
        "tie_breaks": [
            {"tie_break_seed": tie_break_seed.hex(), "order": list(tie_break_order(tie_break_seed, [D, C, B, A]))}
            for tie_break_seed in lots
        ],
    }


def _input_set(
    auction: AuctionId,
    *bundles: BundleDigest,
    unusable: tuple[BundleDigest, ...] = (),
    cancelled: bool = False,
    keys: ChosenKeys | None = None,
) -> InputSet:
    bids = tuple(CountedBid(digest=digest, bidder=BIDDER, revision=1, receipts=()) for digest in bundles)
    return InputSet(auction=auction, bids=bids, unusable=unusable, cancelled=cancelled, keys=keys)


def _spell_keys(keys: ChosenKeys) -> Json:
    return [
        {"members": members_mask(members), "dealer": key.dealer, "digest": key.digest.hex()}
        for members, key in keys.items()
    ]


def _certificate(signers: Sequence[int] = range(1, 6), **changes: object) -> Certificate:
    fields: dict[str, object] = {
        "spec": spec(),
        "bids": (A, B, C),
        "left_out": (LeftOut(bundle=C, reason="not-bits"),),
        "tie_break_seed": "0f" * 32,
        "outcome": "sold",
        "winners": (Winner(bundle=A, bidder=BIDDER),),
        "prices": ("850.50",),
    }
    body = CertificateBody.model_validate(fields | changes)
    signatures = [body.signed_by(PartyNumber(party), identities()[party - 1]) for party in signers]
    return Certificate.assemble(body, cluster().content, signatures)


def _receipt_file(bundle: BundleDigest, parties: Sequence[int]) -> ReceiptFile:
    auction = spec().auction_id
    header = BundleHeader(digest=bundle, auction=auction, bidder=BIDDER, revision=1, withdrawal=False)
    receipts = [_receipt(party, bundle).claimed(auction) for party in parties]
    return ReceiptFile(auction=auction, bidder=BIDDER, bids=()).with_bid(header, receipts)


def certificates() -> Answers:
    """Return certificates with the verdicts on them, and texts that are none."""
    genuine = _certificate()
    changed = _certificate([], prices=("850.00",)).model_copy(update={"signatures": genuine.signatures})
    cases: dict[str, tuple[Certificate, ReceiptFile | None]] = {
        "sold, signed by all": (genuine, None),
        "signed by enough": (_certificate([1, 3, 5]), None),
        "signed by too few": (_certificate([2, 4]), None),
        "the price was changed": (changed, None),
        "reserve not met": (_certificate(outcome="reserve-not-met", winners=(), prices=()), None),
        "the bidder won": (genuine, _receipt_file(A, range(1, 6))),
        "the bid was not counted": (genuine, _receipt_file(D, [1, 2, 3])),
        "the bid has too few receipts": (genuine, _receipt_file(D, [1, 2])),
        "the bid was left out": (genuine, _receipt_file(C, range(1, 6))),
    }
    good = genuine.encode()
    fields = json.loads(good)
    bad = {
        "a space": good.replace(b",", b", ", 1),
        "a signature twice": canonical_json(fields | {"signatures": fields["signatures"][:1] * 2}),
        "another cluster file": canonical_json(fields | {"cluster_file": fields["cluster_file"] + " "}),
        "a winner that did not bid": good.replace(
            b'"winners":[{"bidder":"%s","bundle":"aaaa' % BIDDER.encode(),
            b'"winners":[{"bidder":"%s","bundle":"dddd' % OTHER_BIDDER.encode(),
        ),
        "a price off the grid": good.replace(b'"850.50"', b'"850.25"'),
        "a price beyond the reserve": good.replace(b'"850.50"', b'"900.50"'),
    }
    return {
        "certificates": [_verdicts(why, *case) for why, case in cases.items()],
        "refused": [
            {"why": why, "text": text.decode(), "code": code_of(partial(Certificate.decode, text))}
            for why, text in bad.items()
        ],
    }


def _verdicts(why: str, certificate: Certificate, receipts: ReceiptFile | None) -> Json:
    report = verify_certificate(certificate, cluster=cluster(), receipts=receipts)
    return {
        "why": why,
        "certificate": certificate.encode().decode(),
        "digest": certificate.body.digest,
        "receipts": None if receipts is None else receipts.encode().decode(),
        "checks": {check.name: check.verdict for check in report.checks},
        "valid": report.valid,
    }


def records() -> Answers:
    """Return audit records, whole and spoilt."""
    entries = _chain(4)
    changed = entries[1].model_copy(update={"actor": "somebody else"})
    cases: dict[str, list[RecordEntry]] = {
        "whole": entries,
        "empty": [],
        "an entry was changed": [entries[0], changed, *entries[2:]],
        "an entry is missing": [entries[0], *entries[2:]],
        "the first entry is missing": entries[1:],
        "two entries changed places": [entries[1], entries[0], *entries[2:]],
    }
    return {"records": [_record(why, chain) for why, chain in cases.items()]}


def _record(why: str, entries: Sequence[RecordEntry]) -> Json:
    record = AuditRecord(auction=spec().auction_id, party=ONE, entries=tuple(entries))
    verify: Callable[[], None] = partial(verify_record, record)
    is_whole = why in {"whole", "empty"}
    if is_whole:
        verify()
    return {
        "why": why,
        "record": record.encode().decode(),
        "head": record.head,
        "code": None if is_whole else code_of(verify),
    }


def _chain(count: int) -> list[RecordEntry]:
    chain: list[RecordEntry] = []
    previous = FIRST_PREVIOUS_HASH
    for seq in range(1, count + 1):
        details: dict[str, JsonValue] = {"bundle": A, "note": "zażółć \u2028", "numbers": [seq, None, True]}
        entry = NewRecordEntry(
            auction_id=spec().auction_id,
            at=NOON + timedelta(milliseconds=seq),
            actor="party 1",
            action="received",
            details=cast("dict[str, Json]", details),
        )
        chain.append(
            RecordEntry(
                seq=seq,
                at=entry.at,
                actor=entry.actor,
                action=entry.action,
                details=details,
                previous_hash=previous,
                hash=record_hash(entry, seq, previous),
            )
        )
        previous = chain[-1].hash
    return chain
