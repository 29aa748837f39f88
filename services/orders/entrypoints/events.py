"""What orders listens to: each event type and the use case that it sets in motion."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from services.orders.entrypoints.corrections import (
    credit_note_issued,
    document_rendered,
    invoice_cancelled,
    withdrawal_wished,
)
from services.orders.entrypoints.workshop import Workshop
from services.orders.handlers.change_balance import ChangeBalance, change_balance
from services.orders.handlers.change_contract import ChangeContract, change_contract
from services.orders.handlers.confirm_order import ConfirmOrder, confirm_order
from services.orders.handlers.list_invoice import ListInvoice, list_invoice
from services.orders.handlers.note_order_acquitted import NoteOrderAcquitted, note_order_acquitted
from services.orders.handlers.note_order_refused import NoteOrderRefused, note_order_refused
from services.orders.handlers.note_order_sent import NoteOrderSent, note_order_sent
from services.orders.handlers.note_order_withheld import NoteOrderWithheld, note_order_withheld
from services.orders.handlers.note_send_failure import NoteSendFailure, note_send_failure
from services.orders.handlers.register_practice import RegisterPractice, register_practice
from services.orders.handlers.watch_leaving import NoteOrderHeld, note_order_held
from services.orders.ports import UnitOfWork
from services.orders.translate import (
    contract_of,
    evidence_of,
    invoice_of,
    practice_of,
    stored_content,
)
from shared.contracts.debident.v1 import (
    OrderArrived,
    OrderHeld,
    OrderRefused,
    OrderSendFailed,
    OrderSent,
    OrderWithheld,
)
from shared.contracts.envelope import EventPayload
from shared.contracts.invoicing.v1 import (
    ContractChanged,
    CreditNoteIssued,
    InvoiceCancelled,
    InvoiceDocumentRendered,
    InvoiceIssued,
    InvoiceWithdrawalWished,
    PracticeRegistered,
)
from shared.contracts.reconciliation.v1 import InvoicePositionChanged, OrderAcquitted
from shared.kernel.errors import DomainError, PermanentError
from shared.kernel.ids import ContractId, InvoiceId, OrderId, PracticeId
from shared.kernel.money import Money
from shared.messaging.events import ReceivedEvent, Subscription

P = TypeVar("P", bound=EventPayload)
_SET_ASIDE = {"acquittal_set_aside": True, "acquittal": False}
"""What the books' facts say of an invoice's line in its order."""
_Use = Callable[[ReceivedEvent[P], UnitOfWork, Workshop], Awaitable[object]]


def subscriptions(workshop: Workshop) -> list[Subscription[Any]]:
    """Return the table of what orders listens to; every other type is passed over."""
    return [
        _on(PracticeRegistered, _practice_registered, workshop),
        _on(ContractChanged, _contract_changed, workshop),
        _on(InvoiceIssued, _invoice_issued, workshop),
        _on(InvoiceDocumentRendered, document_rendered, workshop),
        _on(InvoiceCancelled, invoice_cancelled, workshop),
        _on(InvoiceWithdrawalWished, withdrawal_wished, workshop),
        _on(CreditNoteIssued, credit_note_issued, workshop),
        _on(InvoicePositionChanged, _invoice_position_changed, workshop),
        _on(OrderSent, _order_sent, workshop),
        _on(OrderSendFailed, _order_send_failed, workshop),
        _on(OrderArrived, _order_arrived, workshop),
        _on(OrderRefused, _order_refused, workshop),
        _on(OrderWithheld, _order_withheld, workshop),
        _on(OrderHeld, _order_held, workshop),
        _on(OrderAcquitted, _order_acquitted, workshop),
    ]


def _on(payload_type: type[P], use: _Use[P], workshop: Workshop) -> Subscription[P]:
    async def handle(event: ReceivedEvent[P], connection: AsyncConnection) -> None:
        try:
            async with workshop.unit_of_work(connection) as uow:
                await use(event, uow, workshop)
        except DomainError as error:
            # Nobody can be asked here: a person finds it among the dead letters, with the reason.
            raise PermanentError(f"{error.code}: {error}") from error

    return Subscription(payload_type, handle)


async def _practice_registered(
    event: ReceivedEvent[PracticeRegistered], uow: UnitOfWork, _: Workshop
) -> object:
    return await register_practice(RegisterPractice(practice_of(event.payload)), uow)


async def _contract_changed(
    event: ReceivedEvent[ContractChanged], uow: UnitOfWork, _: Workshop
) -> object:
    return await change_contract(ChangeContract(contract_of(event.payload)), uow)


async def _invoice_issued(
    event: ReceivedEvent[InvoiceIssued], uow: UnitOfWork, _: Workshop
) -> object:
    return await list_invoice(ListInvoice(invoice_of(event.payload)), uow)


async def _invoice_position_changed(
    event: ReceivedEvent[InvoicePositionChanged], uow: UnitOfWork, _: Workshop
) -> object:
    payload = event.payload
    command = ChangeBalance(
        practice_id=PracticeId(payload.practice_id),
        invoice_id=InvoiceId(payload.invoice_id),
        balance=payload.debtor_owes.total.to_money(),
        changed_at=payload.changed_at,
        settled_credit_notes=tuple(
            change.credit_note_id for change in payload.changes if change.credit_note_id
        ),
        set_aside=_SET_ASIDE.get(payload.changes[-1].kind) if payload.changes else None,
        given_back=payload.given_back,
        given_back_by=payload.given_back_by,
    )
    return await change_balance(command, uow)


async def _order_sent(event: ReceivedEvent[OrderSent], uow: UnitOfWork, _: Workshop) -> object:
    payload = event.payload
    command = NoteOrderSent(
        order_id=OrderId(payload.order_id),
        practice_id=PracticeId(payload.practice_id),
        contract_id=ContractId(payload.contract_id),
        attempt=payload.attempt,
        portal_reference=payload.portal_reference,
        package_sha256=payload.package_sha256,
        sent_at=payload.sent_at,
    )
    return await note_order_sent(command, uow)


async def _order_send_failed(
    event: ReceivedEvent[OrderSendFailed], uow: UnitOfWork, _: Workshop
) -> object:
    payload = event.payload
    command = NoteSendFailure(
        order_id=OrderId(payload.order_id),
        practice_id=PracticeId(payload.practice_id),
        contract_id=ContractId(payload.contract_id),
        attempt=payload.attempt,
        may_have_left=payload.outcome != "not-sent",
        reason_code=payload.reason_code,
        next_attempt_at=payload.next_attempt_at,
        failed_at=payload.failed_at,
    )
    return await note_send_failure(command, uow)


async def _order_arrived(
    event: ReceivedEvent[OrderArrived], uow: UnitOfWork, workshop: Workshop
) -> object:
    payload = event.payload
    command = ConfirmOrder(
        order_id=OrderId(payload.order_id),
        practice_id=PracticeId(payload.practice_id),
        contract_id=ContractId(payload.contract_id),
        evidence=evidence_of(payload.evidence),
        accepted_count=payload.accepted_count,
        refused_count=payload.refused_count,
        answer=stored_content(payload.lines),
        arrived_at=payload.arrived_at,
    )
    return await confirm_order(command, uow, workshop.archive, workshop.clock)


async def _order_refused(
    event: ReceivedEvent[OrderRefused], uow: UnitOfWork, _: Workshop
) -> object:
    payload = event.payload
    command = NoteOrderRefused(
        order_id=OrderId(payload.order_id),
        practice_id=PracticeId(payload.practice_id),
        contract_id=ContractId(payload.contract_id),
        reason_code=payload.reason_code,
        refused_at=payload.refused_at,
    )
    return await note_order_refused(command, uow)


async def _order_withheld(
    event: ReceivedEvent[OrderWithheld], uow: UnitOfWork, _: Workshop
) -> object:
    payload = event.payload
    command = NoteOrderWithheld(
        order_id=OrderId(payload.order_id),
        practice_id=PracticeId(payload.practice_id),
        contract_id=ContractId(payload.contract_id),
        withheld_at=payload.withheld_at,
    )
    return await note_order_withheld(command, uow)


async def _order_held(
    event: ReceivedEvent[OrderHeld], uow: UnitOfWork, workshop: Workshop
) -> object:
    payload = event.payload
    command = NoteOrderHeld(
        order_id=OrderId(payload.order_id),
        practice_id=PracticeId(payload.practice_id),
        contract_id=ContractId(payload.contract_id),
        reason_code=payload.reason_code,
        held_at=payload.held_at,
    )
    return await note_order_held(command, uow, workshop.clock)


async def _order_acquitted(
    event: ReceivedEvent[OrderAcquitted], uow: UnitOfWork, _: Workshop
) -> object:
    payload = event.payload
    command = NoteOrderAcquitted(
        order_id=OrderId(payload.order_id),
        practice_id=PracticeId(payload.practice_id),
        contract_id=ContractId(payload.contract_id),
        invoice_count=payload.invoice_count,
        total=payload.total.to_money(),
        acquitted_at=event.occurred_at,
        set_aside_count=payload.set_aside_count,
        set_aside_total=payload.set_aside_total.to_money()
        if payload.set_aside_total
        else Money.zero(),
    )
    return await note_order_acquitted(command, uow)
