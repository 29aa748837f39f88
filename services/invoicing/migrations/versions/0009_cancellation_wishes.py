"""Cancellations that wait for an order to be taken back."""

from __future__ import annotations

from alembic import op

from shared.db.rls import practice_scope_ddl

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "invoicing"

_STATEMENTS = (
    """CREATE TABLE cancellation_wish (
  practice_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  order_id uuid NOT NULL,
  reason_code text NOT NULL,
  asked_at timestamptz NOT NULL,
  asked_by text NOT NULL,
  state text NOT NULL
    CONSTRAINT cancellation_wish_state CHECK (state IN ('pending', 'done', 'order-left')),
  settled_at timestamptz,
  PRIMARY KEY (practice_id, invoice_id),
  CONSTRAINT cancellation_wish_invoice FOREIGN KEY (practice_id, invoice_id) REFERENCES invoice,
  CONSTRAINT cancellation_wish_settled CHECK ((state = 'pending') = (settled_at IS NULL))
)""",
    """CREATE INDEX cancellation_wish_pending ON cancellation_wish (order_id)
  WHERE state = 'pending'""",
    *practice_scope_ddl("cancellation_wish"),
    f"REVOKE DELETE, TRUNCATE ON cancellation_wish FROM {RUNTIME_ROLE}",
)


def upgrade() -> None:
    """Add the table."""
    for statement in _STATEMENTS:
        op.execute(statement)
