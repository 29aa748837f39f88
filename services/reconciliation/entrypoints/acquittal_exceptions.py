"""The part of the reconciliation API with which persons settle lines that were set aside."""

from __future__ import annotations

from sqlalchemy import RowMapping

from services.reconciliation.entrypoints import replies
from services.reconciliation.entrypoints.parked_rows import DECIDING_ROLES, UnitOnConnection
from services.reconciliation.entrypoints.schemas_exceptions import (
    ExceptionsQuery,
    SetAsideLineList,
    SetAsideLineReply,
    SetAsideTotals,
    SettlementReply,
    SettlementRequest,
)
from services.reconciliation.handlers.settle_exception import SettleException, settle_exception
from services.reconciliation.views import exceptions
from shared.kernel.clock import Clock
from shared.web.changes import Changed, changed
from shared.web.endpoints import EVERY_ROLE, Call, Endpoint, Reply
from shared.web.paging import CURSOR_PROBLEM, cursor, read_cursor, split_page, whole_number
from shared.web.totals import totals_of

_PATH = "/v1/practices/{practice_id}/acquittal-exceptions"
_AS_IS = (
    "exception_id",
    "order_id",
    "order_number",
    "contract_id",
    "invoice_id",
    "invoice_number",
    "reason_code",
    "found_at",
)


class ExceptionOperations:
    """Lists and settlements, each on the open connection of its call."""

    def __init__(self, unit_on: UnitOnConnection, clock: Clock) -> None:
        self._unit_on = unit_on
        self._clock = clock

    async def list_exceptions(self, call: Call) -> Reply:
        """Answer the lines that were set aside, oldest first."""
        query = call.query_as(ExceptionsQuery)
        (after,) = read_cursor(query.after, whole_number) or (0,)
        rows = await exceptions.exceptions(
            call.connection,
            call.practice_id,
            order_id=query.order_id,
            settled=query.settled,
            after=after,
            limit=query.limit + 1,
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["place"]) if more else None
        wanted = {
            "practice_id": call.practice_id,
            "order_id": query.order_id,
            "settled": query.settled,
        }
        totals = await totals_of(
            call.connection, query, SetAsideTotals, exceptions.EXCEPTIONS, wanted
        )
        items = [_reply(row) for row in page]
        return Reply(SetAsideLineList(items=items, next=following, totals=totals))

    async def settle(self, call: Call) -> Changed:
        """Carry out what a person decides about a line."""
        body = call.body_as(SettlementRequest)
        command = SettleException(
            practice_id=call.practice_id,
            exception_id=call.path_id("exception_id"),
            settlement=body.decision,
            reason=body.reason.strip(),
            by=call.principal.subject,
        )
        async with self._unit_on(call.connection) as uow:
            await settle_exception(command, uow, self._clock)
        row = await exceptions.exception(call.connection, call.practice_id, command.exception_id)
        after = {
            "decision": command.settlement,
            "reason": command.reason,
            "confirmed": replies.money(row["confirmed_rappen"]),
        }
        return changed(Reply(_reply(row)), {"decision": None}, after)


def set_aside_endpoints(unit_on: UnitOnConnection, clock: Clock) -> list[Endpoint]:
    """Return the table of this part of the API."""
    operations = ExceptionOperations(unit_on, clock)
    return [
        Endpoint(
            method="GET",
            path=_PATH,
            operation_id="listAcquittalExceptions",
            summary="Accepted lines that the books could not acquit, oldest first",
            handler=operations.list_exceptions,
            roles=EVERY_ROLE,
            query=ExceptionsQuery,
            response=SetAsideLineList,
            problem_codes=(CURSOR_PROBLEM,),
        ),
        Endpoint(
            method="POST",
            path=f"{_PATH}/{{exception_id}}/decision",
            operation_id="settleAcquittalException",
            summary="Acquit a line now that the books agree, or leave it; once, with a reason",
            handler=operations.settle,
            roles=DECIDING_ROLES,
            request=SettlementRequest,
            response=SetAsideLineReply,
            problem_codes=(
                "acquittal-exception-not-found",
                "books-disagree-still",
                "exception-already-settled",
            ),
        ),
    ]


def _reply(row: RowMapping) -> SetAsideLineReply:
    decision = None
    if row["decision"] is not None:
        decision = SettlementReply(
            decision=row["decision"],
            reason=row["decision_reason"],
            decided_by=row["decided_by"],
            decided_at=row["decided_at"],
        )
    return SetAsideLineReply(
        **{name: row[name] for name in _AS_IS},
        confirmed=replies.money(row["confirmed_rappen"]),
        open_amount=replies.money(row["open_rappen"]),
        open_now=replies.money(row["open_now_rappen"]),
        decision=decision,
    )
