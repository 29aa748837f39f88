"""DEB files and what persons reported, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from services.debident_gateway.domain.manual import HandReport
from services.debident_gateway.domain.model import (
    DebCursor,
    FetchedDebFile,
)
from services.debident_gateway.ports import DueContract


@dataclass
class MemoryDebFiles:
    """DEB files in memory."""

    cursors: dict[UUID, DebCursor] = field(default_factory=dict)
    leases: dict[UUID, datetime] = field(default_factory=dict)
    files: dict[UUID, FetchedDebFile] = field(default_factory=dict)
    listings: dict[tuple[UUID, str, str], int] = field(default_factory=dict)

    async def ensure_cursor(self, cursor: DebCursor) -> None:
        self.cursors.setdefault(cursor.contract_id, cursor)

    async def due(self, *, now: datetime, limit: int) -> list[DueContract]:
        return [
            DueContract(cursor.contract_id, cursor.practice_id)
            for cursor in self.cursors.values()
            if self._is_free(cursor.contract_id, now)
        ][:limit]

    async def claim(
        self, contract_id: UUID, *, now: datetime, lease_until: datetime
    ) -> DebCursor | None:
        if not self._is_free(contract_id, now):
            return None
        self.leases[contract_id] = lease_until
        return replace(self.cursors[contract_id], lease_until=lease_until)

    def _is_free(self, contract_id: UUID, now: datetime) -> bool:
        cursor, lease = self.cursors.get(contract_id), self.leases.get(contract_id)
        return cursor is not None and cursor.next_poll_at <= now and (lease is None or lease <= now)

    async def renew(self, cursor: DebCursor, *, lease_until: datetime) -> bool:
        if self.leases.get(cursor.contract_id) != cursor.lease_until:
            return False
        self.leases[cursor.contract_id] = lease_until
        return True

    async def save_cursor(self, cursor: DebCursor) -> bool:
        if self.leases.get(cursor.contract_id) != cursor.lease_until:
            return False
        self.cursors[cursor.contract_id] = replace(cursor, lease_until=None)
        self.leases.pop(cursor.contract_id, None)
        return True

    async def numbers(self, contract_id: UUID) -> list[int]:
        return [
            position
            for (contract, _, _), position in self.listings.items()
            if contract == contract_id
        ]

    async def look_from(self, cursor: DebCursor, *, again: int) -> int:
        positions = {
            position
            for (contract, _, _), position in self.listings.items()
            if contract == cursor.contract_id and position <= cursor.position
        }
        return next(iter(sorted(positions, reverse=True)[again:]), 0)

    async def seen(
        self, contract_id: UUID, portal_file_ids: Sequence[str]
    ) -> frozenset[tuple[str, str]]:
        return frozenset(
            (file_id, digest)
            for contract, file_id, digest in self.listings
            if contract == contract_id and file_id in portal_file_ids
        )

    async def add(self, file: FetchedDebFile) -> bool:
        if file.deb_file_id in self.files:
            return False
        self.files[file.deb_file_id] = file
        return True

    async def contract_of(self, deb_file_id: UUID) -> UUID | None:
        known = self.files.get(deb_file_id)
        return None if known is None else known.contract_id

    async def note_listing(self, file: FetchedDebFile) -> bool:
        key = (file.contract_id, file.portal_file_id, file.content.sha256)
        if key in self.listings:
            return False
        self.listings[key] = file.position
        return True


@dataclass
class MemoryHandReports:
    """Persons' reports in memory."""

    rows: dict[tuple[UUID, str], HandReport] = field(default_factory=dict)

    async def add(self, report: HandReport) -> bool:
        key = (report.order_id, report.kind)
        return self.rows.setdefault(key, report) is report
