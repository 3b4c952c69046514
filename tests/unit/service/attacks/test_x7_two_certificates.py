"""Two certificates of one auction: honest parties are made to sign different outcomes.

With ``t = 2`` of five parties, one honest party's signature and those of the two corrupt ones make a certificate. So
two sessions must never open different values, whoever hears of which, and whatever is lost in between.
"""

import secrets
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest

from aukciszek.auctions.agreement.opened_envelopes import OpenedEnvelopes, Rows
from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.auctions.session.fair_opening import Openings
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.sharing.dealing import Dealing, challenge
from aukciszek.mpc.sharing.field import P, inverse, to_bytes, to_vector
from aukciszek.mpc.sharing.sizes import MASKS, SALTS
from aukciszek.protocol.rules.identifiers import BundleDigest, UserId
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.sealing.bundle import BidKey, Bundle
from aukciszek.protocol.sealing.envelope import _proof_context, commitment, envelope_info
from aukciszek.protocol.sealing.keys import SealingPublicKey
from support.corrupt import Knowledge, Withholding, deny_receipts, list_without_receipts, tell
from support.insides import processes_at
from support.losses import Certified, lose_database
from support.parties import Parties, StartParties, new_bidder
from support.passing import ended, let_pass, opened, parts_of, until

CORRUPT, HONEST = (4, 5), (1, 2, 3)
ASKER = 1


@pytest.mark.parametrize("favoured", [1, 3])
@pytest.mark.parametrize("withholds", ["share", "signature"])
async def test_last_messages_to_one_party_alone_and_a_veto_make_no_second_outcome(
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch, withholds: str, favoured: int
) -> None:
    parties = await start_parties(5, 2)
    spec = await opened(parties)
    knowledge, certified = Knowledge(parties, CORRUPT, spec.auction_id), Certified()
    withholding = Withholding(parties, CORRUPT, withholds, 1, favoured=[favoured])
    withholding.begin(monkeypatch)

    parties.network.on_sent = partial(note_both, knowledge, certified)
    winner = await parties.bid(spec, "101")
    for price in ("250", "333"):
        await parties.bid(spec, price)
    deny_receipts(monkeypatch, parties, spec, CORRUPT)
    parties.clock.move(601)
    await until(parties, lambda: bool(withholding.entered))
    (head,) = await parties.repositories[PartyNumber(1)].bundles_of(spec.auction_id, winner.uid)
    for corrupt_party in CORRUPT:
        veto = list_without_receipts(parties, spec, corrupt_party, [BundleDigest(head.digest)]).encode()
        for number in HONEST:
            await tell(parties, corrupt_party, number, MessageKind.RECEIPT_LIST, spec.auction_id, veto)
    body = await ended(parties, spec.auction_id, HONEST)
    assert [one.bidder for one in body.winners] == [winner.uid]
    assert body.left_out == ()
    assert certified.of(HONEST) == {body.digest}
    assert len(knowledge.outcomes) == 1


class TwoFaced:
    """A bundle whose bidder, with the corrupt parties' help, can make one honest party recover what it likes.

    That party's envelope is garbage, and so is the commitment to its share; the proof of degree is genuine.
    """

    def __init__(self, parties: Parties, spec: AuctionSpec, keys: Sequence[SealingPublicKey], price: str) -> None:
        self.bidder, self.spec = new_bidder(), spec
        self.bits = spec.grid.bits_of(spec.grid.to_step(price))
        bid_key = BidKey(auction=spec.auction_id, bidder=UserId(self.bidder.uid), revision=1)
        rows = Dealing.of(self.bits, parties.size, parties.threshold)
        contents = [to_bytes(row) for row in rows.shares]
        commitments = [commitment(spec.auction_id, party, content) for party, content in enumerate(contents, 1)]
        commitments[ASKER - 1] = secrets.token_bytes(32)
        self.context = _proof_context(bid_key, parties.threshold, len(self.bits), commitments)
        sealed = enumerate(zip(keys, contents, strict=True), 1)
        envelopes = [key.seal(content, envelope_info(bid_key, party)) for party, (key, content) in sealed]
        envelopes[ASKER - 1] = bytes(len(envelopes[ASKER - 1]))
        self.bundle = Bundle(
            auction=bid_key.auction,
            bidder=bid_key.bidder,
            revision=bid_key.revision,
            threshold=parties.threshold,
            bits=len(self.bits),
            commitments=tuple(commitments),
            proof=rows.prove(self.context),
            envelopes=tuple(envelopes),
        )

    def shift_to(self, price: str, party: int) -> list[int]:
        """Return what a corrupt party adds to its row to change the price, unnoticed by the honest helpers."""
        others = [number for number in HONEST if number != ASKER]
        bits = self.spec.grid.bits_of(self.spec.grid.to_step(price))
        change = [new - old for new, old in zip(bits, self.bits, strict=True)] + [0] * SALTS
        rho = challenge(self.context, len(change)).tolist()
        masks = [-sum(rho[b][k] * one for b, one in enumerate(change)) for k in range(MASKS)]
        weight = 1
        for point in others:
            weight = weight * (party - point) * inverse(-point % P) % P
        return [weight * one % P for one in (*change, *masks)]


@pytest.mark.parametrize(
    ("has_backup", "remembers"),
    [(False, True), (True, True), (True, False)],
    ids=["empty disk", "older backup", "control"],
)
async def test_a_party_that_lost_its_database_takes_no_other_share_than_before(  # noqa: PLR0915 -- a long story
    start_parties: StartParties,
    monkeypatch: pytest.MonkeyPatch,
    has_backup: bool,  # noqa: FBT001 -- with its sealing key, or without
    remembers: bool,  # noqa: FBT001 -- the rule, or without it
) -> None:
    """In two sessions the corrupt helpers make the party that complained recover two shares, for two outcomes.

    In between that party loses the database where it had stored the first one. As a control it forgets that it did.
    """
    parties = await start_parties(5, 2)
    spec = await opened(parties)
    auction = spec.auction_id
    knowledge, certified = Knowledge(parties, CORRUPT, auction), Certified()
    withholding = Withholding(parties, CORRUPT, "signature", 1_000)
    withholding.begin(monkeypatch)
    keys = [
        SealingPublicKey(one.content.public_key)
        for one in (await parties.service(1).queries.auction(auction)).sealing_keys
    ]
    two_faced = TwoFaced(parties, spec, keys, "100")
    for number in (2, 3, 4, 5):
        await parties.service(number).submit(two_faced.bidder, auction, two_faced.bundle.encode())
    await parties.bid(spec, "200")
    shifting: list[str] = []
    rows = OpenedEnvelopes.rows

    async def shifted(envelopes: OpenedEnvelopes, bundles: Sequence[BundleDigest]) -> Rows:
        found = await rows(envelopes, bundles)
        number, digest = envelopes._context.party.number, two_faced.bundle.digest()
        if number in CORRUPT and shifting and digest in found:
            change = two_faced.shift_to(shifting[0], number)
            moved = [int(old) + one for old, one in zip(found[digest], change, strict=True)]
            found[digest] = np.asarray(to_vector(moved))
        return found

    settled: Any = Openings.is_settled
    monkeypatch.setattr(OpenedEnvelopes, "rows", shifted)
    # The corrupt parties know all signatures of the first session, and sign in further ones all the same.
    never = property(lambda one: one._context.party.number not in CORRUPT and settled.fget(one))
    monkeypatch.setattr(Openings, "is_settled", never)
    backup = parties.disks[PartyNumber(ASKER)].raw.serialize()
    parties.clock.move(601)
    await until(parties, lambda: len(signed_by(parties, ASKER, auction)) == 1)
    shifting.append("300")
    if has_backup:
        await parties.stop(ASKER)
        await parties.prepare_restored(ASKER, backup)
        await parties.start(ASKER)
    else:
        await lose_database(parties, ASKER)
    await until(parties, lambda: auction in processes_at(parties.service(ASKER)))
    context = parts_of(parties, ASKER, auction).context
    await until(parties, lambda: context.recalled)
    assert context.has_lost_memory
    if not remembers:
        context.has_lost_memory = False
        await until(parties, lambda: bool(signed_by(parties, ASKER, auction)))
    else:
        await let_pass(parties, 120)
        assert signed_by(parties, ASKER, auction) == set(), "it signs no opening of anything else"
    # What the corrupt parties kept back, they bring now.
    withholding.attempts = 0
    parties.network.on_sent = partial(note_both, knowledge, certified)
    if not remembers:
        await let_pass(parties, 60)
        assert len(knowledge.outcomes) == 2
        return
    body = await ended(parties, auction, HONEST)
    assert body.prices == ("100",)
    assert certified.of(HONEST) == {body.digest}
    assert len(knowledge.outcomes) == 1


def note_both(knowledge: Knowledge, certified: Certified, sender: PartyNumber, message: PeerMessage) -> None:
    knowledge.note(sender, message)
    certified.note(sender, message)


def signed_by(parties: Parties, number: int, auction: str) -> set[tuple[str, int]]:
    """Return which openings a party has signed."""
    rows = parties.disks[PartyNumber(number)].raw.execute(
        "SELECT session, number FROM opening_signatures WHERE auction_id = ? AND party = ?", (auction, number)
    )
    return set(rows.fetchall())
