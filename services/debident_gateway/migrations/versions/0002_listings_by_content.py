"""A portal file id is listed once per content: a file that the portal mends is fetched again."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """ALTER TABLE deb_listing DROP CONSTRAINT portal_file_is_listed_once,
  ADD CONSTRAINT portal_file_is_listed_once_per_content
    PRIMARY KEY (contract_id, portal_file_id, sha256)""",
    "CREATE INDEX deb_listing_by_position ON deb_listing (contract_id, position)",
)


def upgrade() -> None:
    """Widen the key, and let a look find where the last files stand."""
    for statement in _STATEMENTS:
        op.execute(statement)
