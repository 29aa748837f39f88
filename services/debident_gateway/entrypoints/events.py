"""What the gateway listens to: each event type and the use case that it sets in motion."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from services.debident_gateway.entrypoints.workshop import Workshop
from services.debident_gateway.handlers.apply_contract_terms import (
    ApplyContractTerms,
    apply_contract_terms,
)
from services.debident_gateway.handlers.intend_transmission import (
    IntendTransmission,
    intend_transmission,
)
from services.debident_gateway.handlers.note_overdue import NoteOverdue, note_overdue
from services.debident_gateway.handlers.settle_by_person import SettleByPerson, settle_by_person
from services.debident_gateway.handlers.withhold_order import WithholdOrder, withhold_order
from services.debident_gateway.ports import UnitOfWork
from services.debident_gateway.translate import content_from, terms_from
from shared.contracts.envelope import EventPayload
from shared.contracts.invoicing.v1 import ContractChanged
from shared.contracts.orders.v1 import (
    OrderConfirmed,
    OrderOverdue,
    OrderPrepared,
    OrderWithdrawalRequested,
)
from shared.kernel.errors import DomainError, PermanentError
from shared.messaging.events import ReceivedEvent, Subscription

P = TypeVar("P", bound=EventPayload)
_Use = Callable[[P, UnitOfWork, Workshop], Awaitable[object]]


def subscriptions(workshop: Workshop) -> list[Subscription[Any]]:
    """Return the table of what the gateway listens to; every other type is passed over."""
    return [
        _on(ContractChanged, _contract_changed, workshop),
        _on(OrderPrepared, _order_prepared, workshop),
        _on(OrderConfirmed, _order_confirmed, workshop),
        _on(OrderWithdrawalRequested, _order_withdrawal_requested, workshop),
        _on(OrderOverdue, _order_overdue, workshop),
    ]


def _on(payload_type: type[P], use: _Use[P], workshop: Workshop) -> Subscription[P]:
    async def handle(event: ReceivedEvent[P], connection: AsyncConnection) -> None:
        try:
            async with workshop.unit_of_work(connection) as uow:
                await use(event.payload, uow, workshop)
        except DomainError as error:
            # Nobody can be asked here: a person finds it among the dead letters, with the reason.
            raise PermanentError(f"{error.code}: {error}") from error

    return Subscription(payload_type, handle)


async def _contract_changed(event: ContractChanged, uow: UnitOfWork, workshop: Workshop) -> object:
    return await apply_contract_terms(ApplyContractTerms(terms_from(event)), uow, workshop.clock)


async def _order_prepared(event: OrderPrepared, uow: UnitOfWork, workshop: Workshop) -> object:
    command = IntendTransmission(
        order_id=event.order_id,
        practice_id=event.practice_id,
        contract_id=event.contract_id,
        order_number=event.order_number,
        invoice_count=event.invoice_count,
        package=content_from(event.package),
        lines=content_from(event.lines),
        prepared_at=event.prepared_at,
    )
    return await intend_transmission(command, uow, workshop.clock)


async def _order_confirmed(event: OrderConfirmed, uow: UnitOfWork, workshop: Workshop) -> object:
    if event.evidence.kind != "person":
        return None  # The gateway itself saw this arrival.
    command = SettleByPerson(order_id=event.order_id, confirmed_at=event.confirmed_at)
    return await settle_by_person(command, uow, workshop.clock)


async def _order_withdrawal_requested(
    event: OrderWithdrawalRequested, uow: UnitOfWork, workshop: Workshop
) -> object:
    return await withhold_order(WithholdOrder(event.order_id), uow, workshop.clock)


async def _order_overdue(event: OrderOverdue, uow: UnitOfWork, _: Workshop) -> object:
    return await note_overdue(NoteOverdue(event.order_id, event.attempt), uow)
