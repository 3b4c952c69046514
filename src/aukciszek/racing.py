"""Waiting for the first of several things, and settling futures whose caller may have been cancelled."""

import asyncio
from collections.abc import Awaitable
from typing import Any


async def race(*contenders: Awaitable[Any]) -> asyncio.Future[Any]:
    """Wait until one of ``contenders`` ends, then cancel the others and wait until they have ended, too.

    None is left running, also where the caller is cancelled. What must go on is passed as ``asyncio.shield(task)``.

    Returns:
        The future that ended first, and of several at once the first in order. A contender that is a task or a future
        is returned itself, so that ``await race(work, deadline) is work`` tells which it was.

    Raises:
        Exception: what the first one raised. What the others raise is dropped.
    """
    futures = [asyncio.ensure_future(contender) for contender in contenders]
    try:
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        first = next(future for future in futures if future.done())
    finally:
        for future in futures:
            future.cancel()
        await asyncio.gather(*futures, return_exceptions=True)
    first.result()
    return first


def settle[Result](future: asyncio.Future[Result], result: Result) -> None:
    """Give ``future`` its result, unless it is done: its caller may have been cancelled."""
    if not future.done():
        future.set_result(result)


def settle_with_error(future: asyncio.Future[Any], error: Exception) -> None:
    """Let ``future`` raise ``error``, unless it is done: its caller may have been cancelled."""
    if not future.done():
        future.set_exception(error)
