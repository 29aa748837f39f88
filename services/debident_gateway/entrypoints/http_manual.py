"""The manual mode's API: a person carries packages to the portal's site, and DEB files back."""

from __future__ import annotations

import base64
from uuid import UUID

from sqlalchemy import RowMapping

from services.debident_gateway import views
from services.debident_gateway.domain.errors import (
    ContractNotManualError,
    PackageDamagedError,
    UnknownTransmissionError,
)
from services.debident_gateway.domain.manual import MANUAL_ADAPTER
from services.debident_gateway.domain.model import StoredContent
from services.debident_gateway.domain.transmission import Move, TransmissionState
from services.debident_gateway.domain.words import say_state
from services.debident_gateway.entrypoints import replies
from services.debident_gateway.entrypoints.schemas import BroughtDebFile, TransmissionDetail
from services.debident_gateway.entrypoints.schemas_manual import (
    DebFileQuery,
    HandOverBody,
    ManualTask,
    ManualTaskList,
    ManualTasksQuery,
    RefusalBody,
    TaskKind,
)
from services.debident_gateway.entrypoints.stories import standing, whole_transmission
from services.debident_gateway.entrypoints.workshop import Workshop
from services.debident_gateway.handlers.report_by_hand import (
    HandOverOrder,
    ReportRefusal,
    hand_over_order,
    report_refusal,
)
from services.debident_gateway.handlers.take_deb_file import TakeDebFile, take_deb_file
from shared.kernel.errors import PermanentError
from shared.web.changes import Changed, changed, moved, unchanged
from shared.web.endpoints import EVERY_ROLE, WORKING_ROLES, Call, Endpoint, Reply
from shared.web.paging import CURSOR_PROBLEM, Totals, cursor, instant, read_cursor, split_page
from shared.web.totals import totals_of

DEB_FILE_BYTES_MAX = 2_000_000_000
_PRACTICE = "/v1/practices/{practice_id}"
_TRANSMISSION = f"{_PRACTICE}/transmissions/{{order_id}}"
_STEP_PROBLEMS = (
    "contract-not-manual",
    "illegal-transmission-move",
    "observation-time-impossible",
    "transmission-not-found",
)


class ManualMode:
    """The operations of the manual mode, each on the open connection of its call."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    async def list_tasks(self, call: Call) -> Reply:
        """Answer what waits for a person."""
        query = call.query_as(ManualTasksQuery)
        rows = await views.manual_tasks(
            call.connection,
            call.practice_id,
            after=read_cursor(query.after, instant, UUID),
            limit=query.limit + 1,
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["prepared_at"], page[-1]["order_id"]) if more else None
        wanted = {"practice_id": call.practice_id}
        totals = await totals_of(call.connection, query, Totals, views.TASKS, wanted)
        items = [_task(row) for row in page]
        return Reply(ManualTaskList(items=items, next=following, totals=totals))

    async def package(self, call: Call) -> Reply:
        """Answer the order's package, byte for byte, with its hash."""
        row = await views.with_adapter(call.connection, call.practice_id, call.path_id("order_id"))
        if row is None:
            raise UnknownTransmissionError
        if row["adapter"] != MANUAL_ADAPTER:
            raise ContractNotManualError(row["adapter"])
        names = ("key", "sha256", "size_bytes", "media_type")
        content = StoredContent(**{name: row[f"package_{name}"] for name in names})
        try:
            data = await self._workshop.documents.package(content, practice_id=call.practice_id)
        except PermanentError as error:
            raise PackageDamagedError from error
        digest = base64.b64encode(bytes.fromhex(content.sha256)).decode()
        headers = {
            "Content-Disposition": f'attachment; filename="{row["order_id"]}.zip"',
            "ETag": f'"{content.sha256}"',
            "Repr-Digest": f"sha-256=:{digest}:",
        }
        return Reply(data, headers=headers)

    async def hand_over(self, call: Call) -> Changed:
        """Note that a person uploaded the package."""
        body = call.body_as(HandOverBody)
        command = HandOverOrder(
            order_id=call.path_id("order_id"),
            practice_id=call.practice_id,
            by=call.principal.subject,
            uploaded_at=body.uploaded_at,
            reference=body.reference,
            seen=body.seen,
            package_sha256=body.package_sha256,
        )
        before = await standing(call)
        async with self._workshop.unit_of_work(call.connection) as uow:
            await hand_over_order(command, uow, self._workshop.clock)
        reply = Reply(await whole_transmission(call))
        return moved(reply, before, await standing(call), uploaded_at=command.uploaded_at)

    async def report_refusal(self, call: Call) -> Changed:
        """Note that a person saw the whole order refused."""
        body = call.body_as(RefusalBody)
        command = ReportRefusal(
            order_id=call.path_id("order_id"),
            practice_id=call.practice_id,
            by=call.principal.subject,
            observed_at=body.observed_at,
            reference=body.reference,
            seen=body.seen,
            reason_code=body.reason_code,
        )
        before = await standing(call)
        async with self._workshop.unit_of_work(call.connection) as uow:
            await report_refusal(command, uow, self._workshop.clock)
        return moved(
            Reply(await whole_transmission(call)),
            before,
            await standing(call),
            reference=command.reference,
            observed_at=command.observed_at,
        )

    async def bring_deb_file(self, call: Call) -> Changed:
        """Take a DEB file that a person downloaded; the same bytes again are told as a repeat."""
        assert call.upload is not None  # noqa: S101 - the endpoint spools
        query = call.query_as(DebFileQuery)
        command = TakeDebFile(
            practice_id=call.practice_id,
            contract_id=call.path_id("contract_id"),
            by=call.principal.subject,
            name=query.name,
            file=call.upload,
            number=query.number,
        )
        workshop = self._workshop
        async with workshop.unit_of_work(call.connection) as uow:
            deb_file_id, move, placed = await take_deb_file(
                command, uow, workshop.documents, workshop.clock
            )
        row = await views.deb_file(call.connection, call.practice_id, deb_file_id)
        assert row is not None  # noqa: S101 - added, or found, in this very transaction
        repeat = move is Move.ALREADY_MADE
        brought = replies.brought_deb_file(row, repeat=repeat)
        if repeat and not placed:
            return unchanged(Reply(brought, status=200))
        facts = {
            "deb_file_id": deb_file_id,
            "contract_id": command.contract_id,
            "sha256": row["sha256"],
            "size_bytes": command.file.size_bytes,
        } | ({"missing_number": command.number} if placed else {})
        return changed(Reply(brought, status=200 if repeat else 201), None, facts)


def _task(row: RowMapping) -> ManualTask:
    state = TransmissionState(row["state"])
    copied = {name: row[name] for name in ManualTask.model_fields if name in row}
    is_sent = state is TransmissionState.SENT
    return ManualTask(
        **copied,
        kind=TaskKind.LOOK_FOR_ARRIVAL if is_sent else TaskKind.UPLOAD_PACKAGE,
        words=say_state(state, row["reason_code"]),
    )


def manual_endpoints(workshop: Workshop) -> list[Endpoint]:
    """Return this part of the API's table."""
    manual = ManualMode(workshop)
    return [
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/manual-tasks",
            operation_id="listManualTasks",
            summary="Orders that a person carries to the portal's site, the oldest first",
            handler=manual.list_tasks,
            roles=EVERY_ROLE,
            query=ManualTasksQuery,
            response=ManualTaskList,
            problem_codes=(CURSOR_PROBLEM,),
        ),
        Endpoint(
            method="GET",
            path=f"{_TRANSMISSION}/package",
            operation_id="downloadOrderPackage",
            summary="An order's package, byte for byte, for the upload on the portal's site",
            handler=manual.package,
            roles=WORKING_ROLES,
            response_media_type="application/zip",
            problem_codes=("contract-not-manual", "package-damaged", "transmission-not-found"),
        ),
        Endpoint(
            method="POST",
            path=f"{_TRANSMISSION}/hand-over",
            operation_id="handOverOrder",
            summary="Say that the package was uploaded: who, when, and what was seen",
            handler=manual.hand_over,
            roles=WORKING_ROLES,
            request=HandOverBody,
            response=TransmissionDetail,
            problem_codes=(*_STEP_PROBLEMS, "other-order-in-flight", "other-package-uploaded"),
        ),
        Endpoint(
            method="POST",
            path=f"{_TRANSMISSION}/report-refusal",
            operation_id="reportOrderRefusal",
            summary="Say that the portal's site shows the whole order as refused",
            handler=manual.report_refusal,
            roles=WORKING_ROLES,
            request=RefusalBody,
            response=TransmissionDetail,
            problem_codes=_STEP_PROBLEMS,
        ),
        Endpoint(
            method="POST",
            path=f"{_PRACTICE}/contracts/{{contract_id}}/deb-files",
            operation_id="bringDebFile",
            summary="Bring a DEB file that was downloaded by hand; the same file twice is a repeat",
            handler=manual.bring_deb_file,
            roles=WORKING_ROLES,
            query=DebFileQuery,
            response=BroughtDebFile,
            status=201,
            request_media_type="application/octet-stream",
            spools=True,
            max_body_bytes=DEB_FILE_BYTES_MAX,
            problem_codes=(
                "contract-not-found",
                "deb-file-empty",
                "deb-file-of-other-contract",
                "deb-file-has-other-number",
                "deb-number-not-missing",
            ),
        ),
    ]
