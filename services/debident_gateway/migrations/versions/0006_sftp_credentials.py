"""A practice's access to a portal that speaks SFTP, beside that for HTTP."""

from __future__ import annotations

from alembic import op

from shared.db.rls import practice_scope_ddl

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLE = """CREATE TABLE portal_sftp_credentials (
  practice_id uuid CONSTRAINT portal_sftp_credentials_pk PRIMARY KEY,
  host text NOT NULL CHECK (host <> ''),
  port integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
  user_name text NOT NULL,
  host_key text NOT NULL,
  sign_in text NOT NULL CONSTRAINT sign_in_is_known CHECK (sign_in IN ('password', 'private-key')),
  sealed_secret bytea NOT NULL,
  changed_at timestamptz NOT NULL
)"""


def upgrade() -> None:
    """Create the table, hidden outside its practice's scope."""
    for statement in [_TABLE, *practice_scope_ddl("portal_sftp_credentials")]:
        op.execute(statement)
