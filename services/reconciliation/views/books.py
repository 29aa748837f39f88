"""Reads acquittals, positions with their history, the journal and balances."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

ACQUITTALS = """
    SELECT e.number, a.invoice_id, p.invoice_number, a.order_id, o.order_number, a.contract_id,
      a.amount_rappen, a.ledger_account, a.label, a.acquitted_on, a.entry_id, a.live,
      a.decided_by
    FROM acquittal a
    JOIN journal_entry e ON e.entry_id = a.entry_id
    JOIN invoice_position p ON p.invoice_id = a.invoice_id
    JOIN order_confirmation o ON o.order_id = a.order_id
    WHERE a.practice_id = :practice_id
      AND (CAST(:order_id AS uuid) IS NULL OR a.order_id = :order_id)
"""
_ACQUITTALS_PAGE = text(f"{ACQUITTALS} AND e.number > :after ORDER BY e.number LIMIT :limit")
_POSITION = """
    SELECT p.*, a.invoice_id IS NOT NULL AS with_factor, a.order_id, o.order_number,
      coalesce(a.contract_id, p.contract_id) AS present_contract_id,
      p.principal_rappen + p.reminder_fees_rappen + p.interest_rappen + p.costs_rappen
        AS debtor_owes_rappen
    FROM invoice_position p
    LEFT JOIN acquittal a ON a.invoice_id = p.invoice_id AND a.live
    LEFT JOIN order_confirmation o ON o.order_id = a.order_id
    WHERE p.practice_id = :practice_id
"""
POSITIONS = f"""{_POSITION}
      AND (CAST(:with_factor AS boolean) IS NULL
           OR (a.invoice_id IS NOT NULL) = :with_factor)
"""
_POSITIONS_PAGE = text(
    f"{POSITIONS} AND p.invoice_number > :after ORDER BY p.invoice_number LIMIT :limit"
)
_ONE_POSITION = text(f"{_POSITION} AND p.invoice_id = :invoice_id")
JOURNAL = """
    SELECT e.*, d.file_id FROM journal_entry e
    LEFT JOIN deb_file d ON d.deb_file_id = e.deb_file_id
    WHERE e.practice_id = :practice_id
"""
_JOURNAL_PAGE = text(f"{JOURNAL} AND e.number > :after ORDER BY e.number LIMIT :limit")
_POSTINGS = text(
    """
    SELECT entry_id, line, account, role, amount_rappen, invoice_id, confirmed_order_id
    FROM posting WHERE entry_id = ANY(CAST(:entry_ids AS uuid[])) ORDER BY entry_id, line
    """
)
_BALANCES = text(
    """
    SELECT l.number, l.role, l.name,
      coalesce(sum(t.amount_rappen) FILTER (WHERE t.amount_rappen > 0), 0)::bigint AS debit_rappen,
      coalesce(-sum(t.amount_rappen) FILTER (WHERE t.amount_rappen < 0), 0)::bigint
        AS credit_rappen,
      coalesce(sum(t.amount_rappen), 0)::bigint AS balance_rappen
    FROM ledger_account l
    LEFT JOIN (posting t JOIN journal_entry e
                 ON e.entry_id = t.entry_id AND e.entry_date <= :on)
      ON t.practice_id = l.practice_id AND t.account = l.number
    WHERE l.practice_id = :practice_id
    GROUP BY l.number, l.role, l.name ORDER BY l.number
    """
)


async def acquittals(
    connection: AsyncConnection,
    practice_id: UUID,
    *,
    order_id: UUID | None,
    after: int,
    limit: int,
) -> Sequence[RowMapping]:
    """Return acquittals behind journal number `after`, in the order of the journal."""
    result = await connection.execute(
        _ACQUITTALS_PAGE,
        {"practice_id": practice_id, "order_id": order_id, "after": after, "limit": limit},
    )
    return result.mappings().all()


async def positions(
    connection: AsyncConnection,
    practice_id: UUID,
    *,
    with_factor: bool | None,
    after: str,
    limit: int,
) -> Sequence[RowMapping]:
    """Return positions behind invoice number `after`, by invoice number."""
    result = await connection.execute(
        _POSITIONS_PAGE,
        {
            "practice_id": practice_id,
            "with_factor": with_factor,
            "after": after,
            "limit": limit,
        },
    )
    return result.mappings().all()


async def position(
    connection: AsyncConnection, practice_id: UUID, invoice_id: UUID
) -> RowMapping | None:
    """Return one position, or None."""
    result = await connection.execute(
        _ONE_POSITION, {"practice_id": practice_id, "invoice_id": invoice_id}
    )
    return result.mappings().one_or_none()


async def journal(
    connection: AsyncConnection, practice_id: UUID, *, after: int, limit: int
) -> tuple[Sequence[RowMapping], dict[UUID, list[RowMapping]]]:
    """Return entries behind number `after`, and their postings by entry."""
    parameters = {"practice_id": practice_id, "after": after, "limit": limit}
    entries = (await connection.execute(_JOURNAL_PAGE, parameters)).mappings().all()
    return entries, await postings_of(connection, [entry["entry_id"] for entry in entries])


async def postings_of(
    connection: AsyncConnection, entry_ids: Sequence[UUID]
) -> dict[UUID, list[RowMapping]]:
    """Return the postings of entries, by entry."""
    lines = await connection.execute(_POSTINGS, {"entry_ids": list(entry_ids)})
    by_entry: dict[UUID, list[RowMapping]] = {entry_id: [] for entry_id in entry_ids}
    for line in lines.mappings():
        by_entry[line["entry_id"]].append(line)
    return by_entry


async def balances(
    connection: AsyncConnection, practice_id: UUID, *, on: date
) -> Sequence[RowMapping]:
    """Return debits, credits and balance (debit positive) of every account at the end of a day."""
    result = await connection.execute(_BALANCES, {"practice_id": practice_id, "on": on})
    return result.mappings().all()
