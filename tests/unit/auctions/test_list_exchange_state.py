"""The exchange of lists without any network: messages go in, messages and decisions come out."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from aukciszek.auctions.agreement.list_exchange_state import ListExchangeState
from aukciszek.auctions.agreement.messages import MOST_LISTS_OF_A_PARTY, ListsSeen, ListWanted
from aukciszek.auctions.agreement.receipt_lists import ReceiptLists, SignedList
from aukciszek.auctions.agreement.tally import Tally
from aukciszek.auctions.context.change_notifier import STRAGGLER_TIMEOUT_S
from aukciszek.auctions.context.peer_network import MessageKind, Outgoing
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.mode import Mode
from aukciszek.protocol.evidence.receipt_list import ListedReceipt, ReceiptListStatement
from aukciszek.protocol.evidence.statements import Signed, read_verified_statement, statement_digest
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest

AUCTION = AuctionId("ab" * 32)
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ONE_SET, OTHER_SET = "b" * 64, "c" * 64
ONE, TWO, THREE = PartyNumber(1), PartyNumber(2), PartyNumber(3)
PROOF = b"a proposal"


def list_of(party: int, *bundles: int, complaints: Iterable[int] = ()) -> SignedList:
    content = ReceiptListStatement.of(
        AUCTION,
        PartyNumber(party),
        [ListedReceipt(BundleDigest(f"{bundle:064x}"), NOON) for bundle in bundles],
        [],
        complaints=[BundleDigest(f"{bundle:064x}") for bundle in complaints],
    )
    return Signed(content, bytes(64))


def id_of(signed: SignedList) -> tuple[PartyNumber, str]:
    return signed.content.party, statement_digest(signed.content)


def no_tally(_lists: Sequence[SignedList]) -> Tally:
    raise AssertionError("what the lists say does not matter here")


@dataclass
class Head:
    attempt: int
    input_set: str


@dataclass
class Known:
    """What is known about proposals."""

    locked: Head | None = None
    began_at: int = 0

    @property
    def proof(self) -> bytes | None:
        return None if self.locked is None else PROOF


class Party:
    """One party's lists, and its part in the exchange."""

    def __init__(self, own: int, mode: Mode, lists: Iterable[SignedList] = ()) -> None:
        self.number = PartyNumber(own)
        self.known = Known()
        self.lists = ReceiptLists(no_tally)
        for one in lists:
            self.add(one)
        numbers = [PartyNumber(number) for number in range(1, mode.parties + 1)]
        self.state = ListExchangeState(self.number, numbers, quorum=mode.needed, lists=self.lists, proposals=self.known)

    def add(self, signed: SignedList) -> None:
        self.lists.add(signed, id_of(signed)[1])

    def begin_on(self, input_set: str, *lists: SignedList) -> None:
        self.lists.remember(input_set, frozenset(map(id_of, lists)))
        self.lists.fix(input_set, map(id_of, lists))

    def receive(self, sender: PartyNumber, kind: MessageKind, body: bytes) -> list[Outgoing]:
        match kind:
            case MessageKind.RECEIPT_LIST:
                signed = read_verified_statement(ReceiptListStatement, body)
                is_new = self.lists.find(id_of(signed)) is None
                self.add(signed)
                return self.state.note_new_list() if is_new else []
            case MessageKind.LISTS_SEEN:
                return self.state.receive_seen(sender, ListsSeen.decode(body))
            case MessageKind.LIST_WANTED:
                return self.state.receive_wanted(sender, ListWanted.decode(body))
            case _:
                return []


def seen(
    *lists: SignedList, asking: bool = False, began: str | None = None, by: Iterable[SignedList] = ()
) -> ListsSeen:
    return ListsSeen(
        asking=asking,
        began=began,
        began_lists=tuple(sorted(map(id_of, by))),
        lists=tuple(sorted(map(id_of, lists))),
    )


def kinds(outgoing: Iterable[Outgoing]) -> list[MessageKind]:
    return [one.kind for one in outgoing]


@given(st.sampled_from([(3, 1), (5, 2), (5, 1)]), st.integers(0, 2**32), st.integers(1, 3))
def test_in_any_order_and_however_often_messages_come_all_end_with_the_same_lists(
    size: tuple[int, int], seed: int, copies: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 -- decides what happens, and protects nothing
    mode = Mode(*size)
    numbers = [PartyNumber(number) for number in range(1, mode.parties + 1)]
    parties = {number: Party(number, mode, [list_of(number, number)]) for number in numbers}
    underway: list[tuple[PartyNumber, PartyNumber, Outgoing]] = []

    def send(sender: PartyNumber, outgoing: Iterable[Outgoing]) -> None:
        underway.extend((sender, to, one) for one in outgoing for to in one.to for _ in range(copies))

    for party in parties.values():
        party.state.start(0.0)
    # What a party says again, once nothing older is under way, puts right what overtook something else.
    for _ in range(2):
        for number, party in parties.items():
            send(number, party.state.announcement(set(parties) - {number}))
        while underway:
            sender, to, one = underway.pop(chance.randrange(len(underway)))
            send(to, parties[to].receive(sender, one.kind, one.body))
    everything = {id_of(list_of(number, number)) for number in parties}
    assert all(party.lists.all == everything for party in parties.values())
    assert all(party.state.is_complete(0.0) for party in parties.values())


def test_a_list_that_is_not_here_is_asked_for_and_passed_on() -> None:
    mode = Mode(3, 1)
    asker, holder = Party(1, mode, [list_of(1)]), Party(2, mode, [list_of(2), list_of(3, 7)])
    (wanted, *rest) = asker.state.receive_seen(TWO, seen(list_of(1), list_of(3, 7)))
    assert (wanted.to, wanted.kind, rest) == ((TWO,), MessageKind.LIST_WANTED, [])
    (given_,) = holder.state.receive_wanted(ONE, ListWanted.decode(wanted.body))
    assert (given_.to, given_.kind) == ((ONE,), MessageKind.RECEIPT_LIST)
    assert read_verified_statement(ReceiptListStatement, given_.body).content == list_of(3, 7).content


def test_who_is_asked_for_a_list_that_it_lacks_says_nothing() -> None:
    party = Party(1, Mode(3, 1), [list_of(1)])
    assert party.state.receive_wanted(TWO, ListWanted(party=THREE, digest="d" * 64)) == []


def test_two_parties_that_have_both_finished_do_not_answer_each_other_for_ever() -> None:
    party = Party(1, Mode(3, 1), [list_of(1)])
    assert party.state.receive_seen(TWO, seen(list_of(1))) == []
    assert kinds(party.state.receive_seen(TWO, seen(list_of(1), asking=True))) == [MessageKind.LISTS_SEEN]
    party.state.start(0.0)
    assert party.state.receive_seen(TWO, seen(list_of(1), asking=True)) == []


def test_own_lists_go_to_those_alone_who_lack_them() -> None:
    party = Party(1, Mode(3, 1), [list_of(1)])
    party.state.receive_seen(TWO, seen(list_of(1)))
    lists, told = party.state.announcement([TWO, THREE])
    assert (lists.kind, lists.to) == (MessageKind.RECEIPT_LIST, (THREE,))
    assert (told.kind, told.to) == (MessageKind.LISTS_SEEN, (TWO, THREE))


@pytest.mark.parametrize(("size", "may_go_on"), [((3, 1), False), ((5, 2), False), ((5, 1), True)])
def test_a_silent_party_is_done_without_only_where_errors_are_corrected(
    size: tuple[int, int], *, may_go_on: bool
) -> None:
    mode = Mode(*size)
    others = range(1, mode.parties)
    party = Party(1, mode, [list_of(number) for number in others])
    party.state.start(100.0)
    for number in others:
        party.state.receive_seen(PartyNumber(number), seen(*(list_of(one) for one in others)))
    assert party.state.absent == {mode.parties}
    assert not party.state.is_complete(100.0 + STRAGGLER_TIMEOUT_S - 0.01)
    assert party.state.is_complete(100.0 + STRAGGLER_TIMEOUT_S) is may_go_on


def test_a_corrupt_party_with_too_many_lists_counts_as_one_that_signed_none_and_all_of_them_are_passed_on() -> None:
    mode = Mode(5, 1)
    party = Party(1, mode, [list_of(number) for number in range(1, 5)])
    lies = [list_of(5, number) for number in range(MOST_LISTS_OF_A_PARTY + 1)]
    for lie in lies:
        party.add(lie)
    assert {author for author, _ in party.lists.counted} == {1, 2, 3, 4}
    assert 5 in party.state.absent
    assert len(party.state.receive_wanted(TWO, ListWanted(party=PartyNumber(5), digest=id_of(lies[-1])[1]))) == 1
    (told,) = party.state.announcement([TWO])[1:]
    assert len(ListsSeen.decode(told.body).lists) == 4 + len(lies)


def three_lists() -> tuple[Party, list[SignedList]]:
    lists = [list_of(number) for number in (1, 2, 3)]
    return Party(1, Mode(3, 1), lists), lists


def test_nobody_is_believed_to_have_begun_without_the_proposal() -> None:
    party, lists = three_lists()
    party.state.receive_seen(TWO, seen(*lists, began=ONE_SET, by=lists))
    assert not party.state.is_behind
    party.known.locked = Head(1, OTHER_SET)
    assert not party.state.is_behind
    party.known.locked = Head(2, ONE_SET)
    assert list(party.state.begun_by_peers()) == [(ONE_SET, frozenset(map(id_of, lists)))]
    assert party.state.is_complete(0.0)


@pytest.mark.parametrize("cut", ["fewer-authors", "a-list-that-is-not-here"])
def test_a_beginning_on_too_few_or_unknown_lists_counts_for_nothing(cut: str) -> None:
    party, lists = three_lists()
    party.known.locked = Head(1, ONE_SET)
    by = lists[:2] if cut == "fewer-authors" else [*lists[:2], list_of(3, 99)]
    party.state.receive_seen(TWO, seen(*lists, began=ONE_SET, by=by))
    assert not party.state.is_behind


def test_who_has_begun_is_bound_to_its_set_where_all_are_needed_whatever_is_proposed_later() -> None:
    party, lists = three_lists()
    party.begin_on(ONE_SET, *lists)
    party.known = Known()
    party.known.locked = Head(9, OTHER_SET)
    party.state.receive_seen(TWO, seen(*lists, began=OTHER_SET, by=lists))
    assert party.state.bound_to == ONE_SET
    assert not party.state.is_behind
    assert party.state.locked is None


@pytest.mark.parametrize(("attempt", "bound"), [(3, True), (4, False)])
def test_where_parties_can_be_done_without_a_higher_proposal_frees_from_a_beginning(
    attempt: int, *, bound: bool
) -> None:
    lists = [list_of(number) for number in range(1, 6)]
    party = Party(1, Mode(5, 1), lists)
    party.begin_on(ONE_SET, *lists)
    party.lists.remember(OTHER_SET, frozenset(map(id_of, lists[:4])))
    party.known.began_at, party.known.locked = 3, Head(attempt, OTHER_SET)
    assert (party.state.bound_to == ONE_SET) is bound
    assert (party.state.locked is None) is bound


def test_what_is_begun_or_may_be_is_told_with_its_lists_after_the_proof() -> None:
    party, lists = three_lists()
    party.known.locked = Head(1, ONE_SET)
    party.lists.remember(ONE_SET, frozenset(map(id_of, lists[:2])))
    *_, proof, told = party.state.announcement([TWO])
    assert (proof.kind, proof.body) == (MessageKind.PROPOSAL, PROOF)
    message = ListsSeen.decode(told.body)
    assert (message.began, set(message.began_lists)) == (ONE_SET, set(map(id_of, lists[:2])))
    party.begin_on(OTHER_SET, *lists)
    message = ListsSeen.decode(party.state.announcement([TWO])[-1].body)
    assert (message.began, set(message.began_lists)) == (OTHER_SET, set(map(id_of, lists)))


def test_a_list_that_comes_after_the_beginning_is_kept_and_counts_for_nothing() -> None:
    party, lists = three_lists()
    party.begin_on(ONE_SET, *lists)
    late = list_of(2, 5)
    party.add(late)
    assert id_of(late) in party.lists.all
    assert party.lists.counted == frozenset(map(id_of, lists))
    assert party.lists.of(TWO) == [id_of(lists[1]), id_of(late)]


def test_only_what_a_party_says_of_itself_contradicts_its_earlier_list() -> None:
    party = Party(1, Mode(3, 1), [list_of(2, 5, complaints=[6])])
    assert not party.lists.contradicts(list_of(2, 5, complaints=[6, 7]))
    assert party.lists.contradicts(list_of(2))
    assert not party.lists.contradicts(list_of(3))
    party.add(list_of(2, 5, complaints=[7]))
    assert party.lists.complaints_of(TWO) == {f"{6:064x}", f"{7:064x}"}
    assert party.lists.received_by(TWO) == {f"{5:064x}"}
