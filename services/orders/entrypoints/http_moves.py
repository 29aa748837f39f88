"""What a person does with a prepared order: take it back, confirm its arrival, close it."""

from __future__ import annotations

from services.orders import views
from services.orders.entrypoints.schemas import (
    ConfirmArrivalBody,
    OrderDetail,
    WithdrawOrderBody,
)
from services.orders.entrypoints.stories import whole_order
from services.orders.entrypoints.workshop import Workshop
from services.orders.handlers.close_order import CloseOrder, close_order
from services.orders.handlers.confirm_arrival import ConfirmArrival, confirm_arrival
from services.orders.handlers.withdraw_order import WithdrawOrder, withdraw_order
from shared.kernel.ids import OrderId, PracticeId
from shared.web.changes import Changed, moved
from shared.web.endpoints import WORKING_ROLES, Call, Endpoint, Reply

_ORDER = "/v1/practices/{practice_id}/orders/{order_id}"


class OrderMoves:
    """The operations on one order, each on the open connection of its call."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    async def withdraw(self, call: Call) -> Changed:
        """Ask for an order back."""
        command = WithdrawOrder(
            order_id=OrderId(call.path_id("order_id")),
            practice_id=PracticeId(call.practice_id),
            by=call.principal.subject,
            handed_over_by_hand=call.body_as(WithdrawOrderBody).handed_over_by_hand,
        )
        before = await standing(call)
        async with self._workshop.unit_of_work(call.connection) as uow:
            await withdraw_order(command, uow, self._workshop.clock)
        return moved(Reply(await whole_order(call, self._workshop)), before, await standing(call))

    async def confirm_arrival(self, call: Call) -> Changed:
        """Confirm that a person saw the order at the factor."""
        body = call.body_as(ConfirmArrivalBody)
        command = ConfirmArrival(
            order_id=OrderId(call.path_id("order_id")),
            practice_id=PracticeId(call.practice_id),
            by=call.principal.subject,
            observed_at=body.observed_at,
            reference=body.reference,
            seen=body.seen,
            refusals={each.invoice_number: each.refusal_code for each in body.refusals},
        )
        workshop, before = self._workshop, await standing(call)
        async with workshop.unit_of_work(call.connection) as uow:
            await confirm_arrival(command, uow, workshop.archive, workshop.clock)
        return moved(
            Reply(await whole_order(call, self._workshop)),
            before,
            await standing(call),
            observed_at=command.observed_at,
            reference=command.reference,
        )

    async def close(self, call: Call) -> Changed:
        """Close an acquitted order."""
        command = CloseOrder(
            order_id=OrderId(call.path_id("order_id")),
            practice_id=PracticeId(call.practice_id),
            by=call.principal.subject,
        )
        before = await standing(call)
        async with self._workshop.unit_of_work(call.connection) as uow:
            await close_order(command, uow, self._workshop.clock)
        return moved(Reply(await whole_order(call, self._workshop)), before, await standing(call))


async def standing(call: Call) -> dict[str, object]:
    """Return how the order of the path stands, and keep others from it; nothing if unknown."""
    order_id = call.path_id("order_id")
    return await views.order_standing(call.connection, call.practice_id, order_id)


def move_endpoints(workshop: Workshop) -> list[Endpoint]:
    """Return this part of the API's table."""
    moves = OrderMoves(workshop)
    return [
        Endpoint(
            method="POST",
            path=f"{_ORDER}/withdraw",
            operation_id="withdrawOrder",
            summary="Ask for an order back; it is withdrawn once the gateway says nothing has left",
            handler=moves.withdraw,
            roles=WORKING_ROLES,
            request=WithdrawOrderBody,
            response=OrderDetail,
            status=202,
            problem_codes=("order-handed-over", "order-may-have-left", "order-not-found"),
        ),
        Endpoint(
            method="POST",
            path=f"{_ORDER}/confirm-arrival",
            operation_id="confirmOrderArrival",
            summary="Confirm on a person's word that the order has arrived; the evidence is kept",
            handler=moves.confirm_arrival,
            roles=WORKING_ROLES,
            request=ConfirmArrivalBody,
            response=OrderDetail,
            problem_codes=(
                "arrival-does-not-match",
                "illegal-order-move",
                "observation-time-impossible",
                "order-being-withdrawn",
                "order-not-found",
                "refusal-without-invoice",
                "seen-too-long",
                "seen-unusable",
            ),
        ),
        Endpoint(
            method="POST",
            path=f"{_ORDER}/close",
            operation_id="closeOrder",
            summary="Close an acquitted order: nothing more is expected of it",
            handler=moves.close,
            roles=WORKING_ROLES,
            response=OrderDetail,
            problem_codes=("order-not-acquitted", "order-not-found"),
        ),
    ]
