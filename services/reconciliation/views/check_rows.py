"""Proves DEB rows and facts against one another, so that the debtor's side cannot move alone.

A payment of the debtor makes no journal entry, so that the hash chain does not see it. What changes
its fact has to change its row, the row's hash and the counts of its file as well; and the file's
bytes rest in the object store, under the hash that the file has here.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.domain.posting import DEB_KINDS
from services.reconciliation.domain.rules import RULES, DebtorEffect

# Every part as `DebRow.content_sha256` writes it.
_RAPPEN = """CASE WHEN r.amount_rappen < 0 THEN '-' ELSE '' END || abs(r.amount_rappen) / 100
  || '.' || lpad((abs(r.amount_rappen) % 100)::text, 2, '0')"""
# The driver stores the first and the last day that Python knows as infinities.
_DAY = """CASE WHEN isfinite({0}) THEN to_char({0}, 'YYYY-MM-DD')
  WHEN {0} = 'infinity' THEN '9999-12-31' WHEN {0} = '-infinity' THEN '0001-01-01' END"""
_CONTENT = f"""encode(sha256(convert_to(array_to_string(ARRAY[
  r.record_id, r.kind, r.invoice_number, r.order_number, r.debtor_number,
  {_DAY.format("r.event_date")}, {_DAY.format("r.value_date")}, {_RAPPEN},
  r.currency, r.payout_reference, r.beneficiary, r.level::text,
  CASE WHEN r.record_id IS NOT NULL OR r.kind = 'reversal' THEN r.note END
  ], chr(31), ''), 'UTF8')), 'hex')"""
_ROWS = text(
    f"""
    SELECT count(*) FILTER (WHERE r.content_sha256 <> {_CONTENT}) AS altered,
      count(*) FILTER (WHERE r.fact_id IS NOT NULL
        AND (f.practice_id, f.deb_file_id, f.deb_line, f.kind, f.invoice_id, f.fact_date,
             coalesce(f.amount_rappen, 0))
          IS DISTINCT FROM (r.practice_id, r.deb_file_id, r.line, r.kind, r.invoice_id,
             r.event_date, r.amount_rappen)) AS other_facts,
      count(*) FILTER (WHERE r.fact_id IS NOT NULL
        AND r.invoice_number NOT IN (p.invoice_number, coalesce(p.document_number, ''))
        AND NOT EXISTS (
          SELECT FROM row_decision d WHERE d.deb_file_id = r.deb_file_id AND d.line = r.line
            AND d.decision = 'book-on-invoice' AND d.invoice_id = f.invoice_id))
        AS other_invoices
    FROM deb_row r
    LEFT JOIN position_fact f ON f.fact_id = r.fact_id
    LEFT JOIN invoice_position p ON p.invoice_id = f.invoice_id
    WHERE r.practice_id = :practice_id
    """  # noqa: S608 - constants of ours
)
_ROWLESS = text(
    """
    SELECT count(*) FROM position_fact f
    LEFT JOIN deb_row r ON r.deb_file_id = f.deb_file_id AND r.line = f.deb_line
    WHERE f.practice_id = :practice_id AND f.deb_file_id IS NOT NULL
      AND f.kind = ANY (CAST(:kinds AS text[])) AND r.fact_id IS DISTINCT FROM f.fact_id
    """
)
_EFFECTS = text(
    """
    SELECT count(*) FROM (
      SELECT f.*, coalesce(f.amount_rappen, 0) AS amount,
        f.principal_rappen + f.reminder_fees_rappen + f.interest_rappen + f.costs_rappen AS moved
      FROM position_fact f WHERE f.practice_id = :practice_id) AS f
    LEFT JOIN position_fact o ON o.fact_id = f.reverses
    WHERE NOT coalesce(CASE
      WHEN f.kind = ANY (CAST(:charges AS text[])) THEN f.moved = f.amount
      WHEN f.kind = ANY (CAST(:payments AS text[])) THEN f.moved = -f.amount
      WHEN f.kind = ANY (CAST(:given_up AS text[])) THEN f.principal_rappen = -f.amount
      WHEN f.kind = ANY (CAST(:given_back AS text[])) THEN f.principal_rappen = 0
      WHEN f.kind = ANY (CAST(:opposites AS text[])) THEN f.moved = -(o.principal_rappen
        + o.reminder_fees_rappen + o.interest_rappen + o.costs_rappen)
      ELSE f.moved = 0 END, false)
    """
)
_KINDS = {
    "charges": {DebtorEffect.CHARGE},
    "payments": {DebtorEffect.PAYMENT, DebtorEffect.REDUCTION},
    "given_up": {DebtorEffect.GIVEN_UP},
    "given_back": {DebtorEffect.GIVEN_BACK},
    "opposites": {DebtorEffect.OPPOSITE},
}


async def rows_against_facts(
    connection: AsyncConnection, practice_id: UUID
) -> list[tuple[bool, str]]:
    """Return what may be wrong between rows and facts of a practice: whether it is, and words."""
    only = {"practice_id": practice_id}
    rows = (await connection.execute(_ROWS, only)).one()
    kinds = {"kinds": sorted(DEB_KINDS)}
    rowless = (await connection.execute(_ROWLESS, only | kinds)).scalar_one()
    effects = (await connection.execute(_EFFECTS, only | dict(_kinds()))).scalar_one()
    return [
        (rows.altered > 0, f"{rows.altered} DEB rows differ from the hash of their content"),
        (rows.other_facts > 0, f"{rows.other_facts} DEB rows differ from the fact they led to"),
        (
            rows.other_invoices > 0,
            f"{rows.other_invoices} DEB rows were booked on an invoice that they do not name",
        ),
        (rowless > 0, f"{rowless} facts name a DEB row that did not lead to them"),
        (effects > 0, f"{effects} facts move D otherwise than the posting table says"),
    ]


def _kinds() -> Iterator[tuple[str, list[str]]]:
    for name, effects in _KINDS.items():
        yield name, sorted({rule.kind for rule in RULES if rule.debtor in effects})
