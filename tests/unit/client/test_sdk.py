"""A client of three parties of which one (``t``) may lie: it gets through, or says who lied."""

from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from aukciszek.client.errors import (
    AnswerNotUnderstoodError,
    AuctionAbandonedError,
    AuctionCancelledError,
    ForgedStatementError,
    NotLoggedInError,
    OpeningStoreError,
    PartiesDisagreeError,
    PartyRefusedError,
    SealingKeysMissingError,
    UnreachableError,
)
from aukciszek.encoding import to_base64url
from aukciszek.mpc.sharing.shamir import interpolate
from aukciszek.protocol.evidence.verification import verify_certificate
from aukciszek.protocol.rules.errors import MalformedIdentifierError, PriceOffGridError, WrongSignatureError
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.protocol.sealing.envelope import open_envelope
from aukciszek.protocol.sealing.keys import SealingKeyPair

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aukciszek.client.bidding import SealedBid
    from aukciszek.client.schemas import Progress
    from aukciszek.client.sdk import AukciszekClient
    from aukciszek.client.submission import PlacedBid
    from aukciszek.protocol.rules.spec import AuctionSpec

    from .conftest import Certify, HurriedClock, PaperParty

type Paper = "dict[int, PaperParty]"


def gone(_: Any) -> web.Response:
    return web.Response(status=500)


async def test_logging_in_gives_one_token_for_each_party(client: "AukciszekClient") -> None:
    anonymous = client.for_user()
    with pytest.raises(NotLoggedInError):
        _ = anonymous.tokens
    tokens = await anonymous.log_in("ada@example.org", "the right password")
    assert anonymous.tokens is tokens
    assert sorted(tokens.by_party) == [1, 2, 3]
    assert (tokens.email, tokens.is_admin) == ("ada@example.org", False)


async def test_a_wrong_password_is_not_tried_twice(client: "AukciszekClient", paper: Paper) -> None:
    with pytest.raises(PartyRefusedError) as told:
        await client.log_in("ada@example.org", "a wrong password")
    assert told.value.problem == "wrong-credentials"
    assert paper[1].asked == ["POST /api/auth/login"]


async def test_registering_returns_the_new_account(client: "AukciszekClient") -> None:
    assert await client.register("ada@example.org", "the right password") == client.tokens.uid


async def test_tokens_for_foreign_servers_are_refused(client: "AukciszekClient", paper: Paper) -> None:
    def redirect(answer: Any) -> Any:
        answer["access_tokens"][1]["server"] = "https://elsewhere.example"
        return answer

    paper[1].lies["login"] = redirect
    with pytest.raises(AnswerNotUnderstoodError, match="other servers"):
        await client.log_in("ada@example.org", "the right password")


async def test_an_auction_is_created_at_all_parties(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    for party in paper.values():
        party.specs.clear()
    outcomes = await client.create_auction(spec)
    assert sorted(outcomes.answers) == [1, 2, 3]
    assert all(spec.auction_id in party.specs for party in paper.values())


async def test_an_order_that_too_few_parties_took_is_an_error(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    paper[1].lies["close"] = paper[2].lies["close"] = gone
    with pytest.raises(PartyRefusedError):
        await client.close_auction(spec.auction_id)


async def test_an_order_that_one_party_missed_is_given(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    paper[1].lies["cancel"] = gone
    outcomes = await client.cancel_auction(spec.auction_id)
    assert (sorted(outcomes.answers), sorted(outcomes.errors)) == ([2, 3], [1])


async def test_a_sealed_bid_opens_at_each_party_and_holds_the_price(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    placed = await client.place_bid(spec.auction_id, "123.50")
    assert sorted(placed.receipts) == [1, 2, 3]
    assert placed.counts
    rows = {
        number: open_envelope(party.bundles[0], number, party.key_pair).elements() for number, party in paper.items()
    }
    digits = [interpolate((1, 2), [int(rows[1][place]), int(rows[2][place])]) for place in range(spec.bits)]
    assert digits == spec.grid.bits_of(247)


async def test_what_opens_a_bid_is_told_before_any_of_it_leaves(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    kept: list[SealedBid] = []

    def keep(sealed: "SealedBid") -> None:
        assert not any(party.bundles for party in paper.values())
        kept.append(sealed)

    placed = await client.place_bid(spec.auction_id, "123.50", on_sealed=keep)
    (sealed,) = kept
    assert sealed.bundle.digest() == placed.header.digest
    assert sealed.secret.step == 247
    rows = sealed.secret.rows(sealed.bundle)
    opened = [open_envelope(party.bundles[0], number, party.key_pair).row for number, party in paper.items()]
    assert list(rows) == opened


async def test_a_bid_whose_secret_cannot_be_kept_is_not_sent(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    def refuse(_: object) -> None:
        raise OpeningStoreError("no place for it")

    with pytest.raises(OpeningStoreError):
        await client.place_bid(spec.auction_id, "123.50", on_sealed=refuse)
    assert not any(party.bundles for party in paper.values())


async def test_a_price_that_cannot_be_bid_is_not_sent(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    with pytest.raises(PriceOffGridError):
        await client.place_bid(spec.auction_id, "123.45")
    assert not any(party.bundles for party in paper.values())


async def test_replacing_and_withdrawing_count_revisions(client: "AukciszekClient", spec: "AuctionSpec") -> None:
    await client.place_bid(spec.auction_id, "5.00")
    await client.place_bid(spec.auction_id, "4.00")
    withdrawn = await client.withdraw_bid(spec.auction_id)
    assert (withdrawn.header.revision, withdrawn.header.withdrawal) == (3, True)
    held = await client.own_bids(spec.auction_id)
    assert [(bid.header.revision, bid.header.withdrawal, sorted(bid.receipts)) for bid in held] == [
        (1, False, [1, 2, 3]),
        (2, False, [1, 2, 3]),
        (3, True, [1, 2, 3]),
    ]


async def test_a_bid_counts_without_one_party_and_reaches_it_later(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    paper[2].lies["bids"] = gone
    placed = await client.place_bid(spec.auction_id, "5.00")
    assert (sorted(placed.receipts), sorted(placed.errors)) == ([1, 3], [2])
    del paper[2].lies["bids"]
    paper[2].bundles.clear()
    complete = await client.submit_again(placed)
    assert sorted(complete.receipts) == [1, 2, 3]
    assert paper[2].bundles[0].digest() == placed.header.digest
    assert [len(party.bundles) for party in paper.values()] == [1, 1, 1]


async def test_receipts_are_relayed_where_a_party_is_missing(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    seen: list[list[int]] = []
    paper[2].lies["bids"] = gone
    placed = await client.place_bid(
        spec.auction_id, "5.00", on_placed=lambda placed: seen.append(sorted(placed.receipts))
    )
    assert [] in seen or [1] in seen or [3] in seen
    assert seen[-1] == [1, 3]
    assert (placed.needed, placed.parties, placed.counts, placed.complete) == (2, 3, True, False)
    # Party 2 answers, although it takes no bids: it has the others' receipts, too.
    assert placed.relayed == {1, 2, 3}
    assert all(party.receipts_of[placed.header.digest] == {1, 3} for party in paper.values())


async def test_receipts_are_relayed_also_where_all_parties_gave_one(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    placed = await client.place_bid(spec.auction_id, "5.00")
    assert placed.complete
    assert placed.relayed == {1, 2, 3}
    for party in paper.values():
        assert party.receipts_of[placed.header.digest] == {1, 2, 3}
        assert [path.rpartition("/")[2] for path in party.asked].count("receipts") == 1


async def test_a_complete_bid_stays_complete_where_a_party_takes_no_receipts_of_others(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    paper[2].lies["receipts"] = lambda _: web.json_response({"code": "receipts-too-late", "detail": "x"}, status=409)
    placed = await client.place_bid(spec.auction_id, "5.00")
    assert placed.complete
    assert not placed.errors
    assert placed.relayed == {1, 3}


async def test_a_party_that_comes_back_is_tried_again(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper, hurried_clock: "HurriedClock"
) -> None:
    paper[2].away = True

    def on_placed(placed: "PlacedBid") -> None:
        paper[2].away = len(placed.errors) == 0 or hurried_clock.monotonic_s() < 300

    placed = await client.place_bid(spec.auction_id, "5.00", keep_trying_s=1000.0, on_placed=on_placed)
    assert sorted(placed.receipts) == [1, 2, 3]
    assert placed.errors == {}


async def test_a_party_that_stays_away_is_given_up(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    paper[2].away = True
    placed = await client.place_bid(spec.auction_id, "5.00", keep_trying_s=100.0)
    assert sorted(placed.receipts) == [1, 3]
    assert isinstance(placed.errors[2], UnreachableError)
    assert placed.relayed == {1, 3}


async def test_a_party_that_forgets_what_it_was_given_did_not_take_it(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    paper[2].lies["bids"] = gone
    paper[3].lies["receipts"] = lambda answer: answer | {"receipts_of": [3]}
    placed = await client.place_bid(spec.auction_id, "5.00")
    assert placed.relayed == {1, 2}


async def test_a_bid_with_too_few_receipts_is_an_error(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    def refuse_bids(answer: Any) -> Any:
        return answer if "bids" in answer else web.json_response({"code": "bid-too-late", "detail": "x"}, status=409)

    paper[1].lies["bids"] = paper[2].lies["bids"] = refuse_bids
    with pytest.raises(PartyRefusedError) as told:
        await client.place_bid(spec.auction_id, "5.00")
    assert told.value.problem == "bid-too-late"


async def test_a_receipt_that_is_not_the_partys_own_is_not_believed(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    paper[1].lies["bids"] = lambda answer: answer if "bids" in answer else paper[2].receipt(paper[1].bundles[-1])
    placed = await client.place_bid(spec.auction_id, "5.00")
    assert isinstance(placed.errors[1], ForgedStatementError)


async def test_a_receipt_for_another_bundle_is_not_believed(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    first = await client.place_bid(spec.auction_id, "5.00")
    paper[3].lies["bids"] = lambda answer: answer if "bids" in answer else paper[3].receipt(paper[3].bundles[0])
    second = await client.place_bid(spec.auction_id, "6.00")
    assert first.header.digest != second.header.digest
    assert isinstance(second.errors[3], AnswerNotUnderstoodError)


async def test_a_forged_signature_under_a_receipt_is_not_believed(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    def forge(answer: Any) -> Any:
        return (
            answer
            if "bids" in answer
            else answer | {"statement": answer["statement"][:20] + "AAAA" + answer["statement"][24:]}
        )

    paper[3].lies["bids"] = forge
    placed = await client.place_bid(spec.auction_id, "5.00")
    assert isinstance(placed.errors[3], WrongSignatureError)


async def test_a_liar_cannot_push_a_bidder_to_the_last_revision(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    await client.place_bid(spec.auction_id, "5.00")
    paper[1].lies["bids"] = lambda answer: (
        {"bids": [bid | {"revision": 1000} for bid in answer["bids"]]} if "bids" in answer else answer
    )
    assert (await client.place_bid(spec.auction_id, "6.00")).header.revision == 2


async def test_a_revision_that_few_parties_have_is_passed_over(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    await client.place_bid(spec.auction_id, "5.00")
    await client.place_bid(spec.auction_id, "6.00")
    paper[2].bundles.pop()
    paper[3].bundles.pop()
    assert (await client.place_bid(spec.auction_id, "7.00")).header.revision == 3


async def test_rules_that_do_not_belong_to_the_id_are_not_believed(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    def change(answer: Any) -> Any:
        answer["spec"]["title"] = "Something else"
        return answer

    paper[1].lies[spec.auction_id] = change
    overview = await client.auction(spec.auction_id)
    assert overview.spec == spec
    assert isinstance(overview.errors[1], ForgedStatementError)


async def test_an_auction_that_all_describe_wrongly_is_refused(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    for party in paper.values():
        party.lies[spec.auction_id] = lambda answer: answer | {"spec": {}}
    with pytest.raises(AnswerNotUnderstoodError):
        await client.auction(spec.auction_id)


async def test_a_sealing_key_in_another_partys_name_is_not_believed(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    def swap(answer: Any) -> Any:
        answer["sealing_keys"][1]["statement"] = to_base64url(paper[1].statement(spec.auction_id))
        return answer

    paper[1].lies[spec.auction_id] = swap
    overview = await client.auction(spec.auction_id)
    assert isinstance(overview.errors[1], ForgedStatementError)
    assert [key.content for key in overview.all_sealing_keys()] == [p.key_pair.public_bytes for p in paper.values()]


async def test_a_party_that_signs_two_sealing_keys_is_named(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    other = SealingKeyPair.new()

    def tell_another_story(answer: Any) -> Any:
        answer["sealing_keys"][2]["statement"] = to_base64url(paper[3].statement(spec.auction_id, other))
        return answer

    paper[3].lies[spec.auction_id] = tell_another_story
    with pytest.raises(PartiesDisagreeError, match="party 3"):
        await client.place_bid(spec.auction_id, "5.00")


async def test_no_bid_is_sealed_while_a_key_is_missing(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    for party in paper.values():
        party.others = [paper[1], paper[3]]
    with pytest.raises(SealingKeysMissingError, match="2"):
        await client.place_bid(spec.auction_id, "5.00")


async def test_what_is_no_id_is_refused_before_anybody_is_asked(client: "AukciszekClient", paper: Paper) -> None:
    with pytest.raises(MalformedIdentifierError):
        await client.auction("../status")
    assert not any(party.asked for party in paper.values())


async def test_the_list_shows_each_auction_once(client: "AukciszekClient", spec: "AuctionSpec") -> None:
    found = await client.auctions()
    assert [overview.id for overview in found] == [spec.auction_id]
    assert sorted(found[0].answers) == [1, 2, 3]


async def test_older_auctions_are_asked_for_page_by_page(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    found = await client.auctions(pages=3)
    assert [overview.id for overview in found] == [spec.auction_id]
    # The second page brings nothing new, so no party is asked for a third one.
    assert all(len(party.asked) == 2 for party in paper.values())
    assert len(await client.auctions()) == 1
    assert all(len(party.asked) == 3 for party in paper.values())


async def test_the_parties_must_agree_on_the_threshold(client: "AukciszekClient", paper: Paper) -> None:
    assert await client.threshold() == 1
    paper[2].lies["status"] = lambda answer: answer | {"threshold": 2}
    with pytest.raises(PartiesDisagreeError):
        await client.threshold()


async def test_the_outcome_is_the_certificate_that_verifies(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper, certify: "Certify"
) -> None:
    seen: list[Progress] = []
    for party in paper.values():
        party.state = "final"
    paper[1].certificate = certify(spec, 1)  # too few signatures: anybody could have made it up
    paper[2].certificate = certify(spec, 1, 2)
    paper[3].certificate = certify(spec, 1, 2, 3)
    certificate = await client.wait_for_outcome(spec.auction_id, seen.append)
    assert [signature.party for signature in certificate.signatures] == [1, 2, 3]
    assert verify_certificate(certificate, cluster=client.cluster).valid
    assert [progress.state for progress in seen] == ["final"]


async def test_a_certificate_that_one_party_made_up_is_refused(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper, certify: "Certify"
) -> None:
    paper[1].certificate = certify(spec, 1, price="1.00")
    paper[2].lies["certificate"] = paper[3].lies["certificate"] = gone
    with pytest.raises(ForgedStatementError):
        await client.certificate(spec.auction_id)


async def test_a_party_that_claims_a_cancellation_alone_is_not_believed(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper, certify: "Certify"
) -> None:
    paper[1].state = "cancelled"
    states: list[str] = []

    def on_progress(progress: "Progress") -> None:
        states.append(progress.state)
        if len(states) == 3:
            for party in paper.values():
                party.certificate = certify(spec, 1, 2, 3)

    certificate = await client.wait_for_outcome(spec.auction_id, on_progress)
    assert certificate.body.auction == spec.auction_id
    assert set(states) == {"cancelled"}


async def test_a_cancellation_that_enough_parties_know_ends_the_wait(
    client: "AukciszekClient", spec: "AuctionSpec"
) -> None:
    await client.cancel_auction(spec.auction_id)
    with pytest.raises(AuctionCancelledError):
        await client.wait_for_outcome(spec.auction_id)


async def test_an_end_without_an_outcome_that_enough_parties_know_ends_the_wait(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    paper[1].state, paper[2].state = "abandoned", "computing"
    states: list[str] = []

    def on_progress(progress: "Progress") -> None:
        states.append(progress.state)
        if len(states) == 3:
            paper[3].state = "abandoned"

    with pytest.raises(AuctionAbandonedError, match="records"):
        await client.wait_for_outcome(spec.auction_id, on_progress)
    assert states[:3] == ["abandoned"] * 3, "one party alone is not believed"


async def test_an_outcome_that_came_up_late_is_found_after_the_auction_was_abandoned(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper, certify: "Certify"
) -> None:
    for party in paper.values():
        party.state, party.certificate = "abandoned", certify(spec, 1, 2, 3)
    assert (await client.wait_for_outcome(spec.auction_id)).body.auction == spec.auction_id


@pytest.mark.parametrize(
    ("state", "reports", "expected"),
    [
        ("open", [[1, 2], [1, 2], []], True),
        ("computing", [[1, 2], [1, 3], [2, 3]], True),
        ("open", [[1, 2, 3], [], []], False),
        ("open", [[1], [1], [1]], False),
        ("open", [[1, 1], [2, 2], [3, 3]], False),
        ("revealing", [[1, 2], [1, 2], [1, 2]], False),
        ("cancelled", [[1, 2], [1, 2], [1, 2]], False),
    ],
)
async def test_an_auction_is_being_cancelled_while_enough_parties_vouch_and_it_is_not_done(
    *,
    client: "AukciszekClient",
    spec: "AuctionSpec",
    paper: Paper,
    state: str,
    reports: list[list[int]],
    expected: bool,
) -> None:
    for party, vouchers in zip(paper.values(), reports, strict=True):
        party.state, party.cancel_vouchers = state, vouchers
    assert (await client.auction(spec.auction_id)).is_being_cancelled is expected


async def test_watching_goes_on_at_another_party(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper, certify: "Certify"
) -> None:
    paper[1].lies["progress"] = gone
    paper[2].state = "final"
    for party in paper.values():
        party.certificate = certify(spec, 1, 2, 3)
    await client.wait_for_outcome(spec.auction_id)
    assert any("progress" in path for path in paper[2].asked)


async def test_an_unknown_auction_is_not_waited_for(client: "AukciszekClient") -> None:
    with pytest.raises(PartyRefusedError, match="party 1"):
        await client.wait_for_outcome(AuctionId("0" * 64))


async def test_a_record_that_was_tampered_with_is_an_error(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    for party in paper.values():
        party.lies["record"] = lambda _: web.Response(
            body=b'{"auction":"' + b"0" * 64 + b'","entries":[],"party":1,"version":1}'
        )
    outcomes = await client.records(spec.auction_id)
    assert sorted(outcomes.errors) == [1, 2, 3]


async def test_parties_that_are_away_are_named(client: "AukciszekClient", spec: "AuctionSpec", paper: Paper) -> None:
    for party in paper.values():
        party.away = True
    with pytest.raises(UnreachableError) as told:
        await client.auction(spec.auction_id)
    assert sorted(told.value.reasons) == [1, 2, 3]


async def test_every_method_refuses_what_is_no_auction_id(client: "AukciszekClient", paper: Paper) -> None:
    calls: list[Callable[[str], Awaitable[object]]] = [
        client.auction,
        client.wait_until_open,
        client.close_auction,
        client.cancel_auction,
        client.withdraw_bid,
        client.own_bids,
        client.wait_for_outcome,
        client.certificate,
        client.records,
        lambda auction: client.place_bid(auction, "100"),
        lambda auction: client.watch(auction, lambda _: None),
    ]
    for party in paper.values():
        party.asked.clear()
    for call in calls:
        with pytest.raises(MalformedIdentifierError, match="64 digits"):
            await call("library")
    assert not any(party.asked for party in paper.values())


async def test_an_overview_of_another_auction_is_refused(
    client: "AukciszekClient", spec: "AuctionSpec", paper: Paper
) -> None:
    overview = await client.auction(spec.auction_id)
    for party in paper.values():
        party.asked.clear()
    other = "0" * 64
    with pytest.raises(ValueError, match="another auction"):
        await client.close_auction(other, overview=overview)
    with pytest.raises(ValueError, match="another auction"):
        await client.place_bid(other, "5.00", overview=overview)
    assert not any(party.asked for party in paper.values())
