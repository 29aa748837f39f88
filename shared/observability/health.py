"""Health: a process lives when it answers, and is ready when everything that it needs answers."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

_LOG = logging.getLogger(__name__)
HealthCheck = Callable[[], bool | Awaitable[bool]]
CHECK_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """Named checks of what a service needs ("database", "broker").

    Attributes:
        checks: by name; each says whether its thing answers now. One that raises or takes longer
            than three seconds counts as no.
    """

    checks: Mapping[str, HealthCheck]

    async def __call__(self) -> Mapping[str, bool]:
        """Return each check's answer."""
        answers = await asyncio.gather(
            *(_answer(name, check) for name, check in self.checks.items())
        )
        return dict(zip(self.checks, answers, strict=True))


async def _answer(name: str, check: HealthCheck) -> bool:
    try:
        answer = check()
        if inspect.isawaitable(answer):
            answer = await asyncio.wait_for(answer, CHECK_SECONDS)
    except Exception:  # noqa: BLE001 - whatever it is, the thing does not answer
        _LOG.warning("a health check failed", extra={"check": name}, exc_info=True)
        return False
    return bool(answer)
