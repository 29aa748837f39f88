"""A preview's transaction in PostgreSQL: a snapshot, and a journal head that no one else sees.

Everybody who books takes the row of `journal_head` first. A preview shadows that table with a
temporary one of the same name: the code that books finds it by the search path, numbers its entries
far away from the real ones, and locks nothing that others need. What is left in common are rows of
the very invoices that the file names, and those of the file.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.adapters.unit_of_work import SqlUnitOfWork
from services.reconciliation.ports.previewing import InTheWayError, PreviewGround, PreviewOpener
from shared.db.engine import Database, sqlstate
from shared.db.scope import Scope
from shared.kernel.clock import Clock
from shared.kernel.errors import TransientError

_ONE_AT_A_TIME = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('deb-preview ' || CAST(:id AS text), 0))"
)
# Less than the second after which PostgreSQL looks for deadlocks: a preview gives way before that.
_WAITS_BRIEFLY = text("SET LOCAL lock_timeout = '100ms'")
# The path has to change too: only then are statements that this connection has prepared read anew.
_LOOK_HERE_FIRST = text(
    "SELECT set_config('search_path', 'pg_temp, ' || current_setting('search_path'), true)"
)
_OWN_HEAD = text(
    """
    CREATE TEMPORARY TABLE journal_head (
      practice_id uuid PRIMARY KEY, number bigint NOT NULL, entry_hash text NOT NULL
    ) ON COMMIT DROP
    """
)
_BEGIN_FAR_AWAY = text("INSERT INTO journal_head VALUES (:practice_id, :number, :entry_hash)")
# Another preview waits for this one on purpose.
_SOMEBODY_WAITS = text(
    """
    SELECT EXISTS (
      SELECT FROM pg_locks l WHERE NOT l.granted AND l.locktype <> 'advisory'
        AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid)))
    """
)
_FAR_AWAY = 2**61
_IN_THE_WAY = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, lock not available."""
_TAKEN = "23505"
"""Unique violation."""


class PostgresBystanders:
    """See services.reconciliation.ports.previewing.Bystanders."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def wait(self) -> bool:
        """Whether another transaction waits for a row that the preview holds."""
        return bool(await self._connection.scalar(_SOMEBODY_WAITS))


def preview_opener(database: Database, clock: Clock) -> PreviewOpener:
    """Return the opener of transactions for previews."""

    @asynccontextmanager
    async def open_preview(practice_id: UUID) -> AsyncIterator[PreviewGround]:
        try:
            async with database.transaction(Scope.of(practice_id), snapshot=True) as connection:
                await _prepare(connection, practice_id)
                yield PreviewGround(
                    SqlUnitOfWork(connection, clock), PostgresBystanders(connection)
                )
        except IntegrityError as error:
            # What the snapshot does not show was booked since, under the same ids.
            if sqlstate(error) == _TAKEN:
                raise InTheWayError from error
            raise
        except TransientError as error:
            if error.__cause__ is not None and sqlstate(error.__cause__) in _IN_THE_WAY:
                raise InTheWayError from error
            raise

    return open_preview


async def _prepare(connection: AsyncConnection, practice_id: UUID) -> None:
    await connection.execute(_ONE_AT_A_TIME, {"id": str(practice_id)})
    await connection.execute(_WAITS_BRIEFLY)
    await connection.execute(_LOOK_HERE_FIRST)
    await connection.execute(_OWN_HEAD)
    await connection.execute(
        _BEGIN_FAR_AWAY,
        {
            "practice_id": practice_id,
            "number": _FAR_AWAY + secrets.randbelow(_FAR_AWAY),
            "entry_hash": secrets.token_hex(32),
        },
    )
