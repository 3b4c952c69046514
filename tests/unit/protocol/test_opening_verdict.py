"""A bid that was opened against certificates that all parties signed, true ones and forged ones."""

from collections.abc import Callable

import pytest

from aukciszek.identity import Identity
from aukciszek.protocol.evidence.certificate import Certificate, LeftOut, Winner
from aukciszek.protocol.evidence.checks import Verdict
from aukciszek.protocol.evidence.opened_bid import OpenedBid
from aukciszek.protocol.evidence.tie_break import tie_break_order
from aukciszek.protocol.evidence.verification import verify_certificate
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.sealing.bundle import Bundle, bundle_digest
from support.evidence import BIDDERS, Evidence, MadeBid

ANN, BOB, EVE = BIDDERS[:3]
TIE_BREAK_SEED = "0f" * 32

type MakeSpec = Callable[..., AuctionSpec]
type MakeEvidence = Callable[..., Evidence]


@pytest.fixture
def make_evidence(make_spec: MakeSpec, cluster_file: bytes, identities: list[Identity]) -> MakeEvidence:
    """Prices of this auction are half their step; the reserve is 900.00."""
    return lambda **rules: Evidence(make_spec(**rules), cluster_file, identities)


@pytest.fixture
def evidence(make_evidence: MakeEvidence) -> Evidence:
    return make_evidence()


def opening_says(certificate: Certificate, opened: OpenedBid) -> tuple[Verdict, str]:
    report = verify_certificate(certificate, opening=opened)
    found = {check.name: check for check in report.checks}
    assert found["signatures"].verdict == found["opening"].verdict == "passed"
    verdict = found["opened-bid"].verdict
    assert report.valid == (verdict != "failed")
    return verdict, found["opened-bid"].text


def judged(evidence: Evidence, bid: MadeBid, bids: list[MadeBid], *won: tuple[MadeBid, str]) -> tuple[Verdict, str]:
    return opening_says(evidence.sign(evidence.body(bids, *won)), evidence.open(bid))


def in_tie_break_order(*bids: MadeBid) -> list[MadeBid]:
    named = {bid.digest: bid for bid in bids}
    return [named[digest] for digest in tie_break_order(bytes.fromhex(TIE_BREAK_SEED), named)]


def test_a_true_outcome_is_consistent_with_every_bid(evidence: Evidence) -> None:
    bids = [evidence.seal(bidder, step) for bidder, step in ((ANN, 100), (BOB, 200), (EVE, 300))]
    for bid in bids:
        verdict, text = judged(evidence, bid, bids, (bids[0], "50.00"))
        assert verdict == "passed"
        assert text.endswith("won" if bid is bids[0] else "did not win")


def test_what_was_opened_is_told(evidence: Evidence) -> None:
    bids = [evidence.seal(ANN, 100), evidence.seal(BOB, 200)]
    report = verify_certificate(evidence.sign(evidence.body(bids, (bids[0], "50.00"))), opening=evidence.open(bids[1]))
    (text,) = [check.text for check in report.checks if check.name == "opening"]
    assert f"revision 1 of bidder {BOB} is 100.00 EUR" in text


def test_a_loser_exposes_another_winner_although_all_parties_signed_it(evidence: Evidence) -> None:
    best, friend = evidence.seal(ANN, 100), evidence.seal(BOB, 200)
    verdict, text = judged(evidence, best, [best, friend], (friend, "100.00"))
    assert (verdict, text) == ("failed", "outcome false: it is better than a bid that won")


def test_a_winner_exposes_a_price_that_was_not_bid(evidence: Evidence) -> None:
    best, other = evidence.seal(ANN, 100), evidence.seal(BOB, 200)
    verdict, text = judged(evidence, best, [best, other], (best, "49.50"))
    assert verdict == "failed"
    assert "is not the price" in text


def test_between_equal_bids_the_tie_break_value_decides(evidence: Evidence) -> None:
    first, second = in_tie_break_order(evidence.seal(ANN, 100), evidence.seal(BOB, 100))
    bids = [first, second]
    assert judged(evidence, first, bids, (first, "50.00"))[0] == "passed"
    assert judged(evidence, second, bids, (first, "50.00"))[0] == "passed"
    verdict, text = judged(evidence, first, bids, (second, "50.00"))
    assert verdict == "failed"
    assert "first among equal ones" in text


def test_forward_auctions_are_judged_the_other_way_round(make_evidence: MakeEvidence) -> None:
    evidence = make_evidence(direction="forward", reserve_price="10.00")
    low, high = evidence.seal(ANN, 100), evidence.seal(BOB, 200)
    assert judged(evidence, low, [low, high], (high, "100.00"))[0] == "passed"
    assert judged(evidence, high, [low, high], (low, "50.00"))[0] == "failed"


def test_a_bid_that_meets_the_reserve_exposes_that_none_is_said_to(evidence: Evidence) -> None:
    at, beyond = evidence.seal(ANN, 1800), evidence.seal(BOB, 1801)
    assert judged(evidence, beyond, [at, beyond])[0] == "passed"
    verdict, text = judged(evidence, at, [at, beyond])
    assert verdict == "failed"
    assert "meets the reserve price" in text


def test_too_few_bids_are_too_few_whatever_they_are(evidence: Evidence) -> None:
    bid = evidence.seal(ANN, 1)
    body = evidence.body([bid], outcome="too-few-bids", tie_break_seed=None)
    assert opening_says(evidence.sign(body), evidence.open(bid))[0] == "passed"


@pytest.mark.parametrize(
    ("price", "verdicts"),
    [
        ("100.00", {"best": "passed", "second": "passed", "third": "passed"}),
        # Only somebody whose bid contradicts the price can tell.
        ("99.50", {"best": "passed", "second": "passed", "third": "passed"}),
        ("100.50", {"best": "passed", "second": "failed", "third": "passed"}),
        ("49.50", {"best": "failed", "second": "passed", "third": "passed"}),
        ("151.00", {"best": "passed", "second": "failed", "third": "failed"}),
    ],
)
def test_the_price_of_the_best_rejected_bid_is_between_winner_and_losers(
    make_evidence: MakeEvidence, price: str, verdicts: dict[str, Verdict]
) -> None:
    evidence = make_evidence(format="second-price")
    bids = {"best": evidence.seal(ANN, 100), "second": evidence.seal(BOB, 200), "third": evidence.seal(EVE, 300)}
    found = {name: judged(evidence, bid, [*bids.values()], (bids["best"], price))[0] for name, bid in bids.items()}
    assert found == verdicts


def test_the_only_rejected_bid_knows_the_price(make_evidence: MakeEvidence) -> None:
    evidence = make_evidence(format="second-price")
    best, other, beyond = evidence.seal(ANN, 100), evidence.seal(BOB, 200), evidence.seal(EVE, 1900)
    assert judged(evidence, other, [best, other], (best, "100.00"))[0] == "passed"
    verdict, text = judged(evidence, other, [best, other], (best, "75.00"))
    assert verdict == "failed"
    assert "only rejected bid" in text
    # A bid beyond the reserve leaves the reserve as the price.
    assert judged(evidence, beyond, [best, beyond], (best, "900.00"))[0] == "passed"
    assert judged(evidence, beyond, [best, beyond], (best, "899.50"))[0] == "failed"


def test_a_lone_winner_pays_the_reserve_or_the_worst_price(make_evidence: MakeEvidence) -> None:
    for reserve, price in (("900.00", "900.00"), (None, "1000.00")):
        evidence = make_evidence(format="second-price", minimum_bids=1, reserve_price=reserve)
        bid = evidence.seal(ANN, 100)
        assert judged(evidence, bid, [bid], (bid, price))[0] == "passed"
        assert judged(evidence, bid, [bid], (bid, "899.50"))[0] == "failed"


def test_a_winner_that_ties_with_the_price_came_before_some_rejected_bid(make_evidence: MakeEvidence) -> None:
    evidence = make_evidence(format="second-price", reserve_price=None)
    first, second = in_tie_break_order(evidence.seal(ANN, 100), evidence.seal(BOB, 100))
    assert judged(evidence, first, [first, second], (first, "50.00"))[0] == "passed"
    verdict, text = judged(evidence, second, [first, second], (second, "50.00"))
    assert verdict == "failed"
    assert "come first among equal ones" in text


def test_every_loser_exposes_a_uniform_price_that_it_beats(make_evidence: MakeEvidence) -> None:
    evidence = make_evidence(format="uniform-price", winners=2)
    bids = [evidence.seal(bidder, step) for bidder, step in zip(BIDDERS, (100, 200, 300, 400), strict=False)]
    true = [(bids[0], "150.00"), (bids[1], "150.00")]
    assert {judged(evidence, bid, bids, *true)[0] for bid in bids} == {"passed"}
    forged = [(bids[0], "200.50"), (bids[3], "200.50")]
    assert [judged(evidence, bid, bids, *forged)[0] for bid in bids] == ["passed", "failed", "failed", "passed"]


def test_a_bid_in_the_place_of_a_worse_one_of_several_winners_is_exposed(make_evidence: MakeEvidence) -> None:
    evidence = make_evidence(format="pay-as-bid", winners=2)
    bids = [evidence.seal(bidder, step) for bidder, step in zip(BIDDERS, (100, 200, 300, 1900), strict=False)]
    true = [(bids[0], "50.00"), (bids[1], "100.00")]
    assert {judged(evidence, bid, bids, *true)[0] for bid in bids} == {"passed"}
    forged = [(bids[0], "50.00"), (bids[2], "150.00")]
    assert [judged(evidence, bid, bids, *forged)[0] for bid in bids] == ["passed", "failed", "passed", "passed"]
    fewer = [(bids[0], "50.00")]
    assert [judged(evidence, bid, bids, *fewer)[0] for bid in bids] == ["passed", "failed", "failed", "passed"]


def test_a_winner_under_another_name_and_a_bidder_with_two_bids_are_exposed(evidence: Evidence) -> None:
    best, other, twin = evidence.seal(ANN, 100), evidence.seal(BOB, 200), evidence.seal(BOB, 90, revision=2)
    renamed = evidence.body([best, other], (best, "50.00"), winners=(Winner(bundle=best.digest, bidder=EVE),))
    assert opening_says(evidence.sign(renamed), evidence.open(best))[0] == "failed"
    twice = evidence.body([other, twin], (twin, "45.00"))
    verdict, text = opening_says(evidence.sign(twice), evidence.open(other))
    assert verdict == "failed"
    assert "another bundle" in text


def left_out(evidence: Evidence, bid: MadeBid, reason: str) -> Certificate:
    others = [evidence.seal(BOB, 300), evidence.seal(EVE, 400)]
    out = (LeftOut.model_validate({"bundle": bid.digest, "reason": reason}),)
    return evidence.sign(evidence.body([bid, *others], (others[0], "150.00"), left_out=out))


@pytest.mark.parametrize("reason", ["not-bits", "out-of-range"])
def test_a_valid_bid_that_was_left_out_as_invalid_is_told_with_the_reason(evidence: Evidence, reason: str) -> None:
    bid = evidence.seal(ANN, 100)
    verdict, text = opening_says(left_out(evidence, bid, reason), evidence.open(bid))
    assert verdict == "failed"
    assert reason in text


def test_rows_do_not_show_what_envelopes_held_but_receipts_do(evidence: Evidence) -> None:
    bid = evidence.seal(ANN, 100)
    certificate = left_out(evidence, bid, "envelope-unusable")
    few = evidence.receipts((bid.bundle, evidence.in_time(1, 2)))
    assert opening_says(certificate, evidence.open(bid, few))[0] == "not-checked"
    most = evidence.receipts((bid.bundle, evidence.in_time(1, 2, 3)))
    verdict, text = opening_says(certificate, evidence.open(bid, most))
    assert verdict == "failed"
    assert "3 parties signed that they can use it" in text


def test_an_invalid_bid_is_left_out_rightly_and_taken_part_with_wrongly(evidence: Evidence) -> None:
    high = evidence.seal(ANN, 2001)
    assert opening_says(left_out(evidence, high, "out-of-range"), evidence.open(high))[0] == "passed"
    other = evidence.seal(BOB, 100)
    verdict, text = judged(evidence, high, [high, other], (other, "50.00"))
    assert verdict == "failed"
    assert "out-of-range" in text


def test_elements_that_are_no_bits_take_no_part(evidence: Evidence, spec: AuctionSpec) -> None:
    elements = [0] * (spec.bits - 1) + [2]
    odd = evidence.seal_elements(ANN, elements)
    others = [evidence.seal(BOB, 300), evidence.seal(EVE, 400)]
    digest = bundle_digest(odd.bundle)
    bids = tuple(sorted([digest, *(bid.digest for bid in others)]))
    won = (others[0], "150.00")
    rightly = evidence.body(others, won, bids=bids, left_out=(LeftOut(bundle=digest, reason="not-bits"),))
    assert opening_says(evidence.sign(rightly), odd)[0] == "passed"
    verdict, text = opening_says(evidence.sign(evidence.body(others, won, bids=bids)), odd)
    assert verdict == "failed"
    assert "not-bits" in text


def absent(evidence: Evidence, *more: MadeBid) -> Certificate:
    others = [evidence.seal(BOB, 300), evidence.seal(EVE, 400), *more]
    return evidence.sign(evidence.body(others, (others[0], "150.00")))


def test_parties_that_denied_their_receipts_are_named(evidence: Evidence) -> None:
    bid = evidence.seal(ANN, 100)
    receipts = evidence.receipts((bid.bundle, evidence.in_time(1, 3, 4) | evidence.late(5)))
    verdict, text = opening_says(absent(evidence), evidence.open(bid, receipts))
    assert verdict == "failed"
    assert "these parties signed for it in time: party 1 (Party 1), party 3 (Party 3), party 4 (Party 4);" in text
    assert "party 5" not in text


def test_a_bid_without_enough_receipts_in_time_had_no_claim(evidence: Evidence) -> None:
    bid = evidence.seal(ANN, 100)
    for signers in ({}, evidence.in_time(1, 2), evidence.in_time(1, 2) | evidence.late(3, 4, 5)):
        verdict, _ = opening_says(absent(evidence), evidence.open(bid, evidence.receipts((bid.bundle, signers))))
        assert verdict == "not-checked"


def test_a_later_revision_excuses_the_absence(evidence: Evidence) -> None:
    bid, later = evidence.seal(ANN, 100), evidence.seal(ANN, 90, revision=2)
    gone = Bundle.for_withdrawal(auction=evidence.spec.auction_id, bidder=ANN, revision=2)
    mine = (bid.bundle, evidence.in_time(1, 2, 3, 4, 5))

    def says(certificate: Certificate, *revisions: tuple[Bundle, dict[int, object]]) -> Verdict:
        return opening_says(certificate, evidence.open(bid, evidence.receipts(mine, *revisions)))[0]  # type: ignore[arg-type]

    assert says(absent(evidence, later), (later.bundle, {})) == "passed"
    assert says(absent(evidence), (later.bundle, dict(evidence.in_time(1, 2, 3)))) == "not-checked"
    assert says(absent(evidence), (gone, dict(evidence.in_time(1, 2, 3)))) == "passed"
    assert says(absent(evidence), (gone, dict(evidence.in_time(1)))) == "not-checked"
    assert says(absent(evidence), (later.bundle, dict(evidence.in_time(1)))) == "failed"


def test_an_opening_that_is_not_genuine_proves_nothing(evidence: Evidence, make_evidence: MakeEvidence) -> None:
    bid, friend = evidence.seal(ANN, 100), evidence.seal(BOB, 200)
    certificate = evidence.sign(evidence.body([bid, friend], (friend, "100.00")))
    opened = evidence.open(bid)
    elsewhere = make_evidence(title="Other")
    (receipts,) = opened.receipts.bids
    forged = receipts.model_copy(update={"receipts": (bytes(64) + receipts.receipts[0][64:],)})
    for wrong in (
        opened.model_copy(update={"rows": tuple(reversed(opened.rows))}),
        opened.model_copy(update={"receipts": opened.receipts.model_copy(update={"bids": (forged,)})}),
        elsewhere.open(elsewhere.seal(ANN, 100)),
    ):
        report = verify_certificate(certificate, opening=wrong)
        assert {check.name: check.verdict for check in report.checks}["opening"] == "failed"
        assert "opened-bid" not in {check.name for check in report.checks}
