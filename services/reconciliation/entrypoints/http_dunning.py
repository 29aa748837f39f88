"""The part of the reconciliation API about the dunning brake."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import date
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.domain.dunning import Among, Findings, Verdict, judge
from services.reconciliation.entrypoints import replies
from services.reconciliation.entrypoints.schemas_periods import (
    BrakeReply,
    DunningList,
    DunningQuery,
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
from shared.web.totals import shows_totals, totals_of

_PRACTICE = "/v1/practices/{practice_id}/dunning"
_AT_ONCE = 200
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
        query = call.query_as(DunningQuery)
        (after,) = read_cursor(query.after, UUID) or (None,)
        among = Among(query.practice_id or None, query.contract_id or None)
        behind, totals = await self._behind(call, query, among, after)
        page, more = split_page(behind, query.limit)
        return Reply(
            DunningList(
                items=[self._reply(one) for one in page],
                next=cursor(page[-1].practice_id) if more else None,
                totals=totals,
            )
        )

    async def _behind(
        self, call: Call, query: DunningQuery, among: Among, after: UUID | None
    ) -> tuple[list[Verdict], Totals | None]:
        """Return one more verdict than a page has, and the totals.

        What may be told of a verdict is known when it is judged, so then all practices are.
        """
        if query.released is None and not query.reason_code:
            async with self._unit_on(call.connection) as uow:
                found = await uow.dunning.findings(among, after=after, limit=query.limit + 1)
            wanted = {
                "practice_ids": among.practice_ids,
                "contract_ids": among.contract_ids,
            }
            totals = await totals_of(call.connection, query, Totals, views.PRACTICES, wanted)
            return [self._judge(one) for one in found], totals
        verdicts = [one for one in await self._all(call, among) if _is_wanted(one, query)]
        counted = Totals(count=len(verdicts), exact=True) if shows_totals(query) else None
        return [one for one in verdicts if after is None or one.practice_id > after], counted

    async def _all(self, call: Call, among: Among) -> list[Verdict]:
        verdicts: list[Verdict] = []
        after: UUID | None = None
        async with self._unit_on(call.connection) as uow:
            while found := await uow.dunning.findings(among, after=after, limit=_AT_ONCE):
                verdicts += [self._judge(one) for one in found]
                after = found[-1].practice_id
        return verdicts

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
            found = await uow.dunning.findings(Among([call.practice_id]))
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
            query=DunningQuery,
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


def _is_wanted(verdict: Verdict, query: DunningQuery) -> bool:
    right_state = query.released in {None, verdict.released}
    return right_state and (
        not query.reason_code or not verdict.reasons.isdisjoint(query.reason_code)
    )


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
