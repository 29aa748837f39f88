"""Circuits and missing files in memory."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.debident_gateway.domain.circuit import Circuit, Outage
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

    async def resolve(self, gap_id: UUID, *, at: datetime) -> bool:
        is_new = gap_id not in self.resolved
        self.resolved[gap_id] = at
        return is_new


@dataclass
class MemoryCircuits:
    """Circuits in memory; what is read is a copy, so that only `save` changes anything."""

    rows: dict[tuple[PortalAddress, UUID | None], Circuit] = field(default_factory=dict)
    told: dict[tuple[UUID, UUID], Outage | None] = field(default_factory=dict)
    """By outage and practice; None: its end was told too."""
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

    async def tell(self, circuit: Circuit, practice_ids: Sequence[UUID]) -> list[UUID]:
        assert circuit.outage_id is not None
        assert circuit.failing_since is not None
        outage = Outage(circuit.outage_id, circuit.at, circuit.scope, circuit.failing_since)
        new = [one for one in practice_ids if (circuit.outage_id, one) not in self.told]
        self.told |= {(circuit.outage_id, one): outage for one in new}
        return new

    async def end_told(self, outage_id: UUID, *, at: datetime) -> list[UUID]:
        waiting = [
            whose
            for (outage, whose), told in self.told.items()
            if outage == outage_id and told is not None
        ]
        self.told |= {(outage_id, whose): None for whose in waiting}
        return waiting

    async def leave(self, outage: Outage, practice_id: UUID, *, at: datetime) -> bool:
        before = self.told[outage.outage_id, practice_id]
        self.told[outage.outage_id, practice_id] = None
        return before is not None

    async def left(self, at: PortalAddress | None, practice_id: UUID) -> list[Outage]:
        return [
            told
            for (_, whose), told in self.told.items()
            if told is not None
            and at is not None
            and whose == practice_id
            and (told.at.adapter == at.adapter and told.at.place != at.place)
        ]

    async def release_waiting(self, circuit: Circuit, *, now: datetime) -> None:
        self.released.append((circuit.at, circuit.practice_id))

    async def probe_account_now(self, practice_id: UUID, *, now: datetime) -> None:
        for (_, whose), circuit in self.rows.items():
            if whose == practice_id and circuit.is_open:
                circuit.next_probe_at, circuit.probing_until = now, None
