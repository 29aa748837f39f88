"""Hands out DEB files to any number of worker processes: one per practice, oldest first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from services.reconciliation.adapters import sequence
from services.reconciliation.domain.handing import ClaimedFile
from services.reconciliation.domain.model import Content
from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.clock import SWISS_TIME, Clock
from shared.kernel.context import WorkContext
from shared.kernel.ids import new_id

# Only the first open file of each practice is a candidate, so that one practice's files are worked
# one after the other whichever process takes them: files that were staged before, in that order,
# then those not yet read, oldest first. A file that is being undone goes before all; one that waits
# for its review is passed over. The row is judged again after its lock is won.
# So is one that waits for the file before it.
_CLAIM = text(
    f"""
    UPDATE deb_file SET lease_token = :token, lease_until = :until, attempts = attempts + 1
    WHERE deb_file_id = (
      SELECT f.deb_file_id FROM deb_file f
      WHERE f.status IN ('fetched', 'staged', 'undoing') AND f.next_attempt_at <= :now
        AND NOT (f.status = 'staged' AND f.review IS NOT DISTINCT FROM 'awaited')
        AND NOT {sequence.waits("f")}
        AND (f.lease_until IS NULL OR f.lease_until < :now)
        AND NOT EXISTS (
          SELECT FROM deb_file earlier
          WHERE earlier.practice_id = f.practice_id
            AND earlier.status IN ('fetched', 'staged', 'undoing')
            AND NOT (earlier.status = 'staged' AND earlier.review IS NOT DISTINCT FROM 'awaited')
            AND NOT {sequence.waits("earlier")}
            AND CASE WHEN 'undoing' IN (earlier.status, f.status)
              THEN earlier.status = 'undoing' AND (f.status <> 'undoing' OR earlier.turn < f.turn)
              ELSE earlier.turn < f.turn OR (earlier.turn IS NOT NULL AND f.turn IS NULL)
                OR (earlier.turn IS NULL AND f.turn IS NULL AND earlier.arrival < f.arrival) END)
      ORDER BY f.arrival LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING deb_file_id, practice_id, contract_id, layout, content_key, content_sha256,
      content_size_bytes, content_media_type, received_at, fetched_at, status, created_on,
      attempts, correlation_id, causation_id
    """  # noqa: S608 - constants of ours
)


class PostgresFileQueue:
    """`FileQueue` on the service's own database."""

    def __init__(self, database: Database, clock: Clock, *, lease: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._lease = lease

    async def claim(self) -> ClaimedFile | None:
        """Return the next file under a fresh lease, or None when there is nothing to do.

        Raises:
            TransientError: the database did not answer.
        """
        token, now = new_id(), self._clock.now()
        async with self._database.transaction(Scope.everything()) as connection:
            result = await connection.execute(
                _CLAIM, {"token": token, "now": now, "until": now + self._lease}
            )
            row = result.one_or_none()
        if row is None:
            return None
        return claimed_file(row, token)


def claimed_file(row: Row[Any], token: UUID) -> ClaimedFile:
    """Return a row of `deb_file` as the claim that the token proves."""
    return ClaimedFile(
        deb_file_id=row.deb_file_id,
        practice_id=row.practice_id,
        contract_id=row.contract_id,
        layout=row.layout,
        content=Content(
            row.content_key, row.content_sha256, row.content_size_bytes, row.content_media_type
        ),
        received_at=row.received_at,
        fetched_on=row.fetched_at.astimezone(SWISS_TIME).date(),
        is_staged=row.status == "staged",
        created_on=row.created_on,
        attempts=row.attempts,
        lease_token=token,
        is_undoing=row.status == "undoing",
        work=WorkContext(row.correlation_id, row.causation_id),
    )
