"""What a bidder keeps to open its own commitments later: the key of the dealing and the price's step, 40 bytes.

``docs/protocol.md``, "Opening one's own bid". The dealing is a function of the bits and one key
(:class:`~aukciszek.mpc.sharing.dealing.Dealing`), so that these two give back every row that the bundle commits to.
Anyone who has them, and the bundle, knows the price and can prove it.
"""

import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final, Self

from aukciszek.mpc.sharing.sizes import KEY_BYTES
from aukciszek.protocol.rules.errors import MalformedOpeningError, OpeningDoesNotFitError
from aukciszek.protocol.sealing.bundle import Bundle

_STEP_BYTES: Final = 8
SECRET_BYTES: Final = KEY_BYTES + _STEP_BYTES


@dataclass(frozen=True, slots=True)
class OpeningSecret:
    """A bid's own secret. Its ``repr`` shows nothing."""

    key: bytes = field(repr=False)
    step: int = field(repr=False)
    """The price, in steps of the auction's grid."""

    @classmethod
    def new(cls, step: int) -> Self:
        """Draw a fresh key from the operating system."""
        return cls(secrets.token_bytes(KEY_BYTES), step)

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Read what :meth:`encode` wrote.

        Raises:
            MalformedOpeningError: it has another length.
        """
        if len(content) != SECRET_BYTES:
            raise MalformedOpeningError(f"an opening secret has {SECRET_BYTES} bytes")
        return cls(content[:KEY_BYTES], int.from_bytes(content[KEY_BYTES:]))

    def encode(self) -> bytes:
        """Return the key followed by the step, big-endian: the same length whatever the price."""
        return self.key + self.step.to_bytes(_STEP_BYTES)

    def rows(self, bundle: Bundle) -> tuple[bytes, ...]:
        """Return every party's row of the dealing, in the order of their numbers.

        Raises:
            OpeningDoesNotFitError: this is not the secret of that bundle.
        """
        # Brings NumPy, which every command of a user would load, and only `bid prove` needs it.
        from aukciszek.mpc.sharing.dealing import Dealing  # noqa: PLC0415
        from aukciszek.mpc.sharing.field import to_bytes  # noqa: PLC0415 -- as above
        from aukciszek.protocol.sealing.envelope import commitment  # noqa: PLC0415 -- as above

        if bundle.withdrawal:
            raise OpeningDoesNotFitError("a withdrawal commits to nothing that could be opened")
        bits = [self.step >> position & 1 for position in reversed(range(bundle.bits))]
        dealing = Dealing.of(bits, len(bundle.envelopes), bundle.threshold, lambda _: self.key)
        rows = tuple(to_bytes(row) for row in dealing.shares)
        found = (commitment(bundle.auction, party, row) for party, row in enumerate(rows, start=1))
        if not all(map(hmac.compare_digest, found, bundle.commitments)):
            raise OpeningDoesNotFitError("this opening secret belongs to another bundle")
        return rows
