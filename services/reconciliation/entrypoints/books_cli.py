"""`quittance books verify`: the books are proved from their rows, whoever says they are right.

It reads the database itself and only reads: it needs no running service, and none can lie to it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from services.reconciliation.views.check import BooksCheck, books_check, practices
from shared.db.engine import Database, kind
from shared.db.scope import Scope
from shared.kernel.errors import TransientError

RIGHT, WRONG, NOT_READ = 0, 1, 2
DEFAULT_VARIABLE = "RECONCILIATION_DATABASE_URL"
_READ_ONLY = text("SET TRANSACTION READ ONLY")
_UNREADABLE = (TransientError, SQLAlchemyError, OSError)
# No URL at all, a driver that is not there or not ours, a port that is no number.
_NOT_A_URL = (SQLAlchemyError, ImportError, ValueError)


def main(
    arguments: Sequence[str],
    out: TextIO = sys.stdout,
    environment: Mapping[str, str] = os.environ,
) -> int:
    """Check books; return 0 if all are right, 1 if some are wrong, 2 if some cannot be read."""
    parser = argparse.ArgumentParser(
        prog="quittance books verify",
        description="Proves the books of practices from their rows: sums, hash chain, positions,"
        " DEB rows, closed periods. One line per practice.",
    )
    parser.add_argument(
        "--database-url-env",
        default=DEFAULT_VARIABLE,
        metavar="NAME",
        help="environment variable that holds the database's URL (default: %(default)s)",
    )
    parser.add_argument(
        "--practice", type=UUID, metavar="ID", help="only this practice; left out: all"
    )
    given = parser.parse_args(arguments)
    url = environment.get(given.database_url_env, "")
    if not url:
        out.write(f"cannot be read: {given.database_url_env} is not set\n")
        return NOT_READ
    try:
        database = Database(url, pool_size=1, application_name="quittance-books-verify")
    except _NOT_A_URL:
        form = "postgresql+asyncpg://USER:PASSWORD@HOST/DATABASE"
        out.write(f"cannot be read: {given.database_url_env} is not of the form {form}\n")
        return NOT_READ
    return asyncio.run(_verify(database, given.practice, out))


async def _verify(database: Database, practice_id: UUID | None, out: TextIO) -> int:
    try:
        chosen = [practice_id] if practice_id else await _all(database)
        return max([await _verify_one(database, one, out) for one in chosen], default=RIGHT)
    except _UNREADABLE as error:
        out.write(f"cannot be read: {_why(error)}\n")
        return NOT_READ
    finally:
        await database.close()


async def _all(database: Database) -> Sequence[UUID]:
    async with database.transaction(Scope.everything()) as connection:
        await connection.execute(_READ_ONLY)
        return await practices(connection)


async def _verify_one(database: Database, practice_id: UUID, out: TextIO) -> int:
    try:
        async with database.transaction(Scope.of(practice_id)) as connection:
            await connection.execute(_READ_ONLY)
            found = await books_check(connection, practice_id)
    except _UNREADABLE as error:
        out.write(f"{practice_id}: cannot be read: {_why(error)}\n")
        return NOT_READ
    if found is None:
        out.write(f"{practice_id}: cannot be read: no books of this practice here\n")
        return NOT_READ
    out.write(f"{practice_id}: {_verdict(found)}\n")
    return WRONG if found.detail else RIGHT


def _verdict(found: BooksCheck) -> str:
    size = f"{found.entries} entries, {found.postings} postings"
    if not found.detail:
        return f"right. {size}"
    return f"NOT right. {size}: {'; '.join(found.detail)}"


def _why(error: BaseException) -> str:
    """Return what went wrong; a driver's own words may hold the URL, so they are left out."""
    return str(error) if isinstance(error, TransientError) else kind(error)
