"""Missing DEB files in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.debident_gateway.adapters.tables import DEB_GAP
from services.debident_gateway.domain.deb_sequence import Gap, MissingDebFiles


class SqlDebGapRepository:
    """See services.debident_gateway.ports.DebGapRepository."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def open(self, contract_id: UUID) -> list[MissingDebFiles]:
        """Return what is missing of a contract's files, by number, and keep others from it."""
        query = (
            select(DEB_GAP)
            .where(DEB_GAP.c.contract_id == contract_id, DEB_GAP.c.resolved_at.is_(None))
            .order_by(DEB_GAP.c.first_number)
            .with_for_update()
        )
        rows = (await self._connection.execute(query)).mappings()
        return [_missing(row) for row in rows]

    async def save(self, missing: MissingDebFiles) -> None:
        """Store a new gap, or what is left of a known one."""
        values = {
            "gap_id": missing.gap_id,
            "practice_id": missing.practice_id,
            "contract_id": missing.contract_id,
            "first_number": missing.gap.first,
            "last_number": missing.gap.last,
            "seen_number": missing.gap.seen,
            "reason_code": missing.gap.reason_code,
            "noticed_at": missing.noticed_at,
        }
        rest = {name: values[name] for name in ("first_number", "last_number", "reason_code")}
        await self._connection.execute(
            insert(DEB_GAP)
            .values(values)
            .on_conflict_do_update(index_elements=["gap_id"], set_={**rest, "resolved_at": None})
        )

    async def resolve(self, gap_id: UUID, *, at: datetime) -> bool:
        """Note that everything of a gap is here; False where that is known."""
        result = await self._connection.execute(
            update(DEB_GAP)
            .where(DEB_GAP.c.gap_id == gap_id, DEB_GAP.c.resolved_at.is_(None))
            .values(resolved_at=at)
        )
        return result.rowcount == 1


def _missing(row: RowMapping) -> MissingDebFiles:
    return MissingDebFiles(
        gap_id=row["gap_id"],
        practice_id=row["practice_id"],
        contract_id=row["contract_id"],
        gap=Gap(row["first_number"], row["last_number"], row["seen_number"], row["reason_code"]),
        noticed_at=row["noticed_at"],
    )
