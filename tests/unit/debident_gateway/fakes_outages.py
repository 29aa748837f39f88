"""Circuits and missing files in memory."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.debident_gateway.domain.circuit import Circuit
from services.debident_gateway.domain.deb_sequence import MissingDebFiles
from services.debident_gateway.domain.model import PortalAddress
from tests.unit.debident_gateway.builders import OTHER_PRACTICE, PRACTICE


@dataclass
class MemoryDebGaps:
    """Missing DEB files in memory."""

    rows: dict[UUID, MissingDebFiles] = field(default_factory=dict)
    resolved: dict[UUID, datetime] = field(default_factory=dict)

    async def open(self, contract_id: UUID) -> list[MissingDebFiles]:
        return [row for gap_id, row in self.rows.items() if gap_id not in self.resolved]

    async def save(self, missing: MissingDebFiles) -> None:
        self.rows[missing.gap_id] = missing
        self.resolved.pop(missing.gap_id, None)

    async def resolve(self, gap_id: UUID, *, at: datetime) -> None:
        self.resolved[gap_id] = at


@dataclass
class MemoryCircuits:
    """Circuits in memory; what is read is a copy, so that only `save` changes anything."""

    rows: dict[tuple[PortalAddress, UUID | None], Circuit] = field(default_factory=dict)
    released: list[tuple[PortalAddress, UUID | None]] = field(default_factory=list)

    async def of(self, at: PortalAddress, practice_id: UUID) -> list[Circuit]:
        keys = ((at, None), (at, practice_id))
        return [copy.copy(self.rows[key]) for key in keys if key in self.rows]

    async def lock(self, at: PortalAddress, practice_id: UUID | None) -> Circuit:
        key = (at, practice_id)
        return copy.copy(self.rows.setdefault(key, Circuit(at, practice_id)))

    async def save(self, circuit: Circuit) -> None:
        self.rows[circuit.at, circuit.practice_id] = copy.copy(circuit)

    async def practices_with(self, at: PortalAddress) -> list[UUID]:
        return [PRACTICE, OTHER_PRACTICE]

    async def release_waiting(self, circuit: Circuit, *, now: datetime) -> None:
        self.released.append((circuit.at, circuit.practice_id))

    async def probe_account_now(self, practice_id: UUID, *, now: datetime) -> None:
        for (_, whose), circuit in self.rows.items():
            if whose == practice_id and circuit.is_open:
                circuit.next_probe_at, circuit.probing_until = now, None
