"""The engine's face: one session of one party, with sharing, arithmetic, and ``reveal`` as the only way out.

``docs/protocol.md``, "Runtime". Nothing that depends on a secret is opened except through :meth:`Runtime.reveal`, which
verifies everything computed so far first and keeps a list of what it opened and why.
"""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from aukciszek.mpc.channel import Channel
from aukciszek.mpc.errors import ParametersDifferError, PrssKeysIncompleteError
from aukciszek.mpc.mode import Mode
from aukciszek.mpc.protocols.fair_opening import (
    MOST_OPENINGS,
    MaskedOpening,
    OpeningPort,
    by_reason,
    mask_shares,
    opening_keys,
)
from aukciszek.mpc.protocols.greeting import PROTOCOL, Commitments, greet
from aukciszek.mpc.protocols.multiplication import Terms, multiply_terms
from aukciszek.mpc.protocols.session import Session, expand
from aukciszek.mpc.protocols.share_recovery import Requests, recover_shares
from aukciszek.mpc.protocols.shared import Shared
from aukciszek.mpc.protocols.sums import Sum, inner_product, product
from aukciszek.mpc.protocols.verification import MultiplicationLog
from aukciszek.mpc.sharing import field, kernels
from aukciszek.mpc.sharing.field import Vector, to_bytes
from aukciszek.mpc.sharing.prss import PrssKeys, random_shares
from aukciszek.mpc.sharing.random_stream import RandomStream
from aukciszek.mpc.sharing.shamir import Randomness

_LABELLED_ELEMENTS = 4


@dataclass(frozen=True, slots=True)
class Revealed:
    """One opened value: why it was opened, and the field elements, in row-major order."""

    reason: str
    values: tuple[int, ...]


@final
class Runtime:
    """One session of one party.

    Args:
        channel: The session's rounds.
        threshold: ``t``; must be that of the keys.
        prss_keys: This party's keys for shared randomness.
        session_id: Never used before, and the same at all parties: all masks derive from it.
        openings: Asked before anything that depends on a secret is opened, and in order that it is.
        randomness: The party's own source of randomness.

    Raises:
        PrssKeysIncompleteError: the keys belong to another party, number of parties or threshold.
    """

    def __init__(  # noqa: PLR0913 -- what a session consists of
        self,
        channel: Channel,
        *,
        threshold: int,
        prss_keys: PrssKeys,
        session_id: bytes,
        openings: OpeningPort,
        randomness: Randomness = os.urandom,
    ) -> None:
        if prss_keys.mode != Mode(channel.parties, threshold) or prss_keys.party != channel.party:
            raise PrssKeysIncompleteError("they were made for another party, cluster size or threshold")
        kernels.compile_kernels()  # where a server has not done so
        self._session = Session(channel, prss_keys, session_id, randomness)
        self._multiplication_log = MultiplicationLog(self._session)
        self._openings = openings
        self._started = False
        self._opened = 0
        self._commitments: Commitments = []
        self._multiplications = 0
        self._revealed: list[Revealed] = []

    @property
    def mode(self) -> Mode:
        """What this session promises."""
        return self._session.mode

    @property
    def party(self) -> int:
        """This party's number."""
        return self._session.party

    @property
    def rounds(self) -> int:
        """How many rounds were run."""
        return self._session.rounds

    @property
    def bytes_sent(self) -> int:
        """How many bytes of payload this party sent, to all others together."""
        return self._session.bytes_sent

    @property
    def multiplications(self) -> int:
        """How many products (or sums of products) were computed for the program, those of the checks not counted."""
        return self._multiplications

    @property
    def revealed(self) -> tuple[Revealed, ...]:
        """Everything that was opened and why, in order."""
        return tuple(self._revealed)

    @property
    def corrupt_parties(self) -> frozenset[int]:
        """Parties whose shares were corrected so far; only the robust mode names any."""
        return frozenset(self._session.corrupt_parties)

    @property
    def transcript(self) -> bytes:
        """A hash of everything that was opened, the same at all honest parties; 32 bytes."""
        digest = hashlib.sha256(PROTOCOL + b"/transcript" + self._session.transcript.digest())
        for one in self._revealed:
            digest.update(one.reason.encode() + b"\x00" + b"".join(value.to_bytes(8) for value in one.values))
        return digest.digest()

    async def start(self) -> None:
        """Compare parameters and, with each other holder, every PRSS key, by a keyed hash bound to the session.

        Where all parties are needed, everybody also commits to the masks of the session's openings.

        Raises:
            ParametersDifferError: somebody runs with another protocol version, ``n``, ``t`` or session id.
            PrssKeysDifferError: a key, or a commitment, differs among its holders.
        """
        self._commitments = await greet(self._session)
        self._started = True

    def _require_start(self) -> None:
        if not self._started:
            raise RuntimeError("a session computes after its start: await Runtime.start() first")

    async def joint_random(self, reason: str, label: bytes, *, agreed: bytes) -> tuple[bytes, RandomStream]:
        """Open 32 bytes that all parties make together, and, in the same round, a coin of this session alone.

        The bytes are fixed by the PRSS keys and ``label``: a repeated session finds the same, and no ``t`` parties can
        predict them. They are listed in :attr:`revealed`. The coin is fresh: public coefficients for checks of inputs
        come from it, as a party that knew them beforehand could choose inputs that pass. The round also makes sure that
        all parties hold the same public parameters ``agreed``.

        Raises:
            ParametersDifferError: somebody holds others.
        """
        session = self._session
        shares = random_shares(session.keys, salt=label, purpose=b"joint random").take(_LABELLED_ELEMENTS)
        joined = np.concatenate([shares, session.random(_LABELLED_ELEMENTS)])
        digest = hashlib.sha256(PROTOCOL + b"/agreed" + agreed).digest()
        opened, coin = np.split(await session.open_agreeing(joined, digest, ParametersDifferError), 2)
        self._revealed.append(Revealed(reason, tuple(map(int, opened))))
        return hashlib.sha256(PROTOCOL + b"/joint random" + to_bytes(opened)).digest(), expand(coin)

    async def coin(self) -> RandomStream:
        """Open a fresh joint coin, unknown to everybody before this round, and return the elements it expands to.

        Raises:
            InconsistentSharesError: a share is wrong.
        """
        return await self._session.coin()

    async def local[Result](self, work: int, function: Callable[[], Result]) -> Result:
        """Run local arithmetic of about ``work`` nanoseconds without holding up the event loop."""
        return await self._session.compute(work, function)

    async def check_degree(self, values: Shared, weights: RandomStream) -> None:
        """Make sure that the honest parties' shares of every column lie on polynomials of degree ``t``; one round.

        What is opened is one random linear combination plus a random mask: a uniform value. ``weights`` are public and
        were drawn after ``values`` were dealt.

        Raises:
            InconsistentSharesError: they do not, or a share that was sent is wrong.
        """
        session = self._session

        def combine() -> Vector:
            combined = field.inner_product(values.shares, weights.take(values.size).reshape(values.shape))
            return field.add(session.random(1), np.array([combined], dtype=np.uint64))

        await session.open(await session.compute(5 * values.size, combine), self.mode.threshold)

    def random(self, count: int) -> Shared:
        """Return fresh uniform values that nobody knows; costs no round."""
        return Shared(self._session.random(count))

    async def multiply(self, x: Shared, y: Shared) -> Shared:
        """Return the products element by element (with broadcasting), in one round."""
        shape = np.broadcast_shapes(x.shape, y.shape)
        (products,) = await self.evaluate([product(_broadcast(x, shape), _broadcast(y, shape))])
        return products

    async def inner_products(self, pairs: Sequence[tuple[Shared, Shared]]) -> list[Shared]:
        """Return, for each pair, the sums of products over the first axis; all of them in one round.

        Both of a pair have one number of axes; axes of length 1 broadcast. Each sum costs one product.
        """
        return await self.evaluate([inner_product(x, y) for x, y in pairs])

    async def evaluate(self, sums: Sequence[Sum]) -> list[Shared]:
        """Return the values of all sums, in one round; in none, if no products wait.

        Each value costs one product, however many its sum has; a sum without products, or without values, nothing.
        """
        batch = [Terms(one.shape, [(x.shares, y.shares) for x, y in one.products]) for one in sums if one.waits]
        results = await multiply_terms(self._session, batch) if batch else []
        self._multiplications += sum(terms.size for terms in batch)
        if self.mode.verifies_products:
            for terms, result in zip(batch, results, strict=True):
                await self._multiplication_log.record(terms, result)
        opened = iter(results)
        return [_completed(one, next(opened)) if one.waits else _linear(one) for one in sums]

    async def verify(self) -> None:
        """Verify every product computed so far; does nothing where products are checked as they are opened.

        Raises:
            TranscriptsDifferError: a party told different parties different things.
            VerificationFailedError: a product is wrong.
        """
        await self._multiplication_log.verify()

    async def recover(self, dealt: Vector, requests: Requests) -> Vector:
        """Help parties to shares that they lack, and return those that this party asked for; see ``share_recovery``.

        To be called after :meth:`start` and before anything else, by all parties alike.

        Raises:
            InconsistentSharesError: a helper's share is wrong, and this mode cannot correct it.
            PartiesMissingError: too few parties can help.
            RuntimeError: the session was not started.
        """
        self._require_start()
        return await recover_shares(self._session, dealt, requests)

    async def reveal(
        self, values: Mapping[str, Shared], *, context: bytes = b"", gate: str | None = None
    ) -> dict[str, list[int]]:
        """Verify everything, then open ``values`` to all parties, fairly where all are needed.

        Args:
            values: What to open, by the reason for opening it.
            context: What a party needs besides to make use of the values after a restart; public.
            gate: The reason of those values that must all be 0; else the others are uniformly random, and are neither
                returned nor listed.

        Returns:
            The elements by reason, in row-major order.

        Raises:
            MpcError: something is wrong, or not all parties took part; where all are needed, nobody who sees a value
                can keep it from the others.
            RuntimeError: the session was not started.
        """
        self._require_start()
        await self.verify()
        await self._openings.enter(tuple(values))
        flat = Shared.concatenate([value.reshape(value.size) for value in values.values()]).shares
        reasons = tuple((reason, value.size) for reason, value in values.items())
        if self.mode.corrects:
            opened = await self._session.open(flat, self.mode.threshold)
            result = by_reason(opened, reasons)
        else:
            result = await self._open_fairly(flat, reasons, context)
        if gate is not None and any(result[gate]):
            result = {gate: result[gate]}
        self._revealed.extend(Revealed(reason, tuple(elements)) for reason, elements in result.items())
        return result

    async def _open_fairly(
        self, shares: Vector, reasons: tuple[tuple[str, int], ...], context: bytes
    ) -> dict[str, list[int]]:
        session, number = self._session, self._opened
        if number >= MOST_OPENINGS:
            raise RuntimeError("a session has no more openings than it committed to masks for")
        self._opened += 1
        own = opening_keys(session.keys, session.session_id, number)
        masks = await session.compute(_MASK_NS * shares.size, lambda: mask_shares(session.keys, own, shares.size))
        masked = await session.open(field.add(shares, masks), self.mode.threshold)
        opening = MaskedOpening(session.session_id, number, reasons, context, masked, self._commitments[number])
        keys = await self._openings.release(opening, own, session.exchange)
        return await session.compute(_MASK_NS * shares.size, lambda: opening.unmask(keys))


_MASK_NS = 200
"""What a mask of one element takes, roughly, in nanoseconds."""


def _broadcast(value: Shared, shape: tuple[int, ...]) -> Shared:
    return Shared(np.broadcast_to(value.shares, shape))


def _completed(one: Sum, products: Shared) -> Shared:
    return products if one.linear is None else products + one.linear


def _linear(one: Sum) -> Shared:
    return Shared(np.empty(one.shape, dtype=np.uint64)) if one.linear is None else one.linear
