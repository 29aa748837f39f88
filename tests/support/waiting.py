"""The one place in the tests that waits: every wait has a bound and says what it waited for."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

_T = TypeVar("_T")
_POLL_SECONDS = 0.02


async def eventually(
    condition: Callable[[], _T | Awaitable[_T]], *, within_seconds: float = 20, because: str = ""
) -> _T:
    """Poll `condition` until it returns something true, and return that.

    Args:
        condition: a function or coroutine function; an AssertionError counts as "not yet".
        within_seconds: how long it may take.
        because: what was to happen, for the failure's message.

    Raises:
        AssertionError: it did not come true in time; carries the last answer or failure.
    """
    deadline = time.monotonic() + within_seconds
    while True:
        last: object
        try:
            answer = condition()
            value = await answer if inspect.isawaitable(answer) else answer
            if value:
                return value
            last = value
        except AssertionError as error:
            last = error
        if time.monotonic() >= deadline:
            raise AssertionError(_message(because, within_seconds, last))
        await asyncio.sleep(_POLL_SECONDS)


def eventually_blocking(
    condition: Callable[[], _T], *, within_seconds: float = 20, because: str = ""
) -> _T:
    """Do what `eventually` does, for a test without an event loop."""
    deadline = time.monotonic() + within_seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(_message(because, within_seconds, value))
        time.sleep(_POLL_SECONDS)


def _message(because: str, within_seconds: float, last: object) -> str:
    wanted = because or "the condition came true"
    return f"not within {within_seconds:g} s: {wanted} (last: {last!r})"
