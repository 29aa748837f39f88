"""The setting of how long what is stored must stay reaches the store of every service."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from shared.objectstore import ObjectStore
from shared.testing.clock import FrozenClock
from tests.contracts.consumers import SERVICES, assembled


@pytest.mark.parametrize("name", SERVICES)
async def test_a_service_stores_for_the_years_of_its_settings(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap = importlib.import_module(f"services.{name}.bootstrap")
    opened: list[dict[str, Any]] = []
    store = bootstrap.open_object_store

    def open_object_store(url: str, **options: Any) -> ObjectStore:
        opened.append(options)
        made = store("memory:", **options)
        assert isinstance(made, ObjectStore)
        return made

    monkeypatch.setattr(bootstrap, "open_object_store", open_object_store)
    plain = assembled(name)
    settings = plain.settings.model_copy(update={"retention_years": 12})
    bootstrap.build(settings, database=plain.database, clock=FrozenClock())
    assert [one["retention_years"] for one in opened] == [12]
    await plain.database.close()
