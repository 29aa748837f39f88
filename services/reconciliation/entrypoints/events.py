"""What reconciliation listens to: a table of event types and the use case behind each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation import translate
from services.reconciliation.domain.dunning import OrderOutcome
from services.reconciliation.handlers.cancel_invoice import CancelInvoice, cancel_invoice
from services.reconciliation.handlers.change_contract import ChangeContract, change_contract
from services.reconciliation.handlers.confirm_order import ConfirmOrder, confirm_order
from services.reconciliation.handlers.note_credit_note import NoteCreditNote, note_credit_note
from services.reconciliation.handlers.note_order import (
    NoteOrder,
    NoteOrderEnd,
    note_order,
    note_order_end,
)
from services.reconciliation.handlers.open_position import OpenPosition, open_position
from services.reconciliation.handlers.register_deb_file import (
    RegisterDebFile,
    register_deb_file,
)
from services.reconciliation.handlers.register_practice import (
    RegisterPractice,
    register_practice,
)
from services.reconciliation.handlers.settle_credit_note import (
    SettleCreditNote,
    settle_credit_note,
)
from services.reconciliation.ports import UnitOfWork
from services.reconciliation.ports.content import ContentStore
from shared.contracts.debident.v1 import DebFileFetched, OrderRefused
from shared.contracts.invoicing.v1 import (
    ContractChanged,
    CreditNoteIssued,
    InvoiceCancelled,
    InvoiceIssued,
    PracticeRegistered,
)
from shared.contracts.orders.v1 import (
    CreditNoteReleased,
    OrderConfirmed,
    OrderPrepared,
    OrderWithdrawn,
)
from shared.kernel.clock import Clock
from shared.messaging.events import ReceivedEvent, Subscription

UnitOnConnection = Callable[[AsyncConnection], AbstractAsyncContextManager[UnitOfWork]]


@dataclass(frozen=True, slots=True)
class EventHandlers:
    """One method per event type; each opens its unit of work on the processor's transaction."""

    unit_on: UnitOnConnection
    content: ContentStore
    clock: Clock

    async def practice_registered(
        self, event: ReceivedEvent[PracticeRegistered], connection: AsyncConnection
    ) -> None:
        """Open the practice's books."""
        async with self.unit_on(connection) as uow:
            await register_practice(RegisterPractice(translate.practice(event.payload)), uow)

    async def contract_changed(
        self, event: ReceivedEvent[ContractChanged], connection: AsyncConnection
    ) -> None:
        """Work by the new terms."""
        async with self.unit_on(connection) as uow:
            await change_contract(ChangeContract(translate.contract(event.payload)), uow)

    async def invoice_issued(
        self, event: ReceivedEvent[InvoiceIssued], connection: AsyncConnection
    ) -> None:
        """Book the invoice."""
        async with self.unit_on(connection) as uow:
            await open_position(OpenPosition(translate.new_invoice(event.payload)), uow)

    async def invoice_cancelled(
        self, event: ReceivedEvent[InvoiceCancelled], connection: AsyncConnection
    ) -> None:
        """Book the opposite of the issue."""
        cancelled = event.payload
        command = CancelInvoice(
            practice_id=cancelled.practice_id,
            invoice_id=cancelled.invoice_id,
            reason_code=cancelled.reason_code,
            cancelled_on=cancelled.cancelled_on,
        )
        async with self.unit_on(connection) as uow:
            await cancel_invoice(command, uow, self.clock)

    async def credit_note_issued(
        self, event: ReceivedEvent[CreditNoteIssued], connection: AsyncConnection
    ) -> None:
        """Note the credit note; the factor's record of it will move the money."""
        issued = event.payload
        command = NoteCreditNote(
            practice_id=issued.practice_id,
            invoice_id=issued.invoice_id,
            credit_note_id=issued.credit_note_id,
            credit_note_number=issued.credit_note_number,
            amount=issued.amount.to_money(),
            issued_on=issued.issued_on,
        )
        async with self.unit_on(connection) as uow:
            await note_credit_note(command, uow, self.clock)

    async def credit_note_released(
        self, event: ReceivedEvent[CreditNoteReleased], connection: AsyncConnection
    ) -> None:
        """Lower the receivables: the factor refused the invoice, so the note is ours to book."""
        released = event.payload
        command = SettleCreditNote(
            practice_id=released.practice_id,
            invoice_id=released.invoice_id,
            credit_note_id=released.credit_note_id,
            credit_note_number=released.credit_note_number,
            amount=released.amount.to_money(),
            released_on=released.released_on,
        )
        async with self.unit_on(connection) as uow:
            await settle_credit_note(command, uow, self.clock)

    async def order_prepared(
        self, event: ReceivedEvent[OrderPrepared], connection: AsyncConnection
    ) -> None:
        """Remember that the order exists, and what it holds."""
        prepared = event.payload
        data = await self.content.read(
            translate.content(prepared.lines), practice_id=prepared.practice_id
        )
        invoices = translate.order_invoices(
            data, order_id=prepared.order_id, practice_id=prepared.practice_id
        )
        async with self.unit_on(connection) as uow:
            await note_order(NoteOrder(translate.prepared_order(prepared), invoices), uow)

    async def order_refused(
        self, event: ReceivedEvent[OrderRefused], connection: AsyncConnection
    ) -> None:
        """Remember that the portal took nothing of the order."""
        refused = event.payload
        command = NoteOrderEnd(
            refused.practice_id, refused.order_id, OrderOutcome.REFUSED, refused.refused_at
        )
        async with self.unit_on(connection) as uow:
            await note_order_end(command, uow)

    async def order_withdrawn(
        self, event: ReceivedEvent[OrderWithdrawn], connection: AsyncConnection
    ) -> None:
        """Remember that the order has not left and never will."""
        withdrawn = event.payload
        command = NoteOrderEnd(
            withdrawn.practice_id,
            withdrawn.order_id,
            OrderOutcome.WITHDRAWN,
            withdrawn.withdrawn_at,
        )
        async with self.unit_on(connection) as uow:
            await note_order_end(command, uow)

    async def order_confirmed(
        self, event: ReceivedEvent[OrderConfirmed], connection: AsyncConnection
    ) -> None:
        """Store the confirmation, and acquit what it accepted."""
        confirmed = event.payload
        data = await self.content.read(
            translate.content(confirmed.confirmation), practice_id=confirmed.practice_id
        )
        lines = translate.confirmation_lines(
            data, order_id=confirmed.order_id, practice_id=confirmed.practice_id
        )
        async with self.unit_on(connection) as uow:
            await confirm_order(
                ConfirmOrder(translate.confirmation(confirmed), lines), uow, self.clock
            )

    async def deb_file_fetched(
        self, event: ReceivedEvent[DebFileFetched], connection: AsyncConnection
    ) -> None:
        """Register the file; the worker books it."""
        async with self.unit_on(connection) as uow:
            await register_deb_file(
                RegisterDebFile(translate.fetched_file(event.payload)), uow, self.clock
            )


def subscriptions(handlers: EventHandlers) -> tuple[Subscription[Any], ...]:
    """Return what this service listens to."""
    return (
        Subscription(PracticeRegistered, handlers.practice_registered),
        Subscription(ContractChanged, handlers.contract_changed),
        Subscription(InvoiceIssued, handlers.invoice_issued),
        Subscription(InvoiceCancelled, handlers.invoice_cancelled),
        Subscription(CreditNoteIssued, handlers.credit_note_issued),
        Subscription(CreditNoteReleased, handlers.credit_note_released),
        Subscription(OrderPrepared, handlers.order_prepared),
        Subscription(OrderRefused, handlers.order_refused),
        Subscription(OrderWithdrawn, handlers.order_withdrawn),
        Subscription(OrderConfirmed, handlers.order_confirmed),
        Subscription(DebFileFetched, handlers.deb_file_fetched),
    )
