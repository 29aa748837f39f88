"""The print list, cancellation, correction and credit notes.

Search columns are generated, so that whoever writes a name or a number need not know of them. They
sort by code point: only such comparisons are leakproof, and nothing else may use an index under
row-level security.
"""

from __future__ import annotations

import unicodedata

from alembic import op

from shared.db.rls import append_only_ddl, practice_scope_ddl

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "invoicing"


def _accents() -> tuple[str, str]:
    """Return the accented Latin letters, and the plain letter of each."""
    accented, plain = "", ""
    for point in range(0xC0, 0x180):
        parts = unicodedata.normalize("NFD", chr(point))
        if len(parts) > 1 and parts[0].isascii():
            accented, plain = accented + chr(point), plain + parts[0]
    return accented, plain


_ACCENTED, _PLAIN = _accents()
_SEARCH = (
    f"""CREATE FUNCTION search_form(given text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(translate(replace(replace(replace(given, 'ß', 'ss'), 'œ', 'oe'), 'æ', 'ae'),
  '{_ACCENTED}', '{_PLAIN}'))""",
    """ALTER TABLE patient
  ADD COLUMN family_search text COLLATE "C"
    GENERATED ALWAYS AS (search_form(family_name)) STORED,
  ADD COLUMN given_search text COLLATE "C" GENERATED ALWAYS AS (search_form(given_name)) STORED""",
    """ALTER TABLE invoice
  ADD COLUMN number_search text COLLATE "C"
    GENERATED ALWAYS AS (search_form(invoice_number)) STORED,
  ADD COLUMN debtor_search text COLLATE "C"
    GENERATED ALWAYS AS (search_form(debtor_number)) STORED""",
    "CREATE INDEX patient_by_family_search ON patient (practice_id, family_search)",
    "CREATE INDEX patient_by_given_search ON patient (practice_id, given_search)",
    "CREATE INDEX invoice_by_number_search ON invoice (practice_id, number_search)",
    "CREATE INDEX invoice_by_debtor_search ON invoice (practice_id, debtor_search)",
    "CREATE INDEX invoice_by_serial ON invoice (practice_id, serial)",
    "CREATE INDEX invoice_by_day ON invoice (practice_id, issued_on)",
)
_INVOICE = (
    """ALTER TABLE invoice
  ADD COLUMN printed_at timestamptz,
  ADD COLUMN printed_by text,
  ADD COLUMN cancelled_at timestamptz,
  ADD COLUMN cancelled_by text,
  ADD COLUMN cancel_reason text,
  ADD COLUMN replaces uuid,
  ADD COLUMN replaced_by uuid,
  ADD CONSTRAINT invoice_printed_by_somebody
    CHECK ((printed_at IS NULL) = (printed_by IS NULL)),
  ADD CONSTRAINT invoice_cancelled_for_a_reason
    CHECK (num_nulls(cancelled_at, cancelled_by, cancel_reason) IN (0, 3)),
  ADD CONSTRAINT invoice_cancelled_by_somebody
    CHECK (state <> 'cancelled' OR cancelled_at IS NOT NULL),
  ADD CONSTRAINT invoice_replaced_when_cancelled
    CHECK (replaced_by IS NULL OR cancelled_at IS NOT NULL),
  ADD CONSTRAINT invoice_replaces_once UNIQUE (practice_id, replaces),
  ADD CONSTRAINT invoice_replaced_once UNIQUE (practice_id, replaced_by),
  ADD CONSTRAINT invoice_replaces FOREIGN KEY (practice_id, replaces) REFERENCES invoice,
  ADD CONSTRAINT invoice_replaced_by FOREIGN KEY (practice_id, replaced_by) REFERENCES invoice,
  DROP CONSTRAINT invoice_state,
  ADD CONSTRAINT invoice_state
    CHECK (state IN ('issued', 'ordered', 'acquitted', 'closed', 'cancelled')),
  DROP CONSTRAINT invoice_order_while_ordered,
  ADD CONSTRAINT invoice_order_while_ordered
    CHECK ((state IN ('issued', 'cancelled')) = (order_id IS NULL))""",
    """CREATE INDEX invoice_to_print ON invoice (practice_id, year, serial)
  WHERE printed_at IS NULL""",
    f"""GRANT UPDATE (printed_at, printed_by, cancelled_at, cancelled_by, cancel_reason,
  replaces, replaced_by) ON invoice TO {RUNTIME_ROLE}""",
    # A cancelled invoice releases its treatments; what it billed stays known.
    "ALTER TABLE invoice_treatment ADD COLUMN released boolean NOT NULL DEFAULT false",
    "ALTER TABLE invoice_treatment DROP CONSTRAINT treatment_billed_once",
    """CREATE UNIQUE INDEX treatment_billed_once ON invoice_treatment (practice_id, treatment_id)
  WHERE NOT released""",
    """ALTER TABLE invoice_treatment ADD CONSTRAINT invoice_treatment_pk
  PRIMARY KEY (practice_id, treatment_id, invoice_id)""",
    f"GRANT UPDATE (released) ON invoice_treatment TO {RUNTIME_ROLE}",
)
_ORDERS = (
    "ALTER TABLE known_order ADD COLUMN sent_at timestamptz",
    """ALTER TABLE placement
  DROP CONSTRAINT placement_outcome,
  ADD CONSTRAINT placement_outcome CHECK (outcome IN ('accepted', 'refused', 'withdrawn'))""",
)
_CREDIT_NOTES = (
    """CREATE TABLE credit_note_counter (
  practice_id uuid NOT NULL CONSTRAINT credit_note_counter_practice REFERENCES practice,
  year integer NOT NULL,
  last integer NOT NULL CONSTRAINT credit_note_counter_range CHECK (last BETWEEN 1 AND 9999999),
  PRIMARY KEY (practice_id, year)
)""",
    """CREATE TABLE credit_note (
  practice_id uuid NOT NULL CONSTRAINT credit_note_practice REFERENCES practice,
  credit_note_id uuid NOT NULL,
  year integer NOT NULL,
  serial integer NOT NULL CONSTRAINT credit_note_serial_counts CHECK (serial >= 1),
  credit_note_number text NOT NULL,
  invoice_id uuid NOT NULL,
  amount_rappen bigint NOT NULL
    CONSTRAINT credit_note_amount_positive CHECK (amount_rappen > 0),
  reason_code text NOT NULL,
  document_key text NOT NULL,
  document_sha256 text NOT NULL
    CONSTRAINT credit_note_document_hash CHECK (document_sha256 ~ '^[0-9a-f]{64}$'),
  document_size_bytes bigint NOT NULL
    CONSTRAINT credit_note_document_size CHECK (document_size_bytes > 0),
  document_media_type text NOT NULL,
  issued_at timestamptz NOT NULL,
  issued_on date NOT NULL,
  issued_by text NOT NULL,
  PRIMARY KEY (practice_id, credit_note_id),
  CONSTRAINT credit_note_number_once UNIQUE (practice_id, credit_note_number),
  CONSTRAINT credit_note_serial_once UNIQUE (practice_id, year, serial),
  CONSTRAINT credit_note_invoice FOREIGN KEY (practice_id, invoice_id) REFERENCES invoice
)""",
    "CREATE INDEX credit_note_by_invoice ON credit_note (practice_id, invoice_id)",
    *practice_scope_ddl("credit_note_counter"),
    *practice_scope_ddl("credit_note"),
    *append_only_ddl("credit_note", role=RUNTIME_ROLE),
    f"REVOKE DELETE, TRUNCATE ON credit_note_counter FROM {RUNTIME_ROLE}",
)


def upgrade() -> None:
    """Add what the print list, corrections and credit notes need."""
    for statement in (*_SEARCH, *_INVOICE, *_ORDERS, *_CREDIT_NOTES):
        op.execute(statement)
