"""Orders: credit notes that wait for the next order of their contract."""

from __future__ import annotations

from alembic import op

from shared.db.rls import practice_scope_ddl

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "orders"

_CREDIT_NOTES = (
    """CREATE TABLE credit_note (
  practice_id uuid NOT NULL,
  credit_note_id uuid NOT NULL,
  contract_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  credit_note_number text COLLATE "C" NOT NULL,
  debtor_number text NOT NULL,
  amount_rappen bigint NOT NULL
    CONSTRAINT credit_note_amount_positive CHECK (amount_rappen > 0),
  issued_on date NOT NULL,
  document_key text NOT NULL,
  document_sha256 text NOT NULL
    CONSTRAINT credit_note_document_hash CHECK (document_sha256 ~ '^[0-9a-f]{64}$'),
  document_size_bytes bigint NOT NULL,
  document_media_type text NOT NULL,
  order_id uuid,
  CONSTRAINT credit_note_pk PRIMARY KEY (practice_id, credit_note_id),
  CONSTRAINT credit_note_number_once_per_practice UNIQUE (practice_id, credit_note_number),
  CONSTRAINT credit_note_of_an_invoice FOREIGN KEY (practice_id, invoice_id)
    REFERENCES invoice (practice_id, invoice_id),
  CONSTRAINT credit_note_of_a_contract FOREIGN KEY (practice_id, contract_id)
    REFERENCES contract (practice_id, contract_id),
  CONSTRAINT credit_note_in_an_order FOREIGN KEY (practice_id, order_id)
    REFERENCES orders (practice_id, order_id)
)""",
    """CREATE INDEX credit_note_waiting
  ON credit_note (practice_id, contract_id, credit_note_number) WHERE order_id IS NULL""",
    *practice_scope_ddl("credit_note"),
    f"REVOKE UPDATE, DELETE, TRUNCATE ON credit_note FROM {RUNTIME_ROLE}",
    f"GRANT UPDATE (order_id) ON credit_note TO {RUNTIME_ROLE}",
)


def upgrade() -> None:
    """Add the list of waiting credit notes."""
    for statement in _CREDIT_NOTES:
        op.execute(statement)
