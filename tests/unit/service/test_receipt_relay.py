"""A bid that only ``t + 1`` parties hold counts although one of them is lost for good: its bidder hands on receipts."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from aukciszek.accounts.tokens import Principal
from aukciszek.auctions.agreement.own_list import OwnList
from aukciszek.auctions.context.peer_network import MessageKind
from aukciszek.cluster import PartyNumber
from aukciszek.identity import PublicIdentity
from aukciszek.protocol.evidence.certificate import CertificateBody
from aukciszek.protocol.evidence.receipt_list import ReceiptListStatement
from aukciszek.protocol.evidence.receipts import RelayedBid
from aukciszek.protocol.evidence.statements import Receipt, Signed, sign, statement_digest
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.rules.refusals import (
    ReceiptsNotGenuineError,
    ReceiptsOfManyBundlesError,
    ReceiptsTooFewError,
    ReceiptsTooLateError,
)
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState
from support.parties import Parties, StartParties, new_bidder
from support.records import record_at

from .test_faults import time_passing

LOST = 2


@dataclass
class Scene:
    """Five parties of which one may fail, an auction that takes bids, and a bid that parties 1 and 2 alone hold."""

    parties: Parties
    spec: AuctionSpec
    bidder: Principal
    content: bytes
    receipts: list[Signed[Receipt]]

    @property
    def handed(self) -> RelayedBid:
        return RelayedBid(bundle=self.content, receipts=tuple(one.encode() for one in self.receipts))

    async def relay_receipts(self, to: Sequence[int]) -> None:
        for number in to:
            await self.parties.service(number).relay_receipts(self.spec.auction_id, self.handed)

    async def finish(self) -> CertificateBody:
        async with time_passing(self.parties):
            await self.parties.wait_for_state(self.spec.auction_id, AuctionState.FINAL)
        bodies = {
            (await service.queries.certificate(self.spec.auction_id)).body for service in self.parties.services.values()
        }
        assert len(bodies) == 1
        return bodies.pop()

    async def incidents(self) -> set[tuple[str, int | None]]:
        rows = [row for service in self.parties.services.values() for row in await service.queries.incidents(100)]
        return {(row.kind, row.party) for row in rows}


@pytest.fixture
async def scene(start_parties: StartParties) -> Scene:
    parties = await start_parties(5, 1)
    parties.network.drop = lambda _sender, _to, message: message.kind is MessageKind.RECEIPTS
    spec = parties.draft()
    await parties.create(spec)
    await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    await parties.bid(spec, "7")
    bidder = new_bidder()
    content = await parties.seal(spec, bidder, "5")
    receipts = [
        (await parties.service(number).submit(bidder, spec.auction_id, content)).receipt for number in (1, LOST)
    ]
    return Scene(parties, spec, bidder, content, receipts)


@pytest.mark.parametrize("handed", [False, True], ids=["not handed on", "handed on"])
async def test_a_bid_of_which_one_holder_is_lost_for_good(scene: Scene, *, handed: bool) -> None:
    if handed:
        await scene.relay_receipts([1, 3, 4, 5])
    await scene.parties.stop(LOST)
    scene.parties.clock.move(601)
    body = await scene.finish()
    assert body.prices == (("5",) if handed else ("7",))


async def test_receipts_relayed_after_the_lists_were_signed_are_added_to_them(scene: Scene) -> None:
    await scene.parties.stop(LOST)
    scene.parties.clock.move(601)
    await scene.parties.wait_for_state(scene.spec.auction_id, AuctionState.AGREEING)
    await scene.relay_receipts([1, 3])
    body = await scene.finish()
    assert [one.bidder for one in body.winners] == [scene.bidder.uid]
    record = await record_at(scene.parties.service(1), scene.spec.auction_id)
    assert "list-extended" in {entry.action for entry in record.entries}
    assert not {("two-lists", party) for party in range(1, 6)} & await scene.incidents()


async def test_a_longer_list_that_settles_a_bundle_not_here_stops_nobody(scene: Scene) -> None:
    """Parties 4 and 5 agree on the old lists, and hear of the longer ones when they are ready for a session."""
    await scene.parties.stop(LOST)
    scene.parties.clock.move(601)
    await scene.parties.wait_for_state(scene.spec.auction_id, AuctionState.AGREEING)
    for number in (1, 3):
        await scene.parties.service(number).relay_receipts(
            scene.spec.auction_id, RelayedBid(receipts=scene.handed.receipts)
        )
    assert (await scene.finish()).prices == ("5",)
    for number in (4, 5):
        assert await scene.parties.repositories[PartyNumber(number)].bundle(scene.receipts[0].content.bundle)


async def test_a_bid_that_counts_already_makes_no_list_longer(scene: Scene) -> None:
    for number in (3, 4, 5):
        accepted = await scene.parties.service(number).submit(scene.bidder, scene.spec.auction_id, scene.content)
        scene.receipts.append(accepted.receipt)
    await scene.parties.stop(LOST)
    scene.parties.clock.move(601)
    await scene.parties.wait_for_state(scene.spec.auction_id, AuctionState.AGREEING)
    await scene.relay_receipts([1, 3, 4, 5])
    assert (await scene.finish()).prices == ("5",)
    record = await record_at(scene.parties.service(1), scene.spec.auction_id)
    assert "list-extended" not in {entry.action for entry in record.entries}


async def test_a_party_that_denies_its_receipt_is_named_and_the_bid_counts(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = OwnList.sign

    async def deny(self: OwnList) -> tuple[Signed[ReceiptListStatement], str]:
        context = self._context.party
        if context.number != LOST:
            return await honest(self)
        signed = sign(ReceiptListStatement.of(self._context.auction, context.number, []), context.identity)
        return signed, statement_digest(signed.content)

    monkeypatch.setattr(OwnList, "sign", deny)
    await scene.relay_receipts([1, 3, 4, 5])
    scene.parties.clock.move(601)
    assert (await scene.finish()).prices == ("5",)
    assert ("denied-receipt", LOST) in await scene.incidents()


async def test_a_party_that_lacks_the_bundle_gets_it_along_or_from_the_signers(scene: Scene) -> None:
    digest = scene.receipts[0].content.bundle
    receipts = tuple(one.encode() for one in scene.receipts)
    for number, handed in ((3, scene.handed), (4, RelayedBid(receipts=receipts))):
        known = await scene.parties.service(number).relay_receipts(scene.spec.auction_id, handed)
        assert known == (digest, (1, LOST))
        await _until_here(scene, number, digest)
        assert await scene.parties.service(number).queries.own_bids(scene.bidder, scene.spec.auction_id) == []
        # It can still be handed in there, and gets a receipt then.
        accepted = await scene.parties.service(number).submit(scene.bidder, scene.spec.auction_id, scene.content)
        assert accepted.is_new


async def test_a_receipt_that_is_stored_is_not_verified_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[bytes] = []
    honest = PublicIdentity.verifies

    def count(self: PublicIdentity, label: str, content: bytes, signature: bytes) -> bool:
        verified.append(signature)
        return honest(self, label, content, signature)

    monkeypatch.setattr(PublicIdentity, "verifies", count)
    await scene.relay_receipts([1])
    assert verified == [scene.receipts[1].signature]
    await scene.relay_receipts([1, LOST])
    assert verified == [scene.receipts[1].signature, scene.receipts[0].signature]
    assert await scene.parties.service(1).relay_receipts(scene.spec.auction_id, scene.handed) == (
        scene.receipts[0].content.bundle,
        (1, LOST),
    )
    # The same words with another signature are not what is stored.
    forged = Signed(scene.receipts[1].content, scene.receipts[0].signature).encode()
    with pytest.raises(ReceiptsNotGenuineError):
        await scene.parties.service(1).relay_receipts(
            scene.spec.auction_id, RelayedBid(receipts=(scene.receipts[0].encode(), forged))
        )


async def _until_here(scene: Scene, number: int, digest: BundleDigest) -> None:
    while await scene.parties.repositories[PartyNumber(number)].bundle(digest) is None:
        await scene.parties.network.next_change()


async def test_what_proves_nothing_is_refused(scene: Scene) -> None:
    first, second = (one.encode() for one in scene.receipts)
    service, auction = scene.parties.service(3), scene.spec.auction_id
    with pytest.raises(ReceiptsTooFewError):
        await service.relay_receipts(auction, RelayedBid(receipts=(first, first)))
    late = second[:10] + bytes([second[10] ^ 1]) + second[11:]
    with pytest.raises(ReceiptsNotGenuineError):
        await service.relay_receipts(auction, RelayedBid(receipts=(first, late)))
    other = await scene.parties.seal(scene.spec, scene.bidder, "4", 2)
    with pytest.raises(ReceiptsOfManyBundlesError):
        await service.relay_receipts(auction, RelayedBid(bundle=other, receipts=(first, second)))
    receipt = (await scene.parties.service(1).submit(scene.bidder, auction, other)).receipt
    with pytest.raises(ReceiptsOfManyBundlesError):
        await service.relay_receipts(auction, RelayedBid(receipts=(second, receipt.encode())))
    assert await scene.parties.repositories[PartyNumber(3)].receipts(scene.receipts[0].content.bundle) == []


async def test_receipts_that_are_too_late_are_refused(scene: Scene) -> None:
    spec, parties = scene.spec, scene.parties
    after = spec.closes_at.replace(year=spec.closes_at.year + 1)
    digest = scene.receipts[0].content.bundle
    late = [
        sign(Receipt(auction=spec.auction_id, party=PartyNumber(number), bundle=digest, received_at=after), identity)
        for number, identity in enumerate(parties.identities, 1)
    ]
    with pytest.raises(ReceiptsTooFewError):
        await parties.service(3).relay_receipts(
            spec.auction_id, RelayedBid(receipts=tuple(one.encode() for one in late))
        )
    parties.clock.move(601)
    await scene.finish()
    with pytest.raises(ReceiptsTooLateError):
        await scene.relay_receipts([3])
