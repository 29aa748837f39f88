"""DDL of references that PostgreSQL judges once per statement instead of once per row, version 1.

A foreign key looks its parent up for every row by a query of its own; where a DEB file of a million
rows is booked, these took longer than everything else that the database did. The parents named here
can neither be removed nor be given another key, not even by the owner, so that nothing is left for
a foreign key to guard but the new rows. P1 stays a foreign key, for the confirmation is the heart.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reference:
    """Columns of a table that must name a row of another.

    Attributes:
        name: of the rule, as a foreign key would have it; refusals carry it.
        parent_columns: in the order of `columns`.
        few: whether many rows name the same parent, which is then looked up once.
        changes: whether the columns can be set later, so that updates are judged too.
        but: rows that another rule bears out already.
        only: what the parent must be besides.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    few: bool = False
    changes: bool = False
    but: str = "false"
    only: str = "true"


def _of_practice(
    name: str, table: str, key: str, parent: str, parent_key: str, *, few: bool = False
) -> Reference:
    return Reference(
        name, table, ("practice_id", key), parent, ("practice_id", parent_key), few=few
    )


_PLACE = ("practice_id", "deb_file_id", "line")


def _of_row(name: str, table: str, *place: str, changes: bool = False) -> Reference:
    return Reference(name, table, ("practice_id", *place), "deb_row", _PLACE, changes=changes)


_OF_ENTRY = ("entry_id", "journal_entry", "entry_id")
_OF_INVOICE = ("invoice_id", "invoice_position", "invoice_id")
REFERENCES = (
    _of_practice("posting_entry_fk", "posting", *_OF_ENTRY, few=True),
    Reference(
        "posting_account_fk",
        "posting",
        ("practice_id", "account", "role"),
        "ledger_account",
        ("practice_id", "number", "role"),
        few=True,
    ),
    Reference(
        "posting_invoice_fk",
        "posting",
        ("practice_id", "invoice_id"),
        "invoice_position",
        ("practice_id", "invoice_id"),
        but="fresh.confirmed_order_id IS NOT NULL",  # its confirmation line names the invoice
    ),
    Reference(
        "journal_entry_practice_fk",
        "journal_entry",
        ("practice_id",),
        "practice",
        ("practice_id",),
        few=True,
    ),
    _of_row("journal_entry_row_fk", "journal_entry", "deb_file_id", "deb_line"),
    _of_practice("position_fact_entry_fk", "position_fact", *_OF_ENTRY),
    _of_practice("position_fact_invoice_fk", "position_fact", *_OF_INVOICE),
    _of_row("position_fact_row_fk", "position_fact", "deb_file_id", "deb_line"),
    _of_practice("acquittal_entry_fk", "acquittal", *_OF_ENTRY),
    _of_practice(
        "acquittal_contract_fk", "acquittal", "contract_id", "contract", "contract_id", few=True
    ),
    _of_practice("deb_row_file_fk", "deb_row", "deb_file_id", "deb_file", "deb_file_id", few=True),
    _of_row("deb_row_repeat_fk", "deb_row", "repeat_of_file", "repeat_of_line", changes=True),
    # A fact names its row, and one row has one fact: so no fact is that of two rows.
    Reference(
        "deb_row_fact_once",
        "deb_row",
        ("fact_id", *_PLACE),
        "position_fact",
        ("fact_id", "practice_id", "deb_file_id", "deb_line"),
        changes=True,
        only="parent.kind NOT IN ('undo', 'row_left', 'row_reopened')",
    ),
    _of_practice(
        "confirmation_line_order_fk",
        "confirmation_line",
        "order_id",
        "order_confirmation",
        "order_id",
        few=True,
    ),
    _of_practice("confirmation_line_invoice_fk", "confirmation_line", *_OF_INVOICE),
    _of_practice("row_decision_invoice_fk", "row_decision", *_OF_INVOICE),
    _of_row("row_decision_row_fk", "row_decision", "deb_file_id", "line"),
    _of_row("deb_undo_row_row_fk", "deb_undo_row", "deb_file_id", "line"),
)
_WERE_KEYS = tuple(one for one in REFERENCES if one.name != "deb_row_fact_once")


def judged(one: Reference) -> tuple[str, ...]:
    """Return the statements that have a reference judged; later migrations use them too."""
    given = ", ".join(f"fresh.{column}" for column in one.columns)
    named = " AND ".join(f"fresh.{column} IS NOT NULL" for column in one.columns)
    same = " AND ".join(
        f"parent.{theirs} = given.{ours}"
        for ours, theirs in zip(one.columns, one.parent_columns, strict=True)
    )
    events = ("insert", "update") if one.changes else ("insert",)
    # A temporary table of the same name is no parent.
    # The LIMIT in a LATERAL keeps the plan a look-up per row, whatever the planner takes the
    # tables to hold when it plans.
    return (
        f"""CREATE FUNCTION {one.name}_is_there() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  lost record;
BEGIN
  SELECT given.* INTO lost
  FROM (SELECT {"DISTINCT " if one.few else ""}{given} FROM fresh
        WHERE {named} AND NOT ({one.but})) AS given
  LEFT JOIN LATERAL (
    SELECT true AS is_there FROM public.{one.parent} parent WHERE {same} AND {one.only}
    LIMIT 1) AS known ON true
  WHERE known.is_there IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'a row of {one.table} violates "{one.name}": {one.parent} has no %', lost
      USING ERRCODE = 'foreign_key_violation', CONSTRAINT = '{one.name}';
  END IF;
  RETURN NULL;
END $$""",  # noqa: S608 - the names are our own
        *(
            f"""CREATE TRIGGER {one.name}{"" if event == "insert" else "_changed"}
  AFTER {event.upper()} ON {one.table} REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION {one.name}_is_there()"""
            for event in events
        ),
    )


_KEPT_KEYS = {
    "practice": ("practice_id",),
    "contract": ("practice_id", "contract_id"),
    "invoice_position": ("practice_id", "invoice_id"),
    "order_confirmation": ("practice_id", "order_id"),
    "deb_file": ("practice_id", "deb_file_id"),
    "deb_row": ("practice_id", "deb_file_id", "line"),
}
_KEPT = (
    """CREATE FUNCTION parent_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are referred to: they stay, and so do their keys', TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$""",
    *(
        f"""CREATE TRIGGER {table}_is_kept
  BEFORE TRUNCATE{"" if table == "deb_row" else " OR DELETE"} ON {table}
  FOR EACH STATEMENT EXECUTE FUNCTION parent_is_kept()"""
        for table in _KEPT_KEYS
    ),
    *(
        f"""CREATE TRIGGER {table}_keeps_its_key BEFORE UPDATE OF {", ".join(keys)} ON {table}
  FOR EACH ROW WHEN (({", ".join(f"OLD.{key}" for key in keys)})
    IS DISTINCT FROM ({", ".join(f"NEW.{key}" for key in keys)}))
  EXECUTE FUNCTION parent_is_kept()"""
        for table, keys in _KEPT_KEYS.items()
    ),
    # A held file is read again under another layout: its rows go, none of which was ever judged.
    """CREATE FUNCTION deb_rows_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM gone LEFT JOIN LATERAL (
      SELECT true AS is_there FROM public.position_fact f
      WHERE f.deb_file_id = gone.deb_file_id AND f.deb_line = gone.line
        AND f.kind NOT IN ('undo', 'row_left', 'row_reopened')
      UNION ALL
      SELECT true FROM public.row_decision d
      WHERE d.deb_file_id = gone.deb_file_id AND d.line = gone.line
      LIMIT 1) AS follows ON true
    WHERE gone.status <> 'staged' OR follows.is_there)
  THEN
    RAISE EXCEPTION 'rows of deb_row are referred to: what was judged stays'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$""",
    """CREATE TRIGGER deb_rows_are_kept AFTER DELETE ON deb_row
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION deb_rows_are_kept()""",
)

# A name means the table, not a temporary one that the session has put before it.
_JUDGED_IN_THE_OPEN = tuple(
    f"ALTER FUNCTION {function} SET search_path = pg_catalog, public, pg_temp"
    for function in (
        "entries_are_balanced()",
        "acquittal_entries_are_known()",
        "entries_are_in_an_open_period()",
        "period_follows_the_last()",
        "drop_held_rows(uuid)",
    )
)

STATEMENTS_V1: tuple[str, ...] = (
    *(f"ALTER TABLE {one.table} DROP CONSTRAINT {one.name}" for one in _WERE_KEYS),
    "ALTER TABLE deb_row DROP CONSTRAINT deb_row_fact_fk, DROP CONSTRAINT deb_row_fact_once",
    # Indexes that only foreign keys needed: the primary keys find the same rows.
    "ALTER TABLE deb_row DROP CONSTRAINT deb_row_of_practice",
    "ALTER TABLE journal_entry DROP CONSTRAINT journal_entry_of_practice",
    "ALTER TABLE invoice_position DROP CONSTRAINT invoice_of_practice",
    *_KEPT,
    *_JUDGED_IN_THE_OPEN,
    *(statement for one in REFERENCES for statement in judged(one)),
)
"""Statements of version 1, in order. A change comes as STATEMENTS_V2, never as an edit."""
