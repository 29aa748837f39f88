"""An invoice was issued: it may be chosen for an order from now on."""

from __future__ import annotations

from dataclasses import dataclass

from services.orders.domain.model import Invoice
from services.orders.handlers.needs import need_practice
from services.orders.handlers.outcome import Outcome
from services.orders.ports import UnitOfWork
from shared.kernel.errors import TooEarlyError


@dataclass(frozen=True, slots=True)
class ListInvoice:
    """Put an issued invoice on the list of what may be ordered."""

    invoice: Invoice


async def list_invoice(command: ListInvoice, uow: UnitOfWork) -> Outcome:
    """List the invoice; a repetition does not undo what the books have said since.

    Raises:
        TooEarlyError: the practice or the contract is not known yet; both are told of under the
            practice's own subject.
    """
    invoice = command.invoice
    await need_practice(uow, invoice.practice_id)
    if invoice.contract_id is not None:
        contract = await uow.contracts.get(invoice.practice_id, invoice.contract_id)
        if contract is None:
            raise TooEarlyError(
                f"contract {invoice.contract_id} is not known", waits_for=str(invoice.practice_id)
            )
    return Outcome.of(changed=await uow.invoices.add(invoice))
