"""Runs a history and checks what came of it."""

from simulation.operations import History
from simulation.properties import check_properties
from simulation.world import World
from support.stepping_loop import run


def run_history(history: History) -> None:
    """Run a history, and check what must be true after it.

    Raises:
        AssertionError: something was lost, or something is wrong.
    """
    run(_live(history))


async def _live(history: History) -> None:
    world = World(history)
    try:
        await world.play_history()
        await check_properties(world)
    finally:
        await world.end()
