"""The books have worked every accepted invoice of an order; its lines stay live for good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.orders.domain.errors import BooksDisagreeError
from services.orders.domain.order import IN_FLIGHT, Order
from services.orders.handlers.needs import needed_order
from services.orders.handlers.outcome import Outcome
from services.orders.ports import UnitOfWork
from shared.kernel.errors import TooEarlyError
from shared.kernel.ids import ContractId, OrderId, PracticeId
from shared.kernel.money import Money

NOTHING = Money.zero()


@dataclass(frozen=True, slots=True)
class NoteOrderAcquitted:
    """Note the acquittal of an order, with what the books say of its size.

    Attributes:
        invoice_count, total: of what is acquitted.
        set_aside_count, set_aside_total: of what waits in the books for a person.
    """

    order_id: OrderId
    practice_id: PracticeId
    contract_id: ContractId
    invoice_count: int
    total: Money
    acquitted_at: datetime
    set_aside_count: int = 0
    set_aside_total: Money = NOTHING


async def note_order_acquitted(command: NoteOrderAcquitted, uow: UnitOfWork) -> Outcome:
    """Move a confirmed order to "acquitted"; repeated, it is already done.

    Raises:
        TooEarlyError: the order is not known, or not confirmed yet.
        BooksDisagreeError: count or total, with what was set aside, is not that of the accepted
            lines.
        IllegalMoveError: the order was refused.
    """
    order = await needed_order(
        uow,
        practice_id=command.practice_id,
        order_id=command.order_id,
        contract_id=command.contract_id,
    )
    if order.state in IN_FLIGHT:
        raise TooEarlyError(
            f"order {order.number} is not confirmed yet", waits_for=str(command.order_id)
        )
    step = order.acquitted(at=command.acquitted_at)
    _refuse_disagreement(order, command)
    await uow.orders.save(step)
    return Outcome.of(changed=not step.already_done)


def _refuse_disagreement(order: Order, command: NoteOrderAcquitted) -> None:
    accepted = order.confirmation
    count = command.invoice_count + command.set_aside_count
    total = command.total + command.set_aside_total
    if accepted is None or (count, total) == (
        accepted.accepted_count,
        accepted.accepted_total,
    ):
        return
    raise BooksDisagreeError(
        number=order.number,
        acquitted=f"{count} ({total.for_people()})",
        accepted=f"{accepted.accepted_count} ({accepted.accepted_total.for_people()})",
    )
