"""What persons decide about whole DEB files in PostgreSQL: reviewed, held, released, undone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.adapters import bulk
from services.reconciliation.adapters import life_statements as sql
from services.reconciliation.adapters.file_queue import claimed_file
from services.reconciliation.adapters.originals import original_of
from services.reconciliation.adapters.tables import DEB_UNDO_ROW
from services.reconciliation.domain.deb.records import FileFault
from services.reconciliation.domain.filing import (
    AccountEffect,
    BookPlace,
    Effect,
    FileDecision,
    KindEffect,
    LivingFile,
    SupersededFile,
    UndoneFile,
)
from services.reconciliation.domain.handing import ClaimedFile
from services.reconciliation.domain.posting import ENDINGS
from services.reconciliation.domain.releasing import HELD_BY_PERSON, NEVER_SUPERSEDED
from services.reconciliation.domain.resuming import UNTIL_REVERSAL_UNDONE, UNTIL_UNDONE
from services.reconciliation.domain.undoing import Undoable, Undoing, Undone
from shared.kernel.clock import Clock
from shared.kernel.context import current_work
from shared.kernel.ids import new_id
from shared.kernel.money import Money


class PostgresDebLifeRepository:
    """`DebLifeRepository` on an open, scoped transaction."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def awaits_review(self, file: ClaimedFile) -> bool:
        """Whether a person must have the file booked."""
        result = await self._connection.execute(
            sql.AWAITS_REVIEW, {"deb_file_id": file.deb_file_id}
        )
        return bool(result.scalar_one())

    async def find(self, deb_file_id: UUID) -> LivingFile | None:
        """Return a file and keep others from it for this transaction; None if it is unknown."""
        result = await self._connection.execute(sql.FIND, {"deb_file_id": deb_file_id})
        row = result.mappings().one_or_none()
        return None if row is None else LivingFile(**row)

    async def store(self, decision: FileDecision) -> None:
        """Keep a decision."""
        await self._connection.execute(
            sql.STORE,
            {
                "decision_id": decision.decision_id,
                "practice_id": decision.practice_id,
                "deb_file_id": decision.deb_file_id,
                "decision": decision.decision,
                "reason": decision.reason,
                "decided_by": decision.decided_by,
                "decided_at": decision.decided_at,
            },
        )

    async def let_book(self, deb_file_id: UUID) -> None:
        """Let a file that waits for its review be booked, after all that were staged before."""
        await self._connection.execute(
            sql.LET_BOOK, {"deb_file_id": deb_file_id, "at": self._clock.now()}
        )

    async def hold(self, deb_file_id: UUID, fault: FileFault) -> None:
        """Hold a file of which nothing is booked."""
        await self._connection.execute(
            sql.HOLD,
            {
                "deb_file_id": deb_file_id,
                "reason_code": fault.reason,
                "reason_detail": fault.detail,
                "at": self._clock.now(),
            },
        )

    async def release(self, deb_file_id: UUID, *, accept_sequence: bool) -> None:
        """Have a held file read again, by the contract's present layout; its rows are dropped."""
        await self._connection.execute(sql.DROP_ROWS, {"deb_file_id": deb_file_id})
        await self._connection.execute(
            sql.RELEASE,
            {"deb_file_id": deb_file_id, "accepted": accept_sequence, "at": self._clock.now()},
        )

    async def book_anew(self, deb_file_id: UUID, new_id: UUID) -> None:
        """Register the bytes of an undone file as a new file, which takes its place."""
        work = current_work()
        await self._connection.execute(sql.REPLACE, {"deb_file_id": deb_file_id})
        await self._connection.execute(
            sql.BOOK_ANEW,
            {
                "deb_file_id": deb_file_id,
                "new_id": new_id,
                "at": self._clock.now(),
                "correlation_id": work.correlation_id if work else None,
                "causation_id": work.causation_id if work else None,
            },
        )

    async def discard(self, deb_file_id: UUID) -> None:
        """End a held file for good; its rows, of which none was ever judged, are dropped."""
        await self._discard([deb_file_id], None)

    async def supersede(self, file: ClaimedFile) -> Sequence[SupersededFile]:
        """Discard held files that came before and are other versions of this booked one."""
        result = await self._connection.execute(
            sql.SUPERSEDED,
            {
                "deb_file_id": file.deb_file_id,
                "never": sorted(NEVER_SUPERSEDED),
                "by_person": HELD_BY_PERSON,
            },
        )
        found = [SupersededFile(**row) for row in result.mappings()]
        await self._discard([one.deb_file_id for one in found], file.deb_file_id)
        return found

    async def _discard(self, deb_file_ids: Sequence[UUID], superseded_by: UUID | None) -> None:
        for deb_file_id in deb_file_ids:
            await self._connection.execute(sql.DROP_ROWS, {"deb_file_id": deb_file_id})
            await self._connection.execute(
                sql.DISCARD,
                {"deb_file_id": deb_file_id, "by": superseded_by, "at": self._clock.now()},
            )

    async def set_aside(self, file: ClaimedFile, *, until: datetime, reason: str) -> None:
        """Give back a file that keeps failing, for a while, and note since when it fails."""
        await self._connection.execute(
            sql.SET_ASIDE,
            {
                "deb_file_id": file.deb_file_id,
                "until": until,
                "reason": reason,
                "at": self._clock.now(),
            },
        )

    async def retry(self, deb_file_id: UUID) -> None:
        """Let a file that is set aside be claimed at once."""
        await self._connection.execute(
            sql.RETRY, {"deb_file_id": deb_file_id, "at": self._clock.now()}
        )

    async def begin_undo(self, deb_file_id: UUID, undo_id: UUID) -> None:
        """Hand a booked file, or what is booked of one, to the worker to be undone."""
        await self._connection.execute(sql.COUNT_UNFINISHED, {"deb_file_id": deb_file_id})
        await self._connection.execute(
            sql.BEGIN_UNDO,
            {"deb_file_id": deb_file_id, "undo_id": undo_id, "at": self._clock.now()},
        )

    async def undoable(self, file: ClaimedFile, *, limit: int) -> Sequence[Undoable]:
        """Return booked rows on which this undoing has not decided, the last booked first."""
        result = await self._connection.execute(
            sql.UNDOABLE,
            {"deb_file_id": file.deb_file_id, "endings": sorted(ENDINGS), "limit": limit},
        )
        return [_undoable(row) for row in result.mappings()]

    async def why_undone(self, file: ClaimedFile) -> str:
        """Return who undoes the file, and why, for the note of each fact."""
        result = await self._connection.execute(sql.WHY_UNDONE, {"deb_file_id": file.deb_file_id})
        row = result.one()
        return f"undone by {row.decided_by}: {row.reason}"

    async def undo(self, file: ClaimedFile, outcomes: Sequence[Undoing]) -> None:
        """Write what became of booked rows, and bring back rows that were in conflict with them."""
        undo_id = await self._connection.scalar(sql.UNDO_ID, {"deb_file_id": file.deb_file_id})
        await bulk.insert(
            self._connection,
            DEB_UNDO_ROW,
            [_undo_row(file, undo_id, outcome) for outcome in outcomes],
        )
        undone = [outcome.undoable for outcome in outcomes if isinstance(outcome, Undone)]
        await self._connection.execute(
            sql.UNDO_ROWS,
            {
                "deb_file_id": file.deb_file_id,
                "lines": [one.line for one in undone],
                "at": self._clock.now(),
            },
        )
        kept = [one.undoable.line for one in outcomes if not isinstance(one, Undone)]
        await self._connection.execute(
            sql.KEEP_ROWS, {"deb_file_id": file.deb_file_id, "undo_id": undo_id, "lines": kept}
        )
        await self._connection.execute(
            sql.COUNT_UNDONE,
            {"deb_file_id": file.deb_file_id, "booked": len(undone), "parked": 0},
        )
        await self._resume(file, undone)

    async def _resume(self, file: ClaimedFile, undone: Sequence[Undoable]) -> None:
        await self._connection.execute(
            sql.RESUME,
            {
                "practice_id": file.practice_id,
                "contract_id": file.contract_id,
                "record_ids": [one.record_id for one in undone if one.record_id],
                "conflicts": list(UNTIL_UNDONE),
                "reversed_ids": [one.reversed_record for one in undone if one.reversed_record],
                "reversed": list(UNTIL_REVERSAL_UNDONE),
                "at": self._clock.now(),
            },
        )

    async def withdraw_parked(self, file: ClaimedFile, *, limit: int) -> int:
        """Take parked rows of which no person decided out of the queue; return how many."""
        result = await self._connection.execute(
            sql.WITHDRAW,
            {"deb_file_id": file.deb_file_id, "limit": limit, "at": self._clock.now()},
        )
        withdrawn = result.rowcount
        await self._connection.execute(
            sql.COUNT_UNDONE,
            {"deb_file_id": file.deb_file_id, "booked": 0, "parked": withdrawn},
        )
        return withdrawn

    async def end_undo(self, file: ClaimedFile) -> UndoneFile:
        """Close the file as undone, or undone in part."""
        at = self._clock.now()
        counts = (
            await self._connection.execute(
                sql.END_UNDO, {"deb_file_id": file.deb_file_id, "at": at}
            )
        ).one()
        sums = (await self._connection.execute(sql.UNDO_SUMS, {"undo_id": counts.undo_id})).one()
        return UndoneFile(
            rows_read=counts.rows_read,
            booked=counts.booked,
            repeats=counts.repeats,
            parked=counts.parked,
            undone=counts.undone,
            kept=sums.kept,
            debt_change=Money(int(sums.debtor)),
            factor_change=Money(int(sums.factor)),
        )

    async def claim_for_preview(self, deb_file_id: UUID) -> ClaimedFile | None:
        """Return a file that is staged, kept from others; None if there is no such file."""
        result = await self._connection.execute(sql.PREVIEWED, {"deb_file_id": deb_file_id})
        row = result.one_or_none()
        return None if row is None else claimed_file(row, new_id())

    async def undecided_lines(self, file: ClaimedFile, *, after: int, limit: int) -> Sequence[int]:
        """Return lines of rows that are to be decided, behind a line."""
        result = await self._connection.execute(
            sql.UNDECIDED_LINES,
            {"deb_file_id": file.deb_file_id, "after": after, "limit": limit},
        )
        return result.scalars().all()

    async def last_place(self, file: ClaimedFile) -> BookPlace:
        """Return where the practice's books end now."""
        result = await self._connection.execute(
            sql.LAST_PLACE, {"practice_id": file.practice_id, "deb_file_id": file.deb_file_id}
        )
        row = result.one()
        return BookPlace(row.number, row.fact)

    async def effect(self, file: ClaimedFile, since: BookPlace) -> Effect:
        """Return what was booked of the file behind a place in the books, in sums."""
        where = {
            "practice_id": file.practice_id,
            "deb_file_id": file.deb_file_id,
            "number": since.number,
            "fact": since.fact,
        }
        accounts = await self._connection.execute(sql.ACCOUNT_EFFECTS, where)
        kinds = await self._connection.execute(sql.KIND_EFFECTS, where)
        return Effect(
            tuple(
                AccountEffect(row.account, row.role, Money(int(row.debit)), Money(int(row.credit)))
                for row in accounts
            ),
            tuple(
                KindEffect(
                    row.kind,
                    row.rows,
                    Money(int(row.amount)),
                    Money(int(row.debtor)),
                    Money(int(row.factor)),
                )
                for row in kinds
            ),
        )


def _undoable(row: RowMapping) -> Undoable:
    return Undoable(
        line=row["line"],
        original=original_of(row),
        record_id=row["record_id"],
        content_sha256=row["content_sha256"],
        occurrence=row["occurrence"],
        reversed_kind=row["reversed_kind"],
        reversed_id=row["reverses"],
        reversed_record=row["row_note"] if row["reverses"] else None,
        endings=tuple(row["endings"]),
    )


def _undo_row(file: ClaimedFile, undo_id: UUID, outcome: Undoing) -> dict[str, object]:
    one = outcome.undoable
    return {
        "undo_id": undo_id,
        "deb_file_id": file.deb_file_id,
        "line": one.line,
        "practice_id": file.practice_id,
        "contract_id": file.contract_id,
        "outcome": "undone" if isinstance(outcome, Undone) else "kept",
        "record_id": one.record_id,
        "content_sha256": one.content_sha256,
        "occurrence": one.occurrence,
        "fact_id": outcome.fact.fact_id if isinstance(outcome, Undone) else None,
        "reason_code": None if isinstance(outcome, Undone) else outcome.reason,
        "reason_detail": None if isinstance(outcome, Undone) else outcome.detail,
    }
