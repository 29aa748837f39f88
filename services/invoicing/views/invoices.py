"""What the API shows of invoices: how they stand, the sums of a selection, and their history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

# The count and the sums are of the whole selection; the page is cut out of it afterwards.
_PAGE = text(
    """
    WITH chosen AS (
      SELECT i.*, o.order_number,
        i.principal_rappen + i.reminder_fees_rappen + i.interest_rappen + i.costs_rappen
          AS balance_rappen,
        p.family_name AS patient_family_name, p.given_name AS patient_given_name,
        coalesce(p.debtor_family_name, p.family_name) AS debtor_family_name,
        coalesce(p.debtor_given_name, p.given_name) AS debtor_given_name
      FROM invoice i
      JOIN patient p ON p.practice_id = i.practice_id AND p.patient_id = i.patient_id
      LEFT JOIN known_order o ON o.practice_id = i.practice_id AND o.order_id = i.order_id
      WHERE i.practice_id = :practice_id
        AND (CAST(:invoice_id AS uuid) IS NULL OR i.invoice_id = :invoice_id)
        AND (CAST(:state AS text) IS NULL OR i.state = :state)
        AND (CAST(:contract_id AS uuid) IS NULL OR i.contract_id = :contract_id)
        AND (CAST(:patient_id AS uuid) IS NULL OR i.patient_id = :patient_id)
        AND (NOT CAST(:not_ordered AS boolean) OR i.order_id IS NULL)
    ), counted AS (
      SELECT * FROM chosen
      WHERE NOT CAST(:exclude_zero_balance AS boolean) OR balance_rappen <> 0
    ), sums AS (
      SELECT count(*) AS total_count,
        coalesce(sum(total_rappen), 0)::bigint AS sum_total_rappen,
        coalesce(sum(balance_rappen), 0)::bigint AS sum_balance_rappen,
        coalesce(sum(factor_owes_rappen), 0)::bigint AS sum_factor_owes_rappen
      FROM counted
    ), page AS (
      SELECT * FROM counted
      WHERE CAST(:after_year AS bigint) IS NULL
        OR (year, serial) > (CAST(:after_year AS bigint), CAST(:after_serial AS bigint))
      ORDER BY year, serial LIMIT :limit
    )
    SELECT * FROM sums LEFT JOIN page ON true ORDER BY year, serial
    """
)
_HISTORY = text(
    """
    SELECT h.*, o.order_number
    FROM invoice_history h
    LEFT JOIN known_order o ON o.practice_id = h.practice_id AND o.order_id = h.order_id
    WHERE h.practice_id = :practice_id AND h.invoice_id = :invoice_id
    ORDER BY h.position DESC LIMIT :limit
    """
)
_TREATMENTS = text(
    """
    SELECT treatment_id FROM invoice_treatment
    WHERE practice_id = :practice_id AND invoice_id = :invoice_id ORDER BY treatment_id
    """
)


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """Which invoices to show; None and False mean: no matter."""

    state: str | None = None
    contract_id: UUID | None = None
    patient_id: UUID | None = None
    exclude_zero_balance: bool = False
    not_ordered: bool = False


async def invoice_page(
    connection: AsyncConnection,
    practice_id: UUID,
    *,
    wanted: InvoiceFilter,
    limit: int,
    invoice_id: UUID | None = None,
    after: tuple[int, int] | None = None,
) -> Sequence[RowMapping]:
    """Return invoices by number, after (year, serial).

    Each row carries the count and sums of the whole selection; if the page is empty there is one
    row whose `invoice_id` is NULL.
    """
    year, serial = after or (None, None)
    found = await connection.execute(
        _PAGE,
        {
            "practice_id": practice_id,
            "invoice_id": invoice_id,
            "state": wanted.state,
            "contract_id": wanted.contract_id,
            "patient_id": wanted.patient_id,
            "not_ordered": wanted.not_ordered,
            "exclude_zero_balance": wanted.exclude_zero_balance,
            "after_year": year,
            "after_serial": serial,
            "limit": limit,
        },
    )
    return found.mappings().all()


async def invoice(
    connection: AsyncConnection, practice_id: UUID, invoice_id: UUID
) -> RowMapping | None:
    """Return one invoice, or None."""
    rows = await invoice_page(
        connection, practice_id, wanted=InvoiceFilter(), limit=1, invoice_id=invoice_id
    )
    return rows[0] if rows[0]["invoice_id"] is not None else None


async def history(
    connection: AsyncConnection, practice_id: UUID, invoice_id: UUID, *, limit: int
) -> Sequence[RowMapping]:
    """Return the lines of an invoice's history that were learnt last, in the order of their days.

    What was learnt late stands where it belongs.
    """
    found = await connection.execute(
        _HISTORY, {"practice_id": practice_id, "invoice_id": invoice_id, "limit": limit}
    )
    return sorted(found.mappings(), key=lambda row: (row["occurred_on"], row["position"]))


async def treatment_ids(
    connection: AsyncConnection, practice_id: UUID, invoice_id: UUID
) -> Sequence[UUID]:
    """Return the treatments that an invoice bills."""
    found = await connection.execute(
        _TREATMENTS, {"practice_id": practice_id, "invoice_id": invoice_id}
    )
    return found.scalars().all()
