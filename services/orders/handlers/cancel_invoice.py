"""An invoice was cancelled: no order takes it any more."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from services.orders.handlers.outcome import Outcome
from services.orders.ports import UnitOfWork
from shared.kernel.errors import TooEarlyError
from shared.kernel.ids import InvoiceId, PracticeId

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CancelInvoice:
    """Take this invoice off the list of what may be ordered."""

    practice_id: PracticeId
    invoice_id: InvoiceId


async def cancel_invoice(command: CancelInvoice, uow: UnitOfWork) -> Outcome:
    """Mark the invoice as cancelled; repeated, it is already done.

    An order that took it along meanwhile is not changed, since its bytes are frozen: a warning
    names it, and whoever reads it withdraws the order if it has not left.

    Raises:
        TooEarlyError: the invoice is not known yet.
    """
    if not await uow.invoices.exists(command.practice_id, command.invoice_id):
        raise TooEarlyError(
            f"invoice {command.invoice_id} is not known", waits_for=str(command.invoice_id)
        )
    changed = await uow.corrections.mark_cancelled(command.practice_id, command.invoice_id)
    order_number = await uow.corrections.holding_order(command.practice_id, command.invoice_id)
    if changed and order_number is not None:
        _LOG.warning(
            "a cancelled invoice is in a live order",
            extra={"invoice_id": str(command.invoice_id), "order_number": order_number},
        )
    return Outcome.of(changed=changed)
