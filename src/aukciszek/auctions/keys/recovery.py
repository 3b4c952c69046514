"""Getting keys for shared randomness from co-members: for a party that lacks some of those that an auction uses.

``docs/protocol.md``, "Dealing the PRSS keys". The party signs a fresh key of its own, which stays in memory, and its
co-members seal the keys that they share with it to that. It takes exactly the keys whose hashes were chosen, from any
sender: so no other key can be given to it, with which it would draw another tie-break seed than the others did.
"""

import math
from typing import Final

from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.context.peer_network import MessageKind
from aukciszek.auctions.keys.envelopes import AuctionKey, KeyEnvelope, KeysWanted, UnlawfulDealingError
from aukciszek.auctions.keys.held_keys import HeldKeys
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.sharing.prss import Members, PrssKeys
from aukciszek.protocol.evidence.key_tables import ChosenKeys
from aukciszek.protocol.evidence.statements import read_statement, sign
from aukciszek.protocol.sealing.keys import SealingKeyPair, SealingPublicKey
from aukciszek.secret import Secret

_GIVE_AGAIN_S: Final = 0.2
"""A peer that asks more often gets no answer: each takes a sealing."""


class KeyRecovery:
    """Asks for keys, and gives them to those who ask."""

    def __init__(self, context: AuctionContext, held: HeldKeys) -> None:
        self._context = context
        self._held = held
        self._chosen: ChosenKeys | None = None
        self._key_pair: SealingKeyPair | None = None
        self._refused: set[PartyNumber] = set()
        self._given_at_s: dict[PartyNumber, float] = {}

    async def fetch(self, chosen: ChosenKeys) -> None:
        """Get the chosen keys that are not here, however long it takes: nothing waits for them yet."""
        self._chosen = self._chosen or chosen
        if self._lacking:
            await self._context.signal.wait_announcing(lambda: not self._lacking, self._ask)

    async def prss_keys(self, chosen: ChosenKeys) -> PrssKeys:
        """Return this party's keys, all of them those that are chosen; wait for those that are not here."""
        context, party_context = self._context, self._context.party
        self._chosen = chosen
        if self._lacking:
            await context.signal.wait_announcing(self._is_complete, self._ask)
            context.wait_for_parties(())
        keys = self._usable()
        return PrssKeys(party_context.number, party_context.cluster.size, party_context.threshold, keys)

    async def receive_wanted(self, sender: PartyNumber, content: bytes) -> None:
        """Give a peer the keys that it shares with this party, as far as they are here.

        Raises:
            StatementError: it is not signed by the party that it names.
            UnlawfulDealingError: it asks in another party's name.
        """
        context = self._context
        wanted = read_statement(KeysWanted, content, context.party.cluster).content
        if (wanted.party, wanted.auction) != (sender, context.auction):
            raise UnlawfulDealingError(f"party {sender} asked for the keys of another party, or of another auction")
        now_s = context.party.clock.monotonic_s()
        if now_s - self._given_at_s.get(sender, -math.inf) < _GIVE_AGAIN_S:
            return
        self._given_at_s[sender] = now_s
        shared = [one for one in self._held if sender in one.members]
        if shared:
            envelope = KeyEnvelope("keys", context.auction, sender=context.party.number, receiver=sender)
            sealed = envelope.seal(shared, SealingPublicKey(wanted.public_key))
            await context.send([sender], MessageKind.KEYS, sealed)

    async def receive_keys(self, sender: PartyNumber, content: bytes) -> None:
        """Take the keys that are chosen and not here.

        Raises:
            EnvelopeDoesNotOpenError: sealed to another key, or changed.
            UnlawfulDealingError: what is in it is no list of keys that both parties may have.
        """
        if self._key_pair is None:
            return
        context = self._context
        envelope = KeyEnvelope("keys", context.auction, sender=sender, receiver=context.party.number)
        given = envelope.open(content, self._key_pair)
        lacking = self._lacking
        found = [one for one in given if one.members in lacking and self._is_chosen(one)]
        await self._held.put_right(found)
        if found:
            context.signal.notify()
        # Where all members attested the chosen key, no honest one has another.
        others = [one for one in given if one.members in lacking and not self._is_chosen(one)]
        if others and not context.party.mode.corrects and sender not in self._refused:
            self._refused.add(sender)
            await context.report("wrong-key-given", sender, {"members": sorted(others[0].members)})

    @property
    def _lacking(self) -> frozenset[Members]:
        """The sets whose chosen keys are not here."""
        if self._chosen is None:
            return frozenset()
        own = self._context.party.number
        return frozenset(members for members in self._chosen if own in members) - self._usable().keys()

    def _usable(self) -> dict[Members, Secret[bytes]]:
        keys = {}
        for members, choice in (self._chosen or {}).items():
            held = self._held.get(members, choice.dealer)
            if held is not None and self._is_chosen(held):
                keys[members] = held.key
        return keys

    def _is_chosen(self, one: AuctionKey) -> bool:
        if self._chosen is None or one.members not in self._chosen:
            return False
        choice = self._chosen[one.members]
        return one.dealer == choice.dealer and one.attestation(self._context.auction).digest == choice.digest

    def _is_complete(self) -> bool:
        lacking = self._lacking
        self._context.wait_for_parties(self._co_members(lacking))
        return not lacking

    def _co_members(self, sets: frozenset[Members]) -> frozenset[PartyNumber]:
        others = frozenset[int]().union(*sets) - {self._context.party.number}
        return frozenset(PartyNumber(number) for number in others)

    async def _ask(self) -> None:
        context, party_context = self._context, self._context.party
        if self._key_pair is None:
            self._key_pair = SealingKeyPair.new()
        wanted = KeysWanted(auction=context.auction, party=party_context.number, public_key=self._key_pair.public_bytes)
        await context.send(
            sorted(self._co_members(self._lacking)),
            MessageKind.KEYS_WANTED,
            sign(wanted, party_context.identity).encode(),
        )
