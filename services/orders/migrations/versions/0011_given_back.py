"""Orders: lines of accepted orders whose invoice the factor gave back (recourse)."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "orders"

# What the books told of recourses before lines could be given back is in the inbox, worked.
GIVEN_BACK_BEFORE = """
UPDATE order_line SET given_back = true
FROM (
  SELECT DISTINCT ON (subject) subject::uuid AS invoice_id,
    convert_from(value, 'UTF8')::jsonb ->> 'given_back' AS given_back
  FROM inbox
  WHERE type = 'invoice-position-changed' AND status = 'done' AND value IS NOT NULL
  ORDER BY subject, sequence DESC) AS last
WHERE order_line.invoice_id = last.invoice_id AND last.given_back = 'true'
  AND order_line.outcome = 'accepted' AND NOT order_line.set_aside
"""
_STATEMENTS = (
    """ALTER TABLE order_line ADD COLUMN given_back boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT order_line_given_back_after_acceptance
    CHECK (NOT given_back OR outcome = 'accepted')""",
    # An invoice that was given back is free for another order; its line stays as it was confirmed.
    "DROP INDEX one_live_order_per_invoice",
    "ALTER TABLE order_line DROP COLUMN live",
    """ALTER TABLE order_line ADD COLUMN live boolean NOT NULL
  GENERATED ALWAYS AS (outcome NOT IN ('refused', 'withdrawn') AND NOT given_back) STORED""",
    "CREATE UNIQUE INDEX one_live_order_per_invoice ON order_line (invoice_id) WHERE live",
    "CREATE INDEX order_line_given_back ON order_line (invoice_id) WHERE given_back",
    f"GRANT UPDATE (given_back) ON order_line TO {RUNTIME_ROLE}",
    "SELECT set_config('quittance.system', 'on', true)",
    GIVEN_BACK_BEFORE,
    "SELECT set_config('quittance.system', '', true)",
)


def upgrade() -> None:
    """Add the column."""
    for statement in _STATEMENTS:
        op.execute(statement)
