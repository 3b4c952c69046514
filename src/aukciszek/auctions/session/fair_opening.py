"""Fair openings of one auction at one party: signed, stored, released, finished, whatever becomes of the session.

``docs/protocol.md``, "Fair opening". A party stores a masked opening and its own keys to the mask before it signs it,
and releases these keys once it holds the signatures of all parties. A party that is shown all signatures releases its
keys, too; so after the first release by an honest party every honest party learns what was opened: in any state, after
restarts, and without the corrupt parties' help. Before it, nobody learns anything.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.context.change_notifier import LONGEST_RETRY_S
from aukciszek.auctions.context.peer_network import MessageKind
from aukciszek.auctions.session.opening_state import OpeningId, OpeningState
from aukciszek.auctions.session.opening_statements import OpeningStatement, Release, known_keys, opening_digest
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.protocols.fair_opening import MalformedMaskedOpeningError, MaskedOpening, OpeningKeys, opening_keys
from aukciszek.mpc.sharing.prss import Members, PrssKeys, dealt_sets
from aukciszek.protocol.evidence.key_tables import members_mask, members_of
from aukciszek.protocol.evidence.statements import Signed, read_verified_statement, sign
from aukciszek.protocol.rules.errors import StatementError
from aukciszek.protocol.rules.states import AuctionState
from aukciszek.storage.rows import OpeningKeyRow, OpeningRow, OpeningSignatureRow

_ANNOUNCED: Final = 3
"""Of so many of the latest openings that not all have signed, this party's signature is repeated."""

_MOST_EARLY: Final = 6
"""Signatures of one party, under openings that are not here yet, that are kept."""


class UnlawfulReleaseError(StatementError):
    """A release does not hold what it must: a masked opening, and all parties' signatures under it."""

    code = "unlawful-release"


class Openings:
    """The masked openings of one auction."""

    def __init__(self, context: AuctionContext) -> None:
        self._context = context
        self._opened: dict[OpeningId, OpeningState] = {}
        self._early: defaultdict[PartyNumber, dict[OpeningId, Signed[OpeningStatement]]] = defaultdict(dict)
        self._prss_keys: PrssKeys | None = None
        self._awaited: OpeningId | None = None
        """The latest opening of a session that runs, or that found the outcome: it makes use of it by itself."""

    async def load(self) -> None:
        """Load what was stored before a restart."""
        repository, auction = self._context.party.repository, self._context.auction
        for row in await repository.openings(auction):
            opening = MaskedOpening.decode(row.content, self._sets)
            self._opened[row.session, row.number] = OpeningState(opening, row.input_set, row.content)
        for key in await repository.opening_keys(auction):
            opened, members = self._opened[key.session, key.number], members_of(key.members)
            opened.keys[members] = key.key
            opened.stored_keys.add(members)
        for signature in await repository.opening_signatures(auction):
            signed = read_verified_statement(OpeningStatement, signature.statement)
            opened = self._opened[signature.session, signature.number]
            if signed.content != self._statement(opened, signed.content.party):
                continue
            opened.signatures[signed.content.party] = signed
            opened.stored.add(signed.content.party)
        for opened in self._opened.values():
            opened.shown = self._all_signed(opened)
            opened.finish()

    async def use_keys(self, keys: PrssKeys) -> None:
        """Derive this party's keys to masks of openings that it was shown, or will be, where it did not store them."""
        self._prss_keys = keys
        for opened in self._opened.values():
            missing = {members: key for members, key in self._derive(opened).items() if members not in opened.keys}
            if opened.shown and missing:
                await self._store(opened, missing, {})
                await self._send_release(self._context.peers, opened)

    @property
    def finished(self) -> Sequence[OpeningState]:
        """The openings whose values are known here, but for the one that a running session waits for."""
        return [
            one for opening_id, one in self._opened.items() if one.values is not None and opening_id != self._awaited
        ]

    @property
    def is_settled(self) -> bool:
        """Whether all parties have signed an opening of an outcome, so that its keys are all that may be missing."""
        return any(one.shown and one.may_be_outcome for one in self._opened.values())

    async def run(self) -> None:
        """Say again, for as long as an opening is not finished here, what peers may have missed, session or not.

        So a party that has released its keys can be sure that the holders of the others learn of it.
        """
        context = self._context
        while True:
            await context.signal.wait_for(lambda: any(one.values is None for one in self._opened.values()))
            await context.party.clock.sleep(LONGEST_RETRY_S)
            if context.state in {AuctionState.COMPUTING, AuctionState.REVEALING}:
                await self.announce(context.peers)

    def await_by_session(self, opened: OpeningState) -> None:
        """Note that a session waits for an opening: it makes use of it by itself."""
        self._awaited = opened.id

    def stop_awaiting(self) -> None:
        """Note that no session waits any more: what it was opening may still give the outcome."""
        self._awaited = None

    async def sign(self, opening: MaskedOpening, own: OpeningKeys, input_set: str) -> OpeningState:
        """Store a masked opening with this party's keys and signature, and send the signature."""
        party_context = self._context.party
        statement = OpeningStatement.of(self._context.auction, party_context.number, input_set, opening)
        opened = OpeningState(opening, input_set, opening.encode(), keys=dict(own))
        opened = self._opened.setdefault(opened.id, opened)
        opened.keys |= own
        signatures = {party_context.number: sign(statement, party_context.identity)}
        for early in self._early.values():
            signed = early.pop(opened.id, None)
            if signed is not None and signed.content == self._statement(opened, signed.content.party):
                signatures[signed.content.party] = signed
        await self._store(opened, opened.keys, signatures)
        await self._send_signature(self._context.peers, opened)
        await self._release_if_signed(opened)
        return opened

    async def receive_signature(self, content: bytes) -> None:
        """Note a party's signature under a masked opening.

        Raises:
            StatementError: it is malformed, or not signed by the party that it names.
        """
        signed = self._context.read(OpeningStatement, content)
        party, opening_id = signed.content.party, (signed.content.session, signed.content.number)
        opened = self._opened.get(opening_id)
        if opened is None:
            early = self._early[party]
            early.pop(opening_id, None)
            early[opening_id] = signed
            while len(early) > _MOST_EARLY:
                del early[next(iter(early))]
        elif signed.content != self._statement(opened, party):
            await self._context.report(
                "other-opening-signed", party, {"session": opening_id[0], "opening": opening_id[1]}
            )
        elif party not in opened.signatures:
            # It is stored with the others when all are here: until then its signer sends it again.
            opened.signatures[party] = signed
            await self._release_if_signed(opened)

    async def receive_release(self, content: bytes) -> None:
        """Take in a masked opening that all parties have signed, with keys to it; release this party's own.

        Raises:
            MalformedStatementError: the message is not of its form.
            UnlawfulReleaseError: not all parties have signed it, or it is no masked opening.
        """
        release = Release.decode(content)
        opened = self._verified(release)
        keys = known_keys(opened.opening, release.by_members())
        if not opened.shown:
            keys |= {members: key for members, key in self._derive(opened).items() if members not in opened.keys}
            await self._store(opened, keys, opened.signatures)
            await self._release_if_signed(opened)
        else:
            opened.keys |= keys
            opened.finish()
            self._context.signal.notify()
            # Nobody waits for this: each set has an honest member that stored its own key, and says it again.
            unstored = {members: key for members, key in keys.items() if members not in opened.stored_keys}
            if unstored:
                await self._store(opened, unstored, {})
        self._context.signal.notify()

    async def announce(self, to: Sequence[PartyNumber]) -> None:
        """Say again what peers may have missed: released openings, and signatures under the latest others."""
        waiting = [one for one in self._opened.values() if not one.shown]
        for opened in waiting[-_ANNOUNCED:]:
            await self._send_signature(to, opened)
        for opened in self._opened.values():
            if opened.shown:
                await self._send_release(to, opened)

    def _verified(self, release: Release) -> OpeningState:
        """Return the opening that a release is about, with all signatures."""
        cluster = self._context.party.cluster
        try:
            opening = MaskedOpening.decode(release.opening, self._sets)
        except MalformedMaskedOpeningError as error:
            raise UnlawfulReleaseError(f"{error}") from error
        opening_id = opening.session.hex(), opening.number
        known = self._opened.get(opening_id)
        if known is not None and known.shown and known.content == release.opening:
            return known
        digest = opening_digest(release.opening)
        statements = [self._context.read(OpeningStatement, content) for content in release.signatures]
        signatures = {one.content.party: one for one in statements}
        contents = [signed.content for signed in statements]
        said = {(one.auction, one.session, one.number, one.opening) for one in contents}
        sets = {one.input_set for one in contents}
        by_all = signatures.keys() == set(cluster.numbers)
        is_another = known is not None and known.content != release.opening
        if is_another or not by_all or said != {(self._context.auction, *opening_id, digest)} or len(sets) != 1:
            raise UnlawfulReleaseError("a release holds the signatures of all parties under one masked opening")
        opened = known or OpeningState(opening, sets.pop(), release.opening)
        opened.signatures |= signatures
        return self._opened.setdefault(opening_id, opened)

    async def _release_if_signed(self, opened: OpeningState) -> None:
        if opened.shown or not self._all_signed(opened):
            return
        unstored = {party: one for party, one in opened.signatures.items() if party not in opened.stored}
        if unstored:
            await self._store(opened, {}, unstored)
        if not opened.shown:
            opened.shown = True
            await self._send_release(self._context.peers, opened)
            self._context.signal.notify()

    async def _store(
        self, opened: OpeningState, keys: OpeningKeys, signatures: Mapping[PartyNumber, Signed[OpeningStatement]]
    ) -> None:
        """Store, and only then take up, what belongs to an opening."""
        auction, (session, number) = self._context.auction, opened.id
        await self._context.party.repository.put_opening(
            OpeningRow(
                auction_id=auction, session=session, number=number, input_set=opened.input_set, content=opened.content
            ),
            [
                OpeningKeyRow(
                    auction_id=auction, session=session, number=number, members=members_mask(members), key=key
                )
                for members, key in keys.items()
            ],
            [
                OpeningSignatureRow(
                    auction_id=auction, session=session, number=number, party=party, statement=one.encode()
                )
                for party, one in signatures.items()
            ],
        )
        opened.keys |= keys
        opened.signatures |= signatures
        opened.stored |= signatures.keys()
        opened.stored_keys |= keys.keys()
        opened.finish()
        self._context.signal.notify()

    def _derive(self, opened: OpeningState) -> OpeningKeys:
        if self._prss_keys is None:
            return {}
        return opening_keys(self._prss_keys, opened.opening.session, opened.opening.number)

    def _statement(self, opened: OpeningState, party: PartyNumber) -> OpeningStatement:
        """Return what a party signs under an opening; with any other statement others would refuse the release."""
        return OpeningStatement.of(self._context.auction, party, opened.input_set, opened.opening)

    def _all_signed(self, opened: OpeningState) -> bool:
        return len(opened.signatures) == self._context.party.cluster.size

    async def _send_signature(self, to: Iterable[PartyNumber], opened: OpeningState) -> None:
        own = opened.signatures.get(self._context.party.number)
        if own is not None:
            await self._context.send(to, MessageKind.OPENING_SIGNATURE, own.encode())

    async def _send_release(self, to: Iterable[PartyNumber], opened: OpeningState) -> None:
        signatures = [opened.signatures[party].encode() for party in sorted(opened.signatures)]
        keys = {members: key for members, key in opened.keys.items() if members in opened.stored_keys}
        message = Release.of(opened.content, signatures, keys)
        await self._context.send(to, MessageKind.RELEASE, message.encode())

    @property
    def _sets(self) -> list[Members]:
        mode = self._context.party.mode
        return list(dealt_sets(mode.parties, mode.threshold))
