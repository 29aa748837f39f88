"""Orders: practices, contracts, invoices, orders with their lines and facts, and the gate.

The rules that must hold under any concurrency are constraints here: one order in flight per
practice and contract (P2), an invoice in at most one live order (P3), frozen packages.
"""

from __future__ import annotations

from alembic import op

from shared.db.rls import append_only_ddl, practice_scope_ddl
from shared.messaging.schema import MESSAGING_TABLES_V1
from shared.web.schema import WEB_TABLES_V1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

RUNTIME_ROLE = "orders"

_PROJECTIONS = (
    """CREATE TABLE practice (
  practice_id uuid CONSTRAINT practice_pk PRIMARY KEY,
  gln text NOT NULL CONSTRAINT practice_gln_is_13_digits CHECK (gln ~ '^[0-9]{13}$')
)""",
    """CREATE TABLE contract (
  practice_id uuid NOT NULL CONSTRAINT contract_of_a_practice REFERENCES practice,
  contract_id uuid NOT NULL,
  version integer NOT NULL CONSTRAINT contract_version_counts CHECK (version >= 1),
  active boolean NOT NULL,
  factor text NOT NULL,
  account_number text NOT NULL,
  CONSTRAINT contract_pk PRIMARY KEY (practice_id, contract_id)
)""",
    # Numbers sort by code point, in the database as in the code that builds the package.
    """CREATE TABLE invoice (
  practice_id uuid NOT NULL CONSTRAINT invoice_of_a_practice REFERENCES practice,
  invoice_id uuid NOT NULL,
  contract_id uuid,
  invoice_number text COLLATE "C" NOT NULL,
  debtor_number text NOT NULL,
  issued_on date NOT NULL,
  due_on date NOT NULL,
  total_rappen bigint NOT NULL,
  balance_rappen bigint NOT NULL,
  balance_changed_at timestamptz,
  document_key text NOT NULL,
  document_sha256 text NOT NULL
    CONSTRAINT invoice_document_hash CHECK (document_sha256 ~ '^[0-9a-f]{64}$'),
  document_size_bytes bigint NOT NULL
    CONSTRAINT invoice_document_size CHECK (document_size_bytes >= 0),
  document_media_type text NOT NULL,
  unfit_codes text[] NOT NULL,
  CONSTRAINT invoice_pk PRIMARY KEY (practice_id, invoice_id),
  CONSTRAINT invoice_number_once_per_practice UNIQUE (practice_id, invoice_number),
  CONSTRAINT invoice_of_a_contract FOREIGN KEY (practice_id, contract_id)
    REFERENCES contract (practice_id, contract_id)
)""",
    "CREATE INDEX invoice_by_contract ON invoice (practice_id, contract_id, invoice_number)",
)

_ORDERS = (
    """CREATE TABLE order_count (
  practice_id uuid NOT NULL CONSTRAINT order_count_of_a_practice REFERENCES practice,
  factor text NOT NULL,
  year integer NOT NULL,
  last integer NOT NULL CONSTRAINT order_count_counts CHECK (last >= 1),
  CONSTRAINT order_count_pk PRIMARY KEY (practice_id, factor, year)
)""",
    """CREATE TABLE orders (
  order_id uuid CONSTRAINT orders_pk PRIMARY KEY,
  practice_id uuid NOT NULL CONSTRAINT orders_of_a_practice REFERENCES practice,
  contract_id uuid NOT NULL,
  order_number text NOT NULL,
  state text NOT NULL CONSTRAINT orders_state_known CHECK (state IN
    ('prepared', 'unknown', 'sent', 'arrived', 'confirmed', 'acquitted', 'refused')),
  state_since timestamptz NOT NULL,
  communication text NOT NULL
    CONSTRAINT orders_communication_length CHECK (length(communication) <= 2000),
  invoice_count integer NOT NULL
    CONSTRAINT orders_invoice_count CHECK (invoice_count BETWEEN 1 AND 10000),
  total_rappen bigint NOT NULL CONSTRAINT orders_total_positive CHECK (total_rappen > 0),
  package_key text NOT NULL,
  package_sha256 text NOT NULL
    CONSTRAINT orders_package_hash CHECK (package_sha256 ~ '^[0-9a-f]{64}$'),
  package_size_bytes bigint NOT NULL
    CONSTRAINT orders_package_size CHECK (package_size_bytes > 0),
  package_media_type text NOT NULL,
  lines_key text NOT NULL,
  lines_sha256 text NOT NULL
    CONSTRAINT orders_lines_hash CHECK (lines_sha256 ~ '^[0-9a-f]{64}$'),
  lines_size_bytes bigint NOT NULL CONSTRAINT orders_lines_size CHECK (lines_size_bytes > 0),
  lines_media_type text NOT NULL,
  prepared_at timestamptz NOT NULL,
  accepted_count integer CONSTRAINT orders_accepted_count CHECK (accepted_count >= 0),
  accepted_rappen bigint,
  refused_count integer CONSTRAINT orders_refused_count CHECK (refused_count >= 0),
  confirmation_key text,
  confirmation_sha256 text,
  confirmation_size_bytes bigint,
  confirmation_media_type text,
  evidence_kind text,
  evidence_reference text,
  evidence_observed_at timestamptz,
  CONSTRAINT orders_id_in_practice UNIQUE (practice_id, order_id),
  CONSTRAINT orders_number_once_per_practice UNIQUE (practice_id, order_number),
  CONSTRAINT orders_of_a_contract FOREIGN KEY (practice_id, contract_id)
    REFERENCES contract (practice_id, contract_id),
  CONSTRAINT orders_confirmed_has_confirmation CHECK (
    (state IN ('confirmed', 'acquitted')) = (confirmation_sha256 IS NOT NULL)),
  CONSTRAINT orders_confirmation_is_whole CHECK (num_nonnulls(
    accepted_count, accepted_rappen, refused_count, confirmation_key, confirmation_sha256,
    confirmation_size_bytes, confirmation_media_type, evidence_kind, evidence_reference,
    evidence_observed_at) IN (0, 10)),
  CONSTRAINT orders_confirmation_adds_up CHECK (
    accepted_count + refused_count = invoice_count
    AND accepted_rappen BETWEEN 0 AND total_rappen)
)""",
    # P2: nothing else is sent under a contract until what is under way has arrived.
    """CREATE UNIQUE INDEX one_order_in_flight ON orders (practice_id, contract_id)
  WHERE state IN ('prepared', 'unknown', 'sent', 'arrived')""",
    "CREATE INDEX orders_newest_first ON orders (practice_id, prepared_at DESC, order_id DESC)",
    """CREATE TABLE order_line (
  practice_id uuid NOT NULL,
  order_id uuid NOT NULL,
  place integer NOT NULL CONSTRAINT order_line_place CHECK (place BETWEEN 1 AND 10000),
  invoice_id uuid NOT NULL,
  invoice_number text COLLATE "C" NOT NULL,
  debtor_number text NOT NULL,
  amount_rappen bigint NOT NULL
    CONSTRAINT order_line_amount_positive CHECK (amount_rappen > 0),
  document_key text NOT NULL,
  document_sha256 text NOT NULL
    CONSTRAINT order_line_document_hash CHECK (document_sha256 ~ '^[0-9a-f]{64}$'),
  document_size_bytes bigint NOT NULL,
  document_media_type text NOT NULL,
  outcome text NOT NULL DEFAULT 'open' CONSTRAINT order_line_outcome_known
    CHECK (outcome IN ('open', 'accepted', 'refused')),
  refusal_code text,
  live boolean NOT NULL GENERATED ALWAYS AS (outcome <> 'refused') STORED,
  CONSTRAINT order_line_pk PRIMARY KEY (order_id, place),
  CONSTRAINT order_line_invoice_once_per_order UNIQUE (order_id, invoice_id),
  CONSTRAINT order_line_of_an_order FOREIGN KEY (practice_id, order_id)
    REFERENCES orders (practice_id, order_id),
  CONSTRAINT order_line_of_an_invoice FOREIGN KEY (practice_id, invoice_id)
    REFERENCES invoice (practice_id, invoice_id),
  CONSTRAINT order_line_refusal_has_code CHECK (
    (outcome = 'refused') = (refusal_code IS NOT NULL))
)""",
    # P3. A line of an accepted order stays live for good; a refused one sets its invoice free.
    "CREATE UNIQUE INDEX one_live_order_per_invoice ON order_line (invoice_id) WHERE live",
    "CREATE INDEX order_line_by_invoice ON order_line (practice_id, invoice_id)",
    """CREATE TABLE order_fact (
  position bigint GENERATED ALWAYS AS IDENTITY,
  practice_id uuid NOT NULL,
  order_id uuid NOT NULL,
  kind text NOT NULL CONSTRAINT order_fact_kind_known CHECK (kind IN ('prepared', 'unknown',
    'not-sent', 'sent', 'arrived', 'confirmed', 'acquitted', 'refused')),
  attempt integer NOT NULL CONSTRAINT order_fact_attempt CHECK (attempt >= 0),
  at timestamptz NOT NULL,
  reason_code text,
  reference text,
  next_attempt_at timestamptz,
  CONSTRAINT order_fact_pk PRIMARY KEY (order_id, kind, attempt),
  CONSTRAINT order_fact_of_an_order FOREIGN KEY (practice_id, order_id)
    REFERENCES orders (practice_id, order_id)
)""",
)

_TABLES = (
    "practice",
    "contract",
    "invoice",
    "order_count",
    "orders",
    "order_line",
    "order_fact",
)

# What is frozen the runtime role cannot change, whatever the code says.
_FROZEN = (
    f"REVOKE UPDATE, DELETE, TRUNCATE ON orders, order_line FROM {RUNTIME_ROLE}",
    f"""GRANT UPDATE (state, state_since, accepted_count, accepted_rappen, refused_count,
  confirmation_key, confirmation_sha256, confirmation_size_bytes, confirmation_media_type,
  evidence_kind, evidence_reference, evidence_observed_at) ON orders TO {RUNTIME_ROLE}""",
    f"GRANT UPDATE (outcome, refusal_code) ON order_line TO {RUNTIME_ROLE}",
    f"REVOKE DELETE, TRUNCATE ON practice, contract, invoice, order_count FROM {RUNTIME_ROLE}",
)


def upgrade() -> None:
    """Create everything."""
    statements = [
        *MESSAGING_TABLES_V1,
        *WEB_TABLES_V1,
        *_PROJECTIONS,
        *_ORDERS,
        *_FROZEN,
        *append_only_ddl("order_fact", role=RUNTIME_ROLE),
    ]
    for table in _TABLES:
        statements.extend(practice_scope_ddl(table))
    for statement in statements:
        op.execute(statement)
