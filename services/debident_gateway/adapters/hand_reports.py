"""Persons' reports in PostgreSQL; they are added, never changed."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.debident_gateway.adapters.tables import HAND_REPORT
from services.debident_gateway.domain.manual import HandReport


class SqlHandReportRepository:
    """What persons reported of orders that they handed over."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, report: HandReport) -> bool:
        """Keep a report; False where one of this kind is kept for the order already."""
        statement = insert(HAND_REPORT).values(
            order_id=report.order_id,
            kind=report.kind,
            practice_id=report.practice_id,
            reported_by=report.by,
            observed_at=report.observed_at,
            reference=report.reference,
            seen=report.seen,
            recorded_at=report.recorded_at,
        )
        result = await self._connection.execute(
            statement.on_conflict_do_nothing().returning(HAND_REPORT.c.order_id)
        )
        return result.first() is not None
