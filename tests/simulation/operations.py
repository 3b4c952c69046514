"""What can happen in a history: an auction's rules, a cluster, and a list of operations."""

from dataclasses import dataclass, field
from typing import Final, Literal

from aukciszek.protocol.rules.spec import AuctionFormat, Direction
from aukciszek.protocol.rules.states import AuctionState

BIDDERS: Final = 3
DURATION_S: Final = 60.0
HIGHEST_PRICE: Final = 5
HIGHEST_NUMBER: Final = 7
"""What fits into the bits of a price: the numbers above the highest price are what a cheating bidder may deal."""

type Disk = Literal["before", "after", "full", "unavailable"]
type LieKind = Literal[
    "round-to-all",  # changes an element of what it sends in one round, the same for everybody
    "round-to-each",  # changes it differently for each receiver
    "deny",  # signs that it gave no receipts
    "claim",  # signs that it had every bundle in time
    "two-lists",  # signs one list for some parties, an empty one for the others
    "redate",  # spreads receipts for everything that it has, dated earlier
    "two-announcements",  # is ready for one attempt twice, with different nonces
    "two-proposals",  # proposes different sessions to different parties
    "hide-proposal",  # proposes nothing to some parties
    "replay",  # repeats announcements and proposals that it has seen, in any order
    "far-attempt",  # says that it is at a far attempt, another one to each party
    "cannot-open",  # complains about every bid
    "late-complaint",  # complains when the others have signed their lists
    "withhold-round",  # sends nothing in one round of every session
    "withhold-rest",  # sends nothing from one round of every session on
    "withhold-outcome",  # sends nothing more, or only no rounds, once its own engine is about to open the outcome
    "withhold-signature",  # signs no masked opening
    "withhold-release",  # releases no key to a mask
    "false-release",  # releases other keys than it committed to
    "other-opening",  # signs another masked opening than the others
    "shift-help",  # shifts what it sends to parties that recover shares
    "wrong-keys",  # gives a party that asks for keys others than those that were dealt
    "ask-all",  # asks for help to all shares
    "late-cancel",  # brings back-dated words for a cancellation when sessions have begun
    "false-outcome",  # signs another outcome
    "vouch-cancel",  # vouches for an order to cancel that nobody gave
    "vouch-close",  # vouches for an order to close that nobody gave
    "two-keys",  # signs two sealing keys
    "garbage",  # changes a byte of what it sends
    "silence",  # says nothing to some parties
]


WITHHOLDING: Final[set[LieKind]] = {
    "withhold-round",
    "withhold-rest",
    "withhold-outcome",
    "withhold-signature",
    "withhold-release",
    "silence",
}
"""Those by which nothing untrue is said."""


@dataclass(frozen=True)
class Advance:
    """Let time pass."""

    seconds: float


@dataclass(frozen=True)
class AdvanceToClose:
    """Let time pass until the close, to the millisecond, or until so long before or after it."""

    offset_s: float = 0.0


@dataclass(frozen=True)
class Bid:
    """A bidder sends a bundle to some parties.

    ``again``: the last one once more. ``withdraw``: a withdrawal. ``spoil``: the envelope of this party is broken.
    ``twin``: some of the parties get other bytes under the same revision. ``rush``: the next operation does not wait.
    """

    bidder: int
    price: int
    parties: frozenset[int]
    again: bool = False
    withdraw: bool = False
    spoil: int | None = None
    twin: frozenset[int] = frozenset()
    rush: bool = False


@dataclass(frozen=True)
class HandOn:
    """A bidder shows some parties the receipts for its last bundle, with the bundle or without."""

    bidder: int
    parties: frozenset[int]
    along: bool = False


@dataclass(frozen=True)
class Order:
    """The auctioneer tells some parties to close the auction early, or to cancel it."""

    kind: Literal["close", "cancel"]
    parties: frozenset[int]


@dataclass(frozen=True)
class Stop:
    """A party's process ends, as by SIGKILL."""

    party: int


@dataclass(frozen=True)
class Start:
    """A party that is down starts."""

    party: int


@dataclass(frozen=True)
class Save:
    """A backup is made of the party that will lose its machine."""


@dataclass(frozen=True)
class Restore:
    """That machine is lost, and the last backup is put in place on another one."""


@dataclass(frozen=True)
class Wipe:
    """That machine is lost, and the party starts on another one with nothing but its identity key."""


@dataclass(frozen=True)
class Spoil:
    """One of a party's next writes goes wrong: its process ends before or after it, or the disk refuses some writes.

    With a ``state`` only the writes count that leave the auction in it. A process that ends starts again at once, or
    stays down.
    """

    party: int
    writes: int
    how: Disk
    times: int = 1
    state: AuctionState | None = None
    stays_down: bool = False


@dataclass(frozen=True)
class Lose:
    """The network loses some of the next messages: every ``every``-th, ``messages`` in all."""

    messages: int
    every: int = 1


@dataclass(frozen=True)
class Repeat:
    """The network delivers everything twice from now on."""


@dataclass(frozen=True)
class Shuffle:
    """Messages overtake one another from now on."""


@dataclass(frozen=True)
class Slow:
    """What one party sends another arrives later."""

    sender: int
    to: int
    seconds: float


@dataclass(frozen=True)
class Part:
    """Some parties are cut off from the others; what crosses waits, or is lost with the connection."""

    parties: frozenset[int]
    loses: bool = False


@dataclass(frozen=True)
class Heal:
    """The network is whole again."""


@dataclass(frozen=True)
class Skew:
    """A party's time of day is set anew."""

    party: int
    ahead_s: float


@dataclass(frozen=True)
class Lie:
    """The dishonest party lies in one more way; ``place`` says where."""

    how: LieKind
    place: int = 0


type Operation = (
    Advance
    | AdvanceToClose
    | Bid
    | HandOn
    | Order
    | Stop
    | Start
    | Save
    | Restore
    | Wipe
    | Spoil
    | Lose
    | Repeat
    | Shuffle
    | Slow
    | Part
    | Heal
    | Skew
    | Lie
)


@dataclass(frozen=True)
class Rules:
    """What an auction's rules may vary in."""

    format: AuctionFormat = "first-price"
    direction: Direction = "reverse"
    winners: int = 1
    reserve: int | None = None
    minimum_bids: int = 1


@dataclass(frozen=True)
class History:
    """Everything that decides what happens but for the parties' own random bytes.

    Attributes:
        size: how many parties there are.
        threshold: how many of them may be dishonest.
        operations: what happens, one after the other.
        rules: the auction.
        corrupt_party: who lies, if anybody does; only a :class:`Lie` makes it.
        loser: whose machine is lost, if there is a :class:`Restore`.
        heard_by: the parties that the auctioneer's order to create reaches.
        waits_for_opening: whether the operations begin when all parties take bids.
        seed: decides in which order what could happen at once does happen.
        alone: whether, after the operations, the corrupt party stays away for a while: what it knows the others must
            then find out by themselves.
    """

    size: int
    threshold: int
    operations: tuple[Operation, ...]
    rules: Rules = field(default_factory=Rules)
    corrupt_party: int = 1
    loser: int = 1
    heard_by: frozenset[int] = frozenset(range(1, 10))
    waits_for_opening: bool = True
    seed: int = 0
    alone: bool = False
