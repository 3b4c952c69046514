"""Whether what is stored of an unfinished auction is what was written; checked before a party resumes it.

A database notices damage to its own structure, not a changed byte inside a row. Every row that an outcome depends on
says by itself what it must be: rules and bundles by their hashes, receipts by this party's signature, the record by
its chain. So a party never computes on what a faulty disk made of a bid.
"""

import asyncio
from itertools import batched
from typing import Final

from aukciszek.auctions.context.auction_context import rules_of
from aukciszek.auctions.record_export import audit_record
from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.errors import AukciszekError
from aukciszek.protocol.evidence.audit_record import verify_record
from aukciszek.protocol.evidence.key_tables import Attestation, KeyTable, key_digest, members_of
from aukciszek.protocol.evidence.statements import Receipt, SealingKeyStatement, read_statement
from aukciszek.protocol.rules.errors import AuctionError
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.protocol.sealing.bundle import bundle_digest
from aukciszek.protocol.sealing.keys import SealingKeyPair
from aukciszek.secret import Secret
from aukciszek.storage.errors import StorageFaultError
from aukciszek.storage.repositories.auctions import AuctionRepository
from aukciszek.storage.rows import AuctionRow, ReceiptRow

_BUNDLES_AT_ONCE: Final = 1000


class AuctionDamagedError(AuctionError):
    """What is stored of an auction is not what was written."""

    code = "auction-damaged"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}. Keep the database, check the disk, and restore the last backup or let the other parties restore "
            "this one (docs/operations.md)"
        )


class _ChangedError(Exception):
    """A row is not what it says of itself; the text quotes none of it."""


async def check_auction(repository: AuctionRepository, cluster: Cluster, number: PartyNumber, row: AuctionRow) -> None:
    """Read everything that is stored of an auction, and compare it with what it says of itself.

    Raises:
        AuctionDamagedError: something is not what was written.
        StorageFaultError: the database cannot be read at all.
    """
    try:
        await _check_rows(repository, cluster, number, row)
    except StorageFaultError:
        raise
    except (AukciszekError, _ChangedError) as error:
        raise AuctionDamagedError(f"auction {row.id[:8]}: {error}") from error
    except ValueError as error:
        # What a library says of a value may quote it.
        raise AuctionDamagedError(f"auction {row.id[:8]}: a {type(error).__name__} while it was read") from None


async def _check_rows(repository: AuctionRepository, cluster: Cluster, number: PartyNumber, row: AuctionRow) -> None:
    if rules_of(row).auction_id != row.id:
        raise _ChangedError("the rules are not the ones that its id stands for")
    await _check_sealing_key(repository, cluster, number, row)
    await _check_auction_keys(repository, cluster, number, row)
    for digests in batched(sorted(await repository.bundle_digests(row.id)), _BUNDLES_AT_ONCE, strict=False):
        contents = await repository.bundle_contents(digests)
        if changed := await asyncio.to_thread(_changed, contents):
            raise _ChangedError(f"bundle {changed[:8]} has changed")
    receipts = [one for one in await repository.auction_receipts(row.id) if one.party == number]
    await asyncio.to_thread(_check_receipts, receipts, cluster)
    record = await repository.record(row.id)
    await asyncio.to_thread(lambda: verify_record(audit_record(AuctionId(row.id), number, record)))


async def _check_sealing_key(
    repository: AuctionRepository, cluster: Cluster, number: PartyNumber, row: AuctionRow
) -> None:
    private = await repository.sealing_private(row.id)
    for stored in await repository.sealing_keys(row.id):
        if stored.party == number and private is not None:
            public = read_statement(SealingKeyStatement, stored.statement, cluster).content.public_key
            if SealingKeyPair(private).public_bytes != public:
                raise _ChangedError("the sealing key is not the one that this party signed")


async def _check_auction_keys(
    repository: AuctionRepository, cluster: Cluster, number: PartyNumber, row: AuctionRow
) -> None:
    """Compare the keys for shared randomness with the tables: one that was not dealt but had from others is attested.

    Raises:
        _ChangedError: a key is not the one that this party, or another one, attests.
    """
    tables = [read_statement(KeyTable, one.statement, cluster).content for one in await repository.key_tables(row.id)]
    own = {(one.members, one.dealer) for table in tables if table.party == number for one in table.attestations}
    attested = {one for table in tables for one in table.attestations}
    for stored in await repository.auction_keys(row.id):
        members, dealer = members_of(stored.members), PartyNumber(stored.dealer)
        digest = key_digest(AuctionId(row.id), members, dealer, Secret(stored.key))
        if (members, dealer) in own and Attestation(members, dealer, digest) not in attested:
            raise _ChangedError("a key for shared randomness is not the one that this party signed")


def _changed(contents: dict[str, bytes]) -> str | None:
    return next((digest for digest, content in contents.items() if bundle_digest(content) != digest), None)


def _check_receipts(receipts: list[ReceiptRow], cluster: Cluster) -> None:
    for row in receipts:
        receipt = read_statement(Receipt, row.statement, cluster)
        if receipt.content.bundle != row.digest:
            raise _ChangedError(f"the receipt for bundle {row.digest[:8]} is for another one")
