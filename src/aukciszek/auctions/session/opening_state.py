"""One masked opening, as a party has it: who signed it, and the keys to its mask.

``docs/protocol.md``, "Fair opening".
"""

from dataclasses import dataclass, field

from aukciszek.auctions.session.opened_outcome import PRICES, SUMMARY
from aukciszek.auctions.session.opening_statements import OpeningStatement
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.protocols.fair_opening import MaskedOpening
from aukciszek.mpc.sharing.prss import Members
from aukciszek.protocol.evidence.statements import Signed

type OpeningId = tuple[str, int]
"""An opening: the session, in hexadecimal, and its number there."""


@dataclass(slots=True)
class OpeningState:
    """One masked opening, as this party has it."""

    opening: MaskedOpening
    input_set: str
    content: bytes = field(repr=False)
    signatures: dict[PartyNumber, Signed[OpeningStatement]] = field(default_factory=dict)
    keys: dict[Members, bytes] = field(default_factory=dict, repr=False)
    stored: set[PartyNumber] = field(default_factory=set)
    """Whose signatures are on disk."""
    stored_keys: set[Members] = field(default_factory=set)
    """Of which sets the keys are on disk: no others are passed on."""
    shown: bool = False
    """Whether this party's keys may have left: all parties have signed."""
    values: dict[str, list[int]] | None = None
    """What was opened, once all keys are here."""

    @property
    def may_be_outcome(self) -> bool:
        """Whether it names prices, and is not known to say instead that a bundle failed the checks."""
        names_prices = any(reason == PRICES for reason, _ in self.opening.reasons)
        return names_prices and not (self.values is not None and any(self.values.get(SUMMARY, ())))

    @property
    def id(self) -> OpeningId:
        """Where it belongs."""
        return self.opening.session.hex(), self.opening.number

    def finish(self) -> None:
        """Open the values if all keys are here."""
        if self.values is None and not self.opening.missing(self.keys):
            self.values = self.opening.unmask(self.keys)
