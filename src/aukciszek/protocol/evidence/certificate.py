"""The certificate: the outcome, the rules and the bids that it was found from, signed by the parties.

``docs/protocol.md``, "The certificate". All parties sign the same bytes, so nothing in the body depends on one party's
clock or disk. Beside the signatures a certificate carries the cluster file, so that it can be verified from files
alone; :mod:`~aukciszek.protocol.evidence.verification` does that.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from aukciszek.cluster import LARGEST_CLUSTER, Cluster, ClusterFileError, PartyNumber
from aukciszek.identity import Identity
from aukciszek.protocol.evidence.statements import SIGNATURE_BYTES, OutcomeSignature, Signed, sign
from aukciszek.protocol.rules.errors import MalformedCertificateError, PriceError
from aukciszek.protocol.rules.fields import (
    BundleDigestField,
    BytesField,
    PartyField,
    StrictModel,
    UserIdField,
    first_fault,
)
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest, labelled_sha256
from aukciszek.protocol.rules.spec import AuctionSpec

type OutcomeKind = Literal["sold", "reserve-not-met", "too-few-bids"]

MOST_CERTIFICATE_BYTES: Final = 64 << 20
_MOST_BIDS: Final = 200_000
_MOST_CLUSTER_FILE_CHARACTERS: Final = 65_536


def _check_ascending(digests: tuple[BundleDigest, ...]) -> tuple[BundleDigest, ...]:
    if list(digests) != sorted(set(digests)):
        raise ValueError("list every bundle once, in ascending order")
    return digests


NOT_BITS: Final = "not-bits"
OUT_OF_RANGE: Final = "out-of-range"
"""Reasons for which a session leaves a bundle out."""


class LeftOut(StrictModel):
    """A bid of the input set that failed the checks inside the computation."""

    bundle: BundleDigestField
    reason: Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,63}$")]
    """The stable code of the reason."""


class Winner(StrictModel):
    """A bid that won."""

    bundle: BundleDigestField
    bidder: UserIdField


class CertificateBody(StrictModel):
    """What the parties sign. Its parts cannot contradict one another."""

    version: Literal[1] = 1
    spec: AuctionSpec
    """The rules; auction id, cluster digest, ``n`` and ``t`` follow from them."""
    bids: Annotated[tuple[BundleDigestField, ...], Field(max_length=_MOST_BIDS), AfterValidator(_check_ascending)]
    """The input set, ascending."""
    left_out: tuple[LeftOut, ...]
    """Ascending by bundle."""
    tie_break_seed: Annotated[str, Field(pattern="^([0-9a-f]{2}){8,64}$")] | None
    """The joint random value that ordered the bids for ties; None when nothing was computed."""
    outcome: OutcomeKind
    winners: tuple[Winner, ...]
    """Ascending by bundle."""
    prices: tuple[Annotated[str, Field(max_length=30)], ...]
    """What was opened: with pay-as-bid one price for each winner, in their order; else one for all."""

    @model_validator(mode="after")
    def _check_body(self) -> Self:
        self._check_bundles()
        if self.outcome == "sold":
            self._check_sale()
        elif self.winners or self.prices:
            raise ValueError("an auction without a sale has no winners and no prices")
        if (self.outcome == "too-few-bids") != (self.valid_bids < self.spec.minimum_bids):
            raise ValueError("the outcome contradicts the number of valid bids and the minimum")
        if self.outcome == "reserve-not-met" and self.spec.reserve_price is None:
            raise ValueError("an auction without a reserve price cannot fail it")
        if self.tie_break_seed is None and self.outcome != "too-few-bids":
            raise ValueError("bids were ranked, so there must be a tie-break seed")
        return self

    def _check_bundles(self) -> None:
        left_out = _check_ascending(tuple(one.bundle for one in self.left_out))
        winners = _check_ascending(tuple(one.bundle for one in self.winners))
        if not set(left_out) <= set(self.bids):
            raise ValueError("a bid that was left out must be in the input set")
        if not set(winners) <= set(self.bids) - set(left_out):
            raise ValueError("a winner must be in the input set and not left out")
        if len({one.bidder for one in self.winners}) != len(self.winners):
            raise ValueError("a bidder can win once only")

    def _check_sale(self) -> None:
        spec = self.spec
        most = min(spec.winners, self.valid_bids)
        if not 1 <= len(self.winners) <= most or (spec.reserve_price is None and len(self.winners) != most):
            raise ValueError("the number of winners contradicts the rules")
        if len(self.prices) != (len(self.winners) if spec.format == "pay-as-bid" else 1):
            raise ValueError("the number of prices contradicts the auction's format")
        for price in self.prices:
            step = _read_price(spec, price)
            reserve = spec.reserve_step
            if reserve is not None and (step > reserve if spec.direction == "reverse" else step < reserve):
                raise ValueError("a price is worse than the reserve price")

    @property
    def auction(self) -> AuctionId:
        """The auction's id."""
        return self.spec.auction_id

    @property
    def valid_bids(self) -> int:
        """How many bids took part in the ranking."""
        return len(self.bids) - len(self.left_out)

    @cached_property
    def digest(self) -> str:
        """What the parties sign; 64 hexadecimal digits."""
        return labelled_sha256("certificate", self.canonical_bytes).hex()

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Read a body's canonical bytes.

        Raises:
            MalformedCertificateError: not readable, not canonical, or contradictory; the text names the field.
        """
        if len(content) > MOST_CERTIFICATE_BYTES:
            raise MalformedCertificateError(f"a certificate has at most {MOST_CERTIFICATE_BYTES} bytes")
        try:
            body = cls.model_validate_json(content)
        except ValidationError as error:
            raise MalformedCertificateError(f"the certificate is not valid at {first_fault(error)}") from error
        if body.canonical_bytes != content:
            raise MalformedCertificateError("the certificate must be canonical JSON: use the file as it was downloaded")
        return body

    def signed_by(self, party: PartyNumber, identity: Identity) -> Signed[OutcomeSignature]:
        """Sign this body as ``party``, which computed it itself."""
        return sign(OutcomeSignature(auction=self.auction, party=party, certificate=self.digest), identity)


def order_outcome(
    winners: Sequence[Winner], prices: Sequence[str], *, price_each: bool
) -> tuple[tuple[Winner, ...], tuple[str, ...]]:
    """Bring winners, and their prices where each has its own, into the ascending order that a body has."""
    if not price_each:
        return tuple(sorted(winners, key=lambda winner: winner.bundle)), tuple(prices)
    pairs = sorted(zip(winners, prices, strict=True), key=lambda pair: pair[0].bundle)
    return tuple(winner for winner, _ in pairs), tuple(price for _, price in pairs)


class PartySignature(StrictModel):
    """One party's signature under the digest of a certificate's body.

    See :class:`~aukciszek.protocol.evidence.statements.OutcomeSignature`.
    """

    party: PartyField
    signature: Annotated[BytesField, Field(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)]


class Certificate(StrictModel):
    """The body, the cluster file and the parties' signatures: one JSON file."""

    version: Literal[1] = 1
    body: CertificateBody
    cluster_file: Annotated[str, Field(max_length=_MOST_CLUSTER_FILE_CHARACTERS)]
    signatures: Annotated[tuple[PartySignature, ...], Field(max_length=LARGEST_CLUSTER)]
    """Ascending by party, each at most once. Not verified."""

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        parties = [signature.party for signature in self.signatures]
        if parties != sorted(set(parties)):
            raise ValueError("list every party's signature once, in ascending order")
        try:
            cluster = self.cluster
        except ClusterFileError as error:
            raise ValueError(error.message) from error
        if (cluster.digest, cluster.size) != (self.body.spec.cluster, self.body.spec.parties):
            raise ValueError("the cluster file is not the one that the auction's rules name")
        if any(party > cluster.size for party in parties):
            raise ValueError("a signature names a party that the cluster does not have")
        return self

    @classmethod
    def assemble(
        cls, body: CertificateBody, cluster_file: bytes, signatures: Iterable[Signed[OutcomeSignature]]
    ) -> Self:
        """Put together a body and verified signatures under it.

        Raises:
            ValueError: a signature is under another body, or the cluster file is not the auction's.
        """
        given = {signed.content.party: signed for signed in signatures}
        if any(signed.content.certificate != body.digest for signed in given.values()):
            raise ValueError("a signature was given for another certificate")
        return cls(
            body=body,
            cluster_file=cluster_file.decode(),
            signatures=tuple(PartySignature(party=party, signature=given[party].signature) for party in sorted(given)),
        )

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Read a certificate file's bytes.

        Raises:
            MalformedCertificateError: not readable, not canonical, or contradictory; the text names the field.
        """
        if len(content) > MOST_CERTIFICATE_BYTES:
            raise MalformedCertificateError(f"a certificate has at most {MOST_CERTIFICATE_BYTES} bytes")
        try:
            certificate = cls.model_validate_json(content)
        except ValidationError as error:
            raise MalformedCertificateError(f"the certificate is not valid at {first_fault(error)}") from error
        if certificate.encode() != content:
            raise MalformedCertificateError("the certificate must be canonical JSON: use the file as it was downloaded")
        return certificate

    def encode(self) -> bytes:
        """Return the file's bytes."""
        return self.canonical_bytes

    @cached_property
    def cluster(self) -> Cluster:
        """The parties, as the cluster file in this certificate lists them.

        Raises:
            ClusterFileError: the cluster file is not valid.
        """
        return Cluster.parse(self.cluster_file.encode())

    def claimed_signatures(self) -> tuple[Signed[OutcomeSignature], ...]:
        """Return the signed statements that the signatures claim to be, still to be verified."""
        body = self.body
        return tuple(
            Signed(OutcomeSignature(auction=body.auction, party=one.party, certificate=body.digest), one.signature)
            for one in self.signatures
        )


def _read_price(spec: AuctionSpec, price: str) -> int:
    try:
        step = spec.grid.to_step(price)
    except PriceError as error:
        raise ValueError(error.message) from error
    if spec.grid.to_price(step) != price:
        raise ValueError("a price must be written with as many decimals as the step")
    return step
