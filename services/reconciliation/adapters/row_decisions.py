"""Parked rows that a person decides about, and the decisions, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.adapters.books import POSITION_COLUMNS, POSITION_TABLES, position_of
from services.reconciliation.adapters.deb_rows import row_of
from services.reconciliation.domain.deb.records import DebRow
from services.reconciliation.domain.handing import ParkedRow, RowCounts, RowDecision
from services.reconciliation.domain.model import Position

_CANDIDATES_MAX = 200
_ROW = text(
    """
    SELECT r.*, f.created_on AS file_created_on,
      f.status AS file_status,
      (SELECT d.decision FROM standing_row_decision d WHERE d.row_id = r.row_id) AS decision,
      (SELECT count(*) FROM row_decision d WHERE d.row_id = r.row_id) AS decisions
    FROM deb_row r JOIN deb_file f ON f.deb_file_id = r.deb_file_id
    WHERE r.row_id = :row_id FOR UPDATE OF r, f
    """
)
_READ = text("SELECT * FROM deb_row WHERE practice_id = :practice_id AND row_id = :row_id")
_OPEN = "p.principal_rappen + p.reminder_fees_rappen + p.interest_rappen + p.costs_rappen"
_CANDIDATES = text(
    f"""
    SELECT {POSITION_COLUMNS} FROM {POSITION_TABLES}
    WHERE p.invoice_id IN (
      (SELECT invoice_id FROM invoice_position WHERE practice_id = :practice_id
         AND (invoice_number = ANY(CAST(:numbers AS text[]))
           OR document_number = ANY(CAST(:numbers AS text[]))) LIMIT :most)
      UNION
      (SELECT invoice_id FROM invoice_position WHERE practice_id = :practice_id
         AND debtor_number = :debtor_number ORDER BY issued_on DESC LIMIT :most)
      UNION
      (SELECT p.invoice_id FROM invoice_position p WHERE p.practice_id = :practice_id
         AND CAST(:rappen AS bigint) <> 0
         AND CAST(:rappen AS bigint) IN ({_OPEN}, p.principal_rappen, p.factor_owes_rappen)
         ORDER BY p.issued_on DESC LIMIT :most))
    """  # noqa: S608 - constants of ours
)
_STORE = text(
    """
    INSERT INTO row_decision (row_id, number, practice_id, deb_file_id, line, decision, invoice_id,
      reason, parked_because, decided_by, decided_at)
    SELECT r.row_id, 1 + (SELECT count(*) FROM row_decision d WHERE d.row_id = r.row_id),
      r.practice_id, r.deb_file_id, r.line, :decision, :invoice_id, :reason, r.reason_code,
      :decided_by, :decided_at
    FROM deb_row r WHERE r.row_id = :row_id
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
            is_parked=row["status"] == "parked" and row["file_status"] in ("staged", "booked"),
            decision=row["decision"],
            decisions=row["decisions"],
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

    async def read(self, practice_id: UUID, row_id: UUID) -> DebRow | None:
        """Return a row that is or was parked, as it was read, without keeping others from it."""
        result = await self._connection.execute(
            _READ, {"practice_id": practice_id, "row_id": row_id}
        )
        row = result.mappings().one_or_none()
        return None if row is None else row_of(row)

    async def candidates(
        self, practice_id: UUID, row: DebRow, *, numbers: Collection[str]
    ) -> Sequence[Position]:
        """Return invoices of these numbers, of the row's debtor, or of which its amount is open."""
        result = await self._connection.execute(
            _CANDIDATES,
            {
                "practice_id": practice_id,
                "numbers": list(numbers),
                "debtor_number": row.debtor_number,
                "rappen": row.amount.rappen if row.amount else 0,
                "most": _CANDIDATES_MAX,
            },
        )
        return [position_of(one) for one in result.mappings()]

    async def take_up(self, row_id: UUID) -> None:
        """Make the row undecided, within the transaction that books it."""
        await self._connection.execute(_TAKE_UP, {"row_id": row_id})

    async def counts(self, deb_file_id: UUID) -> RowCounts | None:
        """Return what became of a closed file's rows; None while it is being worked."""
        result = await self._connection.execute(_COUNTS, {"deb_file_id": deb_file_id})
        row = result.one_or_none()
        return None if row is None else RowCounts(*row)
