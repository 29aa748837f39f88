"""How far collecting has come with each invoice, and what its order told the factor of it.

Of invoices that are known already, the stage is told from what their histories hold: neither the
level of a reminder nor what a reversal undid was kept. So reminders are counted, a recourse holds
unless the factor has the invoice, and a loss unless something is owed.
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "invoicing"

_COLUMNS = (
    """ALTER TABLE invoice_history
  ADD COLUMN level integer CONSTRAINT invoice_history_level CHECK (level >= 0),
  ADD COLUMN reverses text""",
    "ALTER TABLE placement ADD COLUMN notices text[] NOT NULL DEFAULT '{}'",
    """ALTER TABLE invoice
  ADD COLUMN collection_stage text NOT NULL DEFAULT 'not-ordered'
    CONSTRAINT invoice_collection_stage CHECK (collection_stage IN ('not-ordered', 'in-order',
      'with-factor', 'reminded', 'instalments', 'deferred', 'disputed', 'debt-enforcement',
      'given-back', 'written-off', 'closed', 'cancelled')),
  -- Until something happens to an invoice, that is since its issue.
  ADD COLUMN collection_since date,
  ADD COLUMN reminder_level integer NOT NULL DEFAULT 0
    CONSTRAINT invoice_reminder_level CHECK (reminder_level >= 0)""",
)
_KNOWN_ALREADY = (
    "SELECT set_config('quittance.system', 'on', true)",
    """UPDATE invoice i
  SET collection_since =
      (SELECT max(h.occurred_on) FROM invoice_history h
       WHERE h.practice_id = i.practice_id AND h.invoice_id = i.invoice_id
         AND (i.order_id IS NULL OR h.order_id = i.order_id)
         AND h.kind = ANY (CASE i.state WHEN 'issued' THEN ARRAY['withdrawn', 'refused']
           WHEN 'ordered' THEN ARRAY['ordered'] WHEN 'cancelled' THEN ARRAY['cancelled']
           ELSE ARRAY['acquitted'] END)),
    collection_stage = CASE i.state WHEN 'issued' THEN 'not-ordered'
      WHEN 'ordered' THEN 'in-order' WHEN 'cancelled' THEN 'cancelled' ELSE 'with-factor' END""",
    """UPDATE invoice i
  SET collection_stage = t.stage, collection_since = t.occurred_on
  FROM (
    SELECT DISTINCT ON (h.invoice_id) h.invoice_id, h.occurred_on,
      CASE h.kind WHEN 'recourse' THEN 'given-back' WHEN 'write_off' THEN 'written-off'
        WHEN 'reminder' THEN 'reminded' WHEN 'instalment_plan' THEN 'instalments'
        WHEN 'deferral' THEN 'deferred' WHEN 'dispute' THEN 'disputed'
        WHEN 'debt_enforcement' THEN 'debt-enforcement' ELSE 'closed' END AS stage
    FROM invoice_history h
    JOIN invoice i ON i.practice_id = h.practice_id AND i.invoice_id = h.invoice_id
    WHERE i.state IN ('acquitted', 'closed')
      AND (h.kind IN ('closed', 'reminder', 'instalment_plan', 'deferral', 'dispute',
          'debt_enforcement')
        OR (h.kind = 'recourse' AND NOT i.with_factor)
        OR (h.kind = 'write_off' AND i.principal_rappen + i.reminder_fees_rappen
          + i.interest_rappen + i.costs_rappen = 0))
    ORDER BY h.invoice_id,
      CASE WHEN h.kind IN ('recourse', 'write_off') THEN 0 WHEN h.kind = 'closed' THEN 1 ELSE 2 END,
      h.occurred_on DESC, h.position DESC
  ) t
  WHERE i.invoice_id = t.invoice_id""",
    """UPDATE invoice i SET reminder_level = t.reminders
  FROM (
    SELECT invoice_id, count(*) AS reminders FROM invoice_history
    WHERE kind = 'reminder' GROUP BY invoice_id
  ) t
  WHERE i.invoice_id = t.invoice_id AND i.state IN ('acquitted', 'closed')""",
    "SELECT set_config('quittance.system', 'off', true)",
)
_AFTERWARDS = (
    """CREATE INDEX invoice_by_collection_stage
  ON invoice (practice_id, collection_stage, year, serial)""",
    f"""GRANT UPDATE (collection_stage, collection_since, reminder_level)
  ON invoice TO {RUNTIME_ROLE}""",
)


def upgrade() -> None:
    """Add the stage, and tell it of what is there."""
    for statement in (*_COLUMNS, *_KNOWN_ALREADY, *_AFTERWARDS):
        op.execute(statement)
