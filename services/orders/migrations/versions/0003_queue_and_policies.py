"""Orders: the queue of orders to prepare, and the policies that fill it by the calendar."""

from __future__ import annotations

from alembic import op

from shared.db.rls import practice_scope_ddl

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "orders"

_STATEMENTS = (
    # Unknown for a practice that was registered before this column; its registration, worked
    # again, fills it.
    """ALTER TABLE practice ADD COLUMN canton text
  CONSTRAINT practice_canton_is_two_letters CHECK (canton ~ '^[A-Z]{2}$')""",
    """CREATE TABLE prepare_task (
  task_id uuid CONSTRAINT prepare_task_pk PRIMARY KEY,
  batch_id uuid NOT NULL,
  practice_id uuid NOT NULL,
  contract_id uuid NOT NULL,
  asked_by text NOT NULL,
  asked_at timestamptz NOT NULL,
  next_try_at timestamptz NOT NULL,
  communication text NOT NULL,
  notices jsonb NOT NULL,
  older_than_days integer,
  amount_above_rappen bigint,
  minimum_rappen bigint,
  slot timestamptz,
  status text NOT NULL CONSTRAINT prepare_task_status_known CHECK (status IN
    ('waiting', 'prepared', 'nothing-to-order', 'below-minimum', 'in-flight', 'failed')),
  tries integer NOT NULL,
  order_id uuid,
  code text,
  detail text,
  settled_at timestamptz,
  CONSTRAINT prepare_task_settled_has_a_time CHECK ((status = 'waiting') = (settled_at IS NULL)),
  CONSTRAINT prepare_task_prepared_has_an_order
    CHECK (status <> 'prepared' OR order_id IS NOT NULL),
  CONSTRAINT prepare_task_failure_has_a_code CHECK (status IN ('waiting', 'prepared')
    OR code IS NOT NULL),
  CONSTRAINT prepare_task_once_per_batch UNIQUE (batch_id, contract_id),
  CONSTRAINT prepare_task_of_a_contract FOREIGN KEY (practice_id, contract_id)
    REFERENCES contract (practice_id, contract_id),
  CONSTRAINT prepare_task_of_an_order FOREIGN KEY (practice_id, order_id)
    REFERENCES orders (practice_id, order_id)
)""",
    # However many processes see that a slot is due, it is run once.
    """CREATE UNIQUE INDEX prepare_task_once_per_slot ON prepare_task (contract_id, slot)
  WHERE slot IS NOT NULL""",
    """CREATE INDEX prepare_task_waiting ON prepare_task (next_try_at)
  WHERE status = 'waiting'""",
    "CREATE INDEX prepare_task_by_contract ON prepare_task (practice_id, contract_id, asked_at)",
    """CREATE TABLE order_policy (
  practice_id uuid NOT NULL,
  contract_id uuid NOT NULL,
  version integer NOT NULL CONSTRAINT order_policy_version_counts CHECK (version >= 1),
  enabled boolean NOT NULL,
  weekdays smallint[] NOT NULL CONSTRAINT order_policy_weekdays
    CHECK (cardinality(weekdays) BETWEEN 1 AND 7
           AND weekdays <@ ARRAY[1, 2, 3, 4, 5, 6, 7]::smallint[]),
  times time[] NOT NULL
    CONSTRAINT order_policy_times CHECK (cardinality(times) BETWEEN 1 AND 12),
  communication text NOT NULL
    CONSTRAINT order_policy_communication CHECK (length(communication) <= 2000),
  minimum_rappen bigint CONSTRAINT order_policy_minimum CHECK (minimum_rappen > 0),
  older_than_days integer,
  amount_above_rappen bigint,
  changed_by text NOT NULL,
  changed_at timestamptz NOT NULL,
  next_run_at timestamptz,
  CONSTRAINT order_policy_pk PRIMARY KEY (practice_id, contract_id),
  CONSTRAINT order_policy_off_has_no_run CHECK (enabled OR next_run_at IS NULL),
  CONSTRAINT order_policy_of_a_contract FOREIGN KEY (practice_id, contract_id)
    REFERENCES contract (practice_id, contract_id)
)""",
    "CREATE INDEX order_policy_due ON order_policy (next_run_at) WHERE enabled",
    *practice_scope_ddl("prepare_task"),
    *practice_scope_ddl("order_policy"),
    f"REVOKE DELETE, TRUNCATE ON prepare_task FROM {RUNTIME_ROLE}",
)


def upgrade() -> None:
    """Add the queue and the policies."""
    for statement in _STATEMENTS:
        op.execute(statement)
