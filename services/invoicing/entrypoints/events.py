"""What invoicing listens to: a table of event types and their handlers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.entrypoints.desk import Desk
from services.invoicing.handlers.acquit_invoice import AcquitInvoice, acquit_invoice
from services.invoicing.handlers.change_position import ChangePosition, change_position
from services.invoicing.handlers.confirm_order import ConfirmOrder, confirm_order
from services.invoicing.handlers.note_order_sent import NoteOrderSent, note_order_sent
from services.invoicing.handlers.order_invoices import OrderInvoices, order_invoices
from services.invoicing.handlers.refuse_order import RefuseOrder, refuse_order
from services.invoicing.handlers.settle_wishes import settle_wishes
from services.invoicing.handlers.withdraw_order import WithdrawOrder, withdraw_order
from services.invoicing.ports import UnitOfWork
from services.invoicing.translate import (
    from_balance,
    from_changes,
    from_content_ref,
    from_order_prepared,
)
from shared.contracts.debident.v1 import OrderRefused, OrderSent
from shared.contracts.orders.v1 import OrderConfirmed, OrderPrepared, OrderWithdrawn
from shared.contracts.reconciliation.v1 import InvoiceAcquitted, InvoicePositionChanged
from shared.kernel.errors import DomainError, PermanentError
from shared.messaging.events import ReceivedEvent, Subscription


def subscriptions(desk: Desk) -> Sequence[Subscription[Any]]:
    """Return the events that invoicing works; all others on its topics are passed over."""
    reactions = Reactions(desk)
    return (
        Subscription(OrderPrepared, reactions.order_prepared),
        Subscription(OrderSent, reactions.order_sent),
        Subscription(OrderWithdrawn, reactions.order_withdrawn),
        Subscription(OrderConfirmed, reactions.order_confirmed),
        Subscription(OrderRefused, reactions.order_refused),
        Subscription(InvoiceAcquitted, reactions.invoice_acquitted),
        Subscription(InvoicePositionChanged, reactions.invoice_position_changed),
    )


class Reactions:
    """Turns each received event into the command that it means here."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @asynccontextmanager
    async def _work(self, connection: AsyncConnection) -> AsyncIterator[UnitOfWork]:
        """Open a unit of work; an event that breaks a rule of the trade can never be worked."""
        try:
            async with self._desk.unit_of_work(connection) as uow:
                yield uow
        except DomainError as error:
            raise PermanentError(f"{error.code}: {error}") from error

    async def order_prepared(
        self, event: ReceivedEvent[OrderPrepared], connection: AsyncConnection
    ) -> None:
        """Put the invoices into the order."""
        command = OrderInvoices(
            order=from_order_prepared(event.payload),
            lines=from_content_ref(event.payload.lines),
            event_id=event.event_id,
        )
        async with self._work(connection) as uow:
            await order_invoices(command, uow, documents=self._desk.order_documents)

    async def order_sent(
        self, event: ReceivedEvent[OrderSent], connection: AsyncConnection
    ) -> None:
        """Note that the order has left."""
        command = NoteOrderSent(event.payload.order_id, event.payload.sent_at)
        async with self._work(connection) as uow:
            await note_order_sent(command, uow)
            await settle_wishes(command.order_id, uow, tools=self._desk.tools)

    async def order_withdrawn(
        self, event: ReceivedEvent[OrderWithdrawn], connection: AsyncConnection
    ) -> None:
        """Free every invoice of the order."""
        command = WithdrawOrder(
            practice_id=event.practice_id,
            order_id=event.payload.order_id,
            withdrawn_at=event.payload.withdrawn_at,
            event_id=event.event_id,
        )
        async with self._work(connection) as uow:
            await withdraw_order(command, uow)
            await settle_wishes(command.order_id, uow, tools=self._desk.tools)

    async def order_confirmed(
        self, event: ReceivedEvent[OrderConfirmed], connection: AsyncConnection
    ) -> None:
        """Note the arrival, and free the refused lines."""
        command = ConfirmOrder(
            practice_id=event.practice_id,
            order_id=event.payload.order_id,
            confirmation=from_content_ref(event.payload.confirmation),
            confirmed_at=event.payload.confirmed_at,
            event_id=event.event_id,
        )
        async with self._work(connection) as uow:
            await confirm_order(command, uow, documents=self._desk.order_documents)
            await settle_wishes(command.order_id, uow, tools=self._desk.tools)

    async def order_refused(
        self, event: ReceivedEvent[OrderRefused], connection: AsyncConnection
    ) -> None:
        """Free every invoice of the order."""
        command = RefuseOrder(
            practice_id=event.practice_id,
            order_id=event.payload.order_id,
            reason_code=event.payload.reason_code,
            refused_at=event.payload.refused_at,
            event_id=event.event_id,
        )
        async with self._work(connection) as uow:
            await refuse_order(command, uow)
            await settle_wishes(command.order_id, uow, tools=self._desk.tools)

    async def invoice_acquitted(
        self, event: ReceivedEvent[InvoiceAcquitted], connection: AsyncConnection
    ) -> None:
        """Give the balance its asterisk."""
        command = AcquitInvoice(
            practice_id=event.practice_id,
            invoice_id=event.payload.invoice_id,
            order_id=event.payload.order_id,
            amount=event.payload.amount.to_money(),
            acquitted_on=event.payload.acquitted_on,
            sequence=event.sequence,
            event_id=event.event_id,
        )
        async with self._work(connection) as uow:
            await acquit_invoice(command, uow)

    async def invoice_position_changed(
        self, event: ReceivedEvent[InvoicePositionChanged], connection: AsyncConnection
    ) -> None:
        """Show the new balances."""
        command = ChangePosition(
            practice_id=event.practice_id,
            invoice_id=event.payload.invoice_id,
            balance=from_balance(event.payload.debtor_owes),
            factor_owes=event.payload.factor_owes.to_money(),
            with_factor=event.payload.with_factor,
            deb_file_id=event.payload.deb_file_id,
            facts=from_changes(event.payload.changes),
            sequence=event.sequence,
            event_id=event.event_id,
        )
        async with self._work(connection) as uow:
            await change_position(command, uow)
