"""What bidders, parties and auditors of one auction hold: sealed bids, receipts, certificates, opened bids."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aukciszek.cluster import PartyNumber
from aukciszek.identity import Identity
from aukciszek.mpc.sharing.dealing import Dealing
from aukciszek.mpc.sharing.field import to_bytes
from aukciszek.protocol.evidence.certificate import Certificate, CertificateBody, Winner
from aukciszek.protocol.evidence.opened_bid import OpenedBid
from aukciszek.protocol.evidence.receipts import ReceiptFile
from aukciszek.protocol.rules.identifiers import BundleDigest, UserId
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.sealing.bundle import BidKey, Bundle
from aukciszek.protocol.sealing.envelope import _proof_context, commitment, seal_bid
from aukciszek.protocol.sealing.keys import SealingKeyPair, SealingPublicKey
from aukciszek.protocol.sealing.opening_secret import OpeningSecret
from support.receipts import give_receipt

BIDDERS = tuple(UserId(f"{number:08x}-0000-4000-8000-000000000000") for number in range(1, 17))


@dataclass(frozen=True)
class MadeBid:
    bundle: Bundle
    secret: OpeningSecret

    @property
    def digest(self) -> BundleDigest:
        return self.bundle.digest()


class Evidence:
    def __init__(self, spec: AuctionSpec, cluster_file: bytes, identities: Sequence[Identity]) -> None:
        self.spec = spec
        self._cluster_file = cluster_file
        self._identities = identities
        self._keys = [SealingPublicKey(SealingKeyPair.new().public_bytes) for _ in identities]

    def seal(self, bidder: UserId, step: int, *, revision: int = 1) -> MadeBid:
        secret = OpeningSecret.new(step)
        bits = [step >> position & 1 for position in reversed(range(self.spec.bits))]
        bid_key = BidKey(auction=self.spec.auction_id, bidder=bidder, revision=revision)
        bundle = seal_bid(
            bid_key,
            bits,
            threshold=self.spec.threshold,
            sealing_keys=self._keys,
            random_bytes=lambda _: secret.key,
        )
        return MadeBid(bundle, secret)

    def seal_elements(self, bidder: UserId, elements: Sequence[int]) -> OpenedBid:
        """Return the opening of a bundle in which anything may stand in the place of bits."""
        spec = self.spec
        bid_key = BidKey(auction=spec.auction_id, bidder=bidder, revision=1)
        dealing = Dealing.of(elements, spec.parties, spec.threshold)
        rows = tuple(to_bytes(row) for row in dealing.shares)
        commitments = tuple(commitment(bid_key.auction, party, row) for party, row in enumerate(rows, start=1))
        bundle = Bundle(
            auction=bid_key.auction,
            bidder=bidder,
            revision=1,
            threshold=spec.threshold,
            bits=spec.bits,
            commitments=commitments,
            proof=dealing.prove(_proof_context(bid_key, spec.threshold, spec.bits, commitments)),
            envelopes=tuple(key.seal(row, b"") for key, row in zip(self._keys, rows, strict=True)),
        )
        receipts = self.receipts((bundle, self.in_time(1, 2, 3)))
        return OpenedBid(auction=bid_key.auction, bundle=bundle.encode(), rows=rows, receipts=receipts)

    def receipts(self, *bids: tuple[Bundle, Mapping[int, datetime]]) -> ReceiptFile:
        file = ReceiptFile(auction=self.spec.auction_id, bidder=bids[0][0].bidder, bids=())
        for bundle, signers in bids:
            signed = [
                give_receipt(
                    self._identities[party - 1],
                    PartyNumber(party),
                    auction=self.spec.auction_id,
                    bundle=bundle.digest(),
                    received_at=moment,
                )
                for party, moment in signers.items()
            ]
            file = file.with_bid(bundle.header(), signed)
        return file

    def in_time(self, *parties: int) -> dict[int, datetime]:
        return dict.fromkeys(parties, self.spec.closes_at)

    def late(self, *parties: int) -> dict[int, datetime]:
        return dict.fromkeys(parties, self.spec.closes_at + timedelta(milliseconds=1))

    def open(self, bid: MadeBid, receipts: ReceiptFile | None = None) -> OpenedBid:
        everybody = self.in_time(*range(1, self.spec.parties + 1))
        return OpenedBid.of(bid.bundle.encode(), bid.secret, receipts or self.receipts((bid.bundle, everybody)))

    def body(self, bids: Iterable[MadeBid], /, *won: tuple[MadeBid, str], **changes: Any) -> CertificateBody:
        """Return an outcome; without a winner, one in which the reserve was not met."""
        ordered = sorted(won, key=lambda one: one[0].digest)
        prices = [price for _, price in ordered]
        fields: dict[str, Any] = {
            "spec": self.spec,
            "bids": tuple(sorted(bid.digest for bid in bids)),
            "left_out": (),
            "tie_break_seed": "0f" * 32,
            "outcome": "sold" if won else "reserve-not-met",
            "winners": tuple(Winner(bundle=bid.digest, bidder=bid.bundle.bidder) for bid, _ in ordered),
            "prices": tuple(prices if self.spec.format == "pay-as-bid" else prices[:1]),
        }
        return CertificateBody.model_validate(fields | changes)

    def sign(self, body: CertificateBody) -> Certificate:
        """Return the certificate that all parties sign, whatever it says."""
        signatures = [
            body.signed_by(PartyNumber(party), identity) for party, identity in enumerate(self._identities, start=1)
        ]
        return Certificate.assemble(body, self._cluster_file, signatures)
