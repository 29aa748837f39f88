"""HTTP handlers about the import of invoices, and their part of the API's table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from sqlalchemy import RowMapping, text

from services.invoicing.domain.incoming import FileReport, GivenFile, ImportOutcome
from services.invoicing.domain.invoice import Outcome, StoredDocument
from services.invoicing.entrypoints.desk import Desk, only
from services.invoicing.entrypoints.schemas.imports import (
    ConflictAnswer,
    ConflictPage,
    ConflictQuery,
    DecisionRequest,
    ImportAnswer,
    ImportQuery,
    conflict_answer,
    import_answer,
)
from services.invoicing.handlers.decide_conflict import DecideConflict, decide_conflict
from services.invoicing.handlers.import_invoices import ImportInvoices, import_invoices
from services.invoicing.handlers.wish_correction import wish_replacement
from services.invoicing.ports import UnitOfWork
from services.invoicing.views import imports as views
from shared.kernel.errors import TransientError
from shared.kernel.ids import new_id
from shared.web.changes import Changed, changed, moved, some, unchanged
from shared.web.endpoints import EVERY_ROLE, WORKING_ROLES, Call, Endpoint, Reply
from shared.web.paging import CURSOR_PROBLEM, Totals, cursor, instant, read_cursor, split_page
from shared.web.totals import totals_of
from shared.web.uploads import MULTIPART

_PRACTICE: Final = "/v1/practices/{practice_id}"
_CONFLICTS: Final = f"{_PRACTICE}/invoice-import-conflicts"
_CONFLICT: Final = f"{_CONFLICTS}/{{conflict_id}}"
UPLOAD_BYTES_MAX: Final = 32 * 1024 * 1024
# One being imported has two database connections, the request's and that of the files being kept;
# one that waits for its turn has the first only.
UPLOADS_AT_ONCE: Final = 2
UPLOADS_MAX: Final = 8
_AWAKE: Final = text("SELECT 1")


class ImportOperations:
    """The operations on uploads of other practice software."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._under_way = 0
        self._running = asyncio.Semaphore(UPLOADS_AT_ONCE)

    async def upload(self, call: Call) -> Changed:
        """Import an upload; the report says what became of each file.

        Raises:
            TransientError: so many uploads are under way that one more would take the database
                connections of everybody else.
        """
        if self._under_way == UPLOADS_MAX:
            raise TransientError("other uploads are being imported")
        self._under_way += 1
        try:
            async with self._running:
                return await self._upload(call)
        finally:
            self._under_way -= 1

    async def _upload(self, call: Call) -> Changed:
        query = call.query_as(ImportQuery)
        command = ImportInvoices(
            practice_id=call.practice_id,
            import_id=new_id(),
            contract_id=query.contract_id,
            given=_given(call, query),
        )

        @asynccontextmanager
        async def begin() -> AsyncIterator[UnitOfWork]:
            # The request's own transaction holds its idempotency key, and ends if it idles.
            await call.connection.execute(_AWAKE)
            async with self._desk.own_transaction(call.practice_id) as uow:
                yield uow

        reports = await import_invoices(
            command,
            begin,
            files=self._desk.invoice_files,
            documents=self._desk.documents,
            clock=self._desk.clock,
        )
        return _imported(Reply(import_answer(command.import_id, reports)), command, reports)

    async def conflicts(self, call: Call) -> Reply:
        """List conflicts, oldest first."""
        query = call.query_as(ConflictQuery)
        decided = None if query.state is None else query.state == "decided"
        rows = await views.conflicts(
            call.connection,
            call.practice_id,
            limit=query.limit + 1,
            decided=decided,
            after=read_cursor(query.after, instant, UUID),
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["found_at"], page[-1]["conflict_id"]) if more else None
        wanted = {"practice_id": call.practice_id, "conflict_id": None, "decided": decided}
        totals = await totals_of(call.connection, query, Totals, views.CONFLICTS, wanted)
        items = [conflict_answer(row) for row in page]
        return Reply(ConflictPage(items=items, next=following, totals=totals))

    async def document(self, call: Call) -> Reply:
        """Return the file that is in conflict, byte for byte."""
        row = await self._row(call)
        stored = StoredDocument(
            key=row["document_key"],
            sha256=row["document_sha256"],
            size_bytes=row["document_size_bytes"],
            media_type=row["document_media_type"],
        )
        data = await self._desk.documents.get(call.practice_id, stored)
        name = f'attachment; filename="{row["conflict_id"]}.xml"'
        return Reply(data, headers={"Content-Disposition": name})

    async def decide(self, call: Call) -> Changed:
        """Carry out a person's decision; a replacement in an unsent order waits for it: 202."""
        command = DecideConflict(
            practice_id=call.practice_id,
            conflict_id=call.path_id("conflict_id"),
            decision=call.body_as(DecisionRequest).decision,
            by=call.principal.subject,
        )
        async with self._desk.unit_of_work(call.connection) as uow:
            before = (await self._row(call))["replacement_pending"]
            waits = await wish_replacement(command, uow, tools=self._desk.tools)
            outcome = (
                Outcome.DONE
                if waits
                else await decide_conflict(
                    command,
                    uow,
                    files=self._desk.invoice_files,
                    documents=self._desk.documents,
                    clock=self._desk.clock,
                )
            )
        answer = conflict_answer(await self._row(call))
        if waits:
            now = {"replacement_pending": answer.replacement_pending}
            return moved(Reply(answer, status=202), {"replacement_pending": before}, now)
        if outcome is Outcome.ALREADY_DONE:
            return unchanged(Reply(answer))
        told = {"decision", "invoice_id", "replacement_id"}
        undecided = {"decision": None, "invoice_id": answer.invoice_id, "replacement_id": None}
        return changed(Reply(answer), undecided, answer.model_dump(include=told))

    async def _row(self, call: Call) -> RowMapping:
        rows = await views.conflicts(
            call.connection, call.practice_id, limit=1, conflict_id=call.path_id("conflict_id")
        )
        return only(rows, code="import-conflict-not-found", what="conflict")


def _given(call: Call, query: ImportQuery) -> list[GivenFile]:
    several = [GivenFile(one.name, one.data) for one in call.files]
    return several or [GivenFile(query.file_name, call.raw_body or b"")]


def _imported(reply: Reply, command: ImportInvoices, reports: Sequence[FileReport]) -> Changed:
    new = [one.invoice_id for one in reports if one.outcome is ImportOutcome.IMPORTED]
    invoice_ids = [one for one in new if one is not None]
    conflict_ids = [one.conflict_id for one in reports if one.found_conflict]
    if not invoice_ids and not conflict_ids:
        return unchanged(reply)
    facts = {
        "import_id": command.import_id,
        "contract_id": command.contract_id,
        "imported": len(invoice_ids),
        "invoice_ids": some(invoice_ids),
        "conflicts": len(conflict_ids),
    }
    return changed(reply, None, facts)


def import_endpoints(desk: Desk) -> list[Endpoint]:
    """Return the operations on imports."""
    operations = ImportOperations(desk)
    return [
        Endpoint(
            method="POST",
            path=f"{_PRACTICE}/invoice-imports",
            operation_id="importInvoices",
            summary="Import invoices (generalInvoiceRequest 4.5 or 5.0): a file, a ZIP, or several",
            handler=operations.upload,
            roles=WORKING_ROLES,
            query=ImportQuery,
            response=ImportAnswer,
            request_media_type="application/xml",
            further_media_types=("application/zip", MULTIPART),
            max_body_bytes=UPLOAD_BYTES_MAX,
            problem_codes=(
                "practice-not-found",
                "unknown-contract",
                "archive-damaged",
                "archive-entries",
                "archive-too-large",
            ),
        ),
        Endpoint(
            method="GET",
            path=_CONFLICTS,
            operation_id="listImportConflicts",
            summary="List files that have the number of a known invoice and other content",
            handler=operations.conflicts,
            roles=EVERY_ROLE,
            query=ConflictQuery,
            response=ConflictPage,
            problem_codes=(CURSOR_PROBLEM,),
        ),
        Endpoint(
            method="GET",
            path=f"{_CONFLICT}/document",
            operation_id="downloadConflictingFile",
            summary="Download the file that is in conflict with a known invoice",
            handler=operations.document,
            roles=EVERY_ROLE,
            response_media_type="application/xml",
            problem_codes=("import-conflict-not-found",),
        ),
        Endpoint(
            method="POST",
            path=f"{_CONFLICT}/decision",
            operation_id="decideImportConflict",
            summary="Keep the known invoice, or replace it by the file's; if unsent, later: 202",
            handler=operations.decide,
            roles=WORKING_ROLES,
            request=DecisionRequest,
            response=ConflictAnswer,
            waits="The invoice is in an unsent order and is replaced once that is taken back",
            problem_codes=(
                "import-conflict-not-found",
                "conflict-decided",
                "number-too-long",
                "invoice-cancelled",
                "withdraw-order-first",
                "needs-credit-note",
                "has-credit-note",
                "unknown-contract",
                "cancellation-pending",
                "correction-pending",
            ),
        ),
    ]
