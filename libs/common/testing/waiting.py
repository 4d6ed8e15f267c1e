"""Waiting for a condition instead of for a time."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any


async def eventually(condition: Callable[[], Any], within_s: float = 5.0, *, every_s: float = 0.01) -> Any:
    """Calls `condition` (which may be async) until it is true and returns what it gave; fails after the time.

    A condition that raises AssertionError counts as not yet true, and its last words are those of the failure.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        last: AssertionError | None = None
        try:
            value = condition()
            if inspect.isawaitable(value):
                value = await value
            if value:
                return value
        except AssertionError as fault:
            last = fault
        if loop.time() >= deadline:
            raise AssertionError(f"not true within {within_s:g} s: {last or _words(condition)}") from last
        await asyncio.sleep(every_s)


def _words(condition: Callable[[], Any]) -> str:
    try:
        return inspect.getsource(condition).strip()
    except (OSError, TypeError):
        return repr(condition)
