"""Getting keys for shared randomness from co-members: for a party that lacks some of those that an auction uses.

``docs/protocol.md``, "Dealing the PRSS keys". The party signs a fresh key of its own, which lives in memory alone, and
whoever shares keys with it seals them to that. It takes exactly the keys whose hashes were chosen, whoever sends them:
so nobody can hand it another key, with which it would take part in a lot that others have drawn before.
"""

import math
from typing import Final

from aukciszek.auctions.desk import AuctionDesk
from aukciszek.auctions.held_keys import HeldKeys
from aukciszek.auctions.key_envelopes import AuctionKey, KeyEnvelope, KeysWanted, UnlawfulDealingError
from aukciszek.auctions.key_tables import ChosenKeys
from aukciszek.auctions.ports import MessageKind
from aukciszek.auctions.sealing_keys import SealingKeyPair, SealingPublicKey
from aukciszek.auctions.statements import read_statement, sign
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.prss import Members, PrssKeys
from aukciszek.secret import Secret

_GIVE_AGAIN_S: Final = 0.2
"""A peer that asks more often gets no answer: each takes a sealing."""


class KeyRecovery:
    """Asks for keys, and gives them to those who ask."""

    def __init__(self, desk: AuctionDesk, held: HeldKeys) -> None:
        self._desk = desk
        self._held = held
        self._chosen: ChosenKeys | None = None
        self._key_pair: SealingKeyPair | None = None
        self._refused: set[PartyNumber] = set()
        self._given_at_s: dict[PartyNumber, float] = {}

    async def fetch(self, chosen: ChosenKeys) -> None:
        """Get the chosen keys that are not here, however long it takes: nothing waits for them yet."""
        self._chosen = self._chosen or chosen
        if self._lacking:
            await self._desk.signal.wait_announcing(lambda: not self._lacking, self._ask)

    async def prss_keys(self, chosen: ChosenKeys) -> PrssKeys:
        """Return this party's keys, all of them those that are chosen; wait for those that are not here."""
        desk, context = self._desk, self._desk.context
        self._chosen = chosen
        if self._lacking:
            await desk.signal.wait_announcing(self._is_complete, self._ask)
            desk.wait_for_parties(())
        keys = self._usable()
        return PrssKeys(context.number, context.cluster.size, context.threshold, keys)

    async def receive_wanted(self, sender: PartyNumber, content: bytes) -> None:
        """Give a peer the keys that it shares with this party, as far as they are here.

        Raises:
            StatementError: it is not signed by the party that it names.
            UnlawfulDealingError: it asks in another party's name.
        """
        desk = self._desk
        wanted = read_statement(KeysWanted, content, desk.context.cluster).content
        if (wanted.party, wanted.auction) != (sender, desk.auction):
            raise UnlawfulDealingError(f"party {sender} asked for the keys of another party, or of another auction")
        now_s = desk.context.clock.monotonic_s()
        if now_s - self._given_at_s.get(sender, -math.inf) < _GIVE_AGAIN_S:
            return
        self._given_at_s[sender] = now_s
        shared = [one for one in self._held if sender in one.members]
        if shared:
            envelope = KeyEnvelope("keys", desk.auction, sender=desk.context.number, receiver=sender)
            sealed = envelope.seal(shared, SealingPublicKey(wanted.public_key))
            await desk.send([sender], MessageKind.KEYS, sealed)

    async def receive_keys(self, sender: PartyNumber, content: bytes) -> None:
        """Take the keys that are chosen and not here.

        Raises:
            EnvelopeDoesNotOpenError: sealed to another key, or changed.
            UnlawfulDealingError: what is in it is no list of keys that both parties may have.
        """
        if self._key_pair is None:
            return
        desk = self._desk
        envelope = KeyEnvelope("keys", desk.auction, sender=sender, receiver=desk.context.number)
        given = envelope.open(content, self._key_pair)
        lacking = self._lacking
        found = [one for one in given if one.members in lacking and self._is_chosen(one)]
        await self._held.put_right(found)
        if found:
            desk.signal.notify()
        # Where all members attested the chosen key, no honest one has another.
        others = [one for one in given if one.members in lacking and not self._is_chosen(one)]
        if others and not desk.context.mode.corrects and sender not in self._refused:
            self._refused.add(sender)
            await desk.report("wrong-key-given", sender, {"members": sorted(others[0].members)})

    @property
    def _lacking(self) -> frozenset[Members]:
        """The sets whose chosen keys are not here."""
        if self._chosen is None:
            return frozenset()
        own = self._desk.context.number
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
        return one.dealer == choice.dealer and one.attestation(self._desk.auction).digest == choice.digest

    def _is_complete(self) -> bool:
        lacking = self._lacking
        self._desk.wait_for_parties(self._co_members(lacking))
        return not lacking

    def _co_members(self, sets: frozenset[Members]) -> frozenset[PartyNumber]:
        others = frozenset[int]().union(*sets) - {self._desk.context.number}
        return frozenset(PartyNumber(number) for number in others)

    async def _ask(self) -> None:
        desk, context = self._desk, self._desk.context
        if self._key_pair is None:
            self._key_pair = SealingKeyPair.new()
        wanted = KeysWanted(auction=desk.auction, party=context.number, public_key=self._key_pair.public_bytes)
        await desk.send(
            sorted(self._co_members(self._lacking)), MessageKind.KEYS_WANTED, sign(wanted, context.identity).encode()
        )
