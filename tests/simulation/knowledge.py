"""What was opened in a history, to whomever: the values that anybody could know, in any attempt."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aukciszek.auctions.session.opened_outcome import PRICES, SUMMARY
from aukciszek.auctions.session.opening_state import OpeningState
from aukciszek.mpc.protocols.runtime import Runtime

type Values = tuple[int, ...]


class Learned:
    """Collects them. Where all parties are needed, each party that has all keys to a mask knows the value."""

    def __init__(self) -> None:
        self.opened: defaultdict[str, set[tuple[bytes, Values]]] = defaultdict(set)
        """By reason: in which session what was opened."""
        self.dishonest: set[int] = set()
        self.known_to_corrupt_party: set[tuple[bytes, Values]] = set()
        """The prices that a corrupt party's own engine opened, if it had said nothing but the truth: by the session."""
        self.is_truthful: Callable[[], bool] = lambda: True
        """Whether all that the corrupt party has said is true, so that its engine finds what the others would."""

    def take_down(self, session: bytes, values: Mapping[str, Any]) -> None:
        """Note what an opening gave; beside a check that failed the rest is uniformly random."""
        failed = any(values.get(SUMMARY, ()))
        for reason, elements in values.items():
            if not failed or reason == SUMMARY:
                self.opened[reason].add((session, tuple(elements)))

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Look on at every opening of every party."""
        reveal, joint_random, finish = Runtime.reveal, Runtime.joint_random, OpeningState.finish
        learned = self

        async def watched_reveal(runtime: Runtime, values: Any, **named: Any) -> Any:
            before = len(runtime.revealed)
            result = await reveal(runtime, values, **named)
            if runtime.party not in learned.dishonest:
                learned._on_revealed(runtime, before)
            elif PRICES in result and learned.is_truthful():
                learned.known_to_corrupt_party.add((runtime._session.session_id, tuple(result[PRICES])))
            return result

        async def watched_joint_random(runtime: Runtime, *arguments: Any, **named: Any) -> Any:
            before = len(runtime.revealed)
            result = await joint_random(runtime, *arguments, **named)
            if runtime.party not in learned.dishonest:
                learned._on_revealed(runtime, before)
            return result

        def watched_finish(opened: OpeningState) -> None:
            finish(opened)
            if opened.values is not None:
                learned.take_down(opened.opening.session, opened.values)

        setattr(Runtime, "reveal", watched_reveal)  # noqa: B010 -- what is assigned has another name than the method
        setattr(Runtime, "joint_random", watched_joint_random)  # noqa: B010 -- as above
        setattr(OpeningState, "finish", watched_finish)  # noqa: B010 -- as above
        try:
            yield
        finally:
            setattr(Runtime, "reveal", reveal)  # noqa: B010 -- as above
            setattr(Runtime, "joint_random", joint_random)  # noqa: B010 -- as above
            setattr(OpeningState, "finish", finish)  # noqa: B010 -- as above

    def _on_revealed(self, runtime: Runtime, before: int) -> None:
        for one in runtime.revealed[before:]:
            self.opened[one.reason].add((runtime._session.session_id, one.values))
