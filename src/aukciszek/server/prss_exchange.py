"""How the parties come to hold the PRSS keys, once, when the cluster first connects.

``docs/protocol.md``, "Randomness without communication: PRSS" and "Dealing the PRSS keys". For every set of parties
its lowest-numbered member deals: it makes a key when all other members have said that they hold none, and sends it to
them. Each member stores its first key for good and tells the others a keyed hash of it, so that a dealer who gave
different keys is noticed; the engine compares again at the start of every session. A member that lost its disk gets the
key again from the dealer, and a dealer that lost its disk from any member.

A corrupt dealer learns nothing that it should not know: it is a member of the set. The set that protects a secret from
``t`` colluding parties is the one without any of them.
"""

import asyncio
import hmac
import logging
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from aukciszek.clock import Clock
from aukciszek.cluster import PartyNumber
from aukciszek.encoding import Json, MalformedEncodingError, canonical_json, parse_canonical_json
from aukciszek.mpc.prss import Members, PrssKeys, new_prss_key, prss_sets
from aukciszek.secret import Secret
from aukciszek.server.errors import PrssExchangeError
from aukciszek.server.frames import KeyFrame, KeyStateFrame
from aukciszek.storage.party import PrssKeyRepository, members_text

_DIGEST_LABEL: Final = b"aukciszek/1/prss-key-digest\x00"
_DIGEST_HEX_LENGTH: Final = 64

_log = logging.getLogger(__name__)


class KeyFrameSender(Protocol):
    """The part of the links that the exchange needs."""

    async def send_frame(self, to: PartyNumber, frame: KeyStateFrame | KeyFrame) -> None:
        """Send one frame; drop it if ``to`` is not connected."""
        ...


class PrssExchange:
    """This party's part in dealing, comparing and restoring the keys."""

    def __init__(
        self, own: PartyNumber, size: int, threshold: int, repository: PrssKeyRepository, clock: Clock
    ) -> None:
        self._own = own
        self._size = size
        self._threshold = threshold
        self._repository = repository
        self._clock = clock
        self._sender: KeyFrameSender | None = None
        self._sets = tuple(members for members in prss_sets(size, threshold) if own in members)
        self._keys: dict[Members, Secret[bytes]] = {}
        self._reports: dict[Members, dict[PartyNumber, str | None]] = {members: {} for members in self._sets}
        self._one_at_a_time = asyncio.Lock()
        self._complete = asyncio.Event()

    @property
    def missing(self) -> int:
        """How many keys this party does not hold yet."""
        return len(self._sets) - len(self._keys)

    async def keys(self) -> PrssKeys:
        """Wait until all keys are there, and return them."""
        await self._complete.wait()
        return PrssKeys(self._own, self._size, self._threshold, self._keys)

    async def load(self, sender: KeyFrameSender) -> None:
        """Take up the keys that are stored; from now on, send over ``sender``."""
        self._sender = sender
        for members in self._sets:
            row = await self._repository.prss_key(members)
            if row is not None:
                self._take_up(members, Secret(row.key))

    async def on_connected(self, peer: PartyNumber) -> None:
        """Tell ``peer`` which of the keys that it shares with this party are here."""
        await self._tell_state(peer)

    async def on_key_state(self, sender: PartyNumber, body: bytes) -> None:
        """React to what ``sender`` holds: compare, give, or deal.

        Raises:
            PrssExchangeError: the text is malformed, or ``sender`` holds another key than this party.
        """
        reports = self._read_state(sender, body)
        async with self._one_at_a_time:
            for members, digest in reports.items():
                self._reports[members][sender] = digest
                await self._give_or_deal(members, sender)
            if any(digest is not None and members not in self._keys for members, digest in reports.items()):
                # A key that was given before this party could be reached is lost: say that it is still lacking.
                await self._tell_state(sender)
        differing = [members for members, digest in reports.items() if self._differs(members, digest)]
        if differing:
            named = "; ".join(members_text(members) for members in differing)
            raise PrssExchangeError(
                f"party {sender} holds other keys than this party for the sets {named}: their lowest-numbered member "
                "dealt differently, or one of them was altered"
            )

    async def on_key(self, sender: PartyNumber, frame: KeyFrame) -> None:
        """Store a key, if it is this party's first one for its set and comes from someone who may give it.

        Raises:
            PrssExchangeError: it does not concern this party, or differs from the one that is here.
        """
        members = frozenset(frame.members)
        if members not in self._reports or sender not in members or min(members) not in {sender, self._own}:
            raise PrssExchangeError(f"party {sender} sent a key that is not its to give")
        async with self._one_at_a_time:
            if members not in self._keys:
                await self._keep(members, frame.key)
                await self._tell_members(members)
            elif self._keys[members] != frame.key:
                raise PrssExchangeError(f"party {sender} sent another key for {members_text(members)} than before")

    async def _give_or_deal(self, members: Members, sender: PartyNumber) -> None:
        if members in self._keys:
            if self._reports[members][sender] is None and min(members) in {self._own, sender}:
                await self._send(sender, self._key_frame(members))
            return
        others = members - {self._own}
        reports = self._reports[members]
        if min(members) == self._own and all(reports.get(PartyNumber(other), "unknown") is None for other in others):
            await self._keep(members, new_prss_key())
            _log.info("dealt a new key for shared randomness to the parties %s", members_text(members))
            await self._tell_members(members)

    async def _keep(self, members: Members, key: Secret[bytes]) -> None:
        if not await self._repository.put_prss_key(members, key.reveal(), self._clock.now()):
            raise PrssExchangeError(f"another key for {members_text(members)} is stored than is in use: restart")
        self._take_up(members, key)

    def _take_up(self, members: Members, key: Secret[bytes]) -> None:
        self._keys[members] = key
        if not self.missing:
            self._complete.set()
            _log.info("all %d keys for shared randomness are here", len(self._keys))

    async def _tell_members(self, members: Members) -> None:
        """Give a key that is new here to the members that said that they lack it, and its hash to all."""
        for other in sorted(members - {self._own}):
            peer = PartyNumber(other)
            lacks_it = peer in self._reports[members] and self._reports[members][peer] is None
            if lacks_it and min(members) in {self._own, peer}:
                await self._send(peer, self._key_frame(members))
            await self._tell_state(peer)

    async def _tell_state(self, peer: PartyNumber) -> None:
        state: dict[str, Json] = {members_text(members): self._digest(members) for members in self._shared_with(peer)}
        await self._send(peer, KeyStateFrame(canonical_json(state)))

    async def _send(self, peer: PartyNumber, frame: KeyStateFrame | KeyFrame) -> None:
        if self._sender is not None:
            await self._sender.send_frame(peer, frame)

    def _read_state(self, sender: PartyNumber, body: bytes) -> dict[Members, str | None]:
        try:
            state = parse_canonical_json(body)
        except MalformedEncodingError as error:
            raise PrssExchangeError(f"party {sender} sent a malformed state of its keys") from error
        shared = {members_text(members): members for members in self._shared_with(sender)}
        if not isinstance(state, Mapping) or state.keys() != shared.keys():
            raise PrssExchangeError(f"party {sender} spoke of other sets than those that it shares with this party")
        return {members: _digest_or_none(state[name], sender) for name, members in shared.items()}

    def _shared_with(self, peer: PartyNumber) -> Iterable[Members]:
        return (members for members in self._sets if peer in members)

    def _key_frame(self, members: Members) -> KeyFrame:
        return KeyFrame(tuple(PartyNumber(member) for member in sorted(members)), self._keys[members])

    def _digest(self, members: Members) -> str | None:
        key = self._keys.get(members)
        if key is None:
            return None
        return hmac.digest(key.reveal(), _DIGEST_LABEL + members_text(members).encode(), "sha256").hex()

    def _differs(self, members: Members, digest: str | None) -> bool:
        own = self._digest(members)
        return own is not None and digest is not None and own != digest


def _digest_or_none(value: object, sender: PartyNumber) -> str | None:
    if value is None or (isinstance(value, str) and len(value) == _DIGEST_HEX_LENGTH):
        return value
    raise PrssExchangeError(f"party {sender} sent a malformed state of its keys")
