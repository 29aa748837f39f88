"""An invoice that credit notes took back whole may have a successor without being cancelled."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "invoicing"

_STATEMENTS = (
    "ALTER TABLE invoice ADD COLUMN credited_whole boolean NOT NULL DEFAULT false",
    "ALTER TABLE invoice DROP CONSTRAINT invoice_replaced_when_cancelled",
    # It is weaker than the former one, so no row can break it and none has to be read.
    """ALTER TABLE invoice ADD CONSTRAINT invoice_replaced_when_taken_back
  CHECK (replaced_by IS NULL OR cancelled_at IS NOT NULL OR credited_whole) NOT VALID""",
    f'GRANT UPDATE (credited_whole) ON invoice TO "{RUNTIME_ROLE}"',
    # What was credited whole before is free to be billed anew, too.
    "SELECT set_config('quittance.system', 'on', true)",
    """UPDATE invoice i SET credited_whole = true
  FROM (SELECT invoice_id, sum(amount_rappen) AS rappen FROM credit_note GROUP BY invoice_id) AS c
  WHERE c.invoice_id = i.invoice_id AND i.cancelled_at IS NULL
    AND c.rappen = i.total_rappen - i.deposit_rappen""",
    """UPDATE invoice_treatment t SET released = true
  FROM invoice i WHERE i.invoice_id = t.invoice_id AND i.credited_whole""",
    "SELECT set_config('quittance.system', '', true)",
)


def upgrade() -> None:
    """Add the column and put the wider rule in the place of the former one."""
    for statement in _STATEMENTS:
        op.execute(statement)
