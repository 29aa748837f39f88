"""Reads one order with everything that is told of it, for each operation that answers it."""

from __future__ import annotations

from services.orders import views
from services.orders.entrypoints import replies
from services.orders.entrypoints.schemas import OrderDetail
from services.orders.entrypoints.workshop import Workshop
from shared.web.endpoints import Call


async def whole_order(call: Call, workshop: Workshop) -> OrderDetail:
    """Return the order of the path with its story.

    Raises:
        OrderNotFoundError: the practice has no such order.
    """
    row = await views.order(call.connection, call.practice_id, call.path_id("order_id"))
    order_id = row["order_id"]
    return replies.order_detail(
        row,
        await views.order_facts(call.connection, order_id),
        await views.lines_with_notices(
            call.connection, call.practice_id, order_id, limit=replies.LISTED_MAX
        ),
        await views.order_credit_notes(
            call.connection, call.practice_id, order_id, limit=replies.LISTED_MAX
        ),
        await views.observation(call.connection, call.practice_id, order_id),
        retention_years=workshop.retention_years,
    )
