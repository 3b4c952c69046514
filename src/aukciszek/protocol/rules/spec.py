"""An auction's rules, frozen: their canonical bytes name the auction, so nobody can change them later.

``docs/protocol.md``, "The rules of an auction". Two servers that hold the same id hold the same rules. What the
auctioneer types is a :class:`~aukciszek.protocol.rules.draft.AuctionDraft`, which becomes an :class:`AuctionSpec` once.
"""

import unicodedata
from functools import cached_property
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from aukciszek.cluster import LARGEST_CLUSTER, SMALLEST_CLUSTER
from aukciszek.mpc.mode import Mode
from aukciszek.protocol.rules.errors import MalformedSpecError, PriceError
from aukciszek.protocol.rules.fields import DigestField, MomentField, StrictModel, UserIdField, first_fault
from aukciszek.protocol.rules.identifiers import AuctionId, labelled_sha256
from aukciszek.protocol.rules.prices import PriceGrid

type Direction = Literal["reverse", "forward"]
"""``reverse``: the lowest price wins. ``forward``: the highest."""

type AuctionFormat = Literal["first-price", "second-price", "uniform-price", "pay-as-bid"]
"""What the outcome opens; see ``docs/protocol.md``, "Outcome"."""

MOST_SPEC_BYTES: Final = 1 << 20
MOST_INVITED: Final = 10_000
MOST_WINNERS: Final = 1_000
MOST_MINIMUM_BIDS: Final = 100_000
_LONGEST_TITLE: Final = 200
_LONGEST_DESCRIPTION: Final = 10_000
_LONGEST_PRICE: Final = 30
_ONE_WINNER: Final = frozenset({"first-price", "second-price"})
# Characters that reorder what stands around them could make rules look like other rules.
_REORDERING: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _check_text(text: str, allowed: str) -> str:
    if text != text.strip():
        raise ValueError("remove the white space at its ends")
    if unicodedata.normalize("NFC", text) != text:
        raise ValueError("write it in Unicode normal form NFC")
    for character in text:
        hidden = unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} and character not in allowed
        if hidden or character in _REORDERING:
            raise ValueError(f"remove the invisible character U+{ord(character):04X}")
    return text


def _check_line(text: str) -> str:
    return _check_text(text, allowed="")


def _check_paragraphs(text: str) -> str:
    return _check_text(text, allowed="\n")


def _check_invited(invited: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if invited is not None and list(invited) != sorted(set(invited)):
        raise ValueError("list every invitation once, in ascending order")
    return invited


class AuctionSpec(StrictModel):
    """The rules of one auction. Equal rules have equal bytes, and any change gives another id."""

    version: Literal[1] = 1
    title: Annotated[str, Field(min_length=1, max_length=_LONGEST_TITLE), AfterValidator(_check_line)]
    description: Annotated[str, Field(max_length=_LONGEST_DESCRIPTION), AfterValidator(_check_paragraphs)]
    direction: Direction
    format: AuctionFormat
    winners: Annotated[int, Field(ge=1, le=MOST_WINNERS)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    """ISO 4217."""
    minimum: Annotated[str, Field(max_length=_LONGEST_PRICE)]
    maximum: Annotated[str, Field(max_length=_LONGEST_PRICE)]
    step: Annotated[str, Field(max_length=_LONGEST_PRICE)]
    """The three prices that make the grid, all with the same number of decimals."""
    reserve_price: Annotated[str, Field(max_length=_LONGEST_PRICE)] | None
    """The worst price at which the auctioneer still deals; on the grid."""
    minimum_bids: Annotated[int, Field(ge=1, le=MOST_MINIMUM_BIDS)]
    opens_at: MomentField
    closes_at: MomentField
    abandons_at: MomentField
    """When the parties stop looking for an outcome: they destroy their keys, and the auction ends without one."""
    early_close_allowed: bool
    cancel_allowed: bool
    invited: Annotated[
        tuple[DigestField, ...] | None,
        Field(min_length=1, max_length=MOST_INVITED),
        AfterValidator(_check_invited),
    ]
    """The :func:`invitation` of everybody who may bid, ascending; None: open to all."""
    auctioneer: UserIdField
    nonce: DigestField
    """32 random bytes, so that no two auctions have one id."""
    cluster: DigestField
    """The digest of the cluster file."""
    parties: Annotated[int, Field(ge=SMALLEST_CLUSTER, le=LARGEST_CLUSTER)]
    threshold: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _check_rules(self) -> Self:
        if self.parties < 2 * self.threshold + 1:
            raise ValueError("the threshold must be below half the number of parties")
        if self.format in _ONE_WINNER and self.winners != 1:
            raise ValueError(f"a {self.format} auction has one winner: choose uniform-price or pay-as-bid for more")
        if self.opens_at >= self.closes_at:
            raise ValueError("the auction must open before it closes")
        if self.abandons_at <= self.closes_at:
            raise ValueError("an auction can be abandoned only after its close")
        try:
            grid = PriceGrid.from_texts(self.minimum, self.maximum, self.step)
            if self.reserve_price is not None and grid.to_price(grid.to_step(self.reserve_price)) != self.reserve_price:
                raise ValueError("write the reserve price with as many decimals as the step")
        except PriceError as error:
            raise ValueError(error.message) from error
        return self

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read canonical rules.

        Raises:
            MalformedSpecError: too long, not in canonical form, or against a rule; the text names the field.
        """
        if len(content) > MOST_SPEC_BYTES:
            raise MalformedSpecError(f"an auction's rules have at most {MOST_SPEC_BYTES} bytes")
        try:
            spec = cls.model_validate_json(content)
        except ValidationError as error:
            raise MalformedSpecError(f"the auction's rules are not valid at {first_fault(error)}") from error
        if spec.canonical_bytes != content:
            raise MalformedSpecError("the auction's rules must be canonical JSON: sorted keys and no white space")
        return spec

    @cached_property
    def auction_id(self) -> AuctionId:
        """The hash of the canonical bytes."""
        return AuctionId(labelled_sha256("auction", self.canonical_bytes).hex())

    @cached_property
    def grid(self) -> PriceGrid:
        """The valid prices."""
        return PriceGrid.from_texts(self.minimum, self.maximum, self.step)

    @property
    def bits(self) -> int:
        """How many bits a bid has, ``1..60``."""
        return self.grid.bits

    @property
    def reserve_step(self) -> int | None:
        """The reserve price as a step on the grid, if there is one."""
        return None if self.reserve_price is None else self.grid.to_step(self.reserve_price)

    @property
    def mode(self) -> Mode:
        """What is guaranteed against ``threshold`` corrupt parties."""
        return Mode(self.parties, self.threshold)

    def admits(self, email: str) -> bool:
        """Tell whether the holder of ``email`` (in its normal form) may bid."""
        return self.invited is None or invitation(self.nonce, email) in self.invited


def invitation(nonce: str, email: str) -> str:
    """Return what an auction's rules list for one invited e-mail address.

    The list does not spell out the addresses, but anyone who guesses one can confirm the guess.

    Args:
        nonce: the auction's nonce.
        email: the address in the normal form that accounts keep.
    """
    return labelled_sha256("invitation", bytes.fromhex(nonce), email.encode()).hex()
