"""Keys for shared randomness on their way from one party to another: packed, and sealed to the receiver.

``docs/protocol.md``, "Dealing the PRSS keys". An envelope is HPKE to a key that the receiver signed, so a key is safe
on its way whatever the link uses, also from a quantum computer. Its content is a list, ascending by set and dealer,
of::

    members u16, party i as bit i - 1 | dealer u8 | key 32
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from aukciszek.cluster import PartyNumber
from aukciszek.mpc.sharing.prss import PRSS_KEY_BYTES, Members
from aukciszek.protocol.evidence.key_tables import Attestation, key_digest, members_mask, members_of
from aukciszek.protocol.evidence.statements import PublicKeyField, Statement
from aukciszek.protocol.rules.errors import AuctionError
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.protocol.sealing.keys import SealingKeyPair, SealingPublicKey
from aukciszek.secret import Secret

_KEY: Final = struct.Struct(f">HB{PRSS_KEY_BYTES}s")
_INFO: Final = struct.Struct(">32sBB")


class UnlawfulDealingError(AuctionError):
    """A party sent keys for shared randomness that are not its to give, or asked for keys in another's name."""

    code = "unlawful-dealing"


class KeysWanted(Statement):
    """This party lacks keys, and asks its co-members to seal those that they share with it to this fresh key."""

    label: ClassVar[str] = "keys-wanted"

    kind: Literal["keys-wanted"] = "keys-wanted"
    public_key: PublicKeyField


@dataclass(frozen=True, slots=True)
class AuctionKey:
    """A key that ``dealer`` made for ``members``."""

    members: Members
    dealer: PartyNumber
    key: Secret[bytes]

    @property
    def id(self) -> tuple[int, PartyNumber]:
        """The key's set, as a mask, and its dealer: the order of a list."""
        return members_mask(self.members), self.dealer

    def attestation(self, auction: AuctionId) -> Attestation:
        """Return what a party that holds this key attests."""
        return Attestation(self.members, self.dealer, key_digest(auction, self.members, self.dealer, self.key))


@dataclass(frozen=True, slots=True)
class KeyEnvelope:
    """Where an envelope belongs: between two parties of one auction, for one purpose."""

    purpose: Literal["dealing", "keys"]
    auction: AuctionId
    sender: PartyNumber
    receiver: PartyNumber

    def seal(self, keys: Iterable[AuctionKey], to: SealingPublicKey) -> bytes:
        """Seal keys."""
        ordered = sorted(keys, key=lambda one: one.id)
        content = b"".join(_KEY.pack(*one.id, one.key.reveal()) for one in ordered)
        return to.seal(content, self._info)

    def open(self, sealed: bytes, key_pair: SealingKeyPair) -> list[AuctionKey]:
        """Open an envelope; every key in it is of a set with both the sender and the receiver.

        Raises:
            EnvelopeDoesNotOpenError: sealed to another key, made for another bid or party, or changed.
            UnlawfulDealingError: what is in it is no such list of keys.
        """
        content = key_pair.open(sealed, self._info)
        try:
            keys = [
                AuctionKey(members_of(mask), PartyNumber(dealer), Secret(key))
                for mask, dealer, key in _KEY.iter_unpack(content)
            ]
        except (struct.error, ValueError) as error:
            raise UnlawfulDealingError(f"party {self.sender} sealed something that is no list of keys") from error
        key_ids = [one.id for one in keys]
        lawful = all({self.sender, self.receiver} <= one.members and one.dealer in one.members for one in keys)
        if not lawful or key_ids != sorted(set(key_ids)):
            raise UnlawfulDealingError(f"party {self.sender} sealed keys of sets that it does not share with this one")
        return keys

    @property
    def _info(self) -> bytes:
        info = _INFO.pack(bytes.fromhex(self.auction), self.sender, self.receiver)
        return b"aukciszek/1/key-envelope/" + self.purpose.encode() + b"\x00" + info
