"""Files that a command makes: durable, and never in the place of one that exists."""

import os
from pathlib import Path

from aukciszek.errors import AukciszekError


class KeyFileError(AukciszekError):
    """A file that a command makes exists already, or cannot be written."""

    code = "key-file"


def write_new_file(path: Path, content: bytes, *, mode: int) -> None:
    """Write ``content`` durably to a file that does not exist yet.

    Raises:
        KeyFileError: the file exists, or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise KeyFileError(f"{path} exists already and is kept: choose another path, or remove it yourself") from error
    except OSError as error:
        raise KeyFileError(f"cannot write {path} ({error.strerror})") from error
