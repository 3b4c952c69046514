"""What an auctioneer types, on the way to becoming an auction's rules.

Used by the command line; the page builds the same :class:`~aukciszek.protocol.rules.spec.AuctionSpec` by itself.
"""

import unicodedata
from datetime import UTC, timedelta
from decimal import Decimal
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from aukciszek.clock import cut_to_milliseconds
from aukciszek.cluster import Cluster
from aukciszek.email_address import MalformedEmailError, normal_email
from aukciszek.protocol.rules.errors import MalformedSpecError
from aukciszek.protocol.rules.fields import first_fault
from aukciszek.protocol.rules.identifiers import UserId
from aukciszek.protocol.rules.prices import MOST_DECIMALS, MOST_WHOLE_DIGITS
from aukciszek.protocol.rules.spec import AuctionFormat, AuctionSpec, Direction, invitation

ABANDONED_AFTER: Final = timedelta(days=30)
"""How long after the close the parties look for an outcome, if the draft does not say."""

type _Price = Annotated[
    Decimal, Field(ge=0, max_digits=MOST_WHOLE_DIGITS + MOST_DECIMALS, decimal_places=MOST_DECIMALS)
]


def _read_email(text: str) -> str:
    try:
        return normal_email(text)
    except MalformedEmailError as error:
        raise ValueError(error.message) from error


type _Email = Annotated[str, AfterValidator(_read_email)]


class AuctionDraft(BaseModel):
    """Rules as a person writes them: any number of decimals, e-mail addresses, times in any time zone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    description: str = ""
    direction: Direction = "reverse"
    format: AuctionFormat = "first-price"
    winners: int = 1
    currency: str = "EUR"
    minimum: _Price
    maximum: _Price
    step: _Price
    reserve_price: _Price | None = None
    minimum_bids: int = 1
    opens_at: AwareDatetime
    closes_at: AwareDatetime
    abandons_at: AwareDatetime | None = None
    """Without one, :data:`ABANDONED_AFTER` after the close."""
    early_close_allowed: bool = True
    cancel_allowed: bool = True
    invited: tuple[_Email, ...] | None = None

    def freeze(self, *, cluster: Cluster, threshold: int, auctioneer: UserId, nonce: bytes) -> AuctionSpec:
        """Return the rules that this draft means.

        Args:
            cluster: the parties that will run the auction.
            threshold: how many of them may collude.
            auctioneer: who may close and cancel it.
            nonce: 32 fresh random bytes.

        Raises:
            MalformedSpecError: the draft is against a rule; the text names the field.
        """
        decimals = max(_decimals(price) for price in (self.minimum, self.maximum, self.step, self.reserve_price))
        try:
            return AuctionSpec(
                title=_tidy(self.title),
                description=_tidy(self.description),
                direction=self.direction,
                format=self.format,
                winners=self.winners,
                currency=self.currency,
                minimum=f"{self.minimum:.{decimals}f}",
                maximum=f"{self.maximum:.{decimals}f}",
                step=f"{self.step:.{decimals}f}",
                reserve_price=None if self.reserve_price is None else f"{self.reserve_price:.{decimals}f}",
                minimum_bids=self.minimum_bids,
                opens_at=cut_to_milliseconds(self.opens_at.astimezone(UTC)),
                closes_at=cut_to_milliseconds(self.closes_at.astimezone(UTC)),
                abandons_at=cut_to_milliseconds((self.abandons_at or self.closes_at + ABANDONED_AFTER).astimezone(UTC)),
                early_close_allowed=self.early_close_allowed,
                cancel_allowed=self.cancel_allowed,
                invited=self._invitations(nonce.hex()),
                auctioneer=auctioneer,
                nonce=nonce.hex(),
                cluster=cluster.digest,
                parties=cluster.size,
                threshold=threshold,
            )
        except ValidationError as error:
            raise MalformedSpecError(f"the auction's rules are not valid at {first_fault(error)}") from error

    def _invitations(self, nonce: str) -> tuple[str, ...] | None:
        if self.invited is None:
            return None
        return tuple(sorted({invitation(nonce, email) for email in self.invited}))


def _tidy(text: str) -> str:
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()


def _decimals(price: Decimal | None) -> int:
    exponent = 0 if price is None else price.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0
