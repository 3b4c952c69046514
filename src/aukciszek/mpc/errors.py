"""The engine's branch of the error tree.

::

    MpcError
     ├─ PartiesMissingError        parties-missing        too few parties answered in a round
     ├─ ChannelClosedError         channel-closed         the session was ended from outside
     ├─ InconsistentSharesError    inconsistent-shares    values of one round contradict one another
     ├─ TranscriptsDifferError     transcripts-differ     a party told different parties different things
     ├─ VerificationFailedError    verification-failed    a recorded product is wrong
     ├─ PrssKeysDifferError        prss-keys-differ       holders of one PRSS key hold different keys
     ├─ PrssKeysIncompleteError    prss-keys-incomplete   a PRSS key is missing, foreign or of the wrong length
     └─ ParametersDifferError      parameters-differ      the parties do not compute the same thing

Whenever one of them is raised, nothing that depends on a secret has been opened beyond what ``Runtime.revealed``
lists. A text names parties and bundles, never a value.
"""

from collections.abc import Iterable

from aukciszek.errors import AukciszekError


class MpcError(AukciszekError):
    """A session of the engine cannot go on."""

    code = "mpc"


class PartiesMissingError(MpcError):
    """Too few parties answered before the round's deadline; ``parties`` are those that did not."""

    code = "parties-missing"

    def __init__(self, parties: Iterable[int]) -> None:
        self.parties = frozenset(parties)
        super().__init__(
            f"no answer in time from {_named(self.parties)}: the session is repeated once they are back; "
            "ask their operators"
        )


class ChannelClosedError(MpcError):
    """The session was ended while a round was under way."""

    code = "channel-closed"

    def __init__(self) -> None:
        super().__init__("the session was ended; nothing was revealed, and it can be repeated")


class InconsistentSharesError(MpcError):
    """Shares contradict one another; ``suspects`` are the corrupt parties where redundancy names them, else empty."""

    code = "inconsistent-shares"

    def __init__(self, suspects: Iterable[int] = ()) -> None:
        self.suspects = frozenset(suspects)
        who = f"sent by {_named(self.suspects)} " if self.suspects else ""
        super().__init__(
            f"values {who}contradict the other parties' values: a party deviates from the protocol, so the session "
            "was stopped before anything was revealed; the operators must find out why before they repeat it"
        )


class TranscriptsDifferError(MpcError):
    """A party sent different values to different parties; ``parties`` saw something else than this party."""

    code = "transcripts-differ"

    def __init__(self, parties: Iterable[int]) -> None:
        self.parties = frozenset(parties)
        super().__init__(
            f"{_named(self.parties)} received other values than this party: a party deviates from the protocol, so the "
            "session was stopped before anything was revealed; the operators must find out why before they repeat it"
        )


class VerificationFailedError(MpcError):
    """The check of all recorded products failed."""

    code = "verification-failed"

    def __init__(self) -> None:
        super().__init__(
            "a product is wrong: a party deviates from the protocol, so the session was stopped before anything was "
            "revealed; the operators must find out why before they repeat it"
        )


class PrssKeysDifferError(MpcError):
    """Holders of one PRSS key hold different keys; ``parties`` are those that differ from this party."""

    code = "prss-keys-differ"

    def __init__(self, parties: Iterable[int]) -> None:
        self.parties = frozenset(parties)
        super().__init__(
            f"the keys for shared randomness differ between this party and {_named(self.parties)}: "
            "nothing was opened; one of them holds others than it attested, and its operator must find out why"
        )


class PrssKeysIncompleteError(MpcError):
    """A party's collection of PRSS keys is not what its number and the threshold call for."""

    code = "prss-keys-incomplete"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the keys for shared randomness are not complete ({reason}): deal them again")


class ParametersDifferError(MpcError):
    """The parties started one session with different parameters; ``parties`` differ from this party."""

    code = "parameters-differ"

    def __init__(self, parties: Iterable[int]) -> None:
        self.parties = frozenset(parties)
        super().__init__(
            f"{_named(self.parties)} computes on other parameters than this party: compare software version, threshold "
            "and cluster digest, then repeat the session"
        )


def _named(parties: Iterable[int]) -> str:
    numbers = sorted(parties)
    return f"part{'y' if len(numbers) == 1 else 'ies'} {', '.join(map(str, numbers))}"
