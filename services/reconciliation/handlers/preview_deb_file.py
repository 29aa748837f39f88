"""Shows what booking a staged DEB file would do, by booking it in a transaction that never ends.

The rows are decided and written by the very code that books them, in the same batches, on the
practice's own books of one moment; then all of it is rolled back. So the preview cannot differ from
the booking, and memory stays flat: only the rows of the page asked for are kept.

Others book meanwhile. Where one of them comes to an invoice that the file names too, the preview
gives way: it is rolled back at the end of its batch and begins anew on what the other has written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.reconciliation.domain.booking import Decision
from services.reconciliation.domain.events import DomainEvent
from services.reconciliation.domain.filing import Effect
from services.reconciliation.domain.handing import ClaimedFile, RowCounts
from services.reconciliation.handlers.book_deb_file import decide_batch
from services.reconciliation.handlers.booking_rows import RowsOf, write_decisions
from services.reconciliation.ports import (
    BookRepository,
    ConfirmationRepository,
    DebFileRepository,
    DebLifeRepository,
    ExceptionRepository,
    PracticeRepository,
    RowDecisionRepository,
    UnitOfWork,
)
from services.reconciliation.ports.dunning import DunningRepository
from services.reconciliation.ports.periods import PeriodRepository
from services.reconciliation.ports.previewing import (
    InTheWayError,
    PreviewGround,
    PreviewOpener,
)
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError, NotFoundError

_ATTEMPTS_MAX = 6
_PAUSE_SECONDS = 0.1
"""Lets the other one end; longer with each attempt."""


@dataclass(frozen=True, slots=True)
class PreviewDebFile:
    """Preview this file.

    Attributes:
        after, limit: the page: rows behind this line, at most so many.
    """

    practice_id: UUID
    deb_file_id: UUID
    after: int
    limit: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What booking would do.

    Attributes:
        rows: those of the page, by line.
        more: whether there are rows behind them.
        counts: of the whole file.
        effect: of the whole file, per account and per kind.
    """

    rows: tuple[Decision, ...]
    more: bool
    counts: RowCounts
    effect: Effect


class _RollBackError(Exception):
    """Ends the transaction so that nothing of it stays."""


@dataclass(slots=True)
class _Unheard:
    """A unit of work whose events nobody hears; they are not even kept."""

    practices: PracticeRepository
    books: BookRepository
    confirmations: ConfirmationRepository
    exceptions: ExceptionRepository
    deb_files: DebFileRepository
    row_decisions: RowDecisionRepository
    deb_life: DebLifeRepository
    periods: PeriodRepository
    dunning: DunningRepository

    def record(self, event: DomainEvent) -> None:
        """Let the event go."""


async def preview_deb_file(
    command: PreviewDebFile, open_preview: PreviewOpener, clock: Clock, *, batch_rows: int
) -> Preview:
    """Return what booking the file on the books of this moment would do; nothing is booked.

    Another writer waits for no longer than one batch takes, and only at an invoice of the file.

    Args:
        batch_rows: as many as are booked in one transaction.

    Raises:
        NotFoundError: the practice has no such file.
        ConflictError: it is not staged, so that there is nothing to preview; or others kept
            writing to its invoices.
    """
    for attempt in range(1, _ATTEMPTS_MAX + 1):
        try:
            return await _attempt(command, open_preview, clock, batch_rows)
        except InTheWayError:
            await asyncio.sleep(attempt * _PAUSE_SECONDS)
    raise ConflictError(
        "others keep writing to the invoices of this file; ask again in a while",
        code="books-are-busy",
    )


async def _attempt(
    command: PreviewDebFile, open_preview: PreviewOpener, clock: Clock, batch_rows: int
) -> Preview:
    preview: Preview | None = None
    try:
        async with open_preview(command.practice_id) as ground:
            await ground.uow.books.lock(command.practice_id)
            preview = await _previewed(command, ground, clock, batch_rows)
            raise _RollBackError  # noqa: TRY301 - it is for the transaction, not for a caller
    except _RollBackError:
        assert preview is not None  # noqa: S101 - it was made before
        return preview


def _unheard(uow: UnitOfWork) -> UnitOfWork:
    return _Unheard(
        practices=uow.practices,
        books=uow.books,
        confirmations=uow.confirmations,
        exceptions=uow.exceptions,
        deb_files=uow.deb_files,
        row_decisions=uow.row_decisions,
        deb_life=uow.deb_life,
        periods=uow.periods,
        dunning=uow.dunning,
    )


async def _previewed(
    command: PreviewDebFile, ground: PreviewGround, clock: Clock, batch_rows: int
) -> Preview:
    uow = _unheard(ground.uow)
    file = await uow.deb_life.claim_for_preview(command.deb_file_id)
    if file is None:
        raise NotFoundError("this practice has no such DEB file", code="deb-file-not-found")
    if not file.is_staged:
        raise ConflictError(
            "only a file that is read and not booked has a preview", code="deb-file-not-staged"
        )
    lines = await uow.deb_life.undecided_lines(file, after=command.after, limit=command.limit + 1)
    page = frozenset(lines[: command.limit])
    since = await uow.deb_life.last_place(file)
    decided: dict[int, Decision] = {}
    while decisions := await _book_batch(file, uow, clock, batch_rows):
        decided |= {one.row.line: one for one in decisions if one.row.line in page}
        if await ground.bystanders.wait():
            raise InTheWayError
    return Preview(
        rows=tuple(decided[line] for line in lines[: command.limit]),
        more=len(lines) > command.limit,
        counts=await uow.deb_files.finish(file, at=clock.now()),
        effect=await uow.deb_life.effect(file, since),
    )


async def _book_batch(
    file: ClaimedFile, uow: UnitOfWork, clock: Clock, batch_rows: int
) -> Sequence[Decision]:
    rows = await uow.deb_files.next_rows(file, limit=batch_rows)
    if not rows:
        return ()
    decisions = await decide_batch(file, rows, uow)
    place = RowsOf(file.practice_id, file.deb_file_id, file.contract_id)
    await write_decisions(place, decisions, uow, clock)
    return decisions
