"""Price lists as data, rounding to 5 Rappen, and the version of a practice."""

from __future__ import annotations

from alembic import op

from shared.db.rls import append_only_ddl, practice_scope_ddl

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "invoicing"

_STATEMENTS = (
    """ALTER TABLE practice
  ADD COLUMN round_to_five boolean NOT NULL DEFAULT false,
  ADD COLUMN version integer NOT NULL DEFAULT 1
    CONSTRAINT practice_version_counts CHECK (version >= 1)""",
    """CREATE TABLE price_list (
  practice_id uuid NOT NULL CONSTRAINT price_list_practice REFERENCES practice,
  price_list_id uuid NOT NULL,
  name text NOT NULL,
  tariff_type text NOT NULL
    CONSTRAINT price_list_tariff CHECK (tariff_type ~ '^[0-9A-Z]{3}$'),
  point_value numeric(7, 4) NOT NULL CONSTRAINT price_list_value CHECK (point_value > 0),
  valid_from date NOT NULL,
  valid_to date,
  loaded_at timestamptz NOT NULL,
  loaded_by text NOT NULL,
  PRIMARY KEY (practice_id, price_list_id),
  CONSTRAINT price_list_begins_once UNIQUE (practice_id, tariff_type, valid_from),
  CONSTRAINT price_list_days CHECK (valid_to >= valid_from)
)""",
    """CREATE TABLE price_line (
  practice_id uuid NOT NULL,
  price_list_id uuid NOT NULL,
  code text COLLATE "C" NOT NULL,
  text_de text,
  text_fr text,
  text_it text,
  text_en text,
  points numeric(8, 2) NOT NULL CONSTRAINT price_line_points CHECK (points >= 0),
  vat_rate numeric(5, 2) NOT NULL
    CONSTRAINT price_line_vat CHECK (vat_rate BETWEEN 0 AND 100),
  PRIMARY KEY (practice_id, price_list_id, code),
  CONSTRAINT price_line_list FOREIGN KEY (practice_id, price_list_id) REFERENCES price_list,
  CONSTRAINT price_line_has_a_text CHECK (num_nonnulls(text_de, text_fr, text_it, text_en) >= 1)
)""",
    *practice_scope_ddl("price_list"),
    *practice_scope_ddl("price_line"),
    *append_only_ddl("price_list", role=RUNTIME_ROLE),
    *append_only_ddl("price_line", role=RUNTIME_ROLE),
)


def upgrade() -> None:
    """Add what price lists and edits need."""
    for statement in _STATEMENTS:
        op.execute(statement)
