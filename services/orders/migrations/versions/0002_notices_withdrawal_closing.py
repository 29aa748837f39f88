"""Orders: structured reasons, withdrawn and closed orders, what a person saw of an arrival."""

from __future__ import annotations

from alembic import op

from shared.db.rls import append_only_ddl, practice_scope_ddl

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "orders"

# New columns of orders and order_line are frozen: the runtime role may update named columns only.
_NOTICES = (
    """ALTER TABLE orders ADD COLUMN notices jsonb NOT NULL DEFAULT '[]'
  CONSTRAINT orders_notices_are_a_list CHECK (jsonb_typeof(notices) = 'array')""",
    """ALTER TABLE order_line ADD COLUMN notices jsonb NOT NULL DEFAULT '[]'
  CONSTRAINT order_line_notices_are_a_list CHECK (jsonb_typeof(notices) = 'array')""",
)
# Each list of words is replaced by a longer one of the same name; no row changes its meaning.
_LONGER_LISTS = (
    "ALTER TABLE orders DROP CONSTRAINT orders_state_known",
    """ALTER TABLE orders ADD CONSTRAINT orders_state_known CHECK (state IN
    ('prepared', 'unknown', 'sent', 'arrived', 'confirmed', 'acquitted', 'refused',
     'withdrawn', 'closed'))""",
    "ALTER TABLE orders DROP CONSTRAINT orders_confirmed_has_confirmation",
    """ALTER TABLE orders ADD CONSTRAINT orders_confirmed_has_confirmation CHECK (
    (state IN ('confirmed', 'acquitted', 'closed')) = (confirmation_sha256 IS NOT NULL))""",
    "ALTER TABLE order_fact DROP CONSTRAINT order_fact_kind_known",
    """ALTER TABLE order_fact ADD CONSTRAINT order_fact_kind_known CHECK (kind IN
    ('prepared', 'unknown', 'not-sent', 'sent', 'arrived', 'confirmed', 'acquitted', 'refused',
     'withdrawal-asked', 'withdrawn', 'closed'))""",
    "ALTER TABLE order_line DROP CONSTRAINT order_line_outcome_known",
    """ALTER TABLE order_line ADD CONSTRAINT order_line_outcome_known
    CHECK (outcome IN ('open', 'accepted', 'refused', 'withdrawn'))""",
)
# A line of a withdrawn order sets its invoice free, as a refused one does.
_LIVE = (
    "DROP INDEX one_live_order_per_invoice",
    "ALTER TABLE order_line DROP COLUMN live",
    """ALTER TABLE order_line ADD COLUMN live boolean NOT NULL
  GENERATED ALWAYS AS (outcome NOT IN ('refused', 'withdrawn')) STORED""",
    "CREATE UNIQUE INDEX one_live_order_per_invoice ON order_line (invoice_id) WHERE live",
)
_OBSERVATION = (
    """CREATE TABLE arrival_observation (
  practice_id uuid NOT NULL,
  order_id uuid CONSTRAINT arrival_observed_once PRIMARY KEY,
  seen_by text NOT NULL,
  observed_at timestamptz NOT NULL,
  reference text NOT NULL
    CONSTRAINT arrival_observation_reference CHECK (length(reference) BETWEEN 1 AND 100),
  seen text NOT NULL
    CONSTRAINT arrival_observation_seen CHECK (length(seen) BETWEEN 1 AND 1000),
  recorded_at timestamptz NOT NULL,
  CONSTRAINT arrival_observation_not_in_the_future CHECK (observed_at <= recorded_at),
  CONSTRAINT arrival_observation_of_an_order FOREIGN KEY (practice_id, order_id)
    REFERENCES orders (practice_id, order_id)
)""",
)


def upgrade() -> None:
    """Add what withdrawing, closing and seeing by a person need."""
    statements = [
        *_NOTICES,
        *_LONGER_LISTS,
        *_LIVE,
        *_OBSERVATION,
        *practice_scope_ddl("arrival_observation"),
        *append_only_ddl("arrival_observation", role=RUNTIME_ROLE),
    ]
    for statement in statements:
        op.execute(statement)
