"""From a history to its judgement."""

from simulation.judging import judge
from simulation.operations import History
from simulation.world import World
from support.stepping_loop import run


def live(history: History) -> None:
    """Live through a history, and judge it.

    Raises:
        AssertionError: something was lost, or something is wrong.
    """
    run(_live(history))


async def _live(history: History) -> None:
    world = World(history)
    try:
        await world.live()
        await judge(world)
    finally:
        await world.end()
