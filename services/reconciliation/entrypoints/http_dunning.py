"""The part of the reconciliation API about the dunning brake."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import date
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.domain.dunning import Findings, Verdict, judge
from services.reconciliation.entrypoints import replies
from services.reconciliation.entrypoints.schemas_periods import (
    BrakeReply,
    DunningList,
    DunningReply,
    OwnInvoiceList,
    OwnInvoiceReply,
    OwnInvoiceTotals,
)
from services.reconciliation.ports import UnitOfWork
from services.reconciliation.views import dunning as views
from shared.contracts.envelope import WireMoney
from shared.kernel.clock import Clock
from shared.kernel.errors import NotFoundError
from shared.web.endpoints import EVERY_ROLE, Call, Endpoint, Reply
from shared.web.paging import CURSOR_PROBLEM, PageQuery, Totals, cursor, read_cursor, split_page
from shared.web.totals import totals_of

_PRACTICE = "/v1/practices/{practice_id}/dunning"
UnitOnConnection = Callable[[AsyncConnection], AbstractAsyncContextManager[UnitOfWork]]


class DunningOperations:
    """The operations, each on the open connection of its call."""

    def __init__(self, unit_on: UnitOnConnection, clock: Clock, *, deb_days_max: int) -> None:
        self._unit_on = unit_on
        self._clock = clock
        self._deb_days_max = deb_days_max

    async def get_one(self, call: Call) -> Reply:
        """Answer whether the practice may run reminders."""
        return Reply(self._reply(await self._verdict(call)))

    async def list_all(self, call: Call) -> Reply:
        """Answer the verdicts about all practices of the token."""
        query = call.query_as(PageQuery)
        (after,) = read_cursor(query.after, UUID) or (None,)
        async with self._unit_on(call.connection) as uow:
            found = await uow.dunning.findings(after=after, limit=query.limit + 1)
        page, more = split_page(found, query.limit)
        return Reply(
            DunningList(
                items=[self._reply(self._judge(one)) for one in page],
                next=cursor(page[-1].practice_id) if more else None,
                totals=await totals_of(call.connection, query, Totals, views.PRACTICES, {}),
            )
        )

    async def list_invoices(self, call: Call) -> Reply:
        """Answer the invoices that the practice itself may remind."""
        query, today = call.query_as(PageQuery), self._clock.today()
        verdict = await self._verdict(call)
        after = read_cursor(query.after, date.fromisoformat, str) or (date.min, "")
        rows = await views.own_invoices(
            call.connection,
            call.practice_id,
            today=today,
            after=(after[0], after[1]),
            limit=query.limit + 1,
        )
        page, more = split_page(rows, query.limit)
        wanted = {"practice_id": call.practice_id, "today": today}
        totals = await totals_of(
            call.connection, query, OwnInvoiceTotals, views.OWN_INVOICES, wanted
        )
        return Reply(
            OwnInvoiceList(
                released=verdict.released,
                totals=totals,
                items=[_own_invoice(row, today) for row in page],
                next=cursor(page[-1]["due_on"], page[-1]["invoice_number"]) if more else None,
            )
        )

    async def _verdict(self, call: Call) -> Verdict:
        async with self._unit_on(call.connection) as uow:
            found = await uow.dunning.findings(call.practice_id)
        if not found:
            raise NotFoundError("this practice has no books here", code="practice-not-found")
        return self._judge(found[0])

    def _judge(self, found: Findings) -> Verdict:
        return judge(found, today=self._clock.today(), deb_days_max=self._deb_days_max)

    def _reply(self, verdict: Verdict) -> DunningReply:
        return DunningReply(
            practice_id=verdict.practice_id,
            released=verdict.released,
            reasons=[
                BrakeReply(
                    reason_code=one.reason.value,
                    count=one.count,
                    amount=None if one.amount is None else WireMoney.of(one.amount),
                    since=one.since,
                )
                for one in verdict.brakes
            ],
            deb_days_max=self._deb_days_max,
        )


def dunning_endpoints(
    unit_on: UnitOnConnection, clock: Clock, *, deb_days_max: int
) -> list[Endpoint]:
    """Return the table of this part of the API."""
    operations = DunningOperations(unit_on, clock, deb_days_max=deb_days_max)
    return [
        Endpoint(
            method="GET",
            path=_PRACTICE,
            operation_id="getDunning",
            summary="Whether the practice may run reminders, and if not, why",
            handler=operations.get_one,
            roles=EVERY_ROLE,
            response=DunningReply,
            problem_codes=("practice-not-found",),
        ),
        Endpoint(
            method="GET",
            path="/v1/dunning",
            operation_id="listDunning",
            summary="Which practices may run reminders, and why others may not",
            handler=operations.list_all,
            roles=EVERY_ROLE,
            query=PageQuery,
            response=DunningList,
            problem_codes=(CURSOR_PROBLEM,),
        ),
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/invoices",
            operation_id="listOwnInvoices",
            summary="Past-due invoices that the practice itself may remind, longest overdue first",
            handler=operations.list_invoices,
            roles=EVERY_ROLE,
            query=PageQuery,
            response=OwnInvoiceList,
            problem_codes=(CURSOR_PROBLEM, "practice-not-found"),
        ),
    ]


def _own_invoice(row: RowMapping, today: date) -> OwnInvoiceReply:
    return OwnInvoiceReply(
        invoice_id=row["invoice_id"],
        invoice_number=row["invoice_number"],
        debtor_number=row["debtor_number"],
        issued_on=row["issued_on"],
        due_on=row["due_on"],
        days_overdue=(today - row["due_on"]).days,
        owed=replies.money(row["owed_rappen"]),
        given_back=row["given_back"],
    )
