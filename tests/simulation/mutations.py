"""Faults of earlier designs, brought back one at a time: the histories must find each of them.

A mutation is a context in which the product's code has the fault.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from aukciszek.auctions.agreement import opened_envelopes
from aukciszek.auctions.agreement.list_exchange_state import ListExchangeState
from aukciszek.auctions.agreement.list_store import ListStore
from aukciszek.auctions.agreement.receipt_lists import ReceiptLists
from aukciszek.auctions.agreement.tally import Tally
from aukciszek.auctions.keys.envelopes import AuctionKey
from aukciszek.auctions.keys.recovery import KeyRecovery
from aukciszek.auctions.process.interruptions import Interruptions
from aukciszek.auctions.session.readiness import Proposal
from aukciszek.mpc.protocols.fair_opening import by_reason
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.sharing.field import Vector
from aukciszek.protocol.rules.states import CANCELLABLE, AuctionState


@contextmanager
def veto() -> Iterator[None]:
    """One complaint leaves a bid out, whenever it comes: also when the outcome may be known."""

    def unusable(tally: Tally, bundle: Any) -> bool:
        return bool(tally.complaints.get(bundle))

    with ExitStack() as stack:
        stack.enter_context(patch.object(Tally, "unusable", unusable))
        stack.enter_context(patch.object(ListExchangeState, "bound_to", property(lambda _: None)))
        stack.enter_context(patch.object(ReceiptLists, "counted", property(lambda lists: frozenset(lists._held))))
        stack.enter_context(patch.object(ListStore, "fix", _fix_nothing))
        yield


async def _fix_nothing(_lists: ListStore, *_: object, **__: object) -> bool:
    return True


@contextmanager
def unfair_opening() -> Iterator[None]:
    """All shares of the outcome are sent in the last round: who withholds its own knows it alone."""

    async def open_directly(
        runtime: Runtime, shares: Vector, reasons: tuple[tuple[str, int], ...], _context: bytes
    ) -> dict[str, list[int]]:
        return by_reason(await runtime._session.open(shares, runtime.mode.threshold), reasons)

    with patch.object(Runtime, "_open_fairly", open_directly):
        yield


@contextmanager
def late_cancel() -> Iterator[None]:
    """Words for a cancellation count whenever they come, also at a party that was about to open something."""

    def cancellation(interruptions: Interruptions) -> Proposal | None:
        cancels = interruptions._parts.context.state in CANCELLABLE and interruptions._parts.orders.in_force("cancel")
        return Proposal({}) if cancels else None

    async def cancel(interruptions: Interruptions, _cancellation: Proposal) -> None:
        async with interruptions._parts.context.entering(AuctionState.CANCELLED, "cancelled", {}) as connection:
            await interruptions._parts.context.party.repository.erase_secrets(
                interruptions._parts.context.auction, connection=connection
            )

    with ExitStack() as stack:
        for name in ("_can_adopt", "_has_late_outcome", "_is_settled"):
            question = _unless_ordered(getattr(Interruptions, name))
            stack.enter_context(patch.object(Interruptions, name, question))
        stack.enter_context(patch.object(Interruptions, "_cancellation", property(cancellation)))
        stack.enter_context(patch.object(Interruptions, "_cancel", cancel))
        yield


def _unless_ordered(question: property) -> property:
    return property(
        lambda interruptions: not interruptions._parts.orders.in_force("cancel") and question.__get__(interruptions)
    )


@contextmanager
def recovery_without_commitments() -> Iterator[None]:
    """A recovered share is taken if the proof of degree fits, whatever the bundle commits to."""
    with patch.object(opened_envelopes, "_matches", lambda envelope, row: envelope.fits_proof(row)):
        yield


@contextmanager
def keys_unchecked() -> Iterator[None]:
    """A returning party takes whatever keys it is handed, as if they had been dealt again."""

    def is_chosen(recovery: KeyRecovery, one: AuctionKey) -> bool:
        return recovery._chosen is not None and recovery._chosen[one.members].dealer == one.dealer

    with patch.object(KeyRecovery, "_is_chosen", is_chosen):
        yield


MUTATIONS = {
    "veto": veto,
    "unfair-opening": unfair_opening,
    "late-cancel": late_cancel,
    "recovery-without-commitments": recovery_without_commitments,
    "keys-unchecked": keys_unchecked,
}
