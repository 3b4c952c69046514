"""Whatever bytes come in: they are refused with an error of ours, or they are the only form of a value."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from aukciszek.auctions.record_export import audit_record
from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.encoding import canonical_json
from aukciszek.identity import Identity
from aukciszek.mpc.sharing.sizes import proof_bytes
from aukciszek.protocol.evidence.audit_record import AuditRecord
from aukciszek.protocol.evidence.certificate import Certificate, CertificateBody
from aukciszek.protocol.evidence.receipt_list import ListedReceipt, OtherReceipt, ReceiptListStatement
from aukciszek.protocol.evidence.receipts import ReceiptFile
from aukciszek.protocol.evidence.statements import (
    OrderStatement,
    Receipt,
    SealingKeyStatement,
    Statement,
    read_statement,
    sign,
)
from aukciszek.protocol.rules.errors import AuctionError, MalformedBundleError
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest, UserId
from aukciszek.protocol.rules.prices import LARGEST_BITS
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.sealing.bundle import Bundle, bundle_digest, envelope_bytes
from support.receipts import give_receipt

type ClusterOf = Callable[[int], tuple[Cluster, list[Identity]]]
type Decode = Callable[[bytes], object]

AUCTION = AuctionId("ab" * 32)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
uuids = st.uuids().map(str)


@st.composite
def bundles(draw: st.DrawFn) -> Bundle:
    parties, bits = draw(st.one_of(st.just((0, 0)), st.tuples(st.integers(3, 9), st.integers(1, LARGEST_BITS))))
    threshold = draw(st.integers(1, (parties - 1) // 2)) if parties else 0
    filling = draw(st.binary(min_size=1, max_size=8))
    length = envelope_bytes(bits)
    return Bundle(
        auction=AuctionId(draw(digests)),
        bidder=UserId(draw(uuids)),
        revision=draw(st.integers(1, 2**32 - 1)),
        threshold=threshold,
        bits=bits,
        commitments=tuple(bytes([party]) * 32 for party in range(parties)),
        proof=(filling * 200)[: proof_bytes(threshold)] if parties else b"",
        envelopes=tuple((filling * length)[:length] for _ in range(parties)),
    )


@given(bundle=bundles())
def test_a_bundle_comes_back_whole(bundle: Bundle) -> None:
    assert Bundle.decode(bundle.encode()) == bundle


@given(bundle=bundles(), data=st.data())
def test_a_changed_byte_is_refused_or_makes_another_bundle(bundle: Bundle, data: st.DataObject) -> None:
    content = bytearray(bundle.encode())
    # The head and what follows it decide; deep inside an envelope every byte is like the others.
    place = data.draw(st.one_of(st.integers(0, min(200, len(content) - 1)), st.integers(0, len(content) - 1)))
    content[place] ^= data.draw(st.integers(1, 255))
    try:
        changed = Bundle.decode(bytes(content))
    except MalformedBundleError:
        return
    assert changed != bundle
    assert changed.encode() == content
    assert changed.digest() != bundle.digest()


@given(bundle=bundles(), rest=st.binary(min_size=1, max_size=3000), data=st.data())
def test_more_or_fewer_bytes_are_refused(bundle: Bundle, rest: bytes, data: st.DataObject) -> None:
    content = bundle.encode()
    with pytest.raises(MalformedBundleError):
        Bundle.decode(content + rest)
    with pytest.raises(MalformedBundleError):
        Bundle.decode(content[: data.draw(st.integers(0, len(content) - 1))])


@given(first=bundles(), second=bundles())
def test_only_equal_bundles_have_equal_digests(first: Bundle, second: Bundle) -> None:
    assert (first == second) == (first.digest() == second.digest())
    assert first.digest() == bundle_digest(first.encode())


moments = st.integers(0, 253_402_300_799_999).map(
    lambda milliseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
)


@given(
    own_receipts=st.dictionaries(digests, moments, max_size=5),
    others=st.dictionaries(st.tuples(digests, st.integers(2, 9)), moments, max_size=5),
    signature=st.binary(min_size=64, max_size=64),
)
def test_a_list_comes_back_whole(
    cluster_of: ClusterOf,
    own_receipts: dict[str, datetime],
    others: dict[tuple[str, int], datetime],
    signature: bytes,
) -> None:
    cluster, identities = cluster_of(3)
    content = ReceiptListStatement.of(
        AUCTION,
        PartyNumber(1),
        [ListedReceipt(BundleDigest(bundle), moment) for bundle, moment in own_receipts.items()],
        [
            OtherReceipt(BundleDigest(bundle), PartyNumber(party), moment, signature)
            for (bundle, party), moment in others.items()
        ],
    )
    assert len(content.own_receipts) == len(own_receipts)
    assert len(content.other_receipts) == len(others)
    assert read_statement(ReceiptListStatement, sign(content, identities[0]).encode(), cluster).content == content


@pytest.fixture(scope="session")
def decoders(cluster_of: ClusterOf) -> dict[str, tuple[Decode, bytes]]:
    """Return, by name, what reads bytes from outside, and one good example for each."""
    cluster, identities = cluster_of(3)
    spec = AuctionSpec(
        title="Sugar",
        description="",
        direction="reverse",
        format="first-price",
        winners=1,
        currency="EUR",
        minimum="0.00",
        maximum="10.00",
        step="0.01",
        reserve_price=None,
        minimum_bids=1,
        opens_at=NOON,
        closes_at=NOON.replace(hour=13),
        abandons_at=NOON.replace(hour=14),
        early_close_allowed=False,
        cancel_allowed=False,
        invited=None,
        auctioneer=UserId("11111111-1111-4111-8111-111111111111"),
        nonce="ab" * 32,
        cluster=cluster.digest,
        parties=3,
        threshold=1,
    )
    body = CertificateBody(
        spec=spec, bids=(), left_out=(), tie_break_seed=None, outcome="too-few-bids", winners=(), prices=()
    )
    one = PartyNumber(1)

    def signed_by[S: Statement](kind: type[S]) -> Decode:
        return lambda content: read_statement(kind, content, cluster)

    receipt = give_receipt(identities[0], one, auction=AUCTION, bundle=BundleDigest("cd" * 32), received_at=NOON)
    listed = sign(ReceiptListStatement.of(AUCTION, one, [ListedReceipt(BundleDigest("cd" * 32), NOON)]), identities[0])
    order = OrderStatement(auction=AUCTION, party=one, kind="close", by=spec.auctioneer, at=NOON, spec=None)
    bidder = UserId("22222222-2222-4222-8222-222222222222")
    withdrawal = Bundle.for_withdrawal(auction=AUCTION, bidder=bidder, revision=1)
    return {
        "bundle": (Bundle.decode, withdrawal.encode()),
        "rules": (AuctionSpec.parse, spec.canonical_bytes),
        "receipt": (signed_by(Receipt), receipt.encode()),
        "list": (signed_by(ReceiptListStatement), listed.encode()),
        "order": (
            signed_by(OrderStatement),
            sign(order, identities[0]).encode(),
        ),
        "key": (signed_by(SealingKeyStatement), b""),
        "body": (CertificateBody.decode, body.canonical_bytes),
        "certificate": (
            Certificate.decode,
            Certificate.assemble(body, cluster.content, [body.signed_by(one, identities[0])]).encode(),
        ),
        "receipt file": (
            ReceiptFile.decode,
            ReceiptFile(auction=AUCTION, bidder=bidder, bids=()).with_bid(withdrawal.header(), [receipt]).encode(),
        ),
        "record": (AuditRecord.decode, audit_record(AUCTION, one, []).encode()),
    }


NAMES = ["bundle", "rules", "receipt", "list", "order", "key", "body", "certificate", "receipt file", "record"]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def _refused_or_only_form(decode: Decode, content: bytes) -> None:
    try:
        decode(content)
    except AuctionError as error:
        assert error.message  # noqa: PT017 -- the kind of error is what the test is about


@pytest.mark.parametrize("name", NAMES)
@given(content=st.binary(max_size=300))
def test_any_bytes_at_all(decoders: dict[str, tuple[Decode, bytes]], name: str, content: bytes) -> None:
    decode, _ = decoders[name]
    with pytest.raises(AuctionError):
        decode(content)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_good_bytes_with_a_change(decoders: dict[str, tuple[Decode, bytes]], name: str, data: st.DataObject) -> None:
    decode, good = decoders[name]
    content = bytearray(good)
    place = data.draw(st.integers(0, len(content)))
    content[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    _refused_or_only_form(decode, bytes(content))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in {"bundle", "key"}])
@given(data=st.data(), value=json_values)
def test_good_fields_with_a_wild_value(
    decoders: dict[str, tuple[Decode, bytes]], name: str, data: st.DataObject, value: object
) -> None:
    decode, good = decoders[name]
    signature, body = (good[:64], good[64:]) if name in {"receipt", "list", "order"} else (b"", good)
    fields = json.loads(body)
    fields[data.draw(st.sampled_from(sorted(fields)))] = value
    content = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("utf-8", "surrogatepass")
    _refused_or_only_form(decode, signature + content)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"version":' + b"9" * 10_000 + b"}",
        b'{"version":1e999}',
        b'"\\ud800"',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
    ],
)
def test_bytes_that_break_careless_readers(
    decoders: dict[str, tuple[Decode, bytes]], name: str, content: bytes
) -> None:
    decode, _ = decoders[name]
    for prefix in (b"", bytes(64)):
        with pytest.raises(AuctionError):
            decode(prefix + content)


texts = st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=30)


@given(title=texts, description=texts)
def test_rules_with_any_text_are_canonical_or_refused(
    decoders: dict[str, tuple[Decode, bytes]], title: str, description: str
) -> None:
    fields = json.loads(decoders["rules"][1]) | {"title": title, "description": description}
    content = canonical_json(fields)
    try:
        spec = AuctionSpec.parse(content)
    except AuctionError:
        return
    assert spec.canonical_bytes == content
    assert (spec.title, spec.description) == (title, description)
