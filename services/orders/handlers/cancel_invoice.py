"""An invoice was cancelled: no order takes it any more."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from services.orders.domain.errors import OrderMayHaveLeftError
from services.orders.domain.order import FOR_A_CANCELLED
from services.orders.handlers.outcome import Outcome
from services.orders.handlers.withdraw_order import WithdrawOrder, withdraw_order
from services.orders.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import TooEarlyError
from shared.kernel.ids import InvoiceId, OrderId, PracticeId

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CancelInvoice:
    """Take this invoice off the list of what may be ordered."""

    practice_id: PracticeId
    invoice_id: InvoiceId


async def cancel_invoice(command: CancelInvoice, uow: UnitOfWork, clock: Clock) -> Outcome:
    """Mark the invoice as cancelled; repeated, it is already done.

    An order that took it along meanwhile is wanted back as a whole, since its bytes are frozen. If
    something of it may have left already, a warning names it, and a person has to tell the factor.

    Raises:
        TooEarlyError: the invoice is not known yet.
    """
    if not await uow.invoices.exists(command.practice_id, command.invoice_id):
        raise TooEarlyError(
            f"invoice {command.invoice_id} is not known", waits_for=str(command.invoice_id)
        )
    changed = await uow.corrections.mark_cancelled(command.practice_id, command.invoice_id)
    holding = await uow.corrections.holding_order(command.practice_id, command.invoice_id)
    if changed and holding is not None:
        await _want_back(command, *holding, uow, clock)
    return Outcome.of(changed=changed)


async def _want_back(
    command: CancelInvoice, order_id: OrderId, order_number: str, uow: UnitOfWork, clock: Clock
) -> None:
    asked = WithdrawOrder(
        order_id, command.practice_id, by=FOR_A_CANCELLED, handed_over_by_hand=False
    )
    try:
        await withdraw_order(asked, uow, clock)
    except OrderMayHaveLeftError:
        _LOG.warning(
            "a cancelled invoice is in an order that may have left",
            extra={"invoice_id": str(command.invoice_id), "order_number": order_number},
        )
    else:
        await uow.orders.want_line_back(order_id, command.invoice_id)
