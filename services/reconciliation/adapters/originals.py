"""Reads back what was booked, as its reversal needs it."""

from __future__ import annotations

from sqlalchemy import RowMapping

from services.reconciliation.domain.journal import Posting
from services.reconciliation.domain.model import Debt
from services.reconciliation.domain.reversing import Original
from shared.kernel.money import Money

REVERSALS = """
      EXISTS (SELECT FROM position_fact later WHERE later.reverses = f.fact_id
              AND later.kind = 'reversal' AND NOT EXISTS (
                SELECT FROM position_fact undo WHERE undo.reverses = later.fact_id
                  AND undo.kind = 'undo')) AS is_reversed,
      (SELECT count(*) FROM position_fact later
       JOIN position_fact undo ON undo.reverses = later.fact_id AND undo.kind = 'undo'
       WHERE later.reverses = f.fact_id) AS reversal_round"""
"""Whether the fact `f` is reversed, and how many reversals of it were undone before."""


def original_of(row: RowMapping) -> Original:
    """Return the booked row on a row of `position_fact` with its postings."""
    amount = row["amount_rappen"]
    return Original(
        fact_id=row["fact_id"],
        kind=row["kind"],
        invoice_id=row["invoice_id"],
        amount=None if amount is None else Money(amount),
        debt_change=Debt(
            Money(row["principal_rappen"]),
            Money(row["reminder_fees_rappen"]),
            Money(row["interest_rappen"]),
            Money(row["costs_rappen"]),
        ),
        factor_change=Money(row["factor_owes_rappen"]),
        order_id=row["order_id"],
        postings=tuple(Posting.read(values) for values in row["postings"] or ()),
        is_reversed=row["is_reversed"],
        reversal_round=row["reversal_round"],
    )
