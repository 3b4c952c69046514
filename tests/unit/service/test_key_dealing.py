"""Dealing the keys of an auction: lost messages, restarts, corrupt dealers, keys that got lost."""

import asyncio
from collections.abc import Iterable

import pytest

from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.auctions.integrity import AuctionDamagedError, check_auction
from aukciszek.auctions.keys.dealing import KeyDealing
from aukciszek.auctions.keys.envelopes import AuctionKey, KeyEnvelope, KeysWanted, UnlawfulDealingError
from aukciszek.auctions.process.parts import AuctionParts
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.mode import Mode
from aukciszek.mpc.sharing.prss import dealt_sets, large_sets, new_prss_key
from aukciszek.protocol.evidence.key_tables import KeyTable, choose_keys, dealers, members_of
from aukciszek.protocol.evidence.statements import read_verified_statement, sign
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState
from aukciszek.protocol.sealing.keys import SealingKeyPair, SealingPublicKey
from support.insides import parts_at, processes_at
from support.parties import Parties, StartParties

from .test_faults import finished, time_passing

ONE, TWO, THREE = PartyNumber(1), PartyNumber(2), PartyNumber(3)
CLUSTERS = [(3, 1), (4, 1), (5, 1), (5, 2)]

type Keys = dict[tuple[int, int], bytes]
"""By set and dealer."""


def parts_of(parties: Parties, number: int, spec: AuctionSpec) -> AuctionParts:
    return parts_at(parties.service(number), spec.auction_id)


def keys_at(parties: Parties, number: int) -> Keys:
    rows = parties.disks[PartyNumber(number)].raw.execute("SELECT members, dealer, key FROM auction_keys").fetchall()
    return {(members, dealer): key for members, dealer, key in rows}


def tables_at(parties: Parties, number: int) -> dict[int, bytes]:
    rows = parties.disks[PartyNumber(number)].raw.execute("SELECT party, statement FROM key_tables").fetchall()
    return dict(rows)


async def incidents_at(parties: Parties, number: int) -> list[tuple[str, int | None]]:
    return [(one.kind, one.party) for one in await parties.service(number).queries.incidents(50)]


def incident_rows(parties: Parties, number: int) -> list[tuple[str, int | None]]:
    return list(parties.disks[PartyNumber(number)].raw.execute("SELECT kind, party FROM incidents").fetchall())


async def opened(parties: Parties, numbers: Iterable[int] | None = None) -> AuctionSpec:
    """Hold an auction's dealing to its end."""
    spec = parties.draft()
    await parties.create(spec)
    async with time_passing(parties):
        await parties.wait_for_state(spec.auction_id, AuctionState.OPEN, None if numbers is None else list(numbers))
    return spec


def check_all_hold_the_same(parties: Parties, *, of: Iterable[int] | None = None) -> None:
    """Check that each set's members, and nobody else, hold its keys."""
    mode = Mode(parties.size, parties.threshold)
    numbers = set(of or range(1, parties.size + 1))
    held = {number: keys_at(parties, number) for number in numbers}
    for members in dealt_sets(mode.parties, mode.threshold):
        place = sum(1 << (member - 1) for member in members)
        for dealer in dealers(members, mode):
            keys = {held[number][place, dealer] for number in members & numbers if dealer in numbers}
            assert len(keys) <= 1
            assert not any((place, dealer) in held[number] for number in numbers - members)


@pytest.mark.parametrize(("size", "threshold"), CLUSTERS)
async def test_all_members_of_a_set_and_nobody_else_hold_its_key(
    start_parties: StartParties, size: int, threshold: int
) -> None:
    parties = await start_parties(size, threshold)
    on_the_way: list[bytes] = []
    parties.network.on_sent = lambda _sender, message: on_the_way.append(message.body)
    spec = await opened(parties)
    check_all_hold_the_same(parties)
    mode = Mode(size, threshold)
    expected = sum(len(dealers(members, mode)) for members in dealt_sets(size, threshold))
    keys = {key for number in range(1, size + 1) for key in keys_at(parties, number).values()}
    assert len(keys) == expected, "each set and dealer has a key of its own"
    sent = b"".join(on_the_way)
    assert all(key not in sent and key.hex().encode() not in sent for key in keys), "no key travels in the clear"
    chosen = {parts_of(parties, number, spec).dealing._tables.chosen for number in range(1, size + 1)}
    assert len(chosen) == 1
    assert chosen != {None}
    assert [await incidents_at(parties, number) for number in range(1, size + 1)] == [[]] * size


async def test_two_auctions_have_different_keys(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    await opened(parties)
    await opened(parties)
    rows = parties.disks[ONE].raw.execute("SELECT members, dealer, key FROM auction_keys").fetchall()
    assert len({key for _, _, key in rows}) == len(rows) == 2 * len(keys_at(parties, 1))


@pytest.mark.parametrize(("size", "threshold"), [(3, 1), (5, 1)])
@pytest.mark.parametrize("kind", [MessageKind.SEALING_KEY, MessageKind.DEALING, MessageKind.KEY_TABLE])
async def test_lost_messages_are_made_up_for(
    start_parties: StartParties, size: int, threshold: int, kind: MessageKind
) -> None:
    parties = await start_parties(size, threshold)
    seen: dict[tuple[PartyNumber, PartyNumber], int] = {}

    def lose_the_first_three(sender: PartyNumber, to: PartyNumber, message: PeerMessage) -> bool:
        if message.kind is kind:
            seen[sender, to] = seen.get((sender, to), 0) + 1
        return message.kind is kind and seen[sender, to] <= 3

    parties.network.drop = lose_the_first_three
    await opened(parties)
    check_all_hold_the_same(parties)


@pytest.mark.parametrize(("size", "threshold"), [(3, 1), (5, 1)])
@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("kind", [MessageKind.SEALING_KEY, MessageKind.DEALING, MessageKind.KEY_TABLE])
async def test_a_party_that_stops_before_it_says_anything_goes_on_and_makes_no_key_twice(
    start_parties: StartParties, size: int, threshold: int, number: int, kind: MessageKind
) -> None:
    parties = await start_parties(size, threshold)
    stopped = asyncio.Event()
    seen: list[Keys] = []

    def stop_instead(sender: PartyNumber, _to: PartyNumber, message: PeerMessage) -> bool:
        if sender == number and message.kind is kind and not stopped.is_set():
            seen.append(keys_at(parties, number))
            stopped.set()
            parties.network.disconnect(sender)
        return False

    parties.network.drop = stop_instead
    spec = parties.draft()
    await parties.create(spec)
    if size == 3 and number == 3 and kind is MessageKind.DEALING:
        return  # it deals nothing
    async with time_passing(parties):
        await stopped.wait()
        await parties.stop(number)
        await parties.start(number)
        await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    check_all_hold_the_same(parties)
    assert seen[0].items() <= keys_at(parties, number).items()
    numbers = range(1, size + 1)
    assert [await incidents_at(parties, one) for one in numbers] == [[]] * size
    assert len({bytes(tables_at(parties, one)[number]) for one in numbers}) == 1


async def test_a_message_of_yesterday_changes_nothing(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    sent: list[tuple[PartyNumber, PartyNumber, PeerMessage]] = []

    def note(sender: PartyNumber, to: PartyNumber, message: PeerMessage) -> bool:
        sent.append((sender, to, message))
        return False

    parties.network.drop = note
    spec = await opened(parties)
    before = keys_at(parties, 3), tables_at(parties, 3)
    for sender, to, message in tuple(sent):
        if to == 3:
            await parties.service(3).on_message(sender, message)
    assert (keys_at(parties, 3), tables_at(parties, 3)) == before
    assert (await parties.service(3).queries.auction(spec.auction_id)).state is AuctionState.OPEN


def dealing(
    parties: Parties, spec: AuctionSpec, dealer: PartyNumber, to: PartyNumber, keys: list[AuctionKey]
) -> PeerMessage:
    """Deal as a corrupt party would."""
    receiver = parts_of(parties, to, spec).keys.of(to)
    envelope = KeyEnvelope("dealing", spec.auction_id, sender=dealer, receiver=to)
    return PeerMessage(MessageKind.DEALING, spec.auction_id, envelope.seal(keys, receiver))


def other_keys(keys: Iterable[AuctionKey]) -> list[AuctionKey]:
    return [AuctionKey(one.members, one.dealer, new_prss_key()) for one in keys]


def shared(parties: Parties, spec: AuctionSpec, dealer: PartyNumber, to: PartyNumber) -> list[AuctionKey]:
    held = parts_of(parties, dealer, spec).dealing._held
    return [one for one in held if one.dealer == dealer and to in one.members]


async def test_a_dealer_that_gives_different_keys_keeps_the_auction_closed_and_is_on_record(
    start_parties: StartParties,
) -> None:
    parties = await start_parties(3, 1)
    spec = parties.draft()

    def deal_otherwise(sender: PartyNumber, to: PartyNumber, message: PeerMessage) -> Iterable[PeerMessage]:
        if (sender, to, message.kind) == (ONE, THREE, MessageKind.DEALING):
            yield dealing(parties, spec, ONE, THREE, other_keys(shared(parties, spec, ONE, THREE)))
        else:
            yield message

    parties.network.rewrite = deal_otherwise
    await parties.create(spec)
    async with time_passing(parties):
        await parties.network.wait_for(lambda: all(len(tables_at(parties, number)) == 3 for number in (1, 2, 3)))
        await asyncio.sleep(1)
    for number in (1, 2, 3):
        view = await parties.service(number).queries.auction(spec.auction_id)
        assert view.state is AuctionState.CREATED
        assert ("keys-disputed", None) in await incidents_at(parties, number)
    (incident,) = [one for one in await parties.service(2).queries.incidents(50) if one.kind == "keys-disputed"]
    assert incident.details == '{"dealer":1,"members":[1,3]}'


async def test_the_first_key_that_a_dealer_gives_is_kept(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    before = keys_at(parties, 2)
    for _ in range(2):
        message = dealing(parties, spec, ONE, TWO, other_keys(shared(parties, spec, ONE, TWO)))
        await parties.service(2).on_message(ONE, message)
    assert keys_at(parties, 2) == before
    assert await incidents_at(parties, 2) == [("two-keys-dealt", 1)]


async def test_keys_that_are_not_their_senders_to_give_are_refused(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    mine = shared(parties, spec, ONE, TWO)
    foreign = AuctionKey(frozenset({1, 2}), TWO, new_prss_key())
    absent = AuctionKey(frozenset({1, 3}), ONE, new_prss_key())
    for keys in ([], [*mine, foreign], [foreign], [*mine, absent], [*mine, mine[0]]):
        with pytest.raises(UnlawfulDealingError):
            await parties.service(2).on_message(ONE, dealing(parties, spec, ONE, TWO, keys))
    receiver = parts_of(parties, TWO, spec).keys.of(TWO)
    sealed = receiver.seal(b"too short", KeyEnvelope("dealing", spec.auction_id, ONE, TWO)._info)
    with pytest.raises(UnlawfulDealingError, match="no list of keys"):
        await parties.service(2).on_message(ONE, PeerMessage(MessageKind.DEALING, spec.auction_id, sealed))


async def test_a_second_table_is_on_record_and_the_first_is_kept(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    before = tables_at(parties, 2)
    empty = sign(KeyTable.of(spec.auction_id, ONE, ()), parties.identities[0])
    for _ in range(2):
        # Whoever passes it on.
        message = PeerMessage(MessageKind.KEY_TABLE, spec.auction_id, empty.encode())
        await parties.service(2).on_message(THREE, message)
    assert tables_at(parties, 2) == before
    assert await incidents_at(parties, 2) == [("two-key-tables", 1)]


@pytest.mark.parametrize("serves", [(), (2,), (2, 3)], ids=["nobody", "one", "two"])
async def test_where_lies_are_corrected_a_dealer_that_serves_only_some_blocks_nothing(
    start_parties: StartParties, serves: tuple[int, ...]
) -> None:
    parties = await start_parties(5, 1)

    def be_silent(sender: PartyNumber, to: PartyNumber, message: PeerMessage) -> bool:
        return sender == 1 and message.kind is MessageKind.DEALING and to not in serves

    parties.network.drop = be_silent
    spec = await opened(parties)
    for number in range(1, 6):
        chosen = parts_of(parties, number, spec).dealing._tables.chosen
        assert chosen is not None
        assert chosen[frozenset({1, 2, 3, 4})].dealer == (1 if len(serves) == 2 else 2)
        assert chosen[frozenset({1, 2, 4, 5})].dealer == 2
    bidder = await parties.bid(spec, "5")
    parties.clock.move(601)
    body = await finished(parties, spec.auction_id)
    assert [one.bidder for one in body.winners] == [bidder.uid]


async def test_where_lies_are_corrected_a_party_that_signs_no_table_blocks_nothing(start_parties: StartParties) -> None:
    parties = await start_parties(5, 1)
    parties.network.drop = lambda sender, _to, message: sender == 2 and message.kind is MessageKind.KEY_TABLE
    spec = await opened(parties)
    assert 2 not in parts_of(parties, 1, spec).dealing.attested
    assert parts_of(parties, 1, spec).dealing.missing == set()


async def test_all_see_for_whom_they_wait(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    parties.network.drop = lambda sender, _to, message: (sender, message.kind) == (ONE, MessageKind.DEALING)
    spec = parties.draft()
    await parties.create(spec)
    async with time_passing(parties):
        await parties.network.wait_for(lambda: parts_of(parties, 3, spec).context.waiting_for == {1, 2})
        await parties.network.wait_for(lambda: parts_of(parties, 1, spec).context.waiting_for == {2, 3})
        parties.network.drop = lambda _sender, _to, _message: False
        await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    assert (await parties.service(1).queries.auction(spec.auction_id)).waiting_for == ()


async def test_an_auction_that_closes_before_keys_were_dealt_still_says_that_there_were_no_bids(
    start_parties: StartParties,
) -> None:
    parties = await start_parties(3, 1)
    parties.network.drop = lambda _sender, _to, message: message.kind is MessageKind.DEALING
    spec = parties.draft()
    await parties.create(spec)
    await parties.wait_for_keys(spec.auction_id)
    parties.clock.move(601)
    parties.network.drop = lambda _sender, _to, _message: False
    body = await finished(parties, spec.auction_id)
    assert body.outcome == "too-few-bids"


# Keys that got lost


async def lose_keys(parties: Parties, number: int) -> Keys:
    """Stop a party and delete its keys; return them."""
    lost = keys_at(parties, number)
    await parties.stop(number)
    raw = parties.disks[PartyNumber(number)].raw
    raw.execute("DELETE FROM auction_keys")
    raw.commit()
    return lost


async def prss_digests(parties: Parties, number: int, spec: AuctionSpec) -> dict[frozenset[int], bytes]:
    parts = parts_of(parties, number, spec)
    chosen = choose_keys(Mode(parties.size, parties.threshold), parts.dealing.attested)
    assert chosen is not None
    keys = await parts.dealing.prss_keys(chosen)
    return {members: keys.digest(members) for members in keys.sets}


async def test_a_party_that_lost_its_keys_has_them_from_its_co_members(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    on_the_way: list[bytes] = []
    parties.network.on_sent = lambda _sender, message: on_the_way.append(message.body)
    lost = await lose_keys(parties, 3)
    await parties.start(3)
    bidder = await parties.bid(spec, "5")
    parties.clock.move(601)
    async with time_passing(parties):
        assert await prss_digests(parties, 3, spec)
        assert keys_at(parties, 3) == lost
    assert all(key not in b"".join(on_the_way) for key in lost.values())
    body = await finished(parties, spec.auction_id)
    assert [one.bidder for one in body.winners] == [bidder.uid]


async def test_a_returning_party_takes_no_other_key_than_the_one_that_was_attested(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    lost = await lose_keys(parties, 3)
    asked: list[KeysWanted] = []

    def hand_a_wrong_key(sender: PartyNumber, _to: PartyNumber, message: PeerMessage) -> Iterable[PeerMessage]:
        if message.kind is MessageKind.KEYS_WANTED:
            asked.append(read_verified_statement(KeysWanted, message.body).content)
        if message.kind is MessageKind.KEYS and sender == ONE:
            envelope = KeyEnvelope("keys", spec.auction_id, sender=ONE, receiver=THREE)
            keys = other_keys(shared(parties, spec, ONE, THREE))
            yield PeerMessage(
                message.kind, spec.auction_id, envelope.seal(keys, SealingPublicKey(asked[-1].public_key))
            )
        else:
            yield message

    parties.network.rewrite = hand_a_wrong_key
    await parties.start(3)
    async with time_passing(parties):
        waiting = asyncio.create_task(prss_digests(parties, 3, spec))
        await parties.network.wait_for(lambda: parts_of(parties, 3, spec).context.waiting_for == {1})
        await asyncio.sleep(0.5)
        assert not waiting.done()
        assert keys_at(parties, 3) == {place: key for place, key in lost.items() if place[1] == 2}
        assert ("wrong-key-given", 1) in await incidents_at(parties, 3)
        parties.network.rewrite = lambda _sender, _to, message: [message]
        await waiting
    assert keys_at(parties, 3) == lost


async def test_a_party_without_its_sealing_key_has_the_keys_from_its_co_members(start_parties: StartParties) -> None:
    parties = await start_parties(5, 2)
    spec = await opened(parties)
    parts = parts_of(parties, 4, spec)
    fresh = KeyDealing(parts.context, parts.keys, None)
    await fresh._tables.load()
    processes_at(parties.service(4))[spec.auction_id].routing._from_sender[MessageKind.KEYS] = (
        fresh.recovery.receive_keys
    )
    chosen = choose_keys(Mode(5, 2), fresh.attested)
    assert chosen is not None
    before = keys_at(parties, 4)
    sealed = dealing(parties, spec, ONE, PartyNumber(4), shared(parties, spec, ONE, PartyNumber(4)))
    await fresh.receive_dealing(ONE, sealed.body)
    assert list(fresh._held) == []
    async with time_passing(parties):
        keys = await fresh.prss_keys(chosen)
    assert {members_of(place) for place, _ in before} == set(large_sets(keys))
    assert {one.id: one.key.reveal() for one in fresh._held} == before
    assert fresh.is_complete


async def test_nobody_asks_in_anothers_name(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    public_key = SealingKeyPair.new().public_bytes
    wanted = sign(KeysWanted(auction=spec.auction_id, party=TWO, public_key=public_key), parties.identities[1]).encode()
    sent: list[MessageKind] = []
    parties.network.on_sent = lambda _sender, message: sent.append(message.kind)
    with pytest.raises(UnlawfulDealingError):
        await parties.service(1).on_message(THREE, PeerMessage(MessageKind.KEYS_WANTED, spec.auction_id, wanted))
    other = sign(
        KeysWanted(auction=AuctionId("ab" * 32), party=TWO, public_key=public_key), parties.identities[1]
    ).encode()
    with pytest.raises(UnlawfulDealingError):
        await parties.service(1).on_message(TWO, PeerMessage(MessageKind.KEYS_WANTED, spec.auction_id, other))
    assert MessageKind.KEYS not in sent


async def test_a_co_member_gives_only_what_both_share(start_parties: StartParties) -> None:
    parties = await start_parties(5, 2)
    spec = await opened(parties)
    pair, given = SealingKeyPair.new(), []

    def note(sender: PartyNumber, to: PartyNumber, message: PeerMessage) -> bool:
        if message.kind is MessageKind.KEYS:
            given.extend(KeyEnvelope("keys", spec.auction_id, sender=sender, receiver=to).open(message.body, pair))
        return False

    parties.network.drop = note
    statement = KeysWanted(auction=spec.auction_id, party=TWO, public_key=pair.public_bytes)
    wanted = sign(statement, parties.identities[1]).encode()
    await parties.service(1).on_message(TWO, PeerMessage(MessageKind.KEYS_WANTED, spec.auction_id, wanted))
    assert {one.members for one in given} == {members for members in dealt_sets(5, 2) if {1, 2} <= members}


async def test_a_table_that_comes_back_counts_and_keys_made_since_are_forgotten(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    table = tables_at(parties, 2)[2]
    await parties.stop(2)
    raw = parties.disks[TWO].raw
    raw.execute("DELETE FROM auction_keys")
    raw.execute("DELETE FROM key_tables")
    raw.execute("UPDATE auctions SET state = 'created'")
    raw.commit()
    parties.network.drop = lambda _sender, to, message: to == 2 and message.kind is MessageKind.KEY_TABLE
    await parties.start(2)
    await parties.network.wait_for(lambda: ("two-keys-dealt", 2) in incident_rows(parties, 3))
    assert keys_at(parties, 2)
    parties.network.drop = lambda _sender, _to, _message: False
    message = PeerMessage(MessageKind.KEY_TABLE, spec.auction_id, table)
    await parties.service(2).on_message(THREE, message)
    assert tables_at(parties, 2)[2] == table
    assert keys_at(parties, 2) == {}
    async with time_passing(parties):
        await parties.wait_for_state(spec.auction_id, AuctionState.OPEN, [2])
        assert await prss_digests(parties, 2, spec)
    (row,) = await parties.repositories[TWO].unfinished_auctions([])
    await check_auction(parties.repositories[TWO], parties.cluster, TWO, row)


# What is left


@pytest.mark.parametrize("end", [AuctionState.FINAL, AuctionState.CANCELLED])
async def test_no_key_is_left_when_the_auction_is_over(start_parties: StartParties, end: AuctionState) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    keys = keys_at(parties, 2)
    assert keys
    message = dealing(parties, spec, ONE, TWO, shared(parties, spec, ONE, TWO))
    parts = parts_of(parties, 2, spec)
    if end is AuctionState.FINAL:
        parties.clock.move(601)
    else:
        for number in (1, 2):
            await parties.service(number).cancel(parties.auctioneer, spec.auction_id)
    async with time_passing(parties):
        await parties.wait_for_state(spec.auction_id, end)
    for number in (1, 2, 3):
        assert keys_at(parties, number) == {}
        content = parties.disks[PartyNumber(number)].raw.serialize()
        assert all(key not in content for key in keys.values())
    # What arrives at the last moment is not stored either.
    parts.dealing._held._keys.clear()
    await parts.dealing._held.keep(KeyEnvelope("dealing", spec.auction_id, ONE, TWO).open(message.body, pair_of(parts)))
    assert keys_at(parties, 2) == {}
    assert list(parts.dealing._held) == []


def pair_of(parts: AuctionParts) -> SealingKeyPair:
    pair = parts.dealing._key_pair
    assert pair is not None
    return pair


async def test_a_key_that_changed_on_the_disk_is_noticed(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    (row,) = await parties.repositories[THREE].unfinished_auctions([])
    await check_auction(parties.repositories[THREE], parties.cluster, THREE, row)
    raw = parties.disks[THREE].raw
    raw.execute("UPDATE auction_keys SET key = ? WHERE dealer = 1", (bytes(32),))
    raw.commit()
    with pytest.raises(AuctionDamagedError, match="key for shared randomness"):
        await check_auction(parties.repositories[THREE], parties.cluster, THREE, row)
    assert spec.auction_id == row.id


async def test_nothing_shows_a_key(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    held = parts_of(parties, 1, spec).dealing._held
    rows = await parties.repositories[ONE].auction_keys(spec.auction_id)
    shown = repr(list(held)) + repr(rows)
    assert all(one.key.reveal().hex() not in shown and repr(one.key.reveal()) not in shown for one in held)
