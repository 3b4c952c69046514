"""``aukciszek keys refresh``: new keys for shared randomness, for when the old ones may have been copied.

``docs/protocol.md``, "Dealing the PRSS keys": parties that hold none deal them anew as soon as they meet.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from aukciszek.auctions.lifecycle import AuctionState, is_over
from aukciszek.cli.report import JsonOption, Report
from aukciszek.errors import AukciszekError
from aukciszek.server.own_place import alone_in
from aukciszek.settings import Settings, load_settings
from aukciszek.storage.auctions import AuctionRepository
from aukciszek.storage.database import Database
from aukciszek.storage.party import PrssKeyRepository

_KEYS_ARE_FREE: Final = frozenset(
    state for state in AuctionState if is_over(state) or state in {AuctionState.CREATED, AuctionState.OPEN}
)
_SHOWN: Final = 3


class KeysInUseError(AukciszekError):
    """An auction between its close and its outcome draws its lot from the keys; other keys would draw another."""

    code = "keys-in-use"


def keys_refresh(*, as_json: JsonOption = False) -> None:
    """Forget this party's keys for shared randomness, so that the parties deal new ones.

    Agree with the other operators: stop all parties, run this at each, start them again. As long as one party keeps its
    keys, the others get the old ones back from it. Identity and token keys are not touched.
    """
    with Report(as_json=as_json) as report:
        settings = load_settings()
        # Bringing tables up to date is worth no line here.
        logging.getLogger("alembic").setLevel(logging.WARNING)
        with alone_in(settings.data_dir):
            forgotten = asyncio.run(forget_prss_keys(settings))
        report.say(f"{forgotten} keys forgotten; new ones are dealt when all parties have done this and are started")
        report.result({"party": settings.party_id, "forgotten": forgotten})


async def forget_prss_keys(settings: Settings) -> int:
    """Delete the keys of a party that is not running; return how many there were.

    Raises:
        KeysInUseError: an auction is closed and has no outcome yet.
    """
    database = await Database.open(settings.database_url)
    try:
        waiting = await AuctionRepository(database).unfinished_auctions([state.value for state in _KEYS_ARE_FREE])
        if waiting:
            raise KeysInUseError(_in_use([row.id for row in waiting]))
        return await PrssKeyRepository(database).forget_prss_keys()
    finally:
        await database.close()


def _in_use(auctions: Sequence[str]) -> str:
    named = ", ".join(auction[:12] for auction in auctions[:_SHOWN])
    more = f" and {len(auctions) - _SHOWN} more" if len(auctions) > _SHOWN else ""
    return f"wait for the outcome of the auctions that are closed ({named}{more}): their lot is drawn from these keys"
