"""Encrypting a few bytes under a password: Argon2id (RFC 9106, its second recommendation), then AES-256-GCM."""

import os
import unicodedata
from typing import Annotated, Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from pydantic import Field

from aukciszek.client.errors import OpeningPasswordError
from aukciszek.protocol.rules.fields import BytesField, StrictModel

_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_MOST_CONTENT_BYTES: Final = 1024


class PasswordBox(StrictModel):
    """A short secret, encrypted; each guess of the password costs a third of a second and 64 MiB."""

    memory_kib: Annotated[int, Field(ge=8, le=1 << 20)] = 65_536
    passes: Annotated[int, Field(ge=1, le=16)] = 3
    lanes: Annotated[int, Field(ge=1, le=16)] = 4
    salt: Annotated[BytesField, Field(min_length=_SALT_BYTES, max_length=_SALT_BYTES)]
    nonce: Annotated[BytesField, Field(min_length=_NONCE_BYTES, max_length=_NONCE_BYTES)]
    content: Annotated[BytesField, Field(max_length=_MOST_CONTENT_BYTES)]

    @classmethod
    def lock(cls, content: bytes, password: str, binding: bytes) -> Self:
        """Encrypt; ``binding`` is not in the box, and it opens only with the same again."""
        box = cls(salt=os.urandom(_SALT_BYTES), nonce=os.urandom(_NONCE_BYTES), content=b"")
        return box.model_copy(update={"content": box._cipher(password).encrypt(box.nonce, content, binding)})

    def unlock(self, password: str, binding: bytes) -> bytes:
        """Return what was encrypted.

        Raises:
            OpeningPasswordError: the password is another one, or the box was changed or moved.
        """
        try:
            return self._cipher(password).decrypt(self.nonce, self.content, binding)
        except InvalidTag as error:
            raise OpeningPasswordError("this password does not open what you kept of the bid: try another") from error

    def _cipher(self, password: str) -> AESGCM:
        derivation = Argon2id(
            salt=self.salt, length=_KEY_BYTES, iterations=self.passes, lanes=self.lanes, memory_cost=self.memory_kib
        )
        # Keyboards compose letters with accents in different ways.
        return AESGCM(derivation.derive(unicodedata.normalize("NFC", password).encode()))
