"""What PostgreSQL's own catalogue says of a service's tables and roles."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import asyncpg

_TABLES = """
SELECT c.relname AS name, c.relrowsecurity AS protected, c.relforcerowsecurity AS forced,
       pg_get_userbyid(c.relowner) AS owner,
       EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
               AND a.attname = 'practice_id') AS has_practice,
       (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
       (SELECT bool_and(pg_get_expr(p.polqual, p.polrelid) LIKE '%quittance.practices%'
                        AND pg_get_expr(p.polwithcheck, p.polrelid) LIKE '%quittance.practices%')
        FROM pg_policy p WHERE p.polrelid = c.oid) AS scoped
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
ORDER BY c.relname
"""
_VIEWS_BEYOND_THE_POLICY = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('v', 'm')
  AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)
"""
# The policies are forced: a function with its owner's rights goes round them only where that owner
# is above all policies.
_FUNCTIONS_ABOVE_THE_POLICY = """
SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_roles r ON r.oid = p.proowner
WHERE n.nspname = 'public' AND p.prosecdef AND (r.rolsuper OR r.rolbypassrls)
"""
_RULES_OF = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', conrelid::regclass, conname)
FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype IN ('c', 'f', 'p', 'u', 'x')
"""
_NEEDED_COLUMNS_OF = """
SELECT format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', attrelid::regclass, attname)
FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attnotnull
  AND attidentity = '' AND attname <> 'practice_id'
"""


@dataclass(frozen=True)
class Table:
    """One table as the catalogue shows it."""

    name: str
    protected: bool
    forced: bool
    owner: str
    has_practice: bool
    policies: int
    scoped: bool | None


def plain(url: str) -> str:
    """Turn a SQLAlchemy URL into one that asyncpg reads."""
    return url.replace("postgresql+asyncpg://", "postgresql://")


async def tables(url: str) -> list[Table]:
    """Return every table of the service's schema."""
    connection = await asyncpg.connect(plain(url))
    try:
        return [Table(**row) for row in await connection.fetch(_TABLES)]
    finally:
        await connection.close()


def unprotected(found: list[Table], *, without_practice: frozenset[str]) -> list[str]:
    """Return one sentence per table whose rows of several practices are not kept apart."""
    problems = []
    for table in found:
        if table.name in without_practice:
            if table.has_practice:
                problems.append(f"{table.name}: holds a practice, so it needs the policy")
            continue
        if not (table.protected and table.forced):
            problems.append(f"{table.name}: row-level security is not forced")
        if table.policies != 1 or not table.scoped:
            problems.append(f"{table.name}: does not have exactly the scope's policy")
    return problems


async def holes(url: str) -> list[str]:
    """Return views and functions that would show rows past the policy."""
    connection = await asyncpg.connect(plain(url))
    try:
        views = [row[0] for row in await connection.fetch(_VIEWS_BEYOND_THE_POLICY)]
        functions = [row[0] for row in await connection.fetch(_FUNCTIONS_ABOVE_THE_POLICY)]
    finally:
        await connection.close()
    return [f"view {name}" for name in views] + [f"function {name}" for name in functions]


async def without_rules(superuser_url: str, names: Collection[str]) -> None:
    """Take from tables of a throw-away database all constraints, and switch their triggers off."""
    connection = await asyncpg.connect(plain(superuser_url))
    try:
        for name in sorted(names):
            for query in (_RULES_OF, _NEEDED_COLUMNS_OF):
                for (statement,) in await connection.fetch(query, f'"{name}"'):
                    await connection.execute(statement)
            await connection.execute(f'ALTER TABLE "{name}" DISABLE TRIGGER ALL')
    finally:
        await connection.close()


async def fill_past_all_rules(superuser_url: str, names: list[str], practice: UUID) -> None:
    """Put one row of a practice into each table of a throw-away database.

    The tables lose their constraints for it, but not their policies: those are what is looked at.
    """
    await without_rules(superuser_url, names)
    connection = await asyncpg.connect(plain(superuser_url))
    try:
        for name in names:
            await connection.execute(
                f'INSERT INTO "{name}" (practice_id) VALUES ($1)',  # noqa: S608
                practice,
            )
    finally:
        await connection.close()
