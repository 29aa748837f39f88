"""The only place where invoicing's words and the wire contracts meet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias, cast

from services.invoicing.domain.events import (
    ContractHasChanged,
    CreditNoteWasIssued,
    DocumentWasRendered,
    InvoiceWasCancelled,
    InvoiceWasIssued,
    InvoicingEvent,
    PracticeWasRegistered,
    WithdrawalWasWished,
)
from services.invoicing.domain.invoice import DebtorBalance, Fact, Invoice, StoredDocument
from services.invoicing.domain.order import ConfirmedLine, KnownOrder, OrderedLine
from services.invoicing.domain.practice import Contract
from shared.contracts.envelope import ContentRef, EventPayload, WireMoney
from shared.contracts.invoicing.v1 import (
    ContractChanged,
    CreditNoteIssued,
    InvoiceCancelled,
    InvoiceDocumentRendered,
    InvoiceIssued,
    InvoiceWithdrawalWished,
    PortalTerms,
    PracticeRegistered,
)
from shared.contracts.orders.v1 import ConfirmationLine, OrderLine, OrderPrepared
from shared.contracts.reconciliation.v1 import DebtorBalance as WireBalance
from shared.contracts.reconciliation.v1 import PositionChange
from shared.kernel.errors import ContractError


def to_wire(event: InvoicingEvent) -> EventPayload:
    """Return what the other services are told of a domain event."""
    match event:
        case PracticeWasRegistered(practice, registered_at):
            return PracticeRegistered(
                practice_id=practice.practice_id,
                gln=practice.gln,
                canton=practice.canton,
                language=practice.language.value,
                registered_at=registered_at,
            )
        case ContractHasChanged(contract):
            return _contract(contract)
        case InvoiceWasIssued() | DocumentWasRendered():
            return _with_document(event)
        case InvoiceWasCancelled():
            return _cancelled(event)
        case CreditNoteWasIssued():
            return _credit_note(event)
        case WithdrawalWasWished(invoice, wish):
            return InvoiceWithdrawalWished(
                practice_id=wish.practice_id,
                invoice_id=wish.invoice_id,
                invoice_number=invoice.number,
                order_id=wish.order_id,
                wished_at=wish.asked_at,
            )


_Component: TypeAlias = Literal["costs", "interest", "reminder_fees", "principal"]


def _contract(contract: Contract) -> ContractChanged:
    return ContractChanged(
        practice_id=contract.practice_id,
        contract_id=contract.contract_id,
        contract_version=contract.version,
        active=contract.active,
        factor=contract.factor,
        factor_gln=contract.factor_gln,
        account_number=contract.account_number,
        ledger_account=contract.ledger_account,
        acquittal_label=contract.acquittal_label,
        acquittal=cast("Literal['automatic', 'manual']", contract.acquittal),
        deb_booking=cast("Literal['automatic', 'review']", contract.deb_booking),
        payout_term_days=contract.payout_term_days,
        payout_basis=cast("Literal['gross', 'net']", contract.payout_basis),
        reminder_fee_beneficiary=cast(
            "Literal['factor', 'practice']", contract.reminder_fee_beneficiary
        ),
        payment_order=cast("tuple[_Component, ...]", contract.payment_order),
        loss_cover=contract.loss_cover,
        invoice_format=cast("Literal['4.5', '5.0']", contract.invoice_format),
        portal=PortalTerms(
            adapter=cast("Literal['http', 'sftp', 'manual']", contract.portal.adapter),
            arrival_check_after_seconds=contract.portal.arrival_check_after_seconds,
            arrival_poll_interval_seconds=contract.portal.arrival_poll_interval_seconds,
            arrival_deadline_working_days=contract.portal.arrival_deadline_working_days,
            deb_poll_interval_seconds=contract.portal.deb_poll_interval_seconds,
            deb_layout=contract.portal.deb_layout,
        ),
    )


def _with_document(
    event: InvoiceWasIssued | DocumentWasRendered,
) -> InvoiceIssued | InvoiceDocumentRendered:
    if isinstance(event, InvoiceWasIssued):
        return _invoice(event.invoice, event.document_number)
    return InvoiceDocumentRendered(
        practice_id=event.invoice.practice_id,
        invoice_id=event.invoice.invoice_id,
        invoice_number=event.invoice.number,
        document=to_content_ref(event.rendition.document),
        document_format=cast("Literal['4.5', '5.0']", event.rendition.document_format),
        rendered_at=event.rendition.rendered_at,
    )


def _invoice(invoice: Invoice, document_number: str | None) -> InvoiceIssued:
    return InvoiceIssued(
        practice_id=invoice.practice_id,
        invoice_id=invoice.invoice_id,
        invoice_number=invoice.number,
        contract_id=invoice.contract_id,
        patient_number=invoice.patient_number,
        debtor_number=invoice.debtor_number,
        qr_reference=invoice.qr_reference,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        language=invoice.language.value,
        total=WireMoney.of(invoice.total),
        deposit=WireMoney.of(invoice.deposit),
        balance=WireMoney.of(invoice.open_amount),
        document=to_content_ref(invoice.document),
        unfit_codes=invoice.unfit_codes,
        document_number=document_number,
        document_format=cast("Literal['4.5', '5.0'] | None", invoice.document_format),
    )


def _cancelled(event: InvoiceWasCancelled) -> InvoiceCancelled:
    return InvoiceCancelled(
        practice_id=event.invoice.practice_id,
        invoice_id=event.invoice.invoice_id,
        invoice_number=event.invoice.number,
        contract_id=event.invoice.contract_id,
        reason_code=event.cancellation.reason_code,
        replaced_by=event.cancellation.replaced_by,
        cancelled_on=event.cancellation.cancelled_on,
    )


def _credit_note(event: CreditNoteWasIssued) -> CreditNoteIssued:
    note, invoice = event.credit_note, event.invoice
    assert invoice.contract_id is not None  # noqa: S101 - only a factor's invoice gets one
    return CreditNoteIssued(
        practice_id=note.practice_id,
        credit_note_id=note.credit_note_id,
        credit_note_number=note.number,
        invoice_id=invoice.invoice_id,
        invoice_number=invoice.number,
        contract_id=invoice.contract_id,
        debtor_number=invoice.debtor_number,
        amount=WireMoney.of(note.amount),
        reason_code=note.reason_code,
        document=to_content_ref(note.document),
        issued_on=note.issued_on,
    )


def to_content_ref(document: StoredDocument) -> ContentRef:
    """Return the claim check of a stored document."""
    return ContentRef(
        key=document.key,
        sha256=document.sha256,
        size_bytes=document.size_bytes,
        media_type=document.media_type,
    )


def from_content_ref(ref: ContentRef) -> StoredDocument:
    """Read a claim check."""
    return StoredDocument(ref.key, ref.sha256, ref.size_bytes, ref.media_type)


def from_order_prepared(payload: OrderPrepared) -> KnownOrder:
    """Read what invoicing keeps of a prepared order."""
    return KnownOrder(
        order_id=payload.order_id,
        practice_id=payload.practice_id,
        contract_id=payload.contract_id,
        order_number=payload.order_number,
        prepared_at=payload.prepared_at,
    )


def from_order_lines(lines: Iterable[OrderLine]) -> list[OrderedLine]:
    """Read the lines of an order."""
    return [OrderedLine(line.invoice_id, line.amount.to_money(), line.notices) for line in lines]


def from_confirmation_lines(lines: Iterable[ConfirmationLine]) -> list[ConfirmedLine]:
    """Read the lines of a confirmation."""
    return [
        ConfirmedLine(line.invoice_id, line.amount.to_money(), line.accepted, line.refusal_code)
        for line in lines
    ]


def from_balance(wire: WireBalance) -> DebtorBalance:
    """Read what the debtor owes.

    Raises:
        ContractError: the components do not add up to the total.
    """
    balance = DebtorBalance(
        principal=wire.principal.to_money(),
        reminder_fees=wire.reminder_fees.to_money(),
        interest=wire.interest.to_money(),
        costs=wire.costs.to_money(),
    )
    if balance.total != wire.total.to_money():
        raise ContractError(
            f"the components come to {balance.total}, the total is said to be {wire.total.amount}"
        )
    return balance


def to_balance(balance: DebtorBalance) -> WireBalance:
    """Write what the debtor owes."""
    return WireBalance(
        principal=WireMoney.of(balance.principal),
        reminder_fees=WireMoney.of(balance.reminder_fees),
        interest=WireMoney.of(balance.interest),
        costs=WireMoney.of(balance.costs),
        total=WireMoney.of(balance.total),
    )


def from_changes(changes: Iterable[PositionChange]) -> tuple[Fact, ...]:
    """Read the facts behind a changed position."""
    return tuple(
        Fact(
            change.kind,
            change.amount.to_money() if change.amount is not None else None,
            change.event_date,
            change.reverses,
            change.credit_note_id,
            change.level,
        )
        for change in changes
    )
