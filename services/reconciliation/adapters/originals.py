"""Reads back what was booked, as its reversal needs it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping

from services.reconciliation.domain.accounts import AccountRole
from services.reconciliation.domain.journal import Posting
from services.reconciliation.domain.model import Debt
from services.reconciliation.domain.reversing import Original
from shared.kernel.money import Money


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
        postings=tuple(posting_of(values) for values in row["postings"] or ()),
        is_reversed=row["is_reversed"],
    )


def posting_of(values: list[Any]) -> Posting:
    """Return a posting from account, role, Rappen, invoice and confirmed order."""
    account, role, rappen, invoice_id, order_id = values
    return Posting(
        account=account,
        role=AccountRole(role),
        amount=Money(rappen),
        invoice_id=UUID(invoice_id) if invoice_id else None,
        confirmed_order_id=UUID(order_id) if order_id else None,
    )
