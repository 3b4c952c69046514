"""Options that several commands share, and what is wrong with them when it is more than a command line can tell."""

from typing import Final, get_args

from aukciszek.cluster import LARGEST_CLUSTER, SMALLEST_CLUSTER
from aukciszek.errors import AukciszekError
from aukciszek.protocol.rules.spec import AuctionFormat, Direction

FORMATS: Final[tuple[AuctionFormat, ...]] = get_args(AuctionFormat.__value__)
DIRECTIONS: Final[tuple[Direction, ...]] = get_args(Direction.__value__)


class OptionError(AukciszekError):
    """The options of a command contradict one another."""

    code = "option"


def one_of[Choice: str](text: str, choices: tuple[Choice, ...], option: str) -> Choice:
    """Return the choice that was typed.

    Raises:
        OptionError: there is no such choice.
    """
    for choice in choices:
        if choice == text:
            return choice
    raise OptionError(f"{option} is one of {', '.join(choices)}")


def check_cluster_size(parties: int, threshold: int | None) -> int:
    """Return the threshold that is meant, by default the largest that leaves an honest majority.

    Raises:
        OptionError: there can be no such cluster.
    """
    if not SMALLEST_CLUSTER <= parties <= LARGEST_CLUSTER:
        raise OptionError(f"--parties is a number from {SMALLEST_CLUSTER} to {LARGEST_CLUSTER}")
    largest = (parties - 1) // 2
    chosen = largest if threshold is None else threshold
    if not 1 <= chosen <= largest:
        raise OptionError(f"with {parties} parties --threshold is a number from 1 to {largest}")
    return chosen
