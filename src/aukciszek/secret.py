"""Values that must not be seen: keys, passwords, connection strings with credentials.

A :class:`Secret` can be passed around, stored in a settings object and logged by accident; only :meth:`Secret.reveal`
gives its content away, so that every place that uses one is found by searching for that word.
"""

import hmac
from typing import NoReturn, Self, final, override


@final
class Secret[Content: (str, bytes)]:
    """Holds text or bytes whose ``repr`` and ``str`` show stars."""

    __slots__ = ("_content",)

    def __init__(self, content: Content) -> None:
        self._content: Content = content

    def reveal(self) -> Content:
        """Return the content; call it where it is used and keep no other copy."""
        return self._content

    def __len__(self) -> int:
        """Return the length of the content, in characters or bytes."""
        return len(self._content)

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        content = other.reveal()
        same_kind = isinstance(content, str) == isinstance(self._content, str)
        return same_kind and hmac.compare_digest(_to_bytes(self._content), _to_bytes(content))

    @override
    def __hash__(self) -> int:
        return hash(_to_bytes(self._content))

    @override
    def __repr__(self) -> str:
        return "Secret(********)"

    @override
    def __str__(self) -> str:
        return "********"

    @override
    def __format__(self, format_spec: str) -> str:
        return str(self)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled: it would leave the process unprotected")


def _to_bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
