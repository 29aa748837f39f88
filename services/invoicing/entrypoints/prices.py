"""HTTP handlers about price lists."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from services.invoicing.entrypoints.desk import Desk, added, only
from services.invoicing.entrypoints.schemas.prices import (
    PriceLinePage,
    PriceListPage,
    PriceListQuery,
    price_line_answer,
    price_list_answer,
)
from services.invoicing.handlers.load_price_list import LoadPriceList, load_price_list
from services.invoicing.views import prices as views
from shared.kernel.ids import new_id
from shared.web.changes import Changed
from shared.web.endpoints import Call, Reply
from shared.web.paging import PageQuery, Totals, cursor, read_cursor, split_page
from shared.web.totals import totals_of

_NOT_FOUND = "price-list-not-found"


class PriceOperations:
    """The operations on price lists."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def load(self, call: Call) -> Changed:
        """Load a price list from a CSV file."""
        query = call.query_as(PriceListQuery)
        command = LoadPriceList(
            price_list_id=new_id(),
            practice_id=call.practice_id,
            name=query.name,
            tariff_type=query.tariff_type,
            point_value=Decimal(query.point_value),
            valid_from=query.valid_from,
            valid_to=query.valid_to,
            data=call.raw_body or b"",
            by=call.principal.subject,
        )
        async with self._desk.unit_of_work(call.connection) as uow:
            await load_price_list(command, uow, clock=self._desk.clock)
        rows = await views.price_list(call.connection, call.practice_id, command.price_list_id)
        return added(Reply(price_list_answer(only(rows, code=_NOT_FOUND, what="price list"))))

    async def list(self, call: Call) -> Reply:
        """List the practice's price lists."""
        query = call.query_as(PageQuery)
        rows = await views.price_lists(
            call.connection,
            call.practice_id,
            limit=query.limit + 1,
            after=read_cursor(query.after, str, date.fromisoformat),
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["tariff_type"], page[-1]["valid_from"]) if more else None
        wanted = {"practice_id": call.practice_id}
        totals = await totals_of(call.connection, query, Totals, views.PRICE_LISTS, wanted)
        items = [price_list_answer(row) for row in page]
        return Reply(PriceListPage(items=items, next=following, totals=totals))

    async def lines(self, call: Call) -> Reply:
        """List the lines of a price list."""
        query, price_list_id = call.query_as(PageQuery), call.path_id("price_list_id")
        known = await views.price_list(call.connection, call.practice_id, price_list_id)
        only(known, code=_NOT_FOUND, what="price list")
        (after,) = read_cursor(query.after, str) or (None,)
        rows = await views.price_lines(
            call.connection, call.practice_id, price_list_id, limit=query.limit + 1, after=after
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["code"]) if more else None
        wanted = {"practice_id": call.practice_id, "price_list_id": price_list_id}
        totals = await totals_of(call.connection, query, Totals, views.PRICE_LINES, wanted)
        items = [price_line_answer(row) for row in page]
        return Reply(PriceLinePage(items=items, next=following, totals=totals))
