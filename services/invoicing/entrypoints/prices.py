"""HTTP handlers about price lists."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

from services.invoicing.entrypoints.desk import Desk, added, only, shown
from services.invoicing.entrypoints.schemas.prices import (
    PriceLinePage,
    PriceListPage,
    PriceListQuery,
    PriceListsQuery,
    price_line_answer,
    price_list_answer,
)
from services.invoicing.handlers.change_price_list import ChangePriceList, change_price_list
from services.invoicing.handlers.load_price_list import LoadPriceList, load_price_list
from services.invoicing.views import prices as views
from shared.kernel.ids import new_id
from shared.web.changes import IDS_TOLD_MAX, Changed, changed
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
        return added(await self._price_list(call, command.price_list_id))

    async def show(self, call: Call) -> Reply:
        """Show one price list, without its lines."""
        return await self._price_list(call, call.path_id("price_list_id"))

    async def change(self, call: Call) -> Changed:
        """Correct or end a price list that nobody has changed since it was read."""
        query, price_list_id = call.query_as(PriceListQuery), call.path_id("price_list_id")
        command = ChangePriceList(
            price_list_id=price_list_id,
            practice_id=call.practice_id,
            name=query.name,
            tariff_type=query.tariff_type,
            point_value=Decimal(query.point_value),
            valid_from=query.valid_from,
            valid_to=query.valid_to,
            data=call.raw_body or b"",
            by=call.principal.subject,
            read=call.if_match or "",
        )
        before = shown(await self._price_list(call, price_list_id)).model_dump(mode="json")
        async with self._desk.unit_of_work(call.connection) as uow:
            done = await change_price_list(command, uow, clock=self._desk.clock)
        reply = await self._price_list(call, price_list_id)
        codes = done.changed_codes
        after = shown(reply).model_dump(mode="json")
        return changed(
            reply,
            before | {"codes_changed": 0, "codes": []},
            after | {"codes_changed": len(codes), "codes": codes[:IDS_TOLD_MAX]},
        )

    async def list(self, call: Call) -> Reply:
        """List the practice's price lists."""
        query = call.query_as(PriceListsQuery)
        rows = await views.price_lists(
            call.connection,
            call.practice_id,
            limit=query.limit + 1,
            tariff_type=query.tariff_type,
            day=query.day,
            after=read_cursor(query.after, str, date.fromisoformat),
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["tariff_type"], page[-1]["valid_from"]) if more else None
        wanted = {
            "practice_id": call.practice_id,
            "tariff_type": query.tariff_type,
            "day": query.day,
        }
        totals = await totals_of(call.connection, query, Totals, views.PRICE_LISTS, wanted)
        items = [price_list_answer(row) for row in page]
        return Reply(PriceListPage(items=items, next=following, totals=totals))

    async def _price_list(self, call: Call, price_list_id: UUID) -> Reply:
        rows = await views.price_list(call.connection, call.practice_id, price_list_id)
        row = only(rows, code=_NOT_FOUND, what="price list")
        return Reply(price_list_answer(row), headers={"ETag": f'"{row["version"]}"'})

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
