"""Orders: which prepared orders do not leave, and what was told of it."""

from __future__ import annotations

from alembic import op

from shared.db.rls import practice_scope_ddl

revision = "0019"
down_revision = "0014"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "orders"

_STATEMENTS = (
    # An order without a row was not looked at yet; the next tick does it.
    """CREATE TABLE order_leaving (
  practice_id uuid NOT NULL,
  order_id uuid NOT NULL,
  deadline timestamptz,
  held_because text,
  held_at timestamptz,
  told integer NOT NULL CONSTRAINT order_leaving_told CHECK (told >= 0),
  open_reason text,
  open_since timestamptz,
  open_attempt integer NOT NULL,
  CONSTRAINT order_leaving_pk PRIMARY KEY (practice_id, order_id),
  CONSTRAINT order_leaving_of_an_order FOREIGN KEY (practice_id, order_id)
    REFERENCES orders (practice_id, order_id),
  CONSTRAINT order_leaving_open_is_whole
    CHECK ((open_reason IS NULL) = (open_since IS NULL) AND (open_reason IS NULL OR told > 0))
)""",
    "CREATE INDEX order_leaving_open ON order_leaving (order_id) WHERE open_reason IS NOT NULL",
    "CREATE INDEX orders_waiting_to_leave ON orders (order_id) WHERE state = 'prepared'",
    *practice_scope_ddl("order_leaving"),
    f"REVOKE DELETE, TRUNCATE ON order_leaving FROM {RUNTIME_ROLE}",
)


def upgrade() -> None:
    """Add the table."""
    for statement in _STATEMENTS:
        op.execute(statement)
