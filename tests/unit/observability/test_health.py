"""Ready means that everything needed answers, in time."""

from __future__ import annotations

import asyncio

import pytest

from shared.observability import health
from shared.observability.health import Readiness


async def test_each_check_is_asked_whether_it_waits_or_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def there() -> bool:
        return True

    async def silent() -> bool:
        await asyncio.Event().wait()
        return True

    def broken() -> bool:
        raise RuntimeError("no")

    monkeypatch.setattr(health, "CHECK_SECONDS", 0.01)
    readiness = Readiness(
        {
            "database": there,
            "broker": lambda: False,
            "source": lambda: True,
            "portal": silent,
            "store": broken,
        }
    )

    assert await readiness() == {
        "database": True,
        "broker": False,
        "source": True,
        "portal": False,
        "store": False,
    }


async def test_nothing_needed_is_ready() -> None:
    assert await Readiness({})() == {}
