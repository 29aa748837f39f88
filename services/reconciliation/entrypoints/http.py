"""The reconciliation API: acquittals, positions, the journal, balances, DEB files, the check."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict

from pydantic import BaseModel
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.entrypoints import replies
from services.reconciliation.entrypoints.deb_files import standing
from services.reconciliation.entrypoints.schemas import (
    AcquittalList,
    AcquittalsQuery,
    AcquittalTotals,
    BalanceSheet,
    BalancesQuery,
    BooksCheckReply,
    DebFileList,
    DebFileReply,
    DebRowList,
    DebRowTotals,
    FilesQuery,
    JournalPage,
    OrderAcquittalReply,
    ParkedQuery,
    PositionList,
    PositionsQuery,
    PositionTotals,
    RowsQuery,
)
from services.reconciliation.handlers.acquit_order import AcquitOrder, acquit_order
from services.reconciliation.ports import UnitOfWork
from services.reconciliation.views import books, check, deb_files
from shared.contracts.envelope import WireMoney
from shared.kernel.clock import Clock
from shared.kernel.errors import NotFoundError
from shared.web.changes import Changed, changed, unchanged
from shared.web.endpoints import EVERY_ROLE, WORKING_ROLES, Call, Endpoint, Reply
from shared.web.paging import (
    CURSOR_PROBLEM,
    PageQuery,
    Totals,
    cursor,
    read_cursor,
    several,
    split_page,
    whole_number,
)
from shared.web.totals import totals_of

_PRACTICE = "/v1/practices/{practice_id}"
_CURSOR = (CURSOR_PROBLEM,)
_Reading = tuple[str, str, str, type[BaseModel] | None, type[BaseModel], tuple[str, ...]]
UnitOnConnection = Callable[[AsyncConnection], AbstractAsyncContextManager[UnitOfWork]]


class ReconciliationApi:
    """The operations of the API, each on the open connection of its call."""

    def __init__(self, unit_on: UnitOnConnection, clock: Clock) -> None:
        self._unit_on = unit_on
        self._clock = clock

    async def acquit_order(self, call: Call) -> Changed:
        """Acquit a confirmed order by a person's decision."""
        command = AcquitOrder(call.practice_id, call.path_id("order_id"), by=call.principal.subject)
        async with self._unit_on(call.connection) as uow:
            done = await acquit_order(command, uow, self._clock)
        reply = Reply(
            OrderAcquittalReply(
                order_id=done.order_id,
                invoice_count=done.invoice_count,
                total=WireMoney.of(done.total),
                acquitted_on=done.acquitted_on,
                already=done.already,
                set_aside=done.set_aside,
            )
        )
        if done.already:
            return unchanged(reply)
        facts = {
            "acquitted_on": done.acquitted_on,
            "invoice_count": done.invoice_count,
            "total": WireMoney.of(done.total),
            "set_aside": done.set_aside,
        }
        return changed(reply, {"acquitted_on": None}, facts)

    async def list_acquittals(self, call: Call) -> Reply:
        """Answer the acquittals, in the order of the journal."""
        query = call.query_as(AcquittalsQuery)
        rows = await books.acquittals(
            call.connection,
            call.practice_id,
            order_id=query.order_id,
            after=_number(query.after) or 0,
            limit=query.limit + 1,
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["number"]) if more else None
        wanted = {"practice_id": call.practice_id, "order_id": query.order_id}
        totals = await totals_of(call.connection, query, AcquittalTotals, books.ACQUITTALS, wanted)
        items = [replies.acquittal(row) for row in page]
        return Reply(AcquittalList(items=items, next=following, totals=totals))

    async def list_positions(self, call: Call) -> Reply:
        """Answer the positions, by invoice number."""
        query = call.query_as(PositionsQuery)
        rows = await books.positions(
            call.connection,
            call.practice_id,
            with_factor=query.with_factor,
            after=_text(query.after),
            limit=query.limit + 1,
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["invoice_number"]) if more else None
        wanted = {"practice_id": call.practice_id, "with_factor": query.with_factor}
        totals = await totals_of(call.connection, query, PositionTotals, books.POSITIONS, wanted)
        items = [replies.position(row) for row in page]
        return Reply(PositionList(items=items, next=following, totals=totals))

    async def list_journal(self, call: Call) -> Reply:
        """Answer the journal, by number."""
        query = call.query_as(PageQuery)
        after = _number(query.after) or 0
        rows, postings = await books.journal(
            call.connection, call.practice_id, after=after, limit=query.limit + 1
        )
        page, more = split_page(rows, query.limit)
        return Reply(
            JournalPage(
                items=[replies.entry(row, postings[row["entry_id"]]) for row in page],
                next=cursor(page[-1]["number"]) if more else None,
                totals=await totals_of(
                    call.connection,
                    query,
                    Totals,
                    books.JOURNAL,
                    {"practice_id": call.practice_id},
                ),
            )
        )

    async def get_balances(self, call: Call) -> Reply:
        """Answer the balance of every account at the end of a day."""
        query = call.query_as(BalancesQuery)
        on = query.day or self._clock.today()
        rows = await books.balances(call.connection, call.practice_id, on=on)
        return Reply(
            BalanceSheet(
                on=on,
                accounts=[replies.balance(row) for row in rows],
                debit=replies.money(sum(row["debit_rappen"] for row in rows)),
                credit=replies.money(sum(row["credit_rappen"] for row in rows)),
                total=replies.money(sum(row["balance_rappen"] for row in rows)),
            )
        )

    async def list_deb_files(self, call: Call) -> Reply:
        """Answer the DEB files, newest first."""
        query = call.query_as(FilesQuery)
        rows = await deb_files.files(
            call.connection,
            call.practice_id,
            statuses=several(query.status),
            after=_number(query.after),
            limit=query.limit + 1,
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["arrival"]) if more else None
        wanted = {"practice_id": call.practice_id, "statuses": several(query.status)}
        totals = await totals_of(call.connection, query, Totals, deb_files.FILES, wanted)
        items = [replies.deb_file(row) for row in page]
        return Reply(DebFileList(items=items, next=following, totals=totals))

    async def get_deb_file(self, call: Call) -> Reply:
        """Answer one DEB file."""
        return Reply(replies.deb_file(await self._file(call)))

    async def list_deb_rows(self, call: Call) -> Reply:
        """Answer the rows of a DEB file, by line."""
        query = call.query_as(RowsQuery)
        await self._file(call)
        rows = await deb_files.rows(
            call.connection,
            call.practice_id,
            call.path_id("deb_file_id"),
            statuses=several(query.status),
            after=_number(query.after) or 0,
            limit=query.limit + 1,
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["line"]) if more else None
        wanted = {
            "practice_id": call.practice_id,
            "deb_file_id": call.path_id("deb_file_id"),
            "statuses": several(query.status),
        }
        totals = await totals_of(call.connection, query, DebRowTotals, deb_files.ROWS, wanted)
        items = [replies.deb_row(row) for row in page]
        return Reply(DebRowList(items=items, next=following, totals=totals))

    async def list_parked_rows(self, call: Call) -> Reply:
        """Answer the rows that wait for a person, oldest file first."""
        query = call.query_as(ParkedQuery)
        rows = await deb_files.parked_rows(
            call.connection,
            call.practice_id,
            reasons=several(query.reason_code),
            after=_number_pair(query.after),
            limit=query.limit + 1,
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["arrival"], page[-1]["line"]) if more else None
        wanted = {"practice_id": call.practice_id, "reasons": several(query.reason_code)}
        totals = await totals_of(call.connection, query, DebRowTotals, deb_files.PARKED, wanted)
        items = [replies.deb_row(row) for row in page]
        return Reply(DebRowList(items=items, next=following, totals=totals))

    async def check_books(self, call: Call) -> Reply:
        """Answer whether the books hold."""
        found = await check.books_check(call.connection, call.practice_id)
        if found is None:
            raise NotFoundError("this practice has no books here", code="practice-not-found")
        return Reply(BooksCheckReply(**asdict(found) | {"detail": list(found.detail)}))

    async def _file(self, call: Call) -> RowMapping:
        row = await deb_files.file(call.connection, call.practice_id, call.path_id("deb_file_id"))
        if row is None:
            raise NotFoundError("this practice has no such DEB file", code="deb-file-not-found")
        return row


def endpoints(api: ReconciliationApi) -> list[Endpoint]:
    """Return the table of the API."""
    acquit = Endpoint(
        method="POST",
        path=f"{_PRACTICE}/orders/{{order_id}}/acquit",
        operation_id="acquitOrder",
        summary="Acquit every accepted invoice of a confirmed order; again: no effect",
        handler=api.acquit_order,
        roles=WORKING_ROLES,
        response=OrderAcquittalReply,
        problem_codes=("order-not-confirmed", "order-not-found"),
    )
    return [acquit, *(_reading(api, *line) for line in _READINGS)]


_READINGS: tuple[_Reading, ...] = (
    # path, operation, summary, query, answer, problem codes
    ("acquittals", "list_acquittals", "Acquittals", AcquittalsQuery, AcquittalList, _CURSOR),
    (
        "positions",
        "list_positions",
        "What debtor and factor owe, by invoice",
        PositionsQuery,
        PositionList,
        _CURSOR,
    ),
    ("journal", "list_journal", "Journal entries by number", PageQuery, JournalPage, _CURSOR),
    (
        "balances",
        "get_balances",
        "Every account at a day's end",
        BalancesQuery,
        BalanceSheet,
        (),
    ),
    ("deb-files", "list_deb_files", "DEB files, newest first", FilesQuery, DebFileList, _CURSOR),
    (
        "deb-files/{deb_file_id}",
        "get_deb_file",
        "One DEB file and what became of it",
        None,
        DebFileReply,
        ("deb-file-not-found",),
    ),
    (
        "deb-files/{deb_file_id}/rows",
        "list_deb_rows",
        "The rows of a DEB file, by line",
        RowsQuery,
        DebRowList,
        (*_CURSOR, "deb-file-not-found"),
    ),
    (
        "parked-rows",
        "list_parked_rows",
        "Rows that wait for a person, oldest file first",
        ParkedQuery,
        DebRowList,
        _CURSOR,
    ),
    (
        "books-check",
        "check_books",
        "Whether the books hold: sums, chain, positions, rows",
        None,
        BooksCheckReply,
        ("practice-not-found",),
    ),
)


_HOLDS = {"get_deb_file": standing}


def _reading(
    api: ReconciliationApi,
    path: str,
    operation: str,
    summary: str,
    query: type[BaseModel] | None,
    response: type[BaseModel],
    problem_codes: tuple[str, ...],
) -> Endpoint:
    first, *others = operation.split("_")
    return Endpoint(
        method="GET",
        path=f"{_PRACTICE}/{path}",
        operation_id=first + "".join(word.capitalize() for word in others),
        summary=summary,
        handler=getattr(api, operation),
        roles=EVERY_ROLE,
        query=query,
        response=response,
        problem_codes=problem_codes,
        holds=_HOLDS.get(operation),
    )


def _number(after: str | None) -> int | None:
    place = read_cursor(after, whole_number)
    return None if place is None else place[0]


def _number_pair(after: str | None) -> tuple[int, int]:
    first, second = read_cursor(after, whole_number, whole_number) or (-1, -1)
    return first, second


def _text(after: str | None) -> str:
    (place,) = read_cursor(after, str) or ("",)
    return str(place)
