"""A veto after the outcome: a party takes part up to the last message, keeps that back, and calls the winner unusable.

If it saw the outcome before the others and the bids that count could still change, it would learn one bid after the
other, and stop at the outcome that it likes.
"""

import pytest

from aukciszek.auctions.context.peer_network import MessageKind
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.rules.states import AuctionState
from support.corrupt import Knowledge, Withholding, deny_receipts, list_without_receipts, tell
from support.drills import drills_but
from support.parties import StartParties
from support.passing import ended, opened, state_at, until
from support.records import record_at

CLUSTERS = [(3, 1), (4, 1), (5, 2), (7, 3)]
PRICES = ("333", "101", "250")
ATTEMPTS = 3


@pytest.mark.parametrize("complains", ["in its list", "later"])
@pytest.mark.parametrize("withholds", ["share", "signature", "keys"])
@pytest.mark.parametrize(("size", "threshold"), drills_but(lambda size, _threshold: size < 7, CLUSTERS))
async def test_whoever_withholds_its_last_message_learns_one_outcome_at_most_and_changes_nothing(  # noqa: PLR0917
    start_parties: StartParties,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
    threshold: int,
    withholds: str,
    complains: str,
) -> None:
    parties = await start_parties(size, threshold)
    spec = await opened(parties)
    corrupt, honest = range(size - threshold + 1, size + 1), range(1, size - threshold + 1)
    knowledge = Knowledge(parties, corrupt, spec.auction_id)
    withholding = Withholding(parties, corrupt, withholds, ATTEMPTS)
    withholding.begin(monkeypatch)
    bidders = {price: await parties.bid(spec, price) for price in PRICES}
    for bidder in bidders.values():
        held = [
            len(await parties.service(number).queries.own_bids(bidder, spec.auction_id))
            for number in range(1, size + 1)
        ]
        assert held == [1] * size, "the bidder holds all receipts"
    (best,) = await parties.repositories[PartyNumber(1)].bundles_of(spec.auction_id, bidders["101"].uid)
    winning = BundleDigest(best.digest)
    deny_receipts(monkeypatch, parties, spec, corrupt, [winning] if complains == "in its list" else [])
    parties.clock.move(601)
    if withholds != "keys":
        await until(parties, lambda: len(withholding.entered) == ATTEMPTS)
        assert knowledge.known == {}, "nothing was released: the last message of the corrupt parties is missing"
        assert all(state_at(parties, number, spec.auction_id) is not AuctionState.SIGNING for number in honest)
        if complains == "later":
            for corrupt_party in corrupt:
                late = list_without_receipts(parties, spec, corrupt_party, [winning]).encode()
                for number in honest:
                    await tell(parties, corrupt_party, number, MessageKind.RECEIPT_LIST, spec.auction_id, late)
        body = await ended(parties, spec.auction_id)
    else:
        # Only their own keys are kept back, for good: every set has an honest member.
        body = await ended(parties, spec.auction_id, honest)
    assert [one.bidder for one in body.winners] == [bidders["101"].uid]
    assert body.prices == ("101",)
    assert len(body.bids) == len(PRICES)
    assert body.left_out == ()
    (known,) = knowledge.outcomes
    assert dict(known)["prices"] == (101,)


@pytest.mark.parametrize(("size", "threshold"), CLUSTERS)
async def test_one_release_by_an_honest_party_gives_all_honest_parties_the_outcome(
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch, size: int, threshold: int
) -> None:
    """The corrupt parties sign for one honest party alone, and say nothing more to anybody."""
    parties = await start_parties(size, threshold)
    spec = await opened(parties)
    corrupt, honest = range(size - threshold + 1, size + 1), range(1, size - threshold + 1)
    knowledge = Knowledge(parties, corrupt, spec.auction_id)
    withholding = Withholding(parties, corrupt, "signature", 1_000, favoured=[1])
    withholding.begin(monkeypatch)
    bidders = {price: await parties.bid(spec, price) for price in PRICES}
    deny_receipts(monkeypatch, parties, spec, corrupt)
    parties.clock.move(601)
    body = await ended(parties, spec.auction_id, honest)
    assert [one.bidder for one in body.winners] == [bidders["101"].uid]
    assert len(body.bids) == len(PRICES)
    assert len(knowledge.outcomes) == 1
    assert knowledge.releases[0][0] == 1
    began = [
        entry.details["session"]
        for number in honest
        for entry in (await record_at(parties.service(number), spec.auction_id)).entries
        if entry.action == "session-began"
    ]
    assert set(began) == {withholding.entered[0].hex()}, "the first session was the only one"
