"""Resuming from an older state: what is done with a party's storage after a backup was restored.

``docs/operations.md``, "Backup", says what that means for running auctions.
"""

from datetime import datetime

from aukciszek.auctions.context.auction_context import LOST_MEMORY
from aukciszek.clock import Clock, format_time
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.rules.states import OVER
from aukciszek.storage.database import Database
from aukciszek.storage.repositories.auctions import AuctionRepository


async def prepare_restored(database: Database, party: PartyNumber, backup_of: datetime, clock: Clock) -> list[str]:
    """Prepare every unfinished auction for resuming from the state of a backup, before the party starts.

    Args:
        database: the party's storage, as it was.
        party: whose it is.
        backup_of: when the backup was made.
        clock: the time of day.

    Returns:
        The unfinished auctions.
    """
    repository = AuctionRepository(database)
    rows = await repository.unfinished_auctions(OVER)
    for row in rows:
        async with database.transaction() as connection:
            # It does not know what it has signed since: it asks the others before it signs anything more.
            await repository.set_recalled(row.id, recalled=False, connection=connection)
            details = {"backup_of": format_time(backup_of), "state": row.state}
            for action, what in (("restored-from-backup", details), (LOST_MEMORY, {})):
                await repository.append_record(
                    row.id, clock.now(), f"party {party}", action, what, connection=connection
                )
    return [row.id for row in rows]
