"""Every service has the same rooms, so that any file's place can be guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.sources import REPOSITORY, services

OF_EVERY_SERVICE = {"invoicing", "orders", "debident_gateway", "reconciliation"}
ROOMS = (
    "__init__.py",
    "__main__.py",
    "settings.py",
    "bootstrap.py",
    "ports.py",
    "translate.py",
    "views.py",
    "domain/__init__.py",
    "handlers/__init__.py",
    "adapters/__init__.py",
    "adapters/unit_of_work.py",
    "entrypoints/__init__.py",
    "entrypoints/events.py",
    "entrypoints/http.py",
    "entrypoints/schemas.py",
    "migrations/env.py",
    "migrations/script.py.mako",
)


def missing_rooms(service: Path) -> list[str]:
    """Return the rooms that a service lacks; a module that grew may be a package instead."""
    lacking = [
        room
        for room in ROOMS
        if not (service / room).exists()
        and not (service / room.removesuffix(".py") / "__init__.py").exists()
    ]
    if not list((service / "migrations/versions").glob("0001_*.py")):
        lacking.append("migrations/versions/0001_*.py")
    return lacking


def test_the_services_are_those_of_the_house() -> None:
    assert set(services()) == OF_EVERY_SERVICE


@pytest.mark.parametrize("service", sorted(OF_EVERY_SERVICE))
def test_a_service_has_every_room(service: str) -> None:
    assert missing_rooms(REPOSITORY / "services" / service) == []


def test_a_missing_room_is_noticed(tmp_path: Path) -> None:
    for room in ROOMS:
        (tmp_path / room).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / room).touch()
    (tmp_path / "views.py").unlink()
    assert missing_rooms(tmp_path) == ["views.py", "migrations/versions/0001_*.py"]
