"""Circuits in PostgreSQL: a row per portal, and a row per practice's account there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Table, and_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.debident_gateway.adapters.tables import (
    ACCOUNT_CIRCUIT,
    PORTAL_CIRCUIT,
)
from services.debident_gateway.domain.circuit import Circuit, CircuitScope, Outage
from services.debident_gateway.domain.model import PortalAddress

_STATE = (
    "failures",
    "failing_since",
    "reason_code",
    "outage_id",
    "pauses",
    "next_probe_at",
    "probing_until",
)
_GOES_THERE = """
      adapter = :adapter AND (adapter <> 'sftp' OR practice_id IN (
        SELECT practice_id FROM portal_sftp_credentials
        WHERE lower(host) || ':' || port = :address))"""
_PRACTICES = text(
    f"SELECT DISTINCT practice_id FROM contract_terms WHERE {_GOES_THERE} ORDER BY practice_id"  # noqa: S608 - constants of ours
)
NOT_NAMED = ""
"""The address of a circuit from a time when all portals of an adapter shared one."""
_TELL = text(
    """
    INSERT INTO outage_told (outage_id, practice_id, adapter, address, scope, since)
    SELECT :outage_id, practice_id, :adapter, :address, :scope, :since
    FROM unnest(CAST(:practice_ids AS uuid[])) AS practice_id
    ON CONFLICT DO NOTHING RETURNING practice_id
    """
)
_END_TOLD = text(
    """
    UPDATE outage_told SET ended_at = :at WHERE outage_id = :outage_id AND ended_at IS NULL
    RETURNING practice_id
    """
)
_LEAVE = text(
    """
    UPDATE outage_told SET ended_at = :at
    WHERE outage_id = :outage_id AND practice_id = :practice_id AND ended_at IS NULL
    """
)
# Only the caller knows where the calls of the HTTP adapter go: its settings say it. An empty
# address is NOT_NAMED.
_LEFT = text(
    """
    SELECT t.outage_id, t.adapter, t.address, t.scope, t.since FROM outage_told t
    WHERE t.practice_id = :practice_id AND t.ended_at IS NULL AND (
      NOT EXISTS (SELECT FROM contract_terms c
                  WHERE c.practice_id = t.practice_id AND c.adapter = t.adapter)
      OR (t.adapter = 'sftp' AND NOT EXISTS (
        SELECT FROM portal_sftp_credentials s WHERE s.practice_id = t.practice_id
          AND lower(s.host) || ':' || s.port = t.address))
      OR (t.adapter <> 'sftp' AND t.adapter = CAST(:adapter AS text)
        AND t.address NOT IN ('', CAST(:address AS text))))
    ORDER BY t.scope DESC, t.outage_id
    """
)
# Rows that a worker has locked just now are left to it: it would wait for the circuit.
_RELEASE_ORDERS = text(
    f"""
    UPDATE transmission SET waits_for_portal = false, next_action_at = :now
    WHERE order_id IN (
      SELECT order_id FROM transmission
      JOIN contract_terms USING (practice_id, contract_id)
      WHERE waits_for_portal AND {_GOES_THERE}
        AND (CAST(:practice_id AS uuid) IS NULL OR practice_id = :practice_id)
      FOR UPDATE OF transmission SKIP LOCKED)
    """  # noqa: S608 - constants of ours
)
_RELEASE_LOOKS = text(
    f"""
    UPDATE deb_cursor SET next_poll_at = :now
    WHERE contract_id IN (
      SELECT contract_id FROM deb_cursor
      JOIN contract_terms USING (practice_id, contract_id)
      WHERE problem = 'portal-unreachable' AND {_GOES_THERE}
        AND (CAST(:practice_id AS uuid) IS NULL OR practice_id = :practice_id)
      FOR UPDATE OF deb_cursor SKIP LOCKED)
    """  # noqa: S608 - constants of ours
)


class SqlCircuitRepository:
    """See services.debident_gateway.ports.CircuitRepository."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, at: PortalAddress, practice_id: UUID) -> list[Circuit]:
        """Return the known circuits in the way of a practice's calls, the portal's first."""
        found = []
        for whose in (None, practice_id):
            row = await self._row(at, whose, lock=False) or await self._named_now(at, whose)
            if row is not None:
                found.append(_circuit(row, whose))
        return found

    async def lock(self, at: PortalAddress, practice_id: UUID | None) -> Circuit:
        """Return the circuit locked for this unit of work; a new one where none is known."""
        values: dict[str, Any] = {**_named(at), "failures": 0, "pauses": 0}
        if practice_id is not None:
            values["practice_id"] = practice_id
        statement = insert(_table(practice_id)).values(values).on_conflict_do_nothing()
        await self._connection.execute(statement)
        row = await self._row(at, practice_id, lock=True)
        assert row is not None  # noqa: S101 - it was put there if it was missing
        return _circuit(row, practice_id)

    async def save(self, circuit: Circuit) -> None:
        """Store its present state."""
        await self._connection.execute(
            update(_table(circuit.practice_id))
            .where(_is(circuit.at, circuit.practice_id))
            .values({name: getattr(circuit, name) for name in _STATE})
        )

    async def practices_with(self, at: PortalAddress) -> list[UUID]:
        """Return the practices in scope that have a contract whose calls go to this portal."""
        rows = await self._connection.execute(_PRACTICES, _named(at))
        return [row.practice_id for row in rows]

    async def tell(self, circuit: Circuit, practice_ids: Sequence[UUID]) -> list[UUID]:
        """Note that practices are told of an open circuit's outage; return those who were not."""
        values = {
            **_named(circuit.at),
            "outage_id": circuit.outage_id,
            "scope": circuit.scope.value,
            "since": circuit.failing_since,
            "practice_ids": list(practice_ids),
        }
        told = set((await self._connection.execute(_TELL, values)).scalars())
        return [practice_id for practice_id in practice_ids if practice_id in told]

    async def end_told(self, outage_id: UUID, *, at: datetime) -> list[UUID]:
        """Note that an outage is over; return the practices in scope that wait to be told."""
        rows = await self._connection.execute(_END_TOLD, {"outage_id": outage_id, "at": at})
        return sorted(rows.scalars())

    async def leave(self, outage: Outage, practice_id: UUID, *, at: datetime) -> bool:
        """Note that an outage is no concern of a practice any more; False where that is so."""
        values = {"outage_id": outage.outage_id, "practice_id": practice_id, "at": at}
        return (await self._connection.execute(_LEAVE, values)).rowcount == 1

    async def left(self, at: PortalAddress | None, practice_id: UUID) -> list[Outage]:
        """Return outages told to a practice of portals that its calls do not go to any more."""
        values = {
            "practice_id": practice_id,
            "adapter": None if at is None else at.adapter,
            "address": None if at is None else at.place,
        }
        return [
            Outage(
                outage_id=row.outage_id,
                at=PortalAddress(row.adapter, row.address),
                scope=CircuitScope(row.scope),
                since=row.since,
            )
            for row in await self._connection.execute(_LEFT, values)
        ]

    async def release_waiting(self, circuit: Circuit, *, now: datetime) -> None:
        """Let orders and looks that waited for this circuit be due now."""
        values = {**_named(circuit.at), "practice_id": circuit.practice_id, "now": now}
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
        self, at: PortalAddress, practice_id: UUID | None, *, lock: bool
    ) -> RowMapping | None:
        query = select(_table(practice_id)).where(_is(at, practice_id))
        if lock:
            query = query.with_for_update()
        return (await self._connection.execute(query)).mappings().one_or_none()

    async def _named_now(self, at: PortalAddress, practice_id: UUID | None) -> RowMapping | None:
        """Give a circuit from before the address of the first call that meets it."""
        before = PortalAddress(at.adapter, NOT_NAMED)
        statement = (
            update(_table(practice_id))
            .where(_is(before, practice_id))
            .values(address=at.place)
            .returning(_table(practice_id))
        )
        found: RowMapping | None = (
            (await self._connection.execute(statement)).mappings().one_or_none()
        )
        return found


def _named(at: PortalAddress) -> dict[str, str]:
    return {"adapter": at.adapter, "address": at.place}


def _table(practice_id: UUID | None) -> Table:
    return PORTAL_CIRCUIT if practice_id is None else ACCOUNT_CIRCUIT


def _is(at: PortalAddress, practice_id: UUID | None) -> Any:
    table = _table(practice_id)
    portal = and_(table.c.adapter == at.adapter, table.c.address == at.place)
    return portal if practice_id is None else and_(portal, table.c.practice_id == practice_id)


def _circuit(row: RowMapping, practice_id: UUID | None) -> Circuit:
    state = {name: row[name] for name in _STATE}
    return Circuit(
        at=PortalAddress(row["adapter"], row["address"]), practice_id=practice_id, **state
    )
