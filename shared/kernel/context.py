"""What is being worked on: correlation and causation ids that follow the work through the code.

Set at the edge (HTTP request, received event, timer), read by the outbox and the logs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkContext:
    """Ids of the work in progress.

    Attributes:
        correlation_id: the same for everything that one request set in motion.
        causation_id: id of the event or request that led here directly, or None.
        traceparent: W3C trace context to hand on, or None.
    """

    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None


_current: ContextVar[WorkContext | None] = ContextVar("quittance_work", default=None)


def current_work() -> WorkContext | None:
    """Return the context of the work in progress, or None outside of any."""
    return _current.get()


@contextmanager
def working_on(context: WorkContext) -> Iterator[None]:
    """Make `context` current for the duration of the block."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)
