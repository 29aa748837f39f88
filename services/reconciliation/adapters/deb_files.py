"""DEB files in PostgreSQL: registered, leased, staged, held, closed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.adapters import bulk, sequence
from services.reconciliation.adapters.deb_rows import DebRows, row_values
from services.reconciliation.adapters.tables import DEB_FILE, DEB_FILE_DELIVERY, DEB_ROW
from services.reconciliation.domain.deb.records import DebRow, FileFault, Header
from services.reconciliation.domain.handing import ClaimedFile, RowCounts, Unbooked
from services.reconciliation.domain.model import FetchedFile, Position
from services.reconciliation.domain.resuming import RESUMABLE_FAULTS, UNTIL_BOOKED
from shared.kernel.clock import Clock
from shared.kernel.context import current_work
from shared.kernel.ids import new_id

_RENEW = text(
    """
    UPDATE deb_file SET lease_until = :until
    WHERE deb_file_id = :deb_file_id AND lease_token = :lease_token
      AND status IN ('fetched', 'staged', 'undoing')
    RETURNING deb_file_id
    """
)
_STAGED = text(
    """
    UPDATE deb_file SET status = 'staged', file_id = :file_id, created_on = :created_on,
      previous_file_id = :previous_file_id, rows_read = :rows_read, attempts = 0,
      waits_because = NULL, turn = nextval('deb_file_turn'), review = (
        SELECT CASE c.deb_booking WHEN 'review' THEN 'awaited' END FROM contract c
        WHERE c.contract_id = deb_file.contract_id)
    WHERE deb_file_id = :deb_file_id
    """
)
_HELD = text(
    """
    UPDATE deb_file SET status = 'held', file_id = :file_id, created_on = :created_on,
      previous_file_id = :previous_file_id, rows_read = :rows_read, reason_code = :reason_code,
      reason_line = :reason_line, reason_detail = :reason_detail, waits_because = NULL,
      finished_at = :finished_at, lease_token = NULL, lease_until = NULL
    WHERE deb_file_id = :deb_file_id
    """
)
_POSTPONED = text(
    """
    UPDATE deb_file SET next_attempt_at = :until, waits_because = :reason, attempts = :attempts,
      lease_token = NULL, lease_until = NULL
    WHERE deb_file_id = :deb_file_id
    """
)
_GIVEN_BACK = text(
    """
    UPDATE deb_file SET attempts = greatest(attempts - 1, 0), waits_because = NULL,
      lease_token = NULL, lease_until = NULL
    WHERE deb_file_id = :deb_file_id
    """
)
_COMES_EARLY = text(
    """
    SELECT EXISTS (
      SELECT FROM deb_row r
      JOIN contract c ON c.contract_id = r.contract_id
      LEFT JOIN invoice_position p ON p.practice_id = r.practice_id
        AND (p.invoice_number = r.invoice_number OR p.document_number = r.invoice_number)
      WHERE r.deb_file_id = :deb_file_id AND r.status = 'staged' AND r.problem_reason IS NULL
        AND CASE
          WHEN r.invoice_number IS NULL THEN r.order_number IS NOT NULL AND NOT EXISTS (
            SELECT FROM order_confirmation o WHERE o.practice_id = r.practice_id
              AND o.order_number = r.order_number)
          WHEN p.invoice_id IS NULL THEN true
          ELSE r.amount_rappen <> 0 AND c.acquittal = 'automatic'
            AND p.contract_id = r.contract_id AND NOT EXISTS (
              SELECT FROM acquittal a WHERE a.invoice_id = p.invoice_id)
        END)
    """
)
# What a person decided stays decided. A file keeps its counts, in which its resumed rows go on as
# parked until they are decided.
_RESUME = text(
    """
    WITH resumed AS (
      UPDATE deb_row SET status = 'staged', invoice_id = NULL, reason_code = NULL,
        reason_detail = NULL, decided_at = NULL
      WHERE practice_id = :practice_id AND status = 'parked'
        AND reason_code = ANY(CAST(:reasons AS text[]))
        AND NOT EXISTS (SELECT FROM standing_row_decision d WHERE d.row_id = deb_row.row_id)
        AND EXISTS (SELECT FROM deb_file f WHERE f.deb_file_id = deb_row.deb_file_id
                    AND f.status IN ('staged', 'booked'))
        AND (invoice_number = ANY(CAST(:invoice_numbers AS text[]))
          OR invoice_id = ANY(CAST(:invoice_ids AS uuid[]))
          OR (invoice_number IS NULL AND order_number = CAST(:order_number AS text)))
      RETURNING deb_file_id),
    reopened AS (
      UPDATE deb_file SET status = 'staged', finished_at = NULL, attempts = 0,
        next_attempt_at = :at
      WHERE status = 'booked' AND deb_file_id IN (SELECT deb_file_id FROM resumed))
    SELECT count(*) FROM resumed
    """
)
_RESUME_REVERSALS = text(
    """
    WITH resumed AS (
      UPDATE deb_row SET status = 'staged', invoice_id = NULL, reason_code = NULL,
        reason_detail = NULL, decided_at = NULL
      WHERE practice_id = :practice_id AND contract_id = :contract_id AND status = 'parked'
        AND kind = 'reversal' AND note = ANY(CAST(:record_ids AS text[]))
        AND reason_code = ANY(CAST(:reasons AS text[]))
        AND NOT EXISTS (SELECT FROM standing_row_decision d WHERE d.row_id = deb_row.row_id)
        AND EXISTS (SELECT FROM deb_file f WHERE f.deb_file_id = deb_row.deb_file_id
                    AND f.status IN ('staged', 'booked'))
      RETURNING deb_file_id),
    reopened AS (
      UPDATE deb_file SET status = 'staged', finished_at = NULL, attempts = 0,
        next_attempt_at = :at
      WHERE status = 'booked' AND deb_file_id IN (SELECT deb_file_id FROM resumed))
    SELECT count(*) FROM resumed
    """
)
_FETCHED_AGAIN = text(
    """
    UPDATE deb_file SET status = 'fetched', content_key = :content_key, reason_code = NULL,
      reason_line = NULL, reason_detail = NULL, finished_at = NULL, attempts = 0,
      next_attempt_at = :received_at
    WHERE deb_file_id = :deb_file_id AND status = 'held'
      AND reason_code = ANY(CAST(:reasons AS text[]))
    """
)
_FINISH = text(
    """
    UPDATE deb_file f SET status = 'booked', booked = counts.booked, repeats = counts.repeats,
      parked = counts.parked, finished_at = :at, went_on_at = :at, waits_because = NULL,
      lease_token = NULL, lease_until = NULL
    FROM (SELECT count(*) FILTER (WHERE status = 'booked') AS booked,
                 count(*) FILTER (WHERE status = 'repeat') AS repeats,
                 count(*) FILTER (WHERE status = 'parked') AS parked
          FROM deb_row WHERE deb_file_id = :deb_file_id) AS counts
    WHERE f.deb_file_id = :deb_file_id
    RETURNING f.rows_read, f.booked, f.repeats, f.parked, f.file_id
    """
)


class PostgresDebFileRepository(DebRows):
    """`DebFileRepository` on an open, scoped transaction; rows are in the base class."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        super().__init__(connection, clock)
        self._connection = connection
        self._clock = clock

    async def register(self, file: FetchedFile, *, received_at: datetime) -> bool:
        """Store a fetched file, and record the delivery; False if its bytes were here before.

        A file that is held because its content was not to be had is then taken up again.
        """
        work = current_work()
        values = {
            "deb_file_id": file.deb_file_id,
            "practice_id": file.practice_id,
            "contract_id": file.contract_id,
            "portal_file_id": file.portal_file_id,
            "layout": file.layout,
            "content_key": file.content.key,
            "content_sha256": file.content.sha256,
            "content_size_bytes": file.content.size_bytes,
            "content_media_type": file.content.media_type,
            "fetched_at": file.fetched_at,
            "received_at": received_at,
            "next_attempt_at": received_at,
            "correlation_id": work.correlation_id if work else str(new_id()),
            "causation_id": work.causation_id if work else None,
        }
        new = await bulk.insert(
            self._connection, DEB_FILE, [values], on_conflict="ON CONFLICT DO NOTHING"
        )
        known = await self._connection.execute(
            text(
                "SELECT deb_file_id FROM deb_file"
                " WHERE practice_id = :practice_id AND content_sha256 = :content_sha256"
                " AND NOT is_replaced"
            ),
            {"practice_id": file.practice_id, "content_sha256": file.content.sha256},
        )
        values["deb_file_id"] = known.scalar_one()
        await bulk.insert(self._connection, DEB_FILE_DELIVERY, [values])
        if new == 0:
            await self._connection.execute(
                _FETCHED_AGAIN,
                {
                    "deb_file_id": values["deb_file_id"],
                    "content_key": file.content.key,
                    "received_at": received_at,
                    "reasons": list(RESUMABLE_FAULTS),
                },
            )
        return new == 1

    async def renew_lease(self, file: ClaimedFile, *, until: datetime) -> bool:
        """Lock the file for this transaction and prolong the lease; False if it was lost."""
        result = await self._connection.execute(
            _RENEW,
            {"deb_file_id": file.deb_file_id, "lease_token": file.lease_token, "until": until},
        )
        return result.one_or_none() is not None

    async def stage(self, file: ClaimedFile, rows: Sequence[DebRow]) -> None:
        """Store rows as read; rows stored before are left as they are."""
        await bulk.insert(
            self._connection,
            DEB_ROW,
            [row_values(file, row) for row in await self.counted(file, rows)],
            on_conflict="ON CONFLICT (deb_file_id, line) DO NOTHING",
        )

    async def sequence_fault(
        self, file: ClaimedFile, header: Header
    ) -> FileFault | Unbooked | None:
        """Return why the file cannot follow the files booked so far, or for which it waits."""
        result = await self._connection.execute(
            sequence.SEQUENCE,
            {
                "contract_id": file.contract_id,
                "deb_file_id": file.deb_file_id,
                "file_id": header.file_id,
                "previous_file_id": header.previous_file_id,
            },
        )
        known = result.one()
        if known.id_is_taken:
            return FileFault(
                "file-id-reused", header.line, f"another file has the id {header.file_id}"
            )
        if known.is_accepted:
            return None
        if header.previous_file_id is not None and not known.previous_is_booked:
            if known.previous_is_under_way:
                return Unbooked(header.previous_file_id)
            return FileFault(
                "sequence-gap", header.line, f"file {header.previous_file_id} is missing"
            )
        if header.previous_file_id is None and known.any_is_booked:
            return FileFault(
                "sequence-restart", header.line, "it claims to be the account's first file"
            )
        return None

    async def wait_for(self, file: ClaimedFile, header: Header, before: Unbooked) -> None:
        """Give the file back, to be claimed again once the file before it is no longer under way.

        It keeps no other file waiting, but those that come after it.
        """
        await self._connection.execute(
            sequence.WAIT_FOR,
            {
                "deb_file_id": file.deb_file_id,
                "file_id": header.file_id,
                "created_on": header.created_on,
                "previous_file_id": header.previous_file_id,
                "reason": sequence.waiting_words(before),
            },
        )

    async def mark_staged(self, file: ClaimedFile, header: Header, *, rows_read: int) -> None:
        """Note that the file is whole and may be booked."""
        await self._connection.execute(
            _STAGED,
            {
                "deb_file_id": file.deb_file_id,
                "file_id": header.file_id,
                "created_on": header.created_on,
                "previous_file_id": header.previous_file_id,
                "rows_read": rows_read,
            },
        )
        if header.file_id is not None:
            reason = sequence.waiting_words(Unbooked(header.file_id))
            await self._take_up_successors(file, header.file_id, reason)

    async def _take_up_successors(
        self, file: ClaimedFile, file_id: str | None, reason: str | None
    ) -> None:
        await self._connection.execute(
            sequence.TAKE_UP_SUCCESSORS,
            {
                "contract_id": file.contract_id,
                "file_id": file_id,
                "at": self._clock.now(),
                "reason": reason,
            },
        )

    async def hold(
        self, file: ClaimedFile, fault: FileFault, header: Header | None, *, rows_read: int
    ) -> None:
        """Hold the file; nothing of it is booked."""
        await self._connection.execute(
            _HELD,
            {
                "deb_file_id": file.deb_file_id,
                "file_id": header.file_id if header else None,
                "created_on": header.created_on if header else None,
                "previous_file_id": header.previous_file_id if header else None,
                "rows_read": rows_read,
                "reason_code": fault.reason,
                "reason_line": fault.line,
                "reason_detail": fault.detail,
                "finished_at": self._clock.now(),
            },
        )

    async def postpone(
        self, file: ClaimedFile, *, until: datetime, reason: str, attempts: int = 0
    ) -> None:
        """Give the file back, to be claimed again no sooner than `until`."""
        await self._connection.execute(
            _POSTPONED,
            {
                "deb_file_id": file.deb_file_id,
                "until": until,
                "reason": reason,
                "attempts": attempts,
            },
        )

    async def give_back(self, file: ClaimedFile) -> None:
        """Give the file back at once, as if this worker had never claimed it."""
        await self._connection.execute(_GIVEN_BACK, {"deb_file_id": file.deb_file_id})

    async def comes_early(self, file: ClaimedFile) -> bool:
        """Whether a row's invoice, confirmation or automatic acquittal may be still to come."""
        result = await self._connection.execute(_COMES_EARLY, {"deb_file_id": file.deb_file_id})
        return bool(result.scalar_one())

    async def is_next(self, file: ClaimedFile) -> bool:
        """Whether no file that was staged before this one has rows to be booked."""
        result = await self._connection.execute(sequence.IS_NEXT, {"deb_file_id": file.deb_file_id})
        return bool(result.scalar_one())

    async def resume_rows(
        self,
        practice_id: UUID,
        positions: Sequence[Position],
        *,
        reasons: Collection[str],
        order_number: str | None = None,
    ) -> int:
        """Put parked rows back to be decided again; return how many."""
        result = await self._connection.execute(
            _RESUME,
            {
                "practice_id": practice_id,
                "reasons": list(reasons),
                "invoice_numbers": [
                    number for position in positions for number in position.numbers
                ],
                "invoice_ids": [position.invoice_id for position in positions],
                "order_number": order_number,
                "at": self._clock.now(),
            },
        )
        return int(result.scalar_one())

    async def resume_reversals(
        self, practice_id: UUID, contract_id: UUID, record_ids: Collection[str]
    ) -> int:
        """Put parked reversals of these records back to be decided again; return how many."""
        result = await self._connection.execute(
            _RESUME_REVERSALS,
            {
                "practice_id": practice_id,
                "contract_id": contract_id,
                "record_ids": list(record_ids),
                "reasons": list(UNTIL_BOOKED),
                "at": self._clock.now(),
            },
        )
        return int(result.scalar_one())

    async def finish(self, file: ClaimedFile, *, at: datetime) -> RowCounts:
        """Count the rows and close the file; files held only because of it are taken up again."""
        result = await self._connection.execute(
            _FINISH, {"deb_file_id": file.deb_file_id, "at": at}
        )
        row = result.one()
        await self._take_up_successors(file, row.file_id, None)
        return RowCounts(row.rows_read, row.booked, row.repeats, row.parked)
