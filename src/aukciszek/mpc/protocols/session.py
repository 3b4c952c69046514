"""What all protocols of one session share: rounds, openings, randomness, and the counts of what they cost.

``docs/protocol.md``, "Rounds and messages". A :class:`Session` opens whatever it is told to, so it stays inside the
engine: programs hold a ``Runtime``, whose only way to open is ``reveal``.
"""

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable, Mapping
from typing import final

from aukciszek.mpc.channel import Channel
from aukciszek.mpc.errors import InconsistentSharesError, MpcError, PartiesMissingError, TranscriptsDifferError
from aukciszek.mpc.sharing.field import NotAFieldElementError, Vector, from_bytes, to_bytes
from aukciszek.mpc.sharing.opening import Opened, decode
from aukciszek.mpc.sharing.prss import PrssKeys, random_shares, zero_shares
from aukciszek.mpc.sharing.random_stream import RandomStream
from aukciszek.mpc.sharing.shamir import Randomness
from aukciszek.mpc.sharing.sizes import KEY_BYTES

_log = logging.getLogger(__name__)

INLINE_WORK = 1 << 20
"""Longer work, in nanoseconds or so, runs in a thread: the event loop is never held for more than about 1 ms.

Shorter work does not, as the way there and back costs more than that gains.
"""

_SEED_ELEMENTS = 4
_DECODE_NS = 8


@final
class Session:
    """One session of one party: its channel, its streams of shared randomness, its counters."""

    def __init__(
        self, channel: Channel, keys: PrssKeys, session_id: bytes, randomness: Randomness = os.urandom
    ) -> None:
        self.mode = keys.mode
        self.party = keys.party
        self.keys = keys
        self.session_id = session_id
        self.rounds = 0
        self.bytes_sent = 0
        self.corrupt_parties: set[int] = set()
        self.transcript = hashlib.sha256()
        self._channel = channel
        self._random = random_shares(keys, salt=session_id, purpose=b"random")
        self._zero = zero_shares(keys, salt=session_id)
        self._private = RandomStream(randomness(KEY_BYTES))

    async def exchange(self, payload: bytes) -> dict[int, bytes | memoryview]:
        """Run one round; the answer holds this party's own payload too, and none of a known corrupt party.

        Raises:
            PartiesMissingError: fewer than ``Mode.needed`` parties can be used.
        """
        self.rounds += 1
        self.bytes_sent += len(payload) * (self.mode.parties - 1)
        return self._usable(await self._channel.exchange(payload), payload)

    async def exchange_each(self, payloads: Mapping[int, bytes]) -> dict[int, bytes | memoryview]:
        """Run one round with a payload of its own for each party, as :meth:`exchange` does with one for all."""
        self.rounds += 1
        self.bytes_sent += sum(len(payload) for party, payload in payloads.items() if party != self.party)
        return self._usable(await self._channel.exchange_each(payloads), payloads.get(self.party, b""))

    async def exchange_elements(self, values: Vector) -> dict[int, Vector]:
        """Send one vector to all and return everybody's; a party that sends anything else is corrupt.

        Raises:
            InconsistentSharesError: a payload is malformed, in a mode that corrects nothing.
            PartiesMissingError: too few are left.
        """
        return self._parse(await self.exchange(to_bytes(values)), values.size)

    async def open(self, values: Vector, degree: int) -> Vector:
        """Open a vector of values from this party's contiguous ``values``, shares of ``degree``.

        Raises:
            InconsistentSharesError: a share is wrong, and this mode cannot correct it.
            PartiesMissingError: too few answered.
        """
        words = await self.exchange_elements(values)
        opened = await self.compute(_DECODE_NS * values.size, lambda: self._decode(words, degree))
        return self._believe(opened)

    async def coin(self) -> RandomStream:
        """Open a joint random seed, unknown to everybody before this round, and return the elements it expands to.

        The same round compares what all parties saw opened so far (``transcript``), at no cost of its own.

        Raises:
            TranscriptsDifferError: a party told different parties different things.
            InconsistentSharesError: as :meth:`open`.
        """
        shares = self._random.take(_SEED_ELEMENTS)
        return expand(await self.open_agreeing(shares, self.transcript.digest(), TranscriptsDifferError))

    async def open_agreeing(self, shares: Vector, digest: bytes, refusal: Callable[[set[int]], MpcError]) -> Vector:
        """Open a few values of degree ``t`` and compare ``digest`` with all parties, in one round.

        Raises:
            MpcError: what ``refusal`` makes of the parties whose digest differs, unless the mode needs none of them.
            InconsistentSharesError: as :meth:`open`.
        """
        received = await self.exchange(digest + to_bytes(shares))
        different = {party for party, content in received.items() if bytes(content[: len(digest)]) != digest}
        if different:
            if not self.mode.corrects or len(different | self.corrupt_parties) > self.mode.threshold:
                raise refusal(different)
            self.name_corrupt(different)
        words = self._parse({party: content[len(digest) :] for party, content in received.items()}, shares.size)
        return self._believe(self._decode(words, self.mode.threshold))

    async def interpolate(self, words: Mapping[int, Vector], *, at: int, excused: int) -> Vector:
        """Return the values at ``at`` of polynomials of degree ``t``, checked as an opening is.

        Raises:
            InconsistentSharesError: as :meth:`open`.
        """
        mode, size = self.mode, next(iter(words.values())).size
        return self._believe(
            await self.compute(
                _DECODE_NS * size,
                lambda: decode(words, mode.threshold, mode, self._private, at=at, excused=excused),
            )
        )

    def random(self, count: int) -> Vector:
        """Return shares of degree ``t`` of fresh uniform values."""
        return self._random.take(count)

    def zeros(self, count: int) -> Vector:
        """Return shares of degree ``Mode.product_degree`` of zeros."""
        return self._zero.take(count)

    async def compute[Result](self, work: int, function: Callable[[], Result]) -> Result:
        """Run local arithmetic of about ``work`` nanoseconds without holding up the event loop."""
        if work <= INLINE_WORK:
            return function()
        return await asyncio.to_thread(function)

    def name_corrupt(self, parties: set[int] | frozenset[int]) -> None:
        """Leave corrupt parties out of all later rounds, or stop where the mode needs them."""
        if not self.mode.corrects:
            raise InconsistentSharesError(parties)
        self.corrupt_parties |= parties
        self._channel.give_up(parties)  # else a corrupt party could make every round last until its deadline
        _log.warning("party %d: values from parties %s contradict the others'", self.party, sorted(parties))
        if len(self.corrupt_parties) > self.mode.threshold:
            raise InconsistentSharesError(self.corrupt_parties)

    def _usable(
        self, arrived: Mapping[int, bytes | memoryview], own: bytes | memoryview
    ) -> dict[int, bytes | memoryview]:
        received = {**arrived, self.party: own}
        usable = {party: content for party, content in sorted(received.items()) if party not in self.corrupt_parties}
        self._require_enough(usable)
        return usable

    def _parse(self, received: Mapping[int, bytes | memoryview], count: int) -> dict[int, Vector]:
        words: dict[int, Vector] = {}
        for party, content in received.items():
            try:
                words[party] = from_bytes(content, count)
            except NotAFieldElementError:
                self.name_corrupt({party})
        self._require_enough(words)
        return words

    def _decode(self, words: Mapping[int, Vector], degree: int) -> Opened:
        """Decode what arrived; changes nothing but the private randomness, as it may run in a thread."""
        honest = {party: word for party, word in words.items() if party not in self.corrupt_parties}
        self._require_enough(honest)
        return decode(honest, degree, self.mode, self._private)

    def _believe(self, opened: Opened) -> Vector:
        if opened.corrupt_parties:
            self.name_corrupt(opened.corrupt_parties)
        return opened.values

    def _require_enough(self, usable: Mapping[int, object]) -> None:
        if len(usable) < self.mode.needed:
            raise PartiesMissingError(set(range(1, self.mode.parties + 1)) - usable.keys() - self.corrupt_parties)


def expand(seed: Vector) -> RandomStream:
    """Return the stream of elements that an opened seed of at least 128 bits of entropy stands for."""
    return RandomStream(hashlib.sha256(b"aukciszek/1/mpc/coin" + to_bytes(seed)).digest())
