"""Keys on links that a quantum computer can read: whatever TLS negotiates, the keys of an auction are sealed by X-Wing.

Here everything on every link is in the hands of somebody who will break elliptic curves later.
"""

import base64
import hashlib
import secrets

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite

from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.auctions.keys.envelopes import KeyEnvelope
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.rules.states import AuctionState
from aukciszek.protocol.sealing.keys import SealingKeyPair
from support.insides import parts_at
from support.memory_network import Round
from support.parties import Parties, StartParties
from support.passing import ended, opened

_MLKEM_CIPHERTEXT_BYTES = 1088
_X25519_BYTES = 32


def tap(parties: Parties) -> list[bytes]:
    """Record everything that leaves any party."""
    recorded: list[bytes] = []

    def note_message(_sender: PartyNumber, _to: PartyNumber, message: PeerMessage) -> bool:
        recorded.append(message.body)
        return False

    def note_round(_sender: PartyNumber, _to: PartyNumber, content: Round) -> bool:
        recorded.append(content.payload)
        return False

    parties.network.drop, parties.network.drop_round = note_message, note_round
    return recorded


def column(parties: Parties, query: str) -> set[bytes]:
    """Return all values of a column, at any party."""
    rows = [row for disk in parties.disks.values() for row in disk.raw.execute(query).fetchall()]
    return {value for (value,) in rows if value is not None}


@pytest.mark.parametrize(("size", "threshold"), [(3, 1), (5, 1), (5, 2)])
async def test_no_key_of_an_auction_is_on_any_link(start_parties: StartParties, size: int, threshold: int) -> None:
    parties = await start_parties(size, threshold)
    recorded = tap(parties)
    spec = await opened(parties)
    keys = column(parties, "SELECT key FROM auction_keys")
    private = column(parties, "SELECT sealing_private FROM auctions")
    assert len(private) == size
    assert keys
    await parties.bid(spec, "5")
    # One of them has to ask for its keys, on a way of its own.
    await parties.stop(2)
    parties.disks[PartyNumber(2)].raw.execute("DELETE FROM auction_keys")
    await parties.start(2)
    parties.clock.move(601)
    await ended(parties, spec.auction_id)
    everything = b"\x00".join(recorded)
    for key in keys | private:
        for form in (key, key.hex().encode(), base64.urlsafe_b64encode(key)[:-2], base64.b64encode(key)[:-2]):
            assert form not in everything


async def sealed_dealing(parties: Parties) -> tuple[bytes, SealingKeyPair, bytes, bytes]:
    """Return an envelope from party 1 to party 2, the key pair that opens it, its seed, and what it is bound to."""
    on_the_way: list[bytes] = []

    def note(sender: PartyNumber, to: PartyNumber, message: PeerMessage) -> bool:
        if (sender, to, message.kind) == (1, 2, MessageKind.DEALING):
            on_the_way.append(message.body)
        return False

    parties.network.drop = note
    spec = await opened(parties)
    parts = parts_at(parties.service(2), spec.auction_id)
    assert parts.context.state is AuctionState.OPEN
    pair = parts.dealing._key_pair
    assert pair is not None
    envelope = KeyEnvelope("dealing", spec.auction_id, PartyNumber(1), PartyNumber(2))
    assert envelope.open(on_the_way[0], pair), "the control: with both halves it opens"
    return on_the_way[0], pair, pair.to_bytes(), envelope._info


def halves(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    expanded = hashlib.shake_256(seed).digest(96)
    return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])


async def test_an_envelope_of_keys_does_not_open_with_either_half_alone(start_parties: StartParties) -> None:
    sealed, _pair, seed, info = await sealed_dealing(await start_parties(3, 1))
    lattice, curve = halves(seed)
    other_lattice, other_curve = halves(secrets.token_bytes(32))
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    assert suite.decrypt(sealed, MLKEM768X25519PrivateKey(lattice, curve), info=info)
    for half in (MLKEM768X25519PrivateKey(other_lattice, curve), MLKEM768X25519PrivateKey(lattice, other_curve)):
        with pytest.raises((InvalidTag, ValueError)):
            suite.decrypt(sealed, half, info=info)


async def test_an_envelope_of_keys_is_not_one_of_the_curve_alone_with_something_before_it(
    start_parties: StartParties,
) -> None:
    sealed, _pair, seed, info = await sealed_dealing(await start_parties(3, 1))
    _, curve = halves(seed)
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    for content in (sealed[_MLKEM_CIPHERTEXT_BYTES:], sealed[:_X25519_BYTES] + sealed[-200:]):
        with pytest.raises((InvalidTag, ValueError)):
            suite.decrypt(content, curve, info=info)
