"""A contract says in which order a debtor's payment settles the parts of the debt."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0017"
branch_labels = None
depends_on = None

_PARTS = ("principal", "reminder_fees", "interest", "costs")
_PART = f"({'|'.join(_PARTS)})"


def upgrade() -> None:
    """Add the term; contracts so far go on as they did."""
    named = " AND ".join(f"strpos(payment_order, '{part}') > 0" for part in _PARTS)
    op.execute(
        "ALTER TABLE contract ADD COLUMN payment_order text NOT NULL"
        " DEFAULT 'costs,interest,reminder_fees,principal'"
        " CONSTRAINT contract_payment_order_names_each_once"
        f" CHECK (payment_order ~ '^{_PART}(,{_PART}){{3}}$' AND {named})"
    )
