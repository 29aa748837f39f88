"""Lines that an acquittal set aside, and what persons decided about them, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.adapters import bulk
from services.reconciliation.adapters.tables import (
    ACQUITTAL_EXCEPTION,
    ACQUITTAL_EXCEPTION_DECISION,
)
from services.reconciliation.domain.setting_aside import (
    AcquittalException,
    ExceptionDecision,
    ExceptionReason,
)
from shared.kernel.money import Money

_FIND = text(
    """
    SELECT e.*, d.exception_id IS NOT NULL AS is_settled
    FROM acquittal_exception e
    LEFT JOIN acquittal_exception_decision d ON d.exception_id = e.exception_id
    WHERE e.exception_id = :exception_id AND e.practice_id = :practice_id
    """
)
_COUNT_OPEN = text(
    """
    SELECT count(*) FROM acquittal_exception e
    WHERE e.order_id = :order_id AND NOT EXISTS (
      SELECT FROM acquittal a WHERE a.order_id = e.order_id AND a.invoice_id = e.invoice_id)
    """
)


class PostgresExceptionRepository:
    """`ExceptionRepository` on an open, scoped transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, exceptions: Sequence[AcquittalException]) -> None:
        """Keep lines that were set aside."""
        await bulk.insert(
            self._connection,
            ACQUITTAL_EXCEPTION,
            [
                {
                    "exception_id": one.exception_id,
                    "practice_id": one.practice_id,
                    "order_id": one.order_id,
                    "invoice_id": one.invoice_id,
                    "reason_code": one.reason.value,
                    "confirmed_rappen": one.confirmed.rappen,
                    "open_rappen": one.open_amount.rappen,
                    "found_at": one.found_at,
                }
                for one in exceptions
            ],
        )

    async def find(self, practice_id: UUID, exception_id: UUID) -> AcquittalException | None:
        """Return a line of the practice that was set aside, or None."""
        result = await self._connection.execute(
            _FIND, {"practice_id": practice_id, "exception_id": exception_id}
        )
        row = result.mappings().one_or_none()
        if row is None:
            return None
        return AcquittalException(
            exception_id=row["exception_id"],
            practice_id=row["practice_id"],
            order_id=row["order_id"],
            invoice_id=row["invoice_id"],
            reason=ExceptionReason(row["reason_code"]),
            confirmed=Money(row["confirmed_rappen"]),
            open_amount=Money(row["open_rappen"]),
            found_at=row["found_at"],
            is_settled=row["is_settled"],
        )

    async def count_open(self, order_id: UUID) -> int:
        """Return how many lines of an order were set aside and are not acquitted."""
        result = await self._connection.execute(_COUNT_OPEN, {"order_id": order_id})
        return int(result.scalar_one())

    async def settle(self, decision: ExceptionDecision) -> None:
        """Keep what a person decided."""
        await bulk.insert(
            self._connection,
            ACQUITTAL_EXCEPTION_DECISION,
            [
                {
                    "exception_id": decision.exception.exception_id,
                    "practice_id": decision.exception.practice_id,
                    "decision": decision.settlement.value,
                    "reason": decision.reason,
                    "decided_by": decision.decided_by,
                    "decided_at": decision.decided_at,
                }
            ],
        )
