"""Orders: the credit notes that an order's package holds, each in one live order at most."""

from __future__ import annotations

from alembic import op

from shared.db.rls import practice_scope_ddl

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "orders"

_STATEMENTS = (
    """CREATE TABLE order_credit_note (
  practice_id uuid NOT NULL,
  order_id uuid NOT NULL,
  place integer NOT NULL CONSTRAINT order_credit_note_place CHECK (place BETWEEN 1 AND 10000),
  credit_note_id uuid NOT NULL,
  live boolean NOT NULL DEFAULT true,
  CONSTRAINT order_credit_note_pk PRIMARY KEY (order_id, place),
  CONSTRAINT order_credit_note_once_per_order UNIQUE (order_id, credit_note_id),
  CONSTRAINT order_credit_note_of_an_order FOREIGN KEY (practice_id, order_id)
    REFERENCES orders (practice_id, order_id),
  CONSTRAINT order_credit_note_of_a_credit_note FOREIGN KEY (practice_id, credit_note_id)
    REFERENCES credit_note (practice_id, credit_note_id)
)""",
    # A credit note of an order that has arrived stays live for good; one of an order that came to
    # nothing waits for the next.
    """CREATE UNIQUE INDEX one_live_order_per_credit_note
  ON order_credit_note (credit_note_id) WHERE live""",
    # What a credit note says of the order that holds it, that order's package bears out.
    """ALTER TABLE credit_note ADD CONSTRAINT credit_note_is_packed
  FOREIGN KEY (order_id, credit_note_id) REFERENCES order_credit_note (order_id, credit_note_id)""",
    "CREATE INDEX credit_note_by_order ON credit_note (order_id) WHERE order_id IS NOT NULL",
    *practice_scope_ddl("order_credit_note"),
    f"REVOKE UPDATE, DELETE, TRUNCATE ON order_credit_note FROM {RUNTIME_ROLE}",
    f"GRANT UPDATE (live) ON order_credit_note TO {RUNTIME_ROLE}",
)


def upgrade() -> None:
    """Add what an order takes along."""
    for statement in _STATEMENTS:
        op.execute(statement)
