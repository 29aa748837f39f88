"""Orders: until when an order must have arrived, and since when it is overdue."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "orders"

_STATEMENTS = (
    """ALTER TABLE contract ADD COLUMN arrival_deadline_working_days integer NOT NULL DEFAULT 1
  CONSTRAINT contract_arrival_deadline CHECK (arrival_deadline_working_days BETWEEN 1 AND 30)""",
    # A deadline that is not set (an order from before, changed terms) is set by the next tick.
    """ALTER TABLE orders
  ADD COLUMN arrival_deadline timestamptz,
  ADD COLUMN overdue_since timestamptz,
  ADD CONSTRAINT orders_clock_runs_on_the_way CHECK (
    num_nonnulls(arrival_deadline, overdue_since) = 0 OR state IN ('sent', 'unknown'))""",
    f"GRANT UPDATE (arrival_deadline, overdue_since) ON orders TO {RUNTIME_ROLE}",
    """CREATE INDEX orders_arrival_due ON orders (arrival_deadline NULLS FIRST, order_id)
  WHERE state IN ('sent', 'unknown') AND overdue_since IS NULL""",
    """CREATE INDEX orders_overdue ON orders (practice_id, prepared_at DESC, order_id DESC)
  WHERE overdue_since IS NOT NULL""",
    # The list of words is replaced by a longer one of the same name.
    "ALTER TABLE order_fact DROP CONSTRAINT order_fact_kind_known",
    """ALTER TABLE order_fact ADD CONSTRAINT order_fact_kind_known CHECK (kind IN
    ('prepared', 'unknown', 'not-sent', 'sent', 'overdue', 'arrived', 'confirmed', 'acquitted',
     'refused', 'withdrawal-asked', 'withdrawn', 'closed'))""",
)


def upgrade() -> None:
    """Add the arrival clock."""
    for statement in _STATEMENTS:
        op.execute(statement)
