"""The part of the reconciliation API that is about the life of a DEB file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.entrypoints import deb_file_replies, replies
from services.reconciliation.entrypoints.deb_file_schemas import (
    BookRequest,
    DebFileDecisionReply,
    PreviewReply,
    ReasonRequest,
    RowExplanation,
    UndoQuery,
    UndoReport,
)
from services.reconciliation.entrypoints.parked_rows import DECIDING_ROLES
from services.reconciliation.entrypoints.schemas import DebRowTotals
from services.reconciliation.handlers.book_file_anew import book_file_anew
from services.reconciliation.handlers.book_reviewed_file import book_reviewed_file
from services.reconciliation.handlers.deciding import AboutFile
from services.reconciliation.handlers.discard_held_file import discard_held_file
from services.reconciliation.handlers.hold_file_by_person import hold_file_by_person
from services.reconciliation.handlers.preview_deb_file import PreviewDebFile, preview_deb_file
from services.reconciliation.handlers.release_held_file import release_held_file
from services.reconciliation.handlers.retry_deb_file import retry_deb_file
from services.reconciliation.handlers.undo_deb_file import undo_deb_file
from services.reconciliation.ports import UnitOfWork
from services.reconciliation.ports.previewing import PreviewOpener
from services.reconciliation.views import books, deb_files, deb_life
from shared.kernel.clock import Clock
from shared.kernel.errors import NotFoundError
from shared.web.changes import Changed, moved
from shared.web.endpoints import EVERY_ROLE, Call, Endpoint, Reply
from shared.web.paging import (
    CURSOR_PROBLEM,
    PageQuery,
    cursor,
    read_cursor,
    several,
    split_page,
    whole_number,
)
from shared.web.totals import totals_of

_FILE = "/v1/practices/{practice_id}/deb-files/{deb_file_id}"
_LINE_MAX = 2**31 - 1
UnitOnConnection = Callable[[AsyncConnection], AbstractAsyncContextManager[UnitOfWork]]
_Deciding = Callable[[AboutFile, UnitOfWork, Clock], Awaitable[bool]]


class DebFileOperations:
    """Decisions about a file, its preview, and its explanations."""

    def __init__(
        self,
        unit_on: UnitOnConnection,
        open_preview: PreviewOpener,
        clock: Clock,
        *,
        batch_rows: int,
    ) -> None:
        self._unit_on = unit_on
        self._open_preview = open_preview
        self._clock = clock
        self._batch_rows = batch_rows

    async def book(self, call: Call) -> Changed:
        """Let a file be booked that waits for its review."""
        return await self._decided(call, book_reviewed_file, call.body_as(BookRequest).note)

    async def hold(self, call: Call) -> Changed:
        """Hold a file of which nothing is booked."""
        return await self._decided(call, hold_file_by_person, _reason(call))

    async def release(self, call: Call) -> Changed:
        """Have a held file judged again."""
        return await self._decided(call, release_held_file, _reason(call))

    async def discard(self, call: Call) -> Changed:
        """End a held file for good."""
        return await self._decided(call, discard_held_file, _reason(call))

    async def retry(self, call: Call) -> Changed:
        """Have a file that is set aside tried again at once."""
        return await self._decided(call, retry_deb_file, _reason(call))

    async def undo(self, call: Call) -> Changed:
        """Have a booked file undone; the worker does it."""
        return await self._decided(call, undo_deb_file, _reason(call))

    async def book_anew(self, call: Call) -> Changed:
        """Register an undone file's bytes as a new file."""
        about, before = _about(call, _reason(call)), await standing(call)
        async with self._unit_on(call.connection) as uow:
            new_id, is_new = await book_file_anew(about, uow, self._clock)
        reply = await _answer(call, new_id, already=not is_new)
        return moved(reply, before, await standing(call), anew=new_id, reason=about.reason)

    async def _decided(self, call: Call, decide: _Deciding, reason: str) -> Changed:
        about, before = _about(call, reason.strip()), await standing(call)
        async with self._unit_on(call.connection) as uow:
            done = await decide(about, uow, self._clock)
        reply = await _answer(call, about.deb_file_id, already=not done)
        return moved(reply, before, await standing(call), reason=about.reason)

    async def preview(self, call: Call) -> Reply:
        """Answer what booking the file would do, by line."""
        query = call.query_as(PageQuery)
        command = PreviewDebFile(
            call.practice_id, call.path_id("deb_file_id"), _line_after(query), query.limit
        )
        await deb_life.wait_patiently(call.connection)
        found = await preview_deb_file(
            command, self._open_preview, self._clock, batch_rows=self._batch_rows
        )
        following = cursor(found.rows[-1].row.line) if found.more else None
        return Reply(deb_file_replies.preview(command.deb_file_id, found, following))

    async def undo_report(self, call: Call) -> Reply:
        """Answer what the latest undoing of the file did, by line."""
        query = call.query_as(UndoQuery)
        found = await deb_life.undoing(
            call.connection, call.practice_id, call.path_id("deb_file_id")
        )
        if found is None:
            raise NotFoundError("nobody had this DEB file undone", code="undo-not-found")
        rows = await deb_life.undo_rows(
            call.connection,
            found["undo_id"],
            outcomes=several(query.outcome),
            after=_line_after(query),
            limit=query.limit + 1,
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["line"]) if more else None
        wanted = {"undo_id": found["undo_id"], "outcomes": several(query.outcome)}
        totals = await totals_of(call.connection, query, DebRowTotals, deb_life.UNDO_ROWS, wanted)
        return Reply(deb_file_replies.undo_report(found, page, following, totals))

    async def explain(self, call: Call) -> Reply:
        """Answer why a row is what it is."""
        place = (call.connection, call.practice_id, call.path_id("deb_file_id"))
        line = _line(call)
        rows = await deb_files.rows(*place, statuses=None, after=line - 1, limit=1)
        if not rows or rows[0]["line"] != line:
            raise NotFoundError("this DEB file has no such row", code="row-not-found")
        facts = await deb_life.facts_of_row(*place, line)
        entry_ids = [fact["entry_id"] for fact in facts if fact["entry_id"] is not None]
        return Reply(
            deb_file_replies.explanation(
                rows[0],
                facts=facts,
                postings=await books.postings_of(call.connection, entry_ids),
                collides_with=await deb_life.colliding_row(*place, line),
                undoings=await deb_life.undoings_of_row(*place, line),
                decisions=await deb_life.decisions(*place),
            )
        )


def _about(call: Call, reason: str) -> AboutFile:
    return AboutFile(
        call.practice_id, call.path_id("deb_file_id"), reason, by=call.principal.subject
    )


def _reason(call: Call) -> str:
    return call.body_as(ReasonRequest).reason.strip()


async def _answer(call: Call, deb_file_id: UUID, *, already: bool) -> Reply:
    row = await deb_files.file(call.connection, call.practice_id, deb_file_id)
    assert row is not None  # noqa: S101 - it was decided about in this transaction
    return Reply(DebFileDecisionReply(already=already, file=replies.deb_file(row)))


async def standing(call: Call) -> dict[str, object]:
    """Return how the file of the path stands, and keep others from it; nothing if unknown."""
    deb_file_id = call.path_id("deb_file_id")
    return await deb_life.standing(call.connection, call.practice_id, deb_file_id)


def _line_after(query: PageQuery) -> int:
    (line,) = read_cursor(query.after, whole_number) or (0,)
    return int(line)


def _line(call: Call) -> int:
    text = str(call.path["line"])
    if not (text.isascii() and text.isdigit()) or not 0 < int(text[:11]) <= _LINE_MAX:
        raise NotFoundError("this DEB file has no such row", code="row-not-found")
    return int(text)


def deb_file_endpoints(operations: DebFileOperations) -> list[Endpoint]:
    """Return the table of this part of the API."""
    return [
        _deciding(
            "book",
            "bookDebFile",
            "Have a file booked that waits for its review",
            operations.book,
            BookRequest,
            ("deb-file-not-in-review",),
        ),
        _deciding(
            "hold",
            "holdDebFile",
            "Hold a file of which nothing is booked",
            operations.hold,
            ReasonRequest,
            ("deb-file-not-holdable",),
        ),
        _deciding(
            "release",
            "releaseDebFile",
            "Have a held file read and judged again",
            operations.release,
            ReasonRequest,
            ("deb-file-not-held", "deb-file-not-releasable"),
        ),
        _deciding(
            "discard",
            "discardDebFile",
            "Discard a held file for good: nothing of it is ever booked",
            operations.discard,
            ReasonRequest,
            ("deb-file-not-held",),
        ),
        _deciding(
            "retry",
            "retryDebFile",
            "Have a file that is set aside tried again at once",
            operations.retry,
            ReasonRequest,
            ("deb-file-not-set-aside",),
        ),
        _deciding(
            "undo",
            "undoDebFile",
            "Undo what is booked of a file by compensating entries, as far as it can be",
            operations.undo,
            ReasonRequest,
            ("deb-file-not-booked",),
        ),
        _deciding(
            "book-anew",
            "bookDebFileAnew",
            "Book the bytes of an undone file as a new file",
            operations.book_anew,
            ReasonRequest,
            ("deb-file-not-undone",),
        ),
        *_reading_endpoints(operations),
    ]


def _reading_endpoints(operations: DebFileOperations) -> list[Endpoint]:
    return [
        _reading(
            "preview",
            "previewDebFile",
            "What booking a staged file would do, by line; nothing is booked",
            operations.preview,
            PageQuery,
            PreviewReply,
            (CURSOR_PROBLEM, "books-are-busy", "deb-file-not-found", "deb-file-not-staged"),
        ),
        _reading(
            "undo",
            "getDebFileUndo",
            "What undoing a file did, and what stays booked and why, by line",
            operations.undo_report,
            UndoQuery,
            UndoReport,
            (CURSOR_PROBLEM, "undo-not-found"),
        ),
        _reading(
            "rows/{line}",
            "explainDebRow",
            "Why a row is what it is: rule, facts, the row it collides with, and persons",
            operations.explain,
            None,
            RowExplanation,
            ("row-not-found",),
        ),
    ]


_Handler = Callable[[Call], Awaitable[Reply]]


def _deciding(
    path: str,
    operation_id: str,
    summary: str,
    handler: _Handler,
    request: type[BaseModel],
    problem_codes: tuple[str, ...],
) -> Endpoint:
    return Endpoint(
        method="POST",
        path=f"{_FILE}/{path}",
        operation_id=operation_id,
        summary=summary,
        handler=handler,
        roles=DECIDING_ROLES,
        request=request,
        response=DebFileDecisionReply,
        problem_codes=("deb-file-not-found", *problem_codes),
    )


def _reading(
    path: str,
    operation_id: str,
    summary: str,
    handler: _Handler,
    query: type[BaseModel] | None,
    response: type[BaseModel],
    problem_codes: tuple[str, ...],
) -> Endpoint:
    return Endpoint(
        method="GET",
        path=f"{_FILE}/{path}",
        operation_id=operation_id,
        summary=summary,
        handler=handler,
        roles=EVERY_ROLE,
        query=query,
        response=response,
        problem_codes=problem_codes,
    )
