"""Wishes to correct or replace an invoice; invoices that the factor gave back."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "invoicing"

_STATEMENTS = (
    """ALTER TABLE cancellation_wish
  ADD COLUMN intent text NOT NULL DEFAULT 'cancel'
    CONSTRAINT cancellation_wish_intent CHECK (intent IN ('cancel', 'correct', 'replace')),
  ADD COLUMN content jsonb,
  ADD COLUMN corrected_id uuid,
  ADD COLUMN conflict_id uuid,
  ADD COLUMN refusal_code text,
  ADD COLUMN refusal text""",
    "ALTER TABLE cancellation_wish DROP CONSTRAINT cancellation_wish_state",
    """ALTER TABLE cancellation_wish
  ADD CONSTRAINT cancellation_wish_state
    CHECK (state IN ('pending', 'done', 'order-left', 'failed')),
  ADD CONSTRAINT cancellation_wish_successor CHECK (
    (intent = 'correct') = (corrected_id IS NOT NULL)
    AND (intent = 'replace') = (conflict_id IS NOT NULL)
    AND (content IS NULL OR intent = 'correct')),
  ADD CONSTRAINT cancellation_wish_failed CHECK (
    (state = 'failed') = (refusal_code IS NOT NULL)
    AND (state = 'failed') = (refusal IS NOT NULL))""",
    "ALTER TABLE invoice ADD COLUMN given_back_by uuid",
    f"GRANT UPDATE (given_back_by) ON invoice TO {RUNTIME_ROLE}",
    # Only a recourse takes the asterisk of an acquitted invoice away.
    "SELECT set_config('quittance.system', 'on', true)",
    """UPDATE invoice SET given_back_by = order_id
  WHERE state IN ('acquitted', 'closed') AND NOT with_factor""",
    "SELECT set_config('quittance.system', '', true)",
)


def upgrade() -> None:
    """Add the columns and the state."""
    for statement in _STATEMENTS:
        op.execute(statement)
