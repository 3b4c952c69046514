"""What must hold after every history, whatever happened in it: a plain model of the rules, and its comparison.

The model knows no shares, no lists and no sessions: only which honest parties have which bundles with a receipt in
time on their disks, what bidders put in, and the auction's rules.
"""

from collections.abc import Iterator
from itertools import chain, combinations

from aukciszek.protocol.evidence.audit_record import verify_record
from aukciszek.protocol.evidence.certificate import CertificateBody
from aukciszek.protocol.evidence.receipt_list import ReceiptListStatement
from aukciszek.protocol.evidence.receipts import in_time
from aukciszek.protocol.evidence.statements import read_verified_statement
from aukciszek.protocol.evidence.tie_break import tie_break_order
from aukciszek.protocol.evidence.verification import verify_certificate
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.rules.states import AuctionState
from simulation.operations import HIGHEST_PRICE
from simulation.world import World
from support.records import record_at

_OUTCOME = {"winners", "set of winners", "prices"}
_SUMMARY = "input checks of all bundles"
_FORGOTTEN = {"two-lists", "denied-receipt", "memory-lost"}
"""What a party that lost its memory does, or says of itself: what nobody could tell it, it may contradict."""
_EACH = "input checks of each bundle: "


async def check_properties(world: World) -> None:
    """Compare what came out with the model.

    Raises:
        AssertionError: something is lost or wrong.
    """
    await _judge_receipts(world)
    await _judge_records(world)
    states = {state for number, state in world._states().items() if number in world.honest}
    assert len(states) == 1, f"honest parties end differently: {states}"
    if states == {AuctionState.CANCELLED}:
        _judge_cancellation(world)
        return
    for service in world.honest.values():
        actions = {entry.action for entry in (await record_at(service, world.spec.auction_id)).entries}
        assert "cancelled" not in actions, "a party cancelled an auction that has an outcome"
    certificates = [await service.queries.certificate(world.spec.auction_id) for service in world.honest.values()]
    assert len({one.body.digest for one in certificates}) == 1, "honest parties have different outcomes"
    for certificate in certificates:
        assert verify_certificate(certificate, cluster=world.parties.cluster).valid
    body = certificates[0].body
    await _judge_input(world, body)
    _judge_left_out(world, body)
    _judge_outcome(world, body)
    _judge_openings(world, body)


async def _judge_receipts(world: World) -> None:
    """A receipt was given for something that is still there, at the time that it says, and stands in the list."""
    for signed in world.bidders.receipts:
        receipt = signed.content
        if receipt.party in world.restored:
            continue
        heads = await world.parties.repositories[receipt.party].own_receipts(world.spec.auction_id)
        stored = {head.digest: head.received_at for head in heads}
        assert stored.get(receipt.bundle) == receipt.received_at, "a receipt was given for something not durable"
    for number in world.honest:
        disk = world.parties.disks[number].raw
        rows = disk.execute("SELECT statement FROM lists WHERE party = ?", (number,)).fetchall()
        lists = [read_verified_statement(ReceiptListStatement, statement).content for (statement,) in rows]
        listed = {holding.bundle for one in lists for holding in one.own_receipts}
        own = {digest for (digest,) in disk.execute("SELECT digest FROM bundles WHERE received_at IS NOT NULL")}
        assert not lists or own <= listed, f"party {number} left a receipt out of its list"


async def _judge_records(world: World) -> None:
    """Every honest record is whole, no session comes twice, and nobody honest is accused of anything."""
    for service in world.honest.values():
        record = await record_at(service, world.spec.auction_id)
        verify_record(record)
        sessions = [entry.details["session"] for entry in record.entries if entry.action == "session-began"]
        assert len(sessions) == len({str(one) for one in sessions}), "a session's id was used twice"
        for incident in await service.queries.incidents(1000):
            accused = incident.party
            went_back = accused in world.restored and incident.kind in _FORGOTTEN
            assert went_back or accused in {None, world.corrupt_party}, f"party {accused} is accused of {incident.kind}"
    for sender, message, error in world.network.refused:
        assert sender == world.corrupt_party, f"{message.kind.name} of party {sender} was refused: {error}"


def _judge_cancellation(world: World) -> None:
    """It was ordered, and nothing was opened."""
    vouchers = world.ordered["cancel"] | world.watch.dishonest
    assert len(vouchers) > world.history.threshold, "an auction was cancelled that nobody cancelled"
    assert not _OUTCOME & world.watch.learned.opened.keys(), "the outcome of a cancelled auction was opened"


async def _judge_input(world: World, body: CertificateBody) -> None:
    """The bids that count are those of the rules, for every bidder."""
    signers = await _honest_signers(world)
    enough = world.history.threshold + 1
    heard = _heard(world)
    doubtful = world.watch.dishonest | world.restored
    may = {digest for digest, parties in signers.items() if len(parties | doubtful) >= enough}
    # Where a party can be done without, it may be lost with what only it and too few others know.
    must = {digest for digest in may if len((signers[digest] & heard) - world.restored) >= enough}
    # Receipts that were shown to an honest party that takes part can neither be lost nor denied.
    shown = world.bidders.shown.items()
    must |= {digest for digest, parties in shown if (parties & heard) - doubtful}
    may |= must
    assert set(body.bids) <= may, "a bid counts that too few parties signed for"
    for bidder in range(len(world.bidders.people)):
        own = {digest for digest in may if world.bidders.made[digest].bidder == bidder}
        counted = {digest for digest in body.bids if world.bidders.made[digest].bidder == bidder}
        open_to_doubt = sorted(own - must)
        possible = {_latest(world, (own & must) | set(some)) for some in _subsets(open_to_doubt)}
        found = next(iter(counted), None)
        assert len(counted) <= 1, "two bids of one bidder count"
        assert found in possible, f"bidder {bidder}: {found} counts, not {possible}"


def _heard(world: World) -> set[int]:
    """Return the parties whose lists all had who were ready for what was computed on."""
    digests = {
        digest
        for number in world.honest
        for (digest,) in world.parties.disks[number].raw.execute("SELECT input_set FROM auctions").fetchall()
    }
    known: list[set[int]] = [set(world.watch.heard[digest]) for digest in digests if digest in world.watch.heard]
    return set.intersection(*known) if known else set(world.parties.cluster.numbers)


async def _honest_signers(world: World) -> dict[BundleDigest, set[int]]:
    """Return, by bundle, the honest parties on whose disks it lies with a receipt in time."""
    signers: dict[BundleDigest, set[int]] = {digest: set() for digest in world.bidders.made}
    for number in world.honest:
        for head in await world.parties.repositories[number].own_receipts(world.spec.auction_id):
            if head.received_at is not None and in_time(head.received_at, world.spec.closes_at):
                signers[BundleDigest(head.digest)].add(number)
    return signers


def _latest(world: World, counted: set[BundleDigest]) -> BundleDigest | None:
    """Return which of one bidder's bundles stands: the highest revision, of twins the lower digest; a bid at all?"""
    made = world.bidders.made
    latest = min(counted, key=lambda digest: (-made[digest].revision, digest), default=None)
    return None if latest is None or made[latest].price is None else latest


def _subsets(digests: list[BundleDigest]) -> Iterator[tuple[BundleDigest, ...]]:
    return chain.from_iterable(combinations(digests, size) for size in range(len(digests) + 1))


def _judge_left_out(world: World, body: CertificateBody) -> None:
    """Bids are left out for a reason that is theirs."""
    left_out = {one.bundle: one.reason for one in body.left_out}
    for digest, reason in left_out.items():
        made = world.bidders.made[digest]
        if reason == "out-of-range":
            assert made.price is not None
            assert made.price > HIGHEST_PRICE, "a bid in range was left out"
        else:
            assert reason == "envelope-unusable"
            assert made.spoilt_for is not None, "a bid was left out that everybody can use"
            assert world.history.size > 2 * world.history.threshold + 1, "complaints of a minority left a bid out"
    if body.tie_break_seed is not None:
        too_high = {digest for digest in body.bids if (world.bidders.made[digest].price or 0) > HIGHEST_PRICE}
        assert too_high <= left_out.keys(), "a bid out of range took part"


def _judge_outcome(world: World, body: CertificateBody) -> None:
    """The outcome is the one of the same auction in the clear."""
    valid = set(body.bids) - {one.bundle for one in body.left_out}
    rules, sign = world.history.rules, 1 if world.history.rules.direction == "reverse" else -1
    price = {digest: world.bidders.made[digest].price or 0 for digest in valid}
    if body.tie_break_seed is None or len(valid) < max(1, rules.minimum_bids):
        assert len(valid) < max(1, rules.minimum_bids), "an auction with enough bids was not computed"
        assert body.outcome == "too-few-bids"
        return
    ranked = sorted(tie_break_order(bytes.fromhex(body.tie_break_seed), valid), key=lambda digest: sign * price[digest])
    met = [one for one in ranked if rules.reserve is None or sign * price[one] <= sign * rules.reserve]
    winners = sorted(met[: rules.winners])
    assert [one.bundle for one in body.winners] == winners, "other bids win than in the clear"
    if not winners:
        assert (body.outcome, body.prices) == ("reserve-not-met", ())
    elif rules.format in {"first-price", "pay-as-bid"}:
        assert body.prices == tuple(str(price[one]) for one in winners)
    else:
        worst = HIGHEST_PRICE if rules.direction == "reverse" else 0
        following = [price[one] for one in met[rules.winners :]]
        rest = worst if rules.reserve is None else rules.reserve
        assert body.prices == (str(following[0] if following else rest),)


def _judge_openings(world: World, body: CertificateBody) -> None:
    """Nothing was opened outside the list, and no repeated session opened anything else than the first."""
    opened = world.watch.learned.opened
    cheated = any((world.bidders.made[digest].price or 0) > HIGHEST_PRICE for digest in body.bids)
    for reason, values in opened.items():
        if reason.startswith(_EACH):
            assert cheated, "the checks of each bid were opened although all bids passed"
        else:
            assert reason in _OUTCOME | {"tie-break", _SUMMARY}, f"{reason} was opened"
        if reason in _OUTCOME:
            assert len({value for _, value in values}) == 1, f"different {reason} were opened one after the other"
    if not body.winners:
        return
    (prices,) = {value for _, value in opened["prices"]}
    mirrored = prices if world.history.rules.direction == "reverse" else [7 - price for price in prices]
    expected = sorted(int(price) for price in body.prices)
    assert sorted(mirrored)[: len(expected)] == expected or world.history.rules.format == "pay-as-bid"
