"""Yesterday's bids: what a party received in a session, and the disks of all parties, read when the auction is over.

Every secret that a party had in memory is collected here, and looked for in the bytes of all files: before the outcome
is final, when some must be there, and afterwards, when none may be.
"""

import base64
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from aukciszek.auctions.agreement.opened_envelopes import OpenedEnvelopes, Rows
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.context.peer_network import MessageKind
from aukciszek.auctions.outcome.certification import Certification
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.sharing.field import to_bytes
from aukciszek.mpc.sharing.prss import Members, PrssKeys
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.rules.states import AuctionState
from support.memory_network import Round
from support.parties import Parties, StartParties
from support.passing import ended, opened, time_passing

type Secrets = defaultdict[str, set[bytes]]
"""By what they are."""

SPOILT = 3
"""The party whose envelope of one bundle holds something else, so that it recovers its share."""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Real files: the database, its log, and the index of its log."""
    return tmp_path


@pytest.fixture
def in_memory(monkeypatch: pytest.MonkeyPatch) -> Secrets:
    """Collect what parties derive and open."""
    secrets: Secrets = defaultdict(set)
    derive, rows, store = PrssKeys.derive, OpenedEnvelopes.rows, OpenedEnvelopes._store

    def collect_derived(keys: PrssKeys, members: Members, *, salt: bytes, purpose: bytes) -> bytes:
        derived = derive(keys, members, salt=salt, purpose=purpose)
        kind = "key to a mask" if purpose.startswith(b"opening") else "derived key"
        secrets[kind].add(derived)
        secrets["PRSS key"].add(keys._keys[members].reveal())
        return derived

    async def collect_rows(envelopes: OpenedEnvelopes, bundles: Sequence[BundleDigest]) -> Rows:
        found = await rows(envelopes, bundles)
        secrets["row of a dealing"] |= {to_bytes(row) for row in found.values()}
        return found

    async def collect_recovered(envelopes: OpenedEnvelopes, found: dict[BundleDigest, bytes]) -> None:
        secrets["recovered row"] |= set(found.values())
        await store(envelopes, found)

    monkeypatch.setattr(PrssKeys, "derive", collect_derived)
    monkeypatch.setattr(OpenedEnvelopes, "rows", collect_rows)
    monkeypatch.setattr(OpenedEnvelopes, "_store", collect_recovered)
    return secrets


async def collect_stored(parties: Parties, auction: str, secrets: Secrets) -> None:
    """Collect what parties store as long as they need it."""
    for repository in parties.repositories.values():
        secrets["PRSS key"] |= {row.key for row in await repository.auction_keys(auction)}
        secrets["key to a mask"] |= {row.key for row in await repository.opening_keys(auction)}
        for kind, private in (
            ("sealing key", await repository.sealing_private(auction)),
            ("recovery key", await repository.recovery_private(auction)),
        ):
            secrets[kind] |= {private} - {None}  # type: ignore[arg-type]


def forms(secret: bytes) -> Iterator[bytes]:
    yield secret
    yield secret.hex().encode()
    yield base64.b64encode(secret)[:-3]
    yield base64.urlsafe_b64encode(secret)[:-3]


def found_in(directory: Path, secrets: Secrets) -> dict[str, int]:
    """Return, by kind, how many secrets stand in the files."""
    contents = [path.read_bytes() for path in sorted(directory.iterdir())]
    assert len(contents) >= 3
    found = {
        kind: sum(any(form in content for form in forms(secret) for content in contents) for secret in values)
        for kind, values in secrets.items()
    }
    return {kind: count for kind, count in found.items() if count}


@pytest.mark.parametrize(("size", "threshold"), [(3, 1), pytest.param(5, 1, marks=pytest.mark.drill), (5, 2)])
async def test_when_the_outcome_is_final_no_file_holds_what_opens_a_bid(
    start_parties: StartParties, directory: Path, in_memory: Secrets, size: int, threshold: int
) -> None:
    parties = await start_parties(size, threshold)
    received: list[bytes] = []
    spec = await opened(parties)
    auction = spec.auction_id
    await collect_stored(parties, auction, in_memory)
    usable = [number for number in range(1, size + 1) if number != SPOILT]
    await parties.bid(spec, "5", parties=usable, spoil=[SPOILT])
    await parties.bid(spec, "6")
    parties.network.drop = lambda _sender, _to, message: message.kind is MessageKind.OUTCOME_SIGNATURE

    def hear(_sender: int, to: int, content: Round) -> bool:
        if to == 1:
            received.append(content.payload)
        return False

    parties.network.drop_round = hear
    parties.clock.move(601)
    async with time_passing(parties):
        await parties.wait_for_state(auction, AuctionState.SIGNING)
    await collect_stored(parties, auction, in_memory)
    kinds = {"PRSS key", "derived key", "sealing key", "recovery key", "row of a dealing", "recovered row"}
    kept = {"PRSS key", "sealing key", "recovery key"}
    if size < 4 * threshold + 1:
        kinds, kept = kinds | {"key to a mask"}, kept | {"key to a mask"}
    assert kinds <= in_memory.keys()
    assert found_in(directory, in_memory).keys() == kept, "the control: what is still needed is there, sealed or not"
    parties.network.drop = lambda _sender, _to, _message: False
    body = await ended(parties, auction)
    assert body.prices == ("5",)
    assert found_in(directory, in_memory) == {}
    # Nor does what one party received hold any of the keys that the disks no longer have.
    heard = b"\x00".join(received)
    assert received
    assert not [kind for kind in kinds for secret in in_memory[kind] if secret in heard]


async def test_when_an_auction_is_cancelled_no_file_holds_what_opens_a_bid(
    start_parties: StartParties, directory: Path, in_memory: Secrets
) -> None:
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    await parties.bid(spec, "5")
    await collect_stored(parties, spec.auction_id, in_memory)
    assert found_in(directory, in_memory).keys() == {"PRSS key", "sealing key"}
    for number in (1, 2):
        await parties.service(number).cancel(parties.auctioneer, spec.auction_id)
    async with time_passing(parties):
        await parties.wait_for_state(spec.auction_id, AuctionState.CANCELLED)
    assert found_in(directory, in_memory) == {}


async def test_the_search_would_find_keys_that_were_kept(
    start_parties: StartParties, directory: Path, in_memory: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A control: one party ends the auction and destroys nothing."""
    finish = Certification.finish

    async def keep_all(signing: Certification) -> None:
        context: AuctionContext = signing._context
        if context.party.number != PartyNumber(2):
            await finish(signing)
            return
        async with context.entering(AuctionState.FINAL, "keys-destroyed", {}):
            pass

    monkeypatch.setattr(Certification, "finish", keep_all)
    parties = await start_parties(3, 1)
    spec = await opened(parties)
    await parties.bid(spec, "5")
    parties.clock.move(601)
    await ended(parties, spec.auction_id)
    await collect_stored(parties, spec.auction_id, in_memory)
    assert found_in(directory, in_memory).keys() == {"PRSS key", "sealing key", "key to a mask"}
