"""Invoices of other practice software, conflicts to decide, and the format of a contract."""

from __future__ import annotations

from alembic import op

from shared.db.rls import append_only_ddl, practice_scope_ddl

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "invoicing"

_STATEMENTS = (
    """ALTER TABLE contract ADD COLUMN invoice_format text NOT NULL DEFAULT '5.0'
  CONSTRAINT contract_invoice_format CHECK (invoice_format IN ('4.5', '5.0'))""",
    # The replacement of a cancelled invoice asks for the same payment.
    "ALTER TABLE invoice DROP CONSTRAINT invoice_qr_reference_once",
    """CREATE UNIQUE INDEX invoice_qr_reference_once ON invoice (practice_id, qr_reference)
  WHERE cancelled_at IS NULL""",
    # Serials of imported numbers that are not of the house's form; the house's end below.
    """CREATE TABLE import_counter (
  practice_id uuid PRIMARY KEY CONSTRAINT import_counter_practice REFERENCES practice,
  last integer NOT NULL CONSTRAINT import_counter_range CHECK (last >= 10000000)
)""",
    """CREATE TABLE imported_invoice (
  practice_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  import_id uuid NOT NULL,
  document_number text NOT NULL,
  file_name text NOT NULL,
  version text NOT NULL
    CONSTRAINT imported_invoice_version CHECK (version IN ('4.5', '5.0')),
  content_sha256 text NOT NULL
    CONSTRAINT imported_invoice_hash CHECK (content_sha256 ~ '^[0-9a-f]{64}$'),
  imported_at timestamptz NOT NULL,
  PRIMARY KEY (practice_id, invoice_id),
  CONSTRAINT imported_invoice_invoice FOREIGN KEY (practice_id, invoice_id) REFERENCES invoice
)""",
    "CREATE INDEX imported_invoice_by_number ON imported_invoice (practice_id, document_number)",
    """CREATE TABLE import_conflict (
  practice_id uuid NOT NULL,
  conflict_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  invoice_number text NOT NULL,
  contract_id uuid,
  file_name text NOT NULL,
  document_key text NOT NULL,
  document_sha256 text NOT NULL
    CONSTRAINT import_conflict_hash CHECK (document_sha256 ~ '^[0-9a-f]{64}$'),
  document_size_bytes bigint NOT NULL,
  document_media_type text NOT NULL,
  found_at timestamptz NOT NULL,
  decision text CONSTRAINT import_conflict_decision CHECK (decision IN ('keep', 'replace')),
  decided_at timestamptz,
  decided_by text,
  replacement_id uuid,
  PRIMARY KEY (practice_id, conflict_id),
  CONSTRAINT import_conflict_once UNIQUE (practice_id, invoice_id, document_sha256),
  CONSTRAINT import_conflict_invoice FOREIGN KEY (practice_id, invoice_id) REFERENCES invoice,
  CONSTRAINT import_conflict_contract FOREIGN KEY (practice_id, contract_id) REFERENCES contract,
  CONSTRAINT import_conflict_replacement FOREIGN KEY (practice_id, replacement_id)
    REFERENCES invoice,
  CONSTRAINT import_conflict_decided_by_somebody
    CHECK (num_nulls(decision, decided_at, decided_by) IN (0, 3)),
  CONSTRAINT import_conflict_replaced_by_decision
    CHECK ((decision IS NOT DISTINCT FROM 'replace') = (replacement_id IS NOT NULL))
)""",
    *practice_scope_ddl("import_counter"),
    *practice_scope_ddl("imported_invoice"),
    *practice_scope_ddl("import_conflict"),
    *append_only_ddl("imported_invoice", role=RUNTIME_ROLE),
    f"REVOKE DELETE, TRUNCATE ON import_counter, import_conflict FROM {RUNTIME_ROLE}",
    f"REVOKE UPDATE ON import_conflict FROM {RUNTIME_ROLE}",
    f"""GRANT UPDATE (decision, decided_at, decided_by, replacement_id)
  ON import_conflict TO {RUNTIME_ROLE}""",
)


def upgrade() -> None:
    """Add what the import needs."""
    for statement in _STATEMENTS:
        op.execute(statement)
