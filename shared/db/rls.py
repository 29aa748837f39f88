"""DDL for row-level security by practice, used by every service's migrations."""

from __future__ import annotations

_SYSTEM = "(SELECT coalesce(current_setting('quittance.system', true), '') = 'on')"
_PRACTICES = (
    # The outer cast makes it an array: ANY over a bare sub-select would compare with its rows.
    "(SELECT coalesce(nullif(current_setting('quittance.practices', true), ''), '{}'))::uuid[]"
)


def practice_scope_ddl(table: str, *, column: str = "practice_id") -> list[str]:
    """Return the statements that hide a table's rows outside the transaction's scope.

    Forced, so that the owner is bound too. A row without a practice is the system's alone.
    """
    return _policy_ddl(table, f"{_SYSTEM} OR {column} = ANY ({_PRACTICES})")


def practices_scope_ddl(table: str, *, column: str = "practice_ids") -> list[str]:
    """Return the statements that show a table's rows only to who may see all of their practices.

    For what several practices share; `column` is an array of practices, never empty.
    """
    return _policy_ddl(table, f"{_SYSTEM} OR {column} <@ {_PRACTICES}")


def append_only_ddl(table: str, *, role: str) -> list[str]:
    """Return the statements that let `role` insert and read a table, and nobody change a row."""
    return [
        f'REVOKE UPDATE, DELETE, TRUNCATE ON "{table}" FROM "{role}"',
        f"""CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '{table} is append-only: correct by a compensating row'
    USING ERRCODE = 'restrict_violation';
END $$""",
        f"""CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "{table}"
FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_append_only()""",
    ]


def _policy_ddl(table: str, inside: str) -> list[str]:
    return [
        f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
        f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY',
        f'CREATE POLICY practice_scope ON "{table}" USING ({inside}) WITH CHECK ({inside})',
    ]
