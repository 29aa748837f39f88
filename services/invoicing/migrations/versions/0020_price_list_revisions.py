"""Price lists that are corrected or ended: each version stays, and the last one counts.

And an index for patients who are looked for by their birth date, by a person or by an import.
"""

from __future__ import annotations

from alembic import op

from shared.db.rls import append_only_ddl, practice_scope_ddl

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

RUNTIME_ROLE = "invoicing"

_LINE = "code, text_de, text_fr, text_it, text_en, points, vat_rate"
_STATEMENTS = (
    "CREATE INDEX patient_by_birth_date ON patient (practice_id, birth_date)",
    # Version 1 is what was loaded. A version that has the lines of an earlier one names that one.
    """CREATE TABLE price_list_revision (
  practice_id uuid NOT NULL,
  price_list_id uuid NOT NULL,
  version integer NOT NULL CONSTRAINT price_list_revision_counts CHECK (version >= 2),
  name text NOT NULL,
  point_value numeric(7, 4) NOT NULL
    CONSTRAINT price_list_revision_value CHECK (point_value > 0),
  valid_to date,
  lines_version integer NOT NULL
    CONSTRAINT price_list_revision_lines CHECK (lines_version BETWEEN 1 AND version),
  changed_at timestamptz NOT NULL,
  changed_by text NOT NULL,
  PRIMARY KEY (practice_id, price_list_id, version),
  CONSTRAINT price_list_revision_list
    FOREIGN KEY (practice_id, price_list_id) REFERENCES price_list
)""",
    """CREATE TABLE price_line_revision (
  practice_id uuid NOT NULL,
  price_list_id uuid NOT NULL,
  version integer NOT NULL,
  code text COLLATE "C" NOT NULL,
  text_de text,
  text_fr text,
  text_it text,
  text_en text,
  points numeric(8, 2) NOT NULL CONSTRAINT price_line_revision_points CHECK (points >= 0),
  vat_rate numeric(5, 2) NOT NULL
    CONSTRAINT price_line_revision_vat CHECK (vat_rate BETWEEN 0 AND 100),
  PRIMARY KEY (practice_id, price_list_id, version, code),
  CONSTRAINT price_line_revision_list FOREIGN KEY (practice_id, price_list_id, version)
    REFERENCES price_list_revision,
  CONSTRAINT price_line_revision_has_a_text
    CHECK (num_nonnulls(text_de, text_fr, text_it, text_en) >= 1)
)""",
    *practice_scope_ddl("price_list_revision"),
    *practice_scope_ddl("price_line_revision"),
    *append_only_ddl("price_list_revision", role=RUNTIME_ROLE),
    *append_only_ddl("price_line_revision", role=RUNTIME_ROLE),
    """CREATE VIEW price_list_now WITH (security_invoker = true) AS
SELECT l.practice_id, l.price_list_id, l.tariff_type, l.valid_from,
  coalesce(r.version, 1) AS version, coalesce(r.lines_version, 1) AS lines_version,
  coalesce(r.name, l.name) AS name, coalesce(r.point_value, l.point_value) AS point_value,
  CASE WHEN r.version IS NULL THEN l.valid_to ELSE r.valid_to END AS valid_to,
  coalesce(r.changed_at, l.loaded_at) AS loaded_at,
  coalesce(r.changed_by, l.loaded_by) AS loaded_by
FROM price_list l LEFT JOIN LATERAL (
  SELECT * FROM price_list_revision v
  WHERE v.practice_id = l.practice_id AND v.price_list_id = l.price_list_id
  ORDER BY v.version DESC LIMIT 1) AS r ON true""",
    f"""CREATE VIEW price_line_now WITH (security_invoker = true) AS
SELECT n.practice_id, n.price_list_id, {_LINE} FROM price_list_now n
JOIN price_line USING (practice_id, price_list_id) WHERE n.lines_version = 1
UNION ALL
SELECT n.practice_id, n.price_list_id, {_LINE} FROM price_list_now n
JOIN price_line_revision v ON v.practice_id = n.practice_id
  AND v.price_list_id = n.price_list_id AND v.version = n.lines_version""",
)


def upgrade() -> None:
    """Add the tables of later versions, and the views of what counts now."""
    for statement in _STATEMENTS:
        op.execute(statement)
