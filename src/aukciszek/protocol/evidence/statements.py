"""What parties say in writing: statements with an Ed25519 signature, one kind for each purpose.

``docs/protocol.md``, "Signed statements". A statement's bytes are the 64-byte signature followed by a canonical JSON
body; the signature covers a label of the statement's kind and the body, and the body names kind, auction and party.
So no signature can be used for another purpose, another auction or in the name of another party.
"""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, ValidationError, model_validator

from aukciszek.cluster import Cluster
from aukciszek.identity import Identity
from aukciszek.protocol.rules.errors import (
    MalformedSealingKeyError,
    MalformedSpecError,
    MalformedStatementError,
    UnknownPartyError,
    WrongSignatureError,
)
from aukciszek.protocol.rules.fields import (
    AuctionIdField,
    BundleDigestField,
    BytesField,
    DigestField,
    MomentField,
    PartyField,
    StrictModel,
    UserIdField,
    first_fault,
)
from aukciszek.protocol.rules.identifiers import AuctionId, labelled_sha256
from aukciszek.protocol.rules.spec import MOST_SPEC_BYTES, AuctionSpec
from aukciszek.protocol.sealing.keys import SealingPublicKey

SIGNATURE_BYTES: Final = 64


class Statement(StrictModel):
    """What all statements have: who says it, about which auction."""

    label: ClassVar[str]
    """What the signature is good for; no two kinds share one."""
    most_bytes: ClassVar[int] = 4_096
    """The longest signed statement of this kind."""

    auction: AuctionIdField
    party: PartyField

    def body(self) -> bytes:
        """Return what is signed, apart from the label."""
        return self.canonical_bytes


@dataclass(frozen=True, slots=True)
class Signed[S: Statement]:
    """A statement whose signature was made here or has been verified."""

    content: S
    signature: bytes = field(repr=False)

    def encode(self) -> bytes:
        """Return the bytes that :func:`read_statement` reads."""
        return self.signature + self.content.body()


class OrderStatement(Statement):
    """This party saw the auctioneer, authenticated, create, close or cancel the auction."""

    label: ClassVar[str] = "order"
    most_bytes: ClassVar[int] = 2 * MOST_SPEC_BYTES

    kind: Literal["create", "close", "cancel"]
    by: UserIdField
    at: MomentField
    spec: str | None
    """The canonical rules, for ``create`` only."""

    @model_validator(mode="after")
    def _check_spec(self) -> Self:
        if (self.kind == "create") != (self.spec is not None):
            raise ValueError("an order to create carries the rules, and no other order does")
        if self.spec is not None and self.rules().auction_id != self.auction:
            raise ValueError("the rules are those of another auction")
        return self

    def rules(self) -> AuctionSpec:
        """Return the rules that an order to create carries.

        Raises:
            ValueError: it is another order, or its rules are not valid.
        """
        if self.spec is None:
            raise ValueError("only an order to create carries rules")
        try:
            return AuctionSpec.parse(self.spec.encode())
        except MalformedSpecError as error:
            raise ValueError(error.message) from error


def _check_public_key(content: bytes) -> bytes:
    try:
        SealingPublicKey(content)
    except MalformedSealingKeyError as error:
        raise ValueError(error.message) from error
    return content


type PublicKeyField = Annotated[BytesField, AfterValidator(_check_public_key)]
"""A key that can be sealed to."""


class SealingKeyStatement(Statement):
    """The key that bidders seal this party's envelopes to."""

    label: ClassVar[str] = "sealing-key"

    kind: Literal["sealing-key"] = "sealing-key"
    public_key: PublicKeyField


class Receipt(Statement):
    """This party holds the bundle durably since ``received_at``, and can use its share."""

    label: ClassVar[str] = "receipt"

    kind: Literal["receipt"] = "receipt"
    bundle: BundleDigestField
    received_at: MomentField


class OutcomeSignature(Statement):
    """This party computed the outcome that the certificate's body with this digest states."""

    label: ClassVar[str] = "outcome"

    kind: Literal["outcome"] = "outcome"
    certificate: DigestField


def sign[S: Statement](content: S, identity: Identity) -> Signed[S]:
    """Sign a statement with the key of the party that it names."""
    return Signed(content, identity.sign(content.label, content.body()))


def read_statement[S: Statement](
    kind: type[S], content: bytes, cluster: Cluster, *, about: AuctionId | None = None
) -> Signed[S]:
    """Read a signed statement and verify it.

    Args:
        kind: which statement is expected.
        content: what :meth:`Signed.encode` gave.
        cluster: whose parties may sign.
        about: the auction that it must be about: what a party said of one auction is nothing in another one.

    Raises:
        MalformedStatementError: too long, not of this kind, not in canonical form, or about another auction.
        UnknownPartyError: the cluster has no party of that number.
        WrongSignatureError: that party did not sign these words for this purpose.
    """
    signed = read_verified_statement(kind, content)
    if about is not None and signed.content.auction != about:
        raise MalformedStatementError(f"the {kind.label} statement is about another auction: it counts there alone")
    verify(signed, cluster)
    return signed


def read_verified_statement[S: Statement](kind: type[S], content: bytes) -> Signed[S]:
    """Read a statement from one's own storage, where it went after it was verified; saves most of the time.

    Raises:
        MalformedStatementError: too long, not of this kind, or not in canonical form.
    """
    if not SIGNATURE_BYTES < len(content) <= kind.most_bytes:
        raise MalformedStatementError(f"a signed {kind.label} statement has at most {kind.most_bytes} bytes")
    signature, body = content[:SIGNATURE_BYTES], content[SIGNATURE_BYTES:]
    try:
        statement = kind.model_validate_json(body)
    except ValidationError as error:
        raise MalformedStatementError(f"this is no {kind.label} statement, see {first_fault(error)}") from error
    if statement.body() != body:
        raise MalformedStatementError(f"the {kind.label} statement is not in canonical form: send it as it was signed")
    return Signed(statement, signature)


def verify[S: Statement](signed: Signed[S], cluster: Cluster) -> None:
    """Check that the party that a statement names has signed it.

    Raises:
        UnknownPartyError: the cluster has no party of that number.
        WrongSignatureError: that party did not sign these words for this purpose.
    """
    content = signed.content
    if content.party > cluster.size:
        raise UnknownPartyError(f"the cluster has no party {content.party}: compare cluster files")
    identity = cluster.party(content.party).identity
    if not identity.verifies(content.label, content.body(), signed.signature):
        raise WrongSignatureError(f"party {content.party} did not sign this {content.label} statement")


def statement_digest(statement: Statement) -> str:
    """Return a digest of what was said, whatever the signature: two stories have two digests; 64 hex digits."""
    return labelled_sha256(f"statement/{statement.label}", statement.body()).hex()
