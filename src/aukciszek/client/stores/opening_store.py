"""What a bidder keeps to open its own bids: the sealed bundles and their opening secrets, plain or under a password.

``docs/protocol.md``, "Opening one's own bid". The file is written before a bid's first share leaves, so that no crash
leaves a bid with the parties that its bidder cannot open. Unencrypted, it discloses the price to every reader.
"""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from aukciszek.client.errors import OpeningPasswordError, OpeningStoreError
from aukciszek.client.stores.password_box import PasswordBox
from aukciszek.client.stores.replacing import replace_file
from aukciszek.encoding import canonical_json
from aukciszek.protocol.rules.errors import MalformedOpeningError
from aukciszek.protocol.rules.fields import AuctionIdField, BytesField, StrictModel, UserIdField, first_fault
from aukciszek.protocol.rules.identifiers import BundleDigest, parse_auction_id, parse_user_id
from aukciszek.protocol.sealing.bundle import LARGEST_REVISION, Bundle, bundle_digest
from aukciszek.protocol.sealing.opening_secret import SECRET_BYTES, OpeningSecret

MOST_KEPT: Final = 200
"""Of how many bids the secrets are kept; those of the oldest go first."""

_MOST_FILE_BYTES: Final = 16 << 20


def opening_file_beside(receipts: Path) -> Path:
    """Return where the opening secrets of a bid are kept whose receipts are in ``receipts``."""
    return receipts.with_name(f"{receipts.name}.opening")


class KeptOpening(StrictModel):
    """A bundle and its opening secret, in one of two forms."""

    revision: Annotated[int, Field(ge=1, le=LARGEST_REVISION)]
    bundle: BytesField
    """The sealed bundle, as it was submitted to the parties."""
    secret: Annotated[BytesField, Field(min_length=SECRET_BYTES, max_length=SECRET_BYTES)] | None = Field(
        default=None, repr=False
    )
    """In plain."""
    locked: PasswordBox | None = None
    """Under a password, bound to the bundle's digest."""

    @model_validator(mode="after")
    def _check_forms(self) -> Self:
        if (self.secret is None) == (self.locked is None):
            raise ValueError("an opening secret is kept in plain or locked, and not both")
        return self

    @classmethod
    def of(cls, bundle: Bundle, secret: OpeningSecret, password: str | None) -> Self:
        """Keep a secret; without a password in plain. Takes a third of a second with one."""
        content, revision = bundle.encode(), bundle.revision
        if password is None:
            return cls(revision=revision, bundle=content, secret=secret.encode())
        binding = bytes.fromhex(bundle_digest(content))
        return cls(
            revision=revision, bundle=content, locked=PasswordBox.lock(secret.encode(), password, binding=binding)
        )

    @property
    def digest(self) -> BundleDigest:
        """The bundle's digest."""
        return bundle_digest(self.bundle)

    def reveal(self, password: str | None) -> OpeningSecret:
        """Return the secret.

        Raises:
            OpeningPasswordError: it is locked, and the password is missing or another one.
        """
        if self.secret is not None:
            return OpeningSecret.decode(self.secret)
        if self.locked is None or password is None:
            raise OpeningPasswordError("what you kept of this bid is locked: give its password")
        return OpeningSecret.decode(self.locked.unlock(password, bytes.fromhex(self.digest)))


class OpeningFile(StrictModel):
    """One bidder's opening secrets in one auction: one JSON file.

    A bid that was interrupted before it reached a party has its revision's number again, so two entries may have one.
    """

    version: Literal[1] = 1
    auction: AuctionIdField
    bidder: UserIdField
    bids: Annotated[tuple[KeptOpening, ...], Field(max_length=MOST_KEPT)]
    """As they were made, the newest last."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Raises:
            MalformedOpeningError: it is missing, or is no such file; the text names the place.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise MalformedOpeningError(f"cannot read the opening secrets in {path} ({error.strerror})") from error
        if len(content) > _MOST_FILE_BYTES:
            raise MalformedOpeningError(f"a file of opening secrets has at most {_MOST_FILE_BYTES} bytes")
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            raise MalformedOpeningError(f"{path} holds no opening secrets, see {first_fault(error)}") from error

    def encode(self) -> bytes:
        """Return the file's bytes, ending in a newline."""
        return canonical_json(self.model_dump(mode="json", exclude_none=True)) + b"\n"

    def of_bundle(self, digest: BundleDigest) -> KeptOpening | None:
        """Return what is kept of one bundle."""
        return next((kept for kept in self.bids if kept.digest == digest), None)

    def of_revision(self, revision: int) -> KeptOpening | None:
        """Return what is kept of a revision, the newest bundle of several."""
        return next((kept for kept in reversed(self.bids) if kept.revision == revision), None)


class OpeningStore:
    """Where one bidder's opening secrets in one auction are kept: a file, on disk again after every secret added."""

    def __init__(self, path: Path, file: OpeningFile, password: str | None) -> None:
        self._path = path
        self._file = file
        self._password = password

    @classmethod
    def open(cls, path: Path, auction: str, bidder: str, *, password: str | None = None) -> Self:
        """Open the file, which need not exist yet.

        Args:
            path: where it is.
            auction: the auction's id.
            bidder: the user id of the one whose bids they are.
            password: locks the secrets that are added; None: they are kept in plain.

        Raises:
            MalformedIdentifierError: ``auction`` is no auction id, or ``bidder`` no user id.
            MalformedOpeningError: there is a file that holds no opening secrets.
            OpeningStoreError: it holds those of another auction or bidder, or cannot be written.
        """
        empty = OpeningFile(auction=parse_auction_id(auction), bidder=parse_user_id(bidder), bids=())
        file = OpeningFile.read(path) if path.exists() else empty
        if (file.auction, file.bidder) != (empty.auction, empty.bidder):
            raise OpeningStoreError(f"{path} holds opening secrets of another auction or bidder: choose another file")
        store = cls(path, file, password)
        store._write()
        return store

    def add(self, bundle: Bundle, secret: OpeningSecret) -> None:
        """Keep one more secret; it is on disk when this returns. Blocks: keep it off an event loop.

        Raises:
            OpeningStoreError: the file cannot be written; then the bundle must not be sent.
        """
        bids = (*self._file.bids, KeptOpening.of(bundle, secret, self._password))
        self._file = self._file.model_copy(update={"bids": bids[-MOST_KEPT:]})
        self._write()

    def _write(self) -> None:
        try:
            replace_file(self._path, self._file.encode())
        except OSError as error:
            raise OpeningStoreError(f"cannot write {self._path} ({error.strerror}): choose another file") from error
