"""What parties signed about one auction is said again in another one, or signed for another one by a corrupt party."""

from collections.abc import Iterable

import pytest

from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.auctions.session.fair_opening import Openings
from aukciszek.auctions.session.opening_state import OpeningState
from aukciszek.auctions.session.opening_statements import OpeningStatement
from aukciszek.auctions.session.setup import SessionSetup
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.protocols.fair_opening import MaskedOpening, OpeningKeys
from aukciszek.protocol.evidence.statements import sign
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState
from support.corrupt import Knowledge, Withholding, tell
from support.losses import incidents_of
from support.parties import Parties, StartParties
from support.passing import ended, let_pass, opened, parts_of, state_at, time_passing, until

HONEST = (1, 2, 3, 4)
CORRUPT = 5
SIGNED = {
    MessageKind.ORDER,
    MessageKind.SEALING_KEY,
    MessageKind.KEY_TABLE,
    MessageKind.RECEIPT_LIST,
    MessageKind.READY,
    MessageKind.PROPOSAL,
    MessageKind.OPENING_SIGNATURE,
    MessageKind.RELEASE,
    MessageKind.OUTCOME_SIGNATURE,
}


async def bid(parties: Parties, spec: AuctionSpec, prices: Iterable[str]) -> None:
    for price in prices:
        await parties.bid(spec, price)


async def say_again(parties: Parties, said: Iterable[PeerMessage], spec: AuctionSpec) -> None:
    for message in said:
        for number in HONEST:
            await tell(parties, CORRUPT, number, message.kind, spec.auction_id, message.body)


async def test_whatever_was_said_of_one_auction_is_nothing_in_another_one(start_parties: StartParties) -> None:
    """Also not the auctioneer's order to close; and nobody honest looks like a corrupt party, or stands still."""
    parties = await start_parties(5, 2)
    said: dict[tuple[MessageKind, bytes], PeerMessage] = {}

    def listen(_sender: PartyNumber, message: PeerMessage) -> None:
        if message.kind in SIGNED:
            said.setdefault((message.kind, message.body), message)

    parties.network.on_sent = listen
    first = await opened(parties)
    await bid(parties, first, ("11", "12"))
    for number in HONEST:
        await parties.service(number).close(parties.auctioneer, first.auction_id)
    await ended(parties, first.auction_id)
    parties.network.on_sent = lambda _sender, _message: None
    assert {kind for kind, _ in said} == SIGNED
    second = parties.draft()
    await parties.create(second)
    await say_again(parties, said.values(), second)
    async with time_passing(parties):
        await parties.wait_for_state(second.auction_id, AuctionState.OPEN)
    await bid(parties, second, ("333", "101", "250"))
    await say_again(parties, said.values(), second)
    await let_pass(parties, 5)
    assert {state_at(parties, number, second.auction_id) for number in HONEST} == {AuctionState.OPEN}
    parties.clock.move(601)
    await say_again(parties, said.values(), second)
    body = await ended(parties, second.auction_id)
    assert body.prices == ("101",)
    assert {party for _, party in incidents_of(parties, HONEST)} <= {CORRUPT}


@pytest.mark.parametrize("field", [pytest.param("input_set", marks=pytest.mark.drill), "auction"])
async def test_a_signature_that_others_would_refuse_releases_nothing(
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    """One honest party alone is shown it: if it counted there, the corrupt would get keys that the others get not."""
    parties = await start_parties(5, 2)
    spec = await opened(parties)
    corrupt, honest = (4, 5), (1, 2, 3)
    knowledge = Knowledge(parties, corrupt, spec.auction_id)
    Withholding(parties, corrupt, "signature", 10_000).begin(monkeypatch)
    real = Openings.sign

    async def sign_another(
        openings: Openings, opening: MaskedOpening, own: OpeningKeys, input_set: str
    ) -> OpeningState:
        result = await real(openings, opening, own, input_set)
        number = openings._context.party.number
        if number in corrupt:
            right = OpeningStatement.of(spec.auction_id, number, input_set, opening)
            wrong = sign(right.model_copy(update={field: "00" * 32}), parties.identities[number - 1])
            await tell(parties, number, 1, MessageKind.OPENING_SIGNATURE, spec.auction_id, wrong.encode())
        return result

    monkeypatch.setattr(Openings, "sign", sign_another)
    await bid(parties, spec, ("333", "101", "250"))
    parties.clock.move(601)
    await let_pass(parties, 300)
    assert not knowledge.known
    assert not any(parts_of(parties, number, spec.auction_id).certification.knows_outcome for number in honest)
    assert {party for _, party in incidents_of(parties, honest)} <= {*corrupt}


async def test_an_announcement_for_another_auction_is_not_proposed(
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored as what a session began on, it would keep the party from starting again."""
    parties = await start_parties(5, 2)
    spec = await opened(parties)
    await bid(parties, spec, ("101", "111"))
    real, lies = SessionSetup.join, True

    async def join(setup: SessionSetup, *arguments: object, **named: object) -> None:
        await real(setup, *arguments, **named)  # type: ignore[arg-type]
        own = setup._state._own
        if lies and setup._context.party.number == CORRUPT and own is not None:
            wrong = own.content.model_copy(update={"auction": "11" * 32})
            setup._state._own = sign(wrong, parties.identities[CORRUPT - 1])

    monkeypatch.setattr(SessionSetup, "join", join)
    parties.clock.move(601)
    await until(parties, lambda: state_at(parties, 1, spec.auction_id) is AuctionState.COMPUTING)
    await let_pass(parties, 60)
    for number in HONEST:
        await parties.stop(number)
        await parties.start(number)
    lies = False
    await parties.stop(CORRUPT)
    await parties.start(CORRUPT)
    assert (await ended(parties, spec.auction_id)).prices == ("101",)
    assert {party for _, party in incidents_of(parties, HONEST)} <= {CORRUPT}
