"""Known answers about rules, prices, bundles and sealing."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from aukciszek.encoding import Json, canonical_json, to_base64url
from aukciszek.mpc.sharing.sizes import proof_bytes
from aukciszek.protocol.rules.identifiers import AuctionId, UserId, labelled_sha256
from aukciszek.protocol.rules.prices import PriceGrid
from aukciszek.protocol.rules.spec import AuctionSpec, invitation
from aukciszek.protocol.sealing.bundle import BidKey, Bundle, envelope_bytes
from aukciszek.protocol.sealing.envelope import commitment, envelope_info, open_envelope, seal_bid
from aukciszek.protocol.sealing.keys import SealingKeyPair, SealingPublicKey
from vectors.samples import BIDDER, OTHER_BIDDER, Answers, code_of, spec

P = 2**61 - 1

GRIDS: Sequence[tuple[tuple[str, str, str], Sequence[str], Sequence[str]]] = [
    (
        ("10.00", "99.95", "0.05"),
        ("10.00", "10", "10.0", "10.05", "99.95", "99.950000000"),
        ("9.95", "100", "-10.00", "10.07", "10.051", "010", "1e1", "10,00", ".5", "10.", "", " 10", "-0", "NaN"),
    ),
    (("0", "1", "1"), ("0", "1", "1.0"), ("0.5", "2", "0.000000001")),
    (
        ("0.000000000", "1152921504.606846975", "0.000000001"),
        ("0", "0.000000001", "1152921504.606846974", "1152921504.606846975"),
        ("1152921504.606846976", "0.0000000001"),
    ),
    (
        ("0", "999999999999999999", "1"),
        ("9007199254740993", "999999999999999999"),
        ("1000000000000000000", "999999999999999998.5"),
    ),
]
NO_GRIDS = [
    ("0", "1.0", "1"),
    ("0", "0", "1"),
    ("-1", "1", "1"),
    ("0", "1", "0"),
    ("0.00", "1.00", "0.30"),
    ("0.000000000", "1152921504.606846976", "0.000000001"),
]


def prices() -> Answers:
    """Return grids, prices on them, and what is refused."""
    return {
        "grids": [_grid(texts, good, bad) for texts, good, bad in GRIDS],
        "refused": [
            {
                "minimum": low,
                "maximum": high,
                "step": step,
                "code": code_of(partial(PriceGrid.from_texts, low, high, step)),
            }
            for low, high, step in NO_GRIDS
        ],
    }


def _grid(texts: tuple[str, str, str], good: Iterable[str], bad: Iterable[str]) -> Json:
    grid = PriceGrid.from_texts(*texts)
    taken: list[Json] = [
        {
            "written": price,
            "step": str(grid.to_step(price)),
            "bits": "".join(map(str, grid.bits_of(grid.to_step(price)))),
            "price": grid.to_price(grid.to_step(price)),
        }
        for price in good
    ]
    return {
        **dict(zip(("minimum", "maximum", "step"), texts, strict=True)),
        "highest_step": str(grid.highest_step),
        "prices": taken,
        "refused": [{"written": price, "code": code_of(partial(grid.to_step, price))} for price in bad],
    }


def rules() -> Answers:
    """Return rules with their ids, and texts that are no rules."""
    nonce, emails = "cd" * 32, ("ann@example.org", "zażółć@example.org")
    invitations = {email: invitation(nonce, email) for email in emails}
    kinds = [
        spec(),
        spec(invited=tuple(sorted(invitations.values())), nonce=nonce, reserve_price=None),
        spec(
            direction="forward", format="pay-as-bid", winners=7, minimum="5", maximum="6", step="1", reserve_price="6"
        ),
        spec(format="uniform-price", winners=1000, threshold=1, description=""),
    ]
    good = spec().canonical_bytes.decode()
    fields = json.loads(good)
    bad = {
        "a space between fields": good.replace(",", ", ", 1),
        "a newline at the end": good + "\n",
        "fields out of order": json.dumps(dict(reversed(fields.items())), separators=(",", ":"), ensure_ascii=False),
        "an escape that is not needed": good.replace("Buraki", "\\u0042uraki"),
        "a field twice": good[:-1] + ',"winners":1}',
        "an unknown field": canonical_json(fields | {"zone": ""}).decode(),
        "a missing field": canonical_json({name: fields[name] for name in fields if name != "cluster"}).decode(),
        "true for 1": good.replace('"version":1', '"version":true'),
        "1.0 for 1": good.replace('"version":1', '"version":1.0'),
        "another version": good.replace('"version":1', '"version":2'),
        "two winners": good.replace('"winners":1', '"winners":2'),
        "a time without milliseconds": good.replace("12:00:00.000Z", "12:00:00Z"),
        "closes as it opens": good.replace("T08:00", "T12:00"),
        "a reserve price off the grid": good.replace('"900.00"', '"900.25"'),
        "a reserve price with other decimals": good.replace('"900.00"', '"900"'),
        "a threshold of half": good.replace('"threshold":2', '"threshold":3'),
        "upper-case digits": good.replace("ab" * 32, "AB" * 32),
        "text that runs backwards": good.replace("Buraki", "Bur\u202eaki"),
    }
    return {
        "rules": [_rules(one) for one in kinds],
        "invitations": [{"nonce": nonce, "email": email, "invitation": invitations[email]} for email in emails],
        "refused": [
            {"why": why, "text": text, "code": code_of(partial(AuctionSpec.parse, text.encode()))}
            for why, text in bad.items()
        ],
    }


def _rules(rules: AuctionSpec) -> Json:
    return {
        "text": rules.canonical_bytes.decode(),
        "auction": rules.auction_id,
        "bits": rules.bits,
        "highest_step": str(rules.grid.highest_step),
        "reserve_step": None if rules.reserve_step is None else str(rules.reserve_step),
    }


def _filled(auction: AuctionId, bidder: UserId, revision: int, parties: int, bits: int) -> Bundle:
    """Return a bundle whose envelopes hold noise."""
    return Bundle(
        auction=auction,
        bidder=bidder,
        revision=revision,
        threshold=(parties - 1) // 2,
        bits=bits,
        commitments=tuple(labelled_sha256("vector", b"commitment", bytes([party])) for party in range(parties)),
        proof=b"\xd0" * proof_bytes((parties - 1) // 2),
        envelopes=tuple(bytes([0xE0 + party]) * envelope_bytes(bits) for party in range(parties)),
    )


def bundles() -> Answers:
    """Return bundles with their bytes and digests, and bytes that are no bundle."""
    auction = AuctionId("0123456789abcdef" * 4)
    good = [
        _filled(auction, BIDDER, 1, 3, 1),
        _filled(auction, OTHER_BIDDER, 2**32 - 1, 4, 60),
        Bundle.for_withdrawal(auction=auction, bidder=BIDDER, revision=2),
    ]
    bid, withdrawal = good[0].encode(), good[2].encode()
    first = 61 + 3 * 32 + proof_bytes(1)
    bad = {
        "nothing": b"",
        "a byte too many": bid + b"\x00",
        "a byte too few": bid[:-1],
        "another magic": b"aukb" + bid[4:],
        "another version": bid[:4] + b"\x01" + bid[5:],
        "another kind": bid[:5] + b"\x03" + bid[6:],
        "a withdrawal with envelopes": bid[:5] + b"\x02" + bid[6:],
        "a bid without envelopes": withdrawal[:5] + b"\x01" + withdrawal[6:],
        "a withdrawal with bits": withdrawal[:-1] + b"\x01",
        "revision 0": bid[:54] + bytes(4) + bid[58:],
        "one party more": bid[:58] + b"\x04" + bid[59:],
        "another threshold": bid[:59] + b"\x02" + bid[60:],
        "one bit more": bid[:60] + b"\x02" + bid[61:],
        "an envelope's length is wrong": bid[:first] + b"\x00\x01" + bid[first + 2 :],
    }
    return {
        "bundles": [_bundle(one) for one in good],
        "refused": [
            {"why": why, "bytes": to_base64url(content), "code": code_of(partial(Bundle.decode, content))}
            for why, content in bad.items()
        ],
    }


def _bundle(bundle: Bundle) -> Json:
    return {
        "bytes": to_base64url(bundle.encode()),
        "digest": bundle.digest(),
        "auction": bundle.auction,
        "bidder": bundle.bidder,
        "revision": bundle.revision,
        "withdrawal": bundle.withdrawal,
        "threshold": bundle.threshold,
        "bits": bundle.bits,
        "commitments": [to_base64url(one) for one in bundle.commitments],
        "proof": to_base64url(bundle.proof),
        "envelopes": [to_base64url(one) for one in bundle.envelopes],
    }


def sealing() -> Answers:
    """Return a sealed bid with all keys and contents, and what must not open. The envelopes are others each time."""
    pairs = [SealingKeyPair(labelled_sha256("vector", b"sealing key", bytes([party]))) for party in range(1, 6)]
    keys = [SealingPublicKey(pair.public_bytes) for pair in pairs]
    bid_key = BidKey(auction=spec().auction_id, bidder=BIDDER, revision=3)
    bits, key = [1, 0, 1], labelled_sha256("vector", b"dealing")
    bundle = seal_bid(bid_key, bits, threshold=2, sealing_keys=keys, random_bytes=lambda _: key)
    envelopes: list[Json] = []
    for party, pair in enumerate(pairs, start=1):
        content = open_envelope(bundle, party, pair)
        envelopes.append(
            {
                "party": party,
                "seed": to_base64url(pair.to_bytes()),
                "public_key": to_base64url(pair.public_bytes),
                "info": to_base64url(envelope_info(bid_key, party)),
                "content": to_base64url(content.encode()),
                "elements": [str(element) for element in content.dealt().tolist()],
            }
        )
    return {
        "bits": "".join(map(str, bits)),
        "threshold": 2,
        "key": to_base64url(key),
        "bundle": to_base64url(bundle.encode()),
        "envelopes": envelopes,
        "refused": _spoilt(bundle, bid_key, pairs, keys),
    }


def _spoilt(
    bundle: Bundle, bid_key: BidKey, pairs: Sequence[SealingKeyPair], keys: Sequence[SealingPublicKey]
) -> list[Json]:
    """Return bundles whose first envelope must be refused."""
    content = open_envelope(bundle, 1, pairs[0]).encode()
    too_large = content[:-8] + P.to_bytes(8, "little")
    other = content[:-8] + bytes([content[-8] ^ 1]) + content[-7:]
    shared = bytes([content[0] ^ 1]) + content[1:]
    salted = content[:24] + bytes([content[24] ^ 1]) + content[25:]
    info = envelope_info(bid_key, 1)

    def sealed(inside: bytes, promised: bytes) -> Bundle:
        return replace(
            bundle,
            envelopes=(keys[0].seal(inside, info), *bundle.envelopes[1:]),
            commitments=(commitment(bid_key.auction, 1, promised), *bundle.commitments[1:]),
        )

    changed = bytearray(bundle.envelopes[0])
    changed[0] ^= 1
    cases = {
        "another auction": replace(bundle, auction=AuctionId("cd" * 32)),
        "another bidder": replace(bundle, bidder=OTHER_BIDDER),
        "another revision": replace(bundle, revision=4),
        "another party's envelope": replace(bundle, envelopes=(bundle.envelopes[1], *bundle.envelopes[1:])),
        "a changed envelope": replace(bundle, envelopes=(bytes(changed), *bundle.envelopes[1:])),
        "another content than promised": sealed(other, content),
        "a number beyond the field": sealed(too_large, too_large),
        "a mask beside the polynomial": sealed(other, other),
        "a salt beside the polynomial": sealed(salted, salted),
        "a share beside the polynomial": sealed(shared, shared),
        "another proof": replace(bundle, proof=bytes(len(bundle.proof))),
    }
    return [
        {"why": why, "bundle": to_base64url(one.encode()), "code": code_of(partial(open_envelope, one, 1, pairs[0]))}
        for why, one in cases.items()
    ]
