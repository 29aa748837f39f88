"""What the dunning brake goes by, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.adapters import bulk
from services.reconciliation.adapters.tables_periods import ORDER_END, ORDER_LINE
from services.reconciliation.domain.dunning import Among, Findings, OrderOutcome, Verdict
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.clock import SWISS_TIME
from shared.kernel.money import Money

_FINDINGS = text(
    """
    WITH chosen AS (
      SELECT practice_id FROM practice
      WHERE (CAST(:practice_ids AS uuid[]) IS NULL OR practice_id = ANY (:practice_ids))
        AND (CAST(:contract_ids AS uuid[]) IS NULL OR practice_id IN (
          SELECT k.practice_id FROM contract k WHERE k.contract_id = ANY (:contract_ids)))
        AND (CAST(:after AS uuid) IS NULL OR practice_id > :after)
      ORDER BY practice_id LIMIT :limit)
    SELECT chosen.practice_id, orders.*, files.*, waiting.*,
      coalesce(contracts.last_files, '{}') AS last_files, coalesce(v.reasons, '{}') AS told
    FROM chosen
    LEFT JOIN dunning_verdict v ON v.practice_id = chosen.practice_id
    CROSS JOIN LATERAL (
      SELECT count(*) AS orders, min(o.prepared_at) AS oldest_order_at FROM prepared_order o
      WHERE o.practice_id = chosen.practice_id
        AND NOT EXISTS (SELECT FROM order_confirmation c WHERE c.order_id = o.order_id)
        AND NOT EXISTS (SELECT FROM order_end e WHERE e.order_id = o.order_id)) AS orders
    CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE f.status = 'held') AS held_files,
        count(*) FILTER (WHERE f.status = 'staged' AND f.review = 'awaited') AS files_in_review,
        count(*) FILTER (WHERE f.status IN ('staged', 'undoing') AND f.set_aside_at IS NOT NULL
          AND f.went_on_at IS NULL) AS files_set_aside
      FROM deb_file f WHERE f.practice_id = chosen.practice_id AND NOT f.is_replaced) AS files
    CROSS JOIN LATERAL (
      SELECT count(*) AS parked_rows,
        coalesce(sum(abs(r.amount_rappen)), 0)::bigint AS parked_rappen
      FROM deb_row r
      WHERE r.practice_id = chosen.practice_id AND r.status IN ('parked', 'staged')
        AND r.row_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM standing_row_decision d WHERE d.row_id = r.row_id)) AS waiting
    CROSS JOIN LATERAL (
      SELECT array_agg(
        (SELECT max(least(f.created_on, (f.fetched_at AT TIME ZONE 'Europe/Zurich')::date))
         FROM deb_file f
         WHERE f.practice_id = k.practice_id AND f.contract_id = k.contract_id
           AND f.booked IS NOT NULL AND f.status NOT IN ('undoing', 'undone'))) AS last_files
      FROM contract k
      WHERE k.practice_id = chosen.practice_id AND EXISTS (
        SELECT FROM acquittal a JOIN invoice_position p ON p.invoice_id = a.invoice_id
        WHERE a.practice_id = k.practice_id AND a.contract_id = k.contract_id AND a.live
          AND (p.factor_owes_rappen <> 0 OR p.principal_rappen + p.reminder_fees_rappen
               + p.interest_rappen + p.costs_rappen <> 0))) AS contracts
    ORDER BY chosen.practice_id
    """
)
_KEEP = text(
    """
    INSERT INTO dunning_verdict (practice_id, reasons, changed_at)
    VALUES (:practice_id, :reasons, :at)
    ON CONFLICT (practice_id) DO UPDATE
      SET reasons = excluded.reasons, changed_at = excluded.changed_at
    """
)


class PostgresDunningRepository:
    """`DunningRepository` on an open, scoped transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def note_lines(
        self, practice_id: UUID, order_id: UUID, invoice_ids: Collection[UUID]
    ) -> None:
        """Remember which invoices an order holds; known ones stay."""
        await bulk.insert(
            self._connection,
            ORDER_LINE,
            [
                {"practice_id": practice_id, "order_id": order_id, "invoice_id": one}
                for one in invoice_ids
            ],
            on_conflict="ON CONFLICT (order_id, invoice_id) DO NOTHING",
        )

    async def note_end(
        self, practice_id: UUID, order_id: UUID, outcome: OrderOutcome, *, at: datetime
    ) -> bool:
        """Remember that an order ended without confirmation; False if that is known."""
        new = await bulk.insert(
            self._connection,
            ORDER_END,
            [
                {
                    "order_id": order_id,
                    "practice_id": practice_id,
                    "outcome": outcome.value,
                    "ended_at": at,
                }
            ],
            on_conflict="ON CONFLICT (order_id) DO NOTHING",
        )
        return new == 1

    async def findings(
        self, among: Among, *, after: UUID | None = None, limit: int = 1
    ) -> Sequence[Findings]:
        """Return the findings of these practices in scope, of those behind `after`, by id."""
        result = await self._connection.execute(
            _FINDINGS,
            {
                "practice_ids": _listed(among.practice_ids),
                "contract_ids": _listed(among.contract_ids),
                "after": after,
                "limit": limit,
            },
        )
        return [_findings(row) for row in result.mappings()]

    async def keep(self, verdict: Verdict, *, at: datetime) -> None:
        """Keep the verdict as the one that was told last."""
        await self._connection.execute(
            _KEEP,
            {
                "practice_id": verdict.practice_id,
                "reasons": sorted(verdict.reasons),
                "at": at,
            },
        )


class PostgresDunningQueue:
    """`DunningQueue` on the service's own database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def findings(self, *, after: UUID | None, limit: int) -> Sequence[Findings]:
        """Return the findings of practices behind `after`, by id.

        Raises:
            TransientError: the database did not answer.
        """
        async with self._database.transaction(Scope.everything()) as connection:
            return await PostgresDunningRepository(connection).findings(
                Among(), after=after, limit=limit
            )


def _listed(ids: Collection[UUID] | None) -> list[UUID] | None:
    return None if ids is None else list(ids)


def _findings(row: RowMapping) -> Findings:
    oldest = row["oldest_order_at"]
    return Findings(
        practice_id=row["practice_id"],
        orders=row["orders"],
        oldest_order_on=None if oldest is None else oldest.astimezone(SWISS_TIME).date(),
        held_files=row["held_files"],
        files_in_review=row["files_in_review"],
        files_set_aside=row["files_set_aside"],
        parked_rows=row["parked_rows"],
        parked_amount=Money(row["parked_rappen"]),
        last_files=tuple(row["last_files"]),
        told=frozenset(row["told"]),
    )
