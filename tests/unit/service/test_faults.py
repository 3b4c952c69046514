"""Auctions in which parties stop, messages are lost, and one party does not play by the rules."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

import pytest

from aukciszek.auctions.agreement.list_exchange import ListExchange
from aukciszek.auctions.agreement.list_store import TooManyListsError
from aukciszek.auctions.agreement.messages import MOST_LISTS_OF_A_PARTY
from aukciszek.auctions.agreement.own_list import OwnList
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.auctions.session.computation import compute
from aukciszek.auctions.session.readiness import Readiness
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.errors import InconsistentSharesError
from aukciszek.protocol.evidence.certificate import CertificateBody
from aukciszek.protocol.evidence.receipt_list import ListedReceipt, ReceiptListStatement
from aukciszek.protocol.evidence.statements import SealingKeyStatement, Signed, sign, statement_digest
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest
from aukciszek.protocol.rules.states import AuctionState
from support.insides import parts_at, processes_at
from support.memory_network import Round
from support.parties import Parties, StartParties, new_bidder
from support.records import record_at


@contextlib.asynccontextmanager
async def time_passing(parties: Parties) -> AsyncIterator[None]:
    """Let the parties' clock run, fast, so that what is repeated after a while is repeated."""

    async def run() -> None:
        while True:
            await asyncio.sleep(0.02)
            parties.clock.move(0.5)

    running = asyncio.create_task(run())
    try:
        yield
    finally:
        running.cancel()


async def finished(parties: Parties, auction: AuctionId) -> CertificateBody:
    async with time_passing(parties):
        await parties.wait_for_state(auction, AuctionState.FINAL)
    return (await parties.service(1).queries.certificate(auction)).body


type StopAt = Callable[[AuctionState], Awaitable[None]]


@pytest.mark.parametrize(
    "state",
    [
        AuctionState.CREATED,
        AuctionState.OPEN,
        AuctionState.CLOSED,
        AuctionState.AGREEING,
        AuctionState.COMPUTING,
        AuctionState.REVEALING,
        AuctionState.SIGNING,
        AuctionState.FINAL,
    ],
)
async def test_a_party_that_stops_as_it_enters_any_state_goes_on_after_a_restart(
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch, state: AuctionState
) -> None:
    parties = await start_parties(3, 1)
    stopped = asyncio.Event()
    enter = AuctionContext.entering

    @contextlib.asynccontextmanager
    async def entering(self: AuctionContext, after: AuctionState, *rest: object) -> AsyncIterator[object]:
        async with enter(self, after, *rest) as connection:  # type: ignore[arg-type]
            yield connection
        if self.party.number == 2 and after is state and not stopped.is_set():
            stopped.set()
            await asyncio.Event().wait()

    if state is AuctionState.CREATED:
        stopped.set()
    monkeypatch.setattr(AuctionContext, "entering", entering)
    spec = parties.draft()
    await parties.create(spec)
    winner = new_bidder()

    async def bid_and_close() -> None:
        await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
        await parties.bid(spec, "5", winner)
        await parties.bid(spec, "6")
        parties.clock.move(601)

    async with time_passing(parties):
        before_bids = state in {AuctionState.CREATED, AuctionState.OPEN}
        if not before_bids:
            await bid_and_close()
        await stopped.wait()
        await parties.stop(2)
        await parties.start(2)
        if before_bids:
            await bid_and_close()
    body = await finished(parties, spec.auction_id)
    assert [one.bidder for one in body.winners] == [winner.uid]


async def test_a_restart_loses_no_bid_that_had_a_receipt(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = parties.draft()
    await parties.create(spec)
    await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    winner = await parties.bid(spec, "5")
    for number in (1, 2, 3):
        await parties.stop(number)
        await parties.start(number)
    (bid,) = await parties.service(2).queries.own_bids(winner, spec.auction_id)
    assert bid.receipt.content.party == 2
    parties.clock.move(601)
    body = await finished(parties, spec.auction_id)
    assert [one.bidder for one in body.winners] == [winner.uid]


async def test_bids_made_while_a_party_is_down_count(start_parties: StartParties) -> None:
    parties = await start_parties(5, 2)
    spec = parties.draft()
    await parties.create(spec)
    await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    await parties.stop(4)
    winner = await parties.bid(spec, "5")
    parties.clock.move(601)
    await parties.start(4)
    body = await finished(parties, spec.auction_id)
    assert [one.bidder for one in body.winners] == [winner.uid]


async def test_lost_messages_are_said_again(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    seen: dict[tuple[PartyNumber, PartyNumber, MessageKind], int] = {}

    def lose_the_first_two(sender: PartyNumber, to: PartyNumber, message: PeerMessage) -> bool:
        place = (sender, to, message.kind)
        seen[place] = seen.get(place, 0) + 1
        return seen[place] <= 2

    parties.network.drop = lose_the_first_two
    spec = parties.draft()
    await parties.create(spec)
    async with time_passing(parties):
        await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    winner = await parties.bid(spec, "5")
    parties.clock.move(601)
    body = await finished(parties, spec.auction_id)
    assert [one.bidder for one in body.winners] == [winner.uid]


async def test_a_session_that_fails_is_repeated_under_a_new_id(
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch
) -> None:
    parties = await start_parties(3, 1)
    spec = parties.draft()
    await parties.create(spec)
    await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    winner = await parties.bid(spec, "5")
    failures = iter([True])

    async def fail_once(*arguments: object, **named: object) -> object:
        if next(failures, False):
            raise InconsistentSharesError([3])
        return await compute(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("aukciszek.auctions.session.execution.compute", fail_once)
    parties.clock.move(601)
    body = await finished(parties, spec.auction_id)
    assert [one.bidder for one in body.winners] == [winner.uid]
    records = [await record_at(service, spec.auction_id) for service in parties.services.values()]
    entries = [entry for record in records for entry in record.entries]
    begun = {entry.details["session"] for entry in entries if entry.action == "session-began"}
    assert len(begun) == 2
    assert [entry.details["error"] for entry in entries if entry.action == "session-ended"].count(
        "inconsistent-shares"
    ) == 1


async def test_two_lists_of_one_party_both_count_and_are_on_record(start_parties: StartParties) -> None:
    parties = await start_parties(5, 2)
    spec = parties.draft()
    await parties.create(spec)
    await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    winner = await parties.bid(spec, "5")
    empty = sign(ReceiptListStatement.of(spec.auction_id, PartyNumber(3), []), parties.identities[2]).encode()
    for number in (1, 2):
        message = PeerMessage(MessageKind.RECEIPT_LIST, spec.auction_id, empty)
        await parties.service(number).on_message(PartyNumber(3), message)
    parties.clock.move(601)
    body = await finished(parties, spec.auction_id)
    assert [one.bidder for one in body.winners] == [winner.uid]
    kinds = {(one.kind, one.party) for one in await parties.service(5).queries.incidents(100)}
    assert ("two-lists", 3) in kinds


async def test_a_list_that_comes_after_the_session_began_accuses_nobody_but_a_corrupt_party(
    start_parties: StartParties,
) -> None:
    parties = await start_parties(5, 1)
    spec = parties.draft()
    await parties.create(spec)
    await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    await parties.bid(spec, "5")
    await parties.stop(4)
    parties.network.drop = lambda _sender, _to, message: message.kind is MessageKind.OUTCOME_SIGNATURE
    parties.clock.move(601)
    async with time_passing(parties):
        await parties.wait_for_state(spec.auction_id, AuctionState.SIGNING, [1])

    async def comes(author: int, *bundles: str) -> None:
        own_receipts = [ListedReceipt(BundleDigest(bundle), spec.opens_at) for bundle in bundles]
        statement = ReceiptListStatement.of(spec.auction_id, PartyNumber(author), own_receipts)
        content = sign(statement, parties.identities[author - 1]).encode()
        message = PeerMessage(MessageKind.RECEIPT_LIST, spec.auction_id, content)
        await parties.service(1).on_message(PartyNumber(author), message)

    for bundles in ([], [], ["11" * 32]):
        await comes(4, *bundles)
    entries = (await record_at(parties.service(1), spec.auction_id)).entries
    assert [entry.details["party"] for entry in entries if entry.action == "list-came-late"] == [4]
    # A party that says another thing of itself than before contradicts itself, whenever it does.
    kinds = [("two-lists", 4)]
    assert [(one.kind, one.party) for one in await parties.service(1).queries.incidents(100)] == kinds
    await comes(3, "11" * 32)
    kinds = [("two-lists", 3), *kinds]
    assert [(one.kind, one.party) for one in await parties.service(1).queries.incidents(100)] == kinds
    for bundle in range(2, MOST_LISTS_OF_A_PARTY + 1):
        await comes(4, f"{bundle:064x}")
    with pytest.raises(TooManyListsError):
        await comes(4, "22" * 32)


async def test_a_list_that_came_between_announcement_and_session_does_not_count_after_a_restart_either(
    start_parties: StartParties,
) -> None:
    parties = await start_parties(3, 1)
    spec = parties.draft()
    await parties.create(spec)
    await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    winner = await parties.bid(spec, "5")
    doubtful = await parties.bid(spec, "3", parties=[1])
    (head,) = await parties.repositories[PartyNumber(1)].bundles_of(spec.auction_id, doubtful.uid)
    network, kinds = parties.network, {MessageKind.READY}
    network.drop = lambda sender, _to, message: sender == 3 and message.kind in kinds
    network.tamper = lambda sender, to, one: bytes(len(one.payload)) if (sender, to) == (3, 1) else one.payload
    parties.clock.move(601)
    async with time_passing(parties):
        await parties.wait_for_state(spec.auction_id, AuctionState.COMPUTING)
        claim = ReceiptListStatement.of(
            spec.auction_id, PartyNumber(2), [ListedReceipt(BundleDigest(head.digest), spec.opens_at)]
        )
        message = PeerMessage(MessageKind.RECEIPT_LIST, spec.auction_id, sign(claim, parties.identities[1]).encode())
        await parties.service(1).on_message(PartyNumber(2), message)
        kinds.clear()
        while not any(one.kind == "session-failed" for one in await parties.service(1).queries.incidents(100)):
            await network.next_change()
        await parties.stop(1)
        network.tamper = lambda _sender, _to, one: one.payload
        await parties.start(1)
    body = await finished(parties, spec.auction_id)
    assert [one.bidder for one in body.winners] == [winner.uid]


async def test_a_party_cannot_deny_a_receipt_that_it_gave(
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch
) -> None:
    parties = await start_parties(3, 1)
    spec = parties.draft()
    await parties.create(spec)
    await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    winner = await parties.bid(spec, "5", parties=[1, 3])
    await parties.bid(spec, "6")
    async with time_passing(parties):
        await parties.wait_for_receipts(winner, spec.auction_id, at=2, of=[1, 3])
    honest = OwnList.sign

    async def deny(self: OwnList, *complaints: Iterable[BundleDigest]) -> tuple[Signed[ReceiptListStatement], str]:
        if self._context.party.number != 3:
            return await honest(self, *complaints)
        empty = sign(ReceiptListStatement.of(spec.auction_id, PartyNumber(3), []), parties.identities[2])
        return empty, statement_digest(empty.content)

    monkeypatch.setattr(OwnList, "sign", deny)
    parties.clock.move(601)
    body = await finished(parties, spec.auction_id)
    assert [one.bidder for one in body.winners] == [winner.uid]
    assert ("denied-receipt", 3) in {(one.kind, one.party) for one in await parties.service(1).queries.incidents(100)}


async def test_a_party_that_was_down_catches_up_while_bids_come_in(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = parties.draft()
    await parties.create(spec)
    await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    await parties.stop(2)
    bidder = await parties.bid(spec, "5")
    await parties.start(2)
    async with time_passing(parties):
        await parties.wait_for_receipts(bidder, spec.auction_id, at=2, of=[1, 3])
    assert await parties.service(2).queries.own_bids(bidder, spec.auction_id) == []


async def test_two_announcements_for_one_attempt_are_on_record(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = parties.draft()
    await parties.create(spec)
    service = parties.service(1)
    for nonce in ("a" * 64, "b" * 64):
        readiness = Readiness(
            auction=spec.auction_id,
            party=PartyNumber(2),
            attempt=1,
            input_set="0" * 64,
            cancelled=False,
            confirms=0,
            nonce=nonce,
            round_us=1,
            asks=b"",
        )
        content = sign(readiness, parties.identities[1]).encode()
        await service.on_message(PartyNumber(2), PeerMessage(MessageKind.READY, spec.auction_id, content))
    assert [(one.kind, one.party) for one in await service.queries.incidents(10)] == [("two-announcements", 2)]


async def test_a_second_sealing_key_is_on_record_and_the_first_is_kept(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = parties.draft()
    await parties.create(spec)
    await parties.wait_for_keys(spec.auction_id)
    service = parties.service(1)
    before = (await service.queries.auction(spec.auction_id)).sealing_keys
    other = before[2].content.public_key
    statement = sign(
        SealingKeyStatement(auction=spec.auction_id, party=PartyNumber(2), public_key=other), parties.identities[1]
    )
    message = PeerMessage(MessageKind.SEALING_KEY, spec.auction_id, statement.encode())
    await service.on_message(PartyNumber(2), message)
    assert (await service.queries.auction(spec.auction_id)).sealing_keys == before
    assert [(one.kind, one.party) for one in await service.queries.incidents(10)] == [("two-sealing-keys", 2)]


@pytest.mark.parametrize(
    ("size", "threshold", "spoilt", "wins"),
    [(5, 2, [5], True), (5, 2, [4, 5], True), (4, 1, [4], True), (4, 1, [3, 4], False), (5, 1, [1], True)],
)
async def test_a_bid_that_some_parties_cannot_open_is_left_out_if_more_than_t_complain(
    start_parties: StartParties, size: int, threshold: int, spoilt: list[int], *, wins: bool
) -> None:
    """With fewer complaints, which may all be lies, those who complain recover their shares from the others."""
    parties = await start_parties(size, threshold)
    spec = parties.draft()
    await parties.create(spec)
    await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    usable = [number for number in range(1, size + 1) if number not in spoilt]
    doubtful = await parties.bid(spec, "1", parties=usable, spoil=spoilt)
    other = await parties.bid(spec, "5")
    parties.clock.move(601)
    async with time_passing(parties):
        body = await finished(parties, spec.auction_id)
    assert [one.bidder for one in body.winners] == [doubtful.uid if wins else other.uid]
    assert [one.reason for one in body.left_out] == ([] if wins else ["envelope-unusable"])


async def test_a_failure_that_nobody_foresaw_is_shown_and_quotes_nothing(
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: ListExchange) -> None:
        raise ValueError("the share is 1234567")

    monkeypatch.setattr(ListExchange, "run", fail)
    parties = await start_parties(3, 1)
    spec = parties.draft()
    await parties.create(spec)
    await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    parties.clock.move(601)
    service = parties.service(1)
    process = processes_at(service)[spec.auction_id]
    async with time_passing(parties):
        await process._context.signal.wait_for(lambda: process._failure is not None)
        # The incident is stored just after.
        while not await service.queries.incidents(1):  # noqa: ASYNC110 -- it is about storage
            await asyncio.sleep(0)
    assert (await service.queries.auction(spec.auction_id)).failure == "unexpected-failure"
    async with asyncio.timeout(60):
        while not (incidents := await service.queries.incidents(10)):  # noqa: ASYNC110 -- written just after
            await asyncio.sleep(0.01)
    assert [(one.kind, one.party) for one in incidents] == [("stands-still", None)]
    assert "ValueError" in caplog.text
    assert "1234567" not in caplog.text + str(incidents)


class TestRobustMode:
    """Five parties with threshold 1: one of them may be silent, and the outcome still comes."""

    async def test_the_outcome_comes_without_a_party_that_is_down(self, start_parties: StartParties) -> None:
        parties = await start_parties(5, 1)
        parties.round_timeout_s = 0.3
        spec = parties.draft()
        await parties.create(spec)
        await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
        winner = await parties.bid(spec, "5")
        await parties.bid(spec, "6")
        await parties.stop(1)
        parties.clock.move(601)
        async with time_passing(parties):
            await parties.wait_for_state(spec.auction_id, AuctionState.FINAL)
        body = (await parties.service(2).queries.certificate(spec.auction_id)).body
        assert [one.bidder for one in body.winners] == [winner.uid]

        # It learns the outcome when it is back, from those who signed it.
        await parties.start(1)
        async with time_passing(parties):
            await parties.wait_for_state(spec.auction_id, AuctionState.FINAL, [1])
        certificate = await parties.service(1).queries.certificate(spec.auction_id)
        assert certificate.body == body
        assert [one.party for one in certificate.signatures] == [2, 3, 4, 5]

    @pytest.mark.parametrize("stage", ["checking", "verifying", "revealing"])
    async def test_the_outcome_comes_when_a_party_falls_silent_in_a_session(
        self, start_parties: StartParties, stage: str
    ) -> None:
        parties = await start_parties(5, 1, round_timeout_s=0.3)
        spec = parties.draft()
        await parties.create(spec)
        await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
        fourth = parts_at(parties.service(4), spec.auction_id)

        def falls_silent(sender: PartyNumber, _to: PartyNumber, _content: Round) -> bool:
            if sender == 4 and fourth.context.stage.name == stage:
                parties.network.disconnect(sender)
            return sender not in parties.network.up

        parties.network.drop_round = falls_silent
        winner = await parties.bid(spec, "5")
        parties.clock.move(601)
        async with time_passing(parties):
            await parties.wait_for_state(spec.auction_id, AuctionState.FINAL, [1, 2, 3, 5])
        assert 4 not in parties.network.up
        body = (await parties.service(2).queries.certificate(spec.auction_id)).body
        assert [one.bidder for one in body.winners] == [winner.uid]

    async def test_with_threshold_2_all_wait_and_say_for_whom(self, start_parties: StartParties) -> None:
        parties = await start_parties(5, 2)
        spec = parties.draft()
        await parties.create(spec)
        await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
        await parties.bid(spec, "5")
        await parties.stop(4)
        parties.clock.move(601)
        async with time_passing(parties):
            async for progress in parties.service(2).queries.progress(spec.auction_id):
                if progress.state is AuctionState.AGREEING and progress.waiting_for == (4,):
                    break
            await parties.start(4)
            await parties.wait_for_state(spec.auction_id, AuctionState.FINAL)
