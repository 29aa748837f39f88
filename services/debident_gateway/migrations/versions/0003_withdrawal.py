"""Withdrawing an order: whether anything can ever have left, and whether it is wanted back."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """ALTER TABLE transmission
  ADD COLUMN may_have_left boolean NOT NULL DEFAULT false,
  ADD COLUMN withdrawal_asked boolean NOT NULL DEFAULT false""",
    # The owner is bound by the policies too: without the system's scope it would see no row.
    "SELECT set_config('quittance.system', 'on', true)",
    """UPDATE transmission SET may_have_left = true
WHERE sent_at IS NOT NULL OR state NOT IN ('intended', 'sending')
   OR EXISTS (SELECT 1 FROM send_attempt
              WHERE send_attempt.order_id = transmission.order_id
                AND send_attempt.outcome IS DISTINCT FROM 'not-sent'
                AND (state <> 'sending' OR send_attempt.number < attempts))""",
    "SELECT set_config('quittance.system', 'off', true)",
    # Each list of states is replaced by a longer one of the same name.
    "ALTER TABLE transmission DROP CONSTRAINT transmission_state_is_known",
    """ALTER TABLE transmission ADD CONSTRAINT transmission_state_is_known CHECK (state IN
    ('intended', 'sending', 'unknown', 'sent', 'arrived', 'refused', 'withdrawn'))""",
    "ALTER TABLE transmission DROP CONSTRAINT settled_has_a_time",
    """ALTER TABLE transmission ADD CONSTRAINT settled_has_a_time
    CHECK ((state IN ('arrived', 'refused', 'withdrawn')) = (settled_at IS NOT NULL))""",
    # What may have left is never called withdrawn, whatever the code says.
    """ALTER TABLE transmission ADD CONSTRAINT withdrawn_has_never_left
    CHECK (state <> 'withdrawn' OR (withdrawal_asked AND NOT may_have_left AND sent_at IS NULL))""",
    """ALTER TABLE transmission ADD CONSTRAINT doubt_may_have_left
    CHECK (state <> 'unknown' OR may_have_left)""",
)


def upgrade() -> None:
    """Add what a withdrawal needs."""
    for statement in _STATEMENTS:
        op.execute(statement)
