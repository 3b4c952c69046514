"""What the page sealed and opened (``web/tests/page-vectors.test.ts``): it opens, and is judged, here as there."""

import json
from pathlib import Path
from typing import Any

import pytest

from aukciszek.client.stores.opening_store import OpeningFile
from aukciszek.encoding import from_base64url
from aukciszek.mpc.sharing.shamir import interpolate
from aukciszek.protocol.evidence.certificate import Certificate
from aukciszek.protocol.evidence.opened_bid import OpenedBid
from aukciszek.protocol.evidence.receipts import ReceiptFile
from aukciszek.protocol.evidence.verification import verify_certificate
from aukciszek.protocol.rules.errors import EnvelopeCommitmentError, EnvelopeDoesNotOpenError, EnvelopeProofError
from aukciszek.protocol.sealing.bundle import Bundle
from aukciszek.protocol.sealing.envelope import open_envelope
from aukciszek.protocol.sealing.keys import SealingKeyPair

VECTORS = Path(__file__).parents[2] / "vectors"
SEALED: list[dict[str, Any]] = json.loads((VECTORS / "sealed_by_page.json").read_text(encoding="utf-8"))["sealed"]
OPENED: dict[str, Any] = json.loads((VECTORS / "opened_by_page.json").read_text(encoding="utf-8"))


def _shares(sealed: dict[str, Any]) -> dict[int, list[int]]:
    bundle = Bundle.decode(from_base64url(sealed["bundle"]))
    return {
        one["party"]: open_envelope(bundle, one["party"], _key(one)).elements().tolist() for one in sealed["envelopes"]
    }


def _key(envelope: dict[str, Any]) -> SealingKeyPair:
    return SealingKeyPair(from_base64url(envelope["seed"]))


@pytest.mark.parametrize("sealed", SEALED)
def test_every_party_finds_the_share_that_the_page_dealt(sealed: dict[str, Any]) -> None:
    expected = {one["party"]: [int(element) for element in one["elements"]] for one in sealed["envelopes"]}
    assert _shares(sealed) == expected


@pytest.mark.parametrize("sealed", SEALED)
def test_any_threshold_and_one_shares_give_the_bid(sealed: dict[str, Any]) -> None:
    shares = _shares(sealed)
    needed = sealed["threshold"] + 1
    for points in (sorted(shares)[:needed], sorted(shares)[-needed:]):
        bits = [interpolate(points, [shares[party][bit] for party in points]) for bit in range(len(sealed["bits"]))]
        assert "".join(map(str, bits)) == sealed["bits"]


@pytest.mark.parametrize("sealed", SEALED)
def test_what_was_changed_is_refused(sealed: dict[str, Any]) -> None:
    content = from_base64url(sealed["bundle"])
    bundle, key = Bundle.decode(content), _key(sealed["envelopes"][0])
    head, parties = 61, len(bundle.envelopes)
    places = {
        10: EnvelopeDoesNotOpenError,  # the auction
        57: EnvelopeDoesNotOpenError,  # the revision
        head: EnvelopeCommitmentError,  # this party's commitment
        head + 32 * parties: EnvelopeProofError,  # the proof of degree
        len(content) - len(bundle.envelopes[-1]) * parties - 2 * (parties - 1): EnvelopeDoesNotOpenError,
    }
    for place, error in places.items():
        changed = bytearray(content)
        changed[place] ^= 1
        with pytest.raises(error):
            open_envelope(Bundle.decode(bytes(changed)), 1, key)


@pytest.mark.parametrize("sealed", SEALED)
def test_no_party_opens_the_envelope_of_another(sealed: dict[str, Any]) -> None:
    bundle = Bundle.decode(from_base64url(sealed["bundle"]))
    with pytest.raises(EnvelopeDoesNotOpenError):
        open_envelope(bundle, 2, _key(sealed["envelopes"][0]))


@pytest.mark.parametrize("known", OPENED["opened"], ids=[known["why"] for known in OPENED["opened"]])
def test_what_the_page_opened_leads_to_the_same_verdicts(known: dict[str, Any]) -> None:
    certificate = Certificate.decode(known["certificate"].encode())
    opened = OpenedBid.decode(known["opened"].encode())
    assert opened.encode() == known["opened"].encode()
    report = verify_certificate(certificate, opening=opened)
    assert {check.name: check.verdict for check in report.checks} == known["checks"]


def test_what_the_page_let_its_bidder_keep_opens_the_bid(tmp_path: Path) -> None:
    known = OPENED["kept"]
    path = tmp_path / "receipts.json.opening"
    path.write_text(known["file"], encoding="utf-8")
    file = OpeningFile.read(path)
    assert file.encode().decode() == known["file"]
    (kept,) = file.bids
    receipts = ReceiptFile.decode(known["receipts"].encode())
    opened = OpenedBid.of(kept.bundle, kept.reveal(None), receipts)
    assert opened.encode().decode() == known["opened"]
