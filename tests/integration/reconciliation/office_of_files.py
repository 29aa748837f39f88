"""What a person does to whole DEB files in a test, through the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tests.integration.reconciliation.house import House
from tests.support.web import ApiClient

WHY = "agreed with the factor by telephone"


@dataclass(frozen=True)
class FileOffice:
    """Decides about the files of one house."""

    api: ApiClient
    house: House

    async def decide(self, deb_file_id: UUID, decision: str, reason: str = WHY) -> tuple[int, Any]:
        """Send a decision; "book" takes a note instead of a reason."""
        word = "note" if decision == "book" else "reason"
        path = f"{self.house.path}/deb-files/{deb_file_id}/{decision}"
        return await self.api.post(path, {word: reason})

    async def undo(self, deb_file_id: UUID) -> str:
        """Have a file undone, let the worker work, and return the file's state."""
        status, answer = await self.decide(deb_file_id, "undo")
        assert status == 200, answer
        await self.house.work()
        return str((await self.house.file(deb_file_id))["status"])

    async def kept(self, deb_file_id: UUID) -> list[tuple[int, str]]:
        """Line and reason of the rows that stay booked."""
        _, report = await self.get(deb_file_id, "undo", outcome="kept")
        return [(row["line"], row["reason_code"]) for row in report["items"]]

    async def get(self, deb_file_id: UUID, what: str, **query: str) -> tuple[int, Any]:
        """Read something about a file."""
        return await self.api.get(f"{self.house.path}/deb-files/{deb_file_id}/{what}", **query)

    async def counts(self, deb_file_id: UUID) -> list[int]:
        """Rows read, booked, repeats, parked, undone."""
        file = await self.house.file(deb_file_id)
        return [file[name] for name in ("rows_read", "booked", "repeats", "parked", "undone")]
