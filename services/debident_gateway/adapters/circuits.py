"""Circuits in PostgreSQL: a row per portal, and a row per practice's account there."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Table, and_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.debident_gateway.adapters.tables import (
    ACCOUNT_CIRCUIT,
    CONTRACT_TERMS,
    PORTAL_CIRCUIT,
)
from services.debident_gateway.domain.circuit import Circuit

_STATE = (
    "failures",
    "failing_since",
    "reason_code",
    "outage_id",
    "pauses",
    "next_probe_at",
    "probing_until",
)
# Rows that a worker has locked just now are left to it: it would wait for the circuit.
_RELEASE_ORDERS = text(
    """
    UPDATE transmission SET waits_for_portal = false, next_action_at = :now
    WHERE order_id IN (
      SELECT order_id FROM transmission
      JOIN contract_terms USING (practice_id, contract_id)
      WHERE waits_for_portal AND adapter = :adapter
        AND (CAST(:practice_id AS uuid) IS NULL OR practice_id = :practice_id)
      FOR UPDATE OF transmission SKIP LOCKED)
    """
)
_RELEASE_LOOKS = text(
    """
    UPDATE deb_cursor SET next_poll_at = :now
    WHERE contract_id IN (
      SELECT contract_id FROM deb_cursor
      JOIN contract_terms USING (practice_id, contract_id)
      WHERE problem = 'portal-unreachable' AND adapter = :adapter
        AND (CAST(:practice_id AS uuid) IS NULL OR practice_id = :practice_id)
      FOR UPDATE OF deb_cursor SKIP LOCKED)
    """
)


class SqlCircuitRepository:
    """See services.debident_gateway.ports.CircuitRepository."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, adapter: str, practice_id: UUID) -> list[Circuit]:
        """Return the known circuits in the way of a practice's calls, the portal's first."""
        found = []
        for whose in (None, practice_id):
            row = await self._row(adapter, whose, lock=False)
            if row is not None:
                found.append(_circuit(row, whose))
        return found

    async def lock(self, adapter: str, practice_id: UUID | None) -> Circuit:
        """Return the circuit locked for this unit of work; a new one where none is known."""
        values: dict[str, Any] = {"adapter": adapter, "failures": 0, "pauses": 0}
        if practice_id is not None:
            values["practice_id"] = practice_id
        statement = insert(_table(practice_id)).values(values).on_conflict_do_nothing()
        await self._connection.execute(statement)
        row = await self._row(adapter, practice_id, lock=True)
        assert row is not None  # noqa: S101 - it was put there if it was missing
        return _circuit(row, practice_id)

    async def save(self, circuit: Circuit) -> None:
        """Store its present state."""
        await self._connection.execute(
            update(_table(circuit.practice_id))
            .where(_is(circuit.adapter, circuit.practice_id))
            .values({name: getattr(circuit, name) for name in _STATE})
        )

    async def practices_with(self, adapter: str) -> list[UUID]:
        """Return the practices in scope that have a contract by this way."""
        rows = await self._connection.execute(
            select(CONTRACT_TERMS.c.practice_id)
            .distinct()
            .where(CONTRACT_TERMS.c.adapter == adapter)
            .order_by(CONTRACT_TERMS.c.practice_id)
        )
        return [row.practice_id for row in rows]

    async def release_waiting(self, circuit: Circuit, *, now: datetime) -> None:
        """Let orders and looks that waited for this circuit be due now."""
        values = {"adapter": circuit.adapter, "practice_id": circuit.practice_id, "now": now}
        await self._connection.execute(_RELEASE_ORDERS, values)
        await self._connection.execute(_RELEASE_LOOKS, values)

    async def probe_account_now(self, practice_id: UUID, *, now: datetime) -> None:
        """Let the next call of the practice's account decide, by whichever way it goes."""
        await self._connection.execute(
            update(ACCOUNT_CIRCUIT)
            .where(
                ACCOUNT_CIRCUIT.c.practice_id == practice_id,
                ACCOUNT_CIRCUIT.c.outage_id.is_not(None),
            )
            .values(next_probe_at=now, probing_until=None)
        )

    async def _row(
        self, adapter: str, practice_id: UUID | None, *, lock: bool
    ) -> RowMapping | None:
        query = select(_table(practice_id)).where(_is(adapter, practice_id))
        if lock:
            query = query.with_for_update()
        return (await self._connection.execute(query)).mappings().one_or_none()


def _table(practice_id: UUID | None) -> Table:
    return PORTAL_CIRCUIT if practice_id is None else ACCOUNT_CIRCUIT


def _is(adapter: str, practice_id: UUID | None) -> Any:
    table = _table(practice_id)
    if practice_id is None:
        return table.c.adapter == adapter
    return and_(table.c.adapter == adapter, table.c.practice_id == practice_id)


def _circuit(row: RowMapping, practice_id: UUID | None) -> Circuit:
    state = {name: row[name] for name in _STATE}
    return Circuit(adapter=row["adapter"], practice_id=practice_id, **state)
