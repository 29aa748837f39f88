"""The books changed what a debtor owes: "exclude zero balances" must be true to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.orders.handlers.outcome import Outcome
from services.orders.handlers.release_credit_notes import release_credit_notes
from services.orders.ports import UnitOfWork
from shared.kernel.clock import SWISS_TIME
from shared.kernel.errors import TooEarlyError
from shared.kernel.ids import InvoiceId, PracticeId
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class ChangeBalance:
    """Note the balance of an invoice as of an instant.

    Attributes:
        settled_credit_notes: released notes that this balance takes into account.
        set_aside: whether the books set its line aside (True) or acquitted it after all (False).
        given_back: whether the factor gave the invoice back and it was not acquitted since.
        given_back_by: the order from which it was; None: not told, it is the one that holds it.
    """

    practice_id: PracticeId
    invoice_id: InvoiceId
    balance: Money
    changed_at: datetime
    settled_credit_notes: tuple[UUID, ...] = ()
    set_aside: bool | None = None
    given_back: bool = False
    given_back_by: UUID | None = None


async def change_balance(command: ChangeBalance, uow: UnitOfWork) -> Outcome:
    """Set the balance; one that is older than the known one changes nothing.

    An invoice that the factor gave back leaves its order. Its credit notes that have not gone into
    an order are released: the factor has nothing any more that they could reduce.

    Raises:
        TooEarlyError: the invoice is not known yet.
    """
    if not await uow.invoices.exists(command.practice_id, command.invoice_id):
        raise TooEarlyError(
            f"invoice {command.invoice_id} is not known", waits_for=str(command.invoice_id)
        )
    changed = await uow.invoices.set_balance(
        command.practice_id,
        command.invoice_id,
        balance=command.balance,
        changed_at=command.changed_at,
    )
    for note in command.settled_credit_notes:
        settled = await uow.corrections.settle_credit_note(
            command.practice_id, command.invoice_id, note
        )
        changed = changed or settled
    if command.set_aside is not None:
        await uow.corrections.set_line_aside(
            command.practice_id, command.invoice_id, set_aside=command.set_aside
        )
    turned = await uow.corrections.set_line_given_back(
        command.practice_id,
        command.invoice_id,
        given_back=command.given_back,
        by=command.given_back_by,
    )
    if turned is not None and command.given_back:
        day = command.changed_at.astimezone(SWISS_TIME).date()
        await release_credit_notes(command.practice_id, uow, on=day, order_id=turned)
    return Outcome.of(changed=changed or turned is not None)
