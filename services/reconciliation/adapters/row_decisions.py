"""Parked rows that a person decides about, and the decisions, in PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.adapters.deb_rows import row_of
from services.reconciliation.ports import ParkedRow, RowCounts, RowDecision

_ROW = text(
    """
    SELECT r.*, f.created_on AS file_created_on,
      EXISTS (SELECT FROM row_decision d WHERE d.row_id = r.row_id) AS is_decided
    FROM deb_row r JOIN deb_file f ON f.deb_file_id = r.deb_file_id
    WHERE r.row_id = :row_id FOR UPDATE OF r, f
    """
)
_STORE = text(
    """
    INSERT INTO row_decision (row_id, practice_id, deb_file_id, line, decision, invoice_id, reason,
      parked_because, decided_by, decided_at)
    SELECT row_id, practice_id, deb_file_id, line, :decision, :invoice_id, :reason, reason_code,
      :decided_by, :decided_at
    FROM deb_row WHERE row_id = :row_id
    """
)
_TAKE_UP = text(
    """
    UPDATE deb_row SET status = 'staged', invoice_id = NULL, reason_code = NULL,
      reason_detail = NULL, decided_at = NULL
    WHERE row_id = :row_id
    """
)
_COUNTS = text(
    "SELECT rows_read, booked, repeats, parked FROM deb_file"
    " WHERE deb_file_id = :deb_file_id AND status = 'booked'"
)


class PostgresRowDecisionRepository:
    """`RowDecisionRepository` on an open, scoped transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, row_id: UUID) -> ParkedRow | None:
        """Return a row that is or was parked, and keep others from it and its file; or None."""
        result = await self._connection.execute(_ROW, {"row_id": row_id})
        row = result.mappings().one_or_none()
        if row is None:
            return None
        return ParkedRow(
            row_id=row_id,
            practice_id=row["practice_id"],
            deb_file_id=row["deb_file_id"],
            contract_id=row["contract_id"],
            created_on=row["file_created_on"],
            row=row_of(row),
            invoice_id=row["invoice_id"],
            is_parked=row["status"] == "parked",
            is_decided=row["is_decided"],
        )

    async def store(self, decision: RowDecision) -> None:
        """Keep a decision about a row that is parked still."""
        await self._connection.execute(
            _STORE,
            {
                "row_id": decision.row_id,
                "decision": decision.decision,
                "invoice_id": decision.invoice_id,
                "reason": decision.reason,
                "decided_by": decision.decided_by,
                "decided_at": decision.decided_at,
            },
        )

    async def take_up(self, row_id: UUID) -> None:
        """Make the row undecided, within the transaction that books it."""
        await self._connection.execute(_TAKE_UP, {"row_id": row_id})

    async def counts(self, deb_file_id: UUID) -> RowCounts | None:
        """Return what became of a closed file's rows; None while it is being worked."""
        result = await self._connection.execute(_COUNTS, {"deb_file_id": deb_file_id})
        row = result.one_or_none()
        return None if row is None else RowCounts(*row)
