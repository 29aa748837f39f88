"""The part of the reconciliation API that closes and reopens periods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from pydantic import BaseModel
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.entrypoints import replies
from services.reconciliation.entrypoints.parked_rows import DECIDING_ROLES
from services.reconciliation.entrypoints.schemas_periods import (
    ClosingBalanceReply,
    PeriodList,
    PeriodOutcomeReply,
    PeriodReply,
    PeriodRequest,
)
from services.reconciliation.handlers.close_period import (
    ClosePeriod,
    PeriodOutcome,
    ReopenPeriod,
    close_period,
    reopen_period,
)
from services.reconciliation.ports import UnitOfWork
from services.reconciliation.views import periods
from shared.kernel.clock import Clock
from shared.web.changes import Changed, changed, unchanged
from shared.web.endpoints import EVERY_ROLE, Call, Endpoint, Reply
from shared.web.paging import (
    CURSOR_PROBLEM,
    PageQuery,
    Totals,
    cursor,
    not_ours,
    read_cursor,
    split_page,
    whole_number,
)
from shared.web.totals import totals_of

_PERIODS = "/v1/practices/{practice_id}/periods"
_PLACE_MAX = 2**31 - 1
UnitOnConnection = Callable[[AsyncConnection], AbstractAsyncContextManager[UnitOfWork]]


class PeriodOperations:
    """The operations, each on the open connection of its call."""

    def __init__(self, unit_on: UnitOnConnection, clock: Clock) -> None:
        self._unit_on = unit_on
        self._clock = clock

    async def close(self, call: Call) -> Changed:
        """Close the books up to a day."""
        body = call.body_as(PeriodRequest)
        command = ClosePeriod(
            call.practice_id, body.until, body.reason.strip(), call.principal.subject
        )
        async with self._unit_on(call.connection) as uow:
            outcome = await close_period(command, uow, self._clock)
        return await _shown(call, outcome)

    async def reopen(self, call: Call) -> Changed:
        """Take the last closing back."""
        body = call.body_as(PeriodRequest)
        command = ReopenPeriod(
            call.practice_id, body.until, body.reason.strip(), call.principal.subject
        )
        async with self._unit_on(call.connection) as uow:
            outcome = await reopen_period(command, uow, self._clock)
        return await _shown(call, outcome)

    async def list_all(self, call: Call) -> Reply:
        """Answer closings and reopenings, the last one first."""
        query = call.query_as(PageQuery)
        rows = await periods.decisions(
            call.connection, call.practice_id, after=_place(query.after), limit=query.limit + 1
        )
        page, more = split_page(rows, query.limit)
        return Reply(
            PeriodList(
                closed_until=await periods.closed_until(call.connection, call.practice_id),
                items=[PeriodReply(**_values(row)) for row in page],
                next=cursor(page[-1]["place"]) if more else None,
                totals=await totals_of(
                    call.connection,
                    query,
                    Totals,
                    periods.DECISIONS,
                    {"practice_id": call.practice_id},
                ),
            )
        )


def period_endpoints(unit_on: UnitOnConnection, clock: Clock) -> list[Endpoint]:
    """Return the table of this part of the API."""
    operations = PeriodOperations(unit_on, clock)
    return [
        _deciding(
            "close",
            "Close the books up to and including a day; the same day again: no effect",
            operations.close,
            ("period-closed-further", "period-in-the-future", "practice-not-found"),
        ),
        _deciding(
            "reopen",
            "Take back the closing up to this day, the last one; the one before it then holds",
            operations.reopen,
            ("period-not-last-closed", "practice-not-found"),
        ),
        Endpoint(
            method="GET",
            path=_PERIODS,
            operation_id="listPeriods",
            summary="Who closed and reopened the books, when and why, the last one first",
            handler=operations.list_all,
            roles=EVERY_ROLE,
            query=PageQuery,
            response=PeriodList,
            problem_codes=(CURSOR_PROBLEM,),
        ),
    ]


def _deciding(
    verb: str,
    summary: str,
    handler: Callable[[Call], Awaitable[Reply]],
    problem_codes: tuple[str, ...],
    response: type[BaseModel] = PeriodOutcomeReply,
) -> Endpoint:
    return Endpoint(
        method="POST",
        path=f"{_PERIODS}/{verb}",
        operation_id=f"{verb}Period",
        summary=summary,
        handler=handler,
        roles=DECIDING_ROLES,
        request=PeriodRequest,
        response=response,
        problem_codes=problem_codes,
    )


async def _shown(call: Call, outcome: PeriodOutcome) -> Changed:
    decision = outcome.decision
    row = await periods.decision(call.connection, decision.closing_id)
    reply = Reply(PeriodOutcomeReply(**_values(row), already=outcome.already))
    if outcome.already:
        return unchanged(reply)
    was = await periods.closed_until(call.connection, call.practice_id, before=decision.place)
    after = {
        "closed_until": decision.closed_until,
        "closing_id": decision.closing_id,
        "reason": decision.reason,
    }
    return changed(reply, {"closed_until": was}, after)


def _place(after: str | None) -> int | None:
    place = read_cursor(after, whole_number)
    if place is None:
        return None
    if place[0] > _PLACE_MAX:
        raise not_ours()
    return int(place[0])


def _values(row: RowMapping) -> dict[str, object]:
    kept = (
        "closing_id",
        "place",
        "action",
        "until",
        "closed_until",
        "reason",
        "decided_by",
        "decided_at",
        "in_force",
        "reopens",
    )
    return {name: row[name] for name in kept} | {
        "last_entry_number": row["head_number"],
        "last_entry_hash": row["head_hash"],
        "balances": [
            ClosingBalanceReply(
                account=account,
                debit=replies.money(debit),
                credit=replies.money(credit),
                balance=replies.money(debit - credit),
            )
            for account, debit, credit in row["balances"] or ()
        ],
    }
