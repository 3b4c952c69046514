from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.identity import Identity
from aukciszek.protocol.evidence.certificate import Certificate, CertificateBody, LeftOut, PartySignature, Winner
from aukciszek.protocol.evidence.checks import CheckName, Verdict
from aukciszek.protocol.evidence.receipts import ReceiptFile
from aukciszek.protocol.evidence.verification import verify_certificate
from aukciszek.protocol.rules.identifiers import BundleDigest, UserId
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.sealing.bundle import BundleHeader
from support.receipts import give_receipt

type MakeSpec = Callable[..., AuctionSpec]

A, B, C, D, E = (BundleDigest(digit * 64) for digit in "abcde")
ANN, BOB = (UserId(f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}") for digit in "ab")
EARLY = datetime(2026, 3, 1, 11, tzinfo=UTC)
LATE = datetime(2026, 3, 1, 12, 0, 0, 1000, tzinfo=UTC)
EVERYBODY = range(1, 6)


class Archive:
    """What lies on an auditor's desk."""

    def __init__(self, spec: AuctionSpec, cluster_file: bytes, identities: list[Identity]) -> None:
        self.spec = spec
        self._cluster_file = cluster_file
        self._identities = identities

    def certificate(self, signers: Iterable[int] = EVERYBODY, **changes: Any) -> Certificate:
        fields: dict[str, object] = {
            "spec": self.spec,
            "bids": (A, B, C),
            "left_out": (LeftOut(bundle=C, reason="not-a-bit"),),
            "tie_break_seed": "0f" * 32,
            "outcome": "sold",
            "winners": (Winner(bundle=A, bidder=ANN),),
            "prices": ("850.50",),
        }
        body = CertificateBody.model_validate(fields | changes)
        signatures = [body.signed_by(PartyNumber(party), self._identities[party - 1]) for party in signers]
        return Certificate.assemble(body, self._cluster_file, signatures)

    def receipts(self, *bids: tuple[BundleDigest, bool, dict[int, datetime]]) -> ReceiptFile:
        """Return a file with one revision after the other: bundle, whether it withdraws, and who signed when."""
        file = ReceiptFile(auction=self.spec.auction_id, bidder=ANN, bids=())
        for revision, (bundle, withdrawal, signers) in enumerate(bids, start=1):
            header = BundleHeader(
                digest=bundle, auction=self.spec.auction_id, bidder=ANN, revision=revision, withdrawal=withdrawal
            )
            receipts = [
                give_receipt(
                    self._identities[party - 1],
                    PartyNumber(party),
                    auction=self.spec.auction_id,
                    bundle=bundle,
                    received_at=moment,
                )
                for party, moment in signers.items()
            ]
            file = file.with_bid(header, receipts)
        return file


@pytest.fixture
def archive(spec: AuctionSpec, cluster_file: bytes, identities: list[Identity]) -> Archive:
    return Archive(spec, cluster_file, identities)


def _verdicts(
    certificate: Certificate, cluster: Cluster | None = None, receipts: ReceiptFile | None = None
) -> dict[CheckName, Verdict]:
    report = verify_certificate(certificate, cluster=cluster, receipts=receipts)
    assert report.valid == all(check.verdict != "failed" for check in report.checks)
    assert all(check.text for check in report.checks)
    return {check.name: check.verdict for check in report.checks}


def _own_bid(certificate: Certificate, receipts: ReceiptFile) -> tuple[Verdict, str]:
    checks = [check for check in verify_certificate(certificate, receipts=receipts).checks if check.name == "own-bid"]
    assert len(checks) == 1
    return checks[0].verdict, checks[0].text


def test_a_genuine_certificate_passes(archive: Archive, cluster: Cluster) -> None:
    assert _verdicts(archive.certificate(), cluster) == {
        "cluster": "passed",
        "signatures": "passed",
        "outcome": "passed",
    }


def test_without_a_cluster_file_the_digest_is_shown_for_comparison(archive: Archive, cluster: Cluster) -> None:
    report = verify_certificate(archive.certificate())
    assert report.valid
    assert report.checks[0].verdict == "not-checked"
    assert cluster.digest in report.checks[0].text


def test_a_certificate_of_another_cluster_fails(archive: Archive, cluster: Cluster) -> None:
    renamed = cluster.parties[0].model_copy(update={"name": "Impostor"})
    other, _ = Cluster.build([renamed, *cluster.parties[1:]])
    report = verify_certificate(archive.certificate(), cluster=other)
    assert not report.valid
    assert report.checks[0].verdict == "failed"
    assert other.digest in report.checks[0].text
    assert cluster.digest in report.checks[0].text


@pytest.mark.parametrize(("signers", "verdict"), [(1, "failed"), (2, "failed"), (3, "passed"), (5, "passed")])
def test_one_more_than_the_threshold_must_have_signed(archive: Archive, signers: int, verdict: Verdict) -> None:
    certificate = archive.certificate(range(1, signers + 1))
    assert _verdicts(certificate)["signatures"] == verdict


CHANGES: list[dict[str, Any]] = [
    {"bids": (A, B, C, D)},
    {"bids": (A, C)},
    {"left_out": (LeftOut(bundle=C, reason="out-of-range"),)},
    {"left_out": ()},
    {"tie_break_seed": "0e" * 32},
    {"winners": (Winner(bundle=B, bidder=ANN),)},
    {"winners": (Winner(bundle=A, bidder=BOB),)},
    {"prices": ("850.00",)},
    {"outcome": "reserve-not-met", "winners": (), "prices": ()},
]


@pytest.mark.parametrize("changes", CHANGES)
def test_no_part_of_the_outcome_can_be_changed_under_the_signatures(archive: Archive, changes: dict[str, Any]) -> None:
    if changes.get("bids") == (A, C):
        changes = changes | {"left_out": ()}
    genuine, changed = archive.certificate(), archive.certificate([], **changes)
    forged = changed.model_copy(update={"signatures": genuine.signatures})
    assert _verdicts(Certificate.decode(forged.encode()))["signatures"] == "failed"


def test_the_rules_cannot_be_changed_under_the_signatures(archive: Archive, make_spec: MakeSpec) -> None:
    signatures = archive.certificate().signatures
    for change in ({"title": "Other"}, {"reserve_price": None}, {"threshold": 1}, {"nonce": "ac" * 32}):
        forged = archive.certificate([], spec=make_spec(**change)).model_copy(update={"signatures": signatures})
        assert _verdicts(Certificate.decode(forged.encode()))["signatures"] == "failed"


def test_one_wrong_signature_fails_even_if_enough_are_right(archive: Archive) -> None:
    certificate = archive.certificate()
    first, second, *rest = certificate.signatures
    swapped = (
        PartySignature(party=first.party, signature=second.signature),
        PartySignature(party=second.party, signature=second.signature),
        *rest,
    )
    report = verify_certificate(certificate.model_copy(update={"signatures": swapped}))
    assert [check.verdict for check in report.checks if check.name == "signatures"] == ["failed"]
    assert "party 1;" in report.checks[1].text


def test_the_signature_of_an_impostor_fails(archive: Archive) -> None:
    certificate = archive.certificate()
    body, party = certificate.body, certificate.signatures[2].party
    forged = PartySignature(party=party, signature=body.signed_by(party, Identity.new()).signature)
    signatures = (*certificate.signatures[:2], forged, *certificate.signatures[3:])
    assert _verdicts(certificate.model_copy(update={"signatures": signatures}))["signatures"] == "failed"


def test_every_outcome_is_told(archive: Archive) -> None:
    sold = verify_certificate(archive.certificate()).checks[2].text
    assert ANN in sold
    assert "850.50 EUR" in sold
    unsold = archive.certificate(outcome="reserve-not-met", winners=(), prices=())
    assert "no bid met the reserve" in verify_certificate(unsold).checks[2].text
    few = archive.certificate(bids=(A,), left_out=(), outcome="too-few-bids", winners=(), prices=())
    assert "fewer than the 2 bids" in verify_certificate(few).checks[2].text


def _signed(parties: Iterable[int], moment: datetime = EARLY) -> dict[int, datetime]:
    return dict.fromkeys(parties, moment)


def test_a_bidder_finds_the_own_bid_counted(archive: Archive) -> None:
    won = archive.receipts((A, False, _signed(EVERYBODY)))
    assert _own_bid(archive.certificate(), won) == ("passed", "revision 1 was counted and won")
    lost = archive.receipts((B, False, _signed((2, 3, 4))))
    assert _own_bid(archive.certificate(), lost) == ("passed", "revision 1 was counted and did not win")


def test_a_bid_that_should_have_counted_and_did_not_is_found(archive: Archive) -> None:
    verdict, text = _own_bid(archive.certificate(), archive.receipts((D, False, _signed((1, 4, 5)))))
    assert verdict == "failed"
    assert "3 parties signed" in text


@pytest.mark.parametrize(
    "signers", [{}, _signed((1, 2)), _signed((1, 2)) | _signed((3, 4, 5), LATE), _signed(EVERYBODY, LATE)]
)
def test_a_bid_with_too_few_receipts_in_time_proves_nothing(archive: Archive, signers: dict[int, datetime]) -> None:
    verdict, text = _own_bid(archive.certificate(), archive.receipts((D, False, signers)))
    assert verdict == "not-checked"
    assert "receipts in time from 3 parties" in text


def test_one_party_cannot_stand_for_three(archive: Archive) -> None:
    file = archive.receipts((D, False, _signed((1,))))
    (bid,) = file.bids
    tripled = file.model_copy(update={"bids": (bid.model_copy(update={"receipts": bid.receipts * 3}),)})
    assert _own_bid(archive.certificate(), tripled)[0] == "not-checked"


def test_a_bid_that_was_left_out_is_told_with_the_reason(archive: Archive) -> None:
    verdict, text = _own_bid(archive.certificate(), archive.receipts((C, False, _signed(EVERYBODY))))
    assert verdict == "failed"
    assert "not-a-bit" in text


def test_the_last_settled_revision_must_count(archive: Archive) -> None:
    replaced = archive.receipts((D, False, _signed(EVERYBODY)), (B, False, _signed(EVERYBODY)))
    assert _own_bid(archive.certificate(), replaced) == ("passed", "revision 2 was counted and did not win")
    outdated = archive.receipts((B, False, _signed(EVERYBODY)), (D, False, _signed(EVERYBODY)))
    assert _own_bid(archive.certificate(), outdated) == ("failed", "revision 1 was counted, although it was replaced")


def test_a_later_revision_with_few_receipts_may_count_or_not(archive: Archive) -> None:
    either = archive.receipts((D, False, _signed(EVERYBODY)), (B, False, _signed((1,))))
    assert _own_bid(archive.certificate(), either)[0] == "passed"
    other = archive.receipts((B, False, _signed(EVERYBODY)), (D, False, _signed((1,))))
    assert _own_bid(archive.certificate(), other)[0] == "passed"


def test_a_withdrawn_bid_must_not_count(archive: Archive) -> None:
    gone = archive.receipts((D, False, _signed(EVERYBODY)), (E, True, _signed(EVERYBODY)))
    assert _own_bid(archive.certificate(), gone) == ("passed", "your bid was withdrawn and not counted")
    there = archive.receipts((B, False, _signed(EVERYBODY)), (D, True, _signed((1, 2, 3))))
    assert _own_bid(archive.certificate(), there)[0] == "failed"
    unsettled = archive.receipts((B, False, _signed(EVERYBODY)), (D, True, _signed((1,))))
    assert _own_bid(archive.certificate(), unsettled)[0] == "passed"


def test_receipts_of_another_auction_fail(archive: Archive, make_spec: MakeSpec) -> None:
    file = archive.receipts((A, False, _signed(EVERYBODY))).model_copy(
        update={"auction": make_spec(title="Other").auction_id}
    )
    assert _verdicts(archive.certificate(), receipts=file)["receipts"] == "failed"


def test_receipts_that_are_not_genuine_fail(archive: Archive, make_spec: MakeSpec, identities: list[Identity]) -> None:
    file = archive.receipts((A, False, _signed(EVERYBODY)))
    (bid,) = file.bids
    elsewhere = give_receipt(
        identities[0], PartyNumber(1), auction=make_spec(title="Other").auction_id, bundle=A, received_at=EARLY
    )
    for receipts in (
        (bytes(len(bid.receipts[0])),),
        (bytes(64) + bid.receipts[0][64:],),
        (b"",),
        (elsewhere.encode(),),
        archive.receipts((B, False, _signed(EVERYBODY))).bids[0].receipts,
    ):
        forged = file.model_copy(update={"bids": (bid.model_copy(update={"receipts": receipts}),)})
        verdicts = _verdicts(archive.certificate(), receipts=forged)
        assert verdicts["receipts"] == "failed"
        assert "own-bid" not in verdicts
