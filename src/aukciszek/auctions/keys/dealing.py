"""How the parties of one auction come to hold its keys for shared randomness.

``docs/protocol.md``, "Dealing the PRSS keys". Once the sealing keys of all parties are known, each dealer makes its
keys and seals them to the other members of their sets; each party signs a table of what it holds; the auction takes
bids when the tables say which key each set uses. Everything is stored before it is sent, and sent again to peers that
may have missed it. Keys are never made twice: with other keys a repeated session would draw another tie-break seed.

A corrupt dealer learns nothing that it should not know: it is a member of the set. The set that protects a secret from
``t`` colluding parties is the one without any of them.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.context.change_notifier import STRAGGLER_TIMEOUT_S, retry_backoff
from aukciszek.auctions.context.peer_network import MessageKind
from aukciszek.auctions.keys.envelopes import AuctionKey, KeyEnvelope, UnlawfulDealingError
from aukciszek.auctions.keys.held_keys import HeldKeys
from aukciszek.auctions.keys.recovery import KeyRecovery
from aukciszek.auctions.keys.sealing_keys import SealingKeys
from aukciszek.auctions.keys.table_exchange import KeyTables
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.sharing.prss import Members, PrssKeys, dealt_sets, new_prss_key
from aukciszek.protocol.evidence.key_tables import Attestation, ChosenKeys, KeyTable, dealers
from aukciszek.protocol.evidence.statements import sign
from aukciszek.protocol.sealing.keys import SealingKeyPair


class KeyDealing:
    """This party's part in dealing the keys of one auction. Without ``key_pair`` it is dealt nothing and deals nothing.

    It still gets the keys that were chosen from its co-members (:meth:`prss_keys`).
    """

    def __init__(self, context: AuctionContext, sealing_keys: SealingKeys, key_pair: SealingKeyPair | None) -> None:
        self._context = context
        self._sealing_keys = sealing_keys
        self._key_pair = key_pair
        self._held = HeldKeys(context)
        self._tables = KeyTables(context)
        self.recovery = KeyRecovery(context, self._held)
        own, mode = context.party.number, context.party.mode
        sets = [members for members in dealt_sets(mode.parties, mode.threshold) if own in members]
        self._expected = {(members, dealer) for members in sets for dealer in dealers(members, mode)}
        self._one_at_a_time = asyncio.Lock()
        self._two_dealt: set[PartyNumber] = set()
        self._enough_dealt_since_s: float | None = None
        self._chosen_since_s: float | None = None

    def use_key(self, key_pair: SealingKeyPair | None) -> None:
        """Read what is dealt with this key from now on."""
        self._key_pair = key_pair

    @property
    def tables_for_list(self) -> tuple[bytes, ...]:
        """The signed tables that are here, as a receipt list carries them."""
        return self._tables.encoded

    async def load(self) -> None:
        """Load the keys and tables that are stored."""
        await self._held.load()
        await self._tables.load()

    @property
    def attested(self) -> Mapping[PartyNumber, tuple[Attestation, ...]]:
        """What each party attests whose table is here."""
        return self._tables.attested

    @property
    def is_complete(self) -> bool:
        """Whether the auction may take bids: each set has a key, and all have been waited for."""
        if self._tables.chosen is None or not (self._has_signed or self._key_pair is None):
            return False
        return not self._tables.missing or self._has_waited(self._chosen_since_s)

    @property
    def missing(self) -> frozenset[PartyNumber]:
        """The parties for which this one waits."""
        if self.is_complete:
            return frozenset()
        if self._sealing_keys.missing:
            return self._sealing_keys.missing
        awaited = self._tables.missing if self._has_signed else self._tables.missing | self._silent_dealers
        return awaited - {self._context.party.number}

    async def settle(
        self, is_cut_short: Callable[[], bool], announce: Callable[[Sequence[PartyNumber]], Awaitable[None]]
    ) -> None:
        """Do this party's part until :attr:`is_complete`, or until there is no use any more.

        Args:
            is_cut_short: whether it has no use any more.
            announce: tells peers, again and again, what they may have missed.
        """
        context, clock = self._context, self._context.party.clock
        backoff, announce_at_s = retry_backoff(clock), clock.monotonic_s()
        while True:
            changes = context.signal.changes
            await self._deal()
            await self._sign()
            self._note_time()
            context.wait_for_parties(self.missing)
            if self.is_complete or is_cut_short():
                break
            if clock.monotonic_s() >= announce_at_s:
                await announce(sorted(self.missing))
                await context.send(sorted(self.missing), MessageKind.DEALING_WANTED, b"")
                announce_at_s = clock.monotonic_s() + backoff.next_s()
            rest_s = min(announce_at_s - clock.monotonic_s(), self._timeout_left_s)
            await context.signal.wait_for_change_since(changes, timeout_s=max(rest_s, 0.0))
        context.wait_for_parties(())

    async def run(self) -> None:
        """Get back keys that a loss took, as soon as it is known which: who has them may lose them, too."""
        await self._context.signal.wait_for(lambda: self._context.recalled and self._tables.chosen is not None)
        if self._tables.chosen is not None:
            await self.recovery.fetch(self._tables.chosen)

    async def announce(self, to: Iterable[PartyNumber]) -> None:
        """Tell peers what they may have missed."""
        parties = list(to)
        await self._send_keys([peer for peer in parties if peer in self._tables.missing])
        await self._tables.announce(parties)

    async def prss_keys(self, chosen: ChosenKeys) -> PrssKeys:
        """Return this party's keys, all of them those that are chosen; wait for those that are not here."""
        return await self.recovery.prss_keys(chosen)

    async def receive_dealing(self, sender: PartyNumber, content: bytes) -> None:
        """Keep the keys that a peer deals; other keys than its first ones are an incident.

        Raises:
            EnvelopeDoesNotOpenError: sealed to another key, or changed.
            UnlawfulDealingError: these are not the keys that it has to deal to this party.
        """
        if self._key_pair is None:
            return
        context = self._context
        envelope = KeyEnvelope("dealing", context.auction, sender=sender, receiver=context.party.number)
        keys = envelope.open(content, self._key_pair)
        if {(one.members, one.dealer) for one in keys} != self._dealt_between(sender, context.party.number):
            raise UnlawfulDealingError(f"party {sender} dealt other keys than those that are its to deal")
        async with self._one_at_a_time:
            held = [self._held.get(one.members, one.dealer) for one in keys]
            if any(before is not None and before != now for before, now in zip(held, keys, strict=True)):
                await self._report_two_dealt(sender)
            # A key that came too late for this party's table is had from those who attest it, if it is chosen.
            elif None in held and not self._has_signed:
                await self._held.keep(keys)
                context.signal.notify()

    async def receive_wanted(self, sender: PartyNumber, _content: bytes) -> None:
        """Tell a peer that waits what it may lack."""
        await self._sealing_keys.announce([sender])
        await self.announce([sender])

    async def receive_table(self, content: bytes) -> None:
        """Keep a party's table; of its own this party may have lost one that the others still have.

        Raises:
            StatementError: it is not signed by the party that it names.
        """
        async with self._one_at_a_time:
            signed = await self._tables.read(content)
            if signed is None:
                return
            if signed.content.party == self._context.party.number:
                # Keys that were made after the loss must not be used: others hold those that the table attests.
                async with self._held.forgetting_all_but(signed.content.attestations) as connection:
                    await self._tables.store(signed, connection=connection)
            else:
                await self._tables.store(signed)
            await self._tables.take_up(signed)

    @property
    def _has_signed(self) -> bool:
        return self._context.party.number not in self._tables.missing

    @property
    def _silent_dealers(self) -> frozenset[PartyNumber]:
        """Those whose keys are not here yet; before this party has dealt, it is one of them."""
        return frozenset(dealer for members, dealer in self._expected if self._held.get(members, dealer) is None)

    def _dealt_between(self, dealer: PartyNumber, receiver: PartyNumber) -> set[tuple[Members, PartyNumber]]:
        own = self._context.party.number
        other = receiver if dealer == own else dealer
        return {(members, who) for members, who in self._expected if who == dealer and other in members}

    async def _deal(self) -> None:
        """Make this party's keys, once, when they can be sealed to all."""
        own = self._context.party.number
        mine = [members for members, dealer in self._expected if dealer == own]
        async with self._one_at_a_time:
            made_before = self._has_signed or any(one.dealer == own for one in self._held)
            if self._key_pair is None or self._sealing_keys.missing or made_before or not mine:
                return
            await self._held.keep([AuctionKey(members, own, new_prss_key()) for members in mine])
        await self._send_keys(self._context.peers)

    async def _send_keys(self, to: Iterable[PartyNumber]) -> None:
        """Seal to each peer the keys that this party made for it, if they are here."""
        context, own = self._context, self._context.party.number
        if self._sealing_keys.missing:
            return
        for peer in to:
            expected = self._dealt_between(own, peer)
            keys = [one for one in self._held if (one.members, one.dealer) in expected]
            if peer != own and keys and len(keys) == len(expected):
                envelope = KeyEnvelope("dealing", context.auction, sender=own, receiver=peer)
                await context.send([peer], MessageKind.DEALING, envelope.seal(keys, self._sealing_keys.of(peer)))

    async def _sign(self) -> None:
        """Sign and send this party's table, once, when it holds all keys or has waited for the others long enough."""
        context, party_context = self._context, self._context.party
        async with self._one_at_a_time:
            if self._key_pair is None or self._has_signed or self._sealing_keys.missing:
                return
            silent = self._silent_dealers
            if party_context.number in silent or (silent and not self._has_waited(self._enough_dealt_since_s)):
                return
            table = KeyTable.of(context.auction, party_context.number, self._held.attestations())
            signed = sign(table, party_context.identity)
            await self._tables.store(signed)
            await self._tables.take_up(signed)
        await context.send(context.peers, MessageKind.KEY_TABLE, signed.encode())

    def _note_time(self) -> None:
        """Begin to wait at most :data:`STRAGGLER_TIMEOUT_S` where not all parties are needed and enough have answered.

        Enough dealers are all but ``t``: the silent ones may be the corrupt ones.
        """
        mode, now_s = self._context.party.mode, self._context.party.clock.monotonic_s()
        if mode.corrects:
            if self._enough_dealt_since_s is None and len(self._silent_dealers) <= mode.threshold:
                self._enough_dealt_since_s = now_s
            if self._chosen_since_s is None and self._tables.chosen is not None:
                self._chosen_since_s = now_s

    def _has_waited(self, since_s: float | None) -> bool:
        return since_s is not None and self._context.party.clock.monotonic_s() - since_s >= STRAGGLER_TIMEOUT_S

    @property
    def _timeout_left_s(self) -> float:
        """How long until waiting for somebody ends; may be infinite."""
        now_s = self._context.party.clock.monotonic_s()
        moments = (self._enough_dealt_since_s, self._chosen_since_s)
        rests_s = [since_s + STRAGGLER_TIMEOUT_S - now_s for since_s in moments if since_s is not None]
        return min((rest_s for rest_s in rests_s if rest_s > 0), default=math.inf)

    async def _report_two_dealt(self, dealer: PartyNumber) -> None:
        if dealer not in self._two_dealt:
            self._two_dealt.add(dealer)
            await self._context.report("two-keys-dealt", dealer, {})
