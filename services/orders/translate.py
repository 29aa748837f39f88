"""The only place where the wire and the domain of orders meet."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from services.orders.domain.events import (
    CreditNoteReleased,
    DomainEvent,
    OrderClosed,
    OrderConfirmed,
    OrderMovedOn,
    OrderNotLeaving,
    OrderOverdue,
    OrderPrepared,
    OrderWithdrawalRequested,
    OrderWithdrawn,
)
from services.orders.domain.model import (
    Arrival,
    ArrivalAnswer,
    ArrivalEvidence,
    ConfirmedLine,
    Contract,
    Invoice,
    OrderLine,
    Practice,
    StoredContent,
)
from services.orders.domain.order import OrderState
from shared.contracts.debident.v1 import ArrivalDocument
from shared.contracts.envelope import ContentRef, EventPayload, WireMoney
from shared.contracts.faults import where_wrong
from shared.contracts.invoicing.v1 import ContractChanged, InvoiceIssued, PracticeRegistered
from shared.contracts.orders import v1 as wire
from shared.kernel.errors import ContractError
from shared.kernel.ids import ContractId, InvoiceId, OrderId, PracticeId


def practice_of(event: PracticeRegistered) -> Practice:
    """Read the practice out of its registration."""
    return Practice(PracticeId(event.practice_id), event.gln, event.canton)


def contract_of(event: ContractChanged) -> Contract:
    """Read what orders needs of a contract."""
    return Contract(
        contract_id=ContractId(event.contract_id),
        practice_id=PracticeId(event.practice_id),
        version=event.contract_version,
        active=event.active,
        factor=event.factor,
        account_number=event.account_number,
        arrival_deadline_working_days=event.portal.arrival_deadline_working_days,
        invoice_format=event.invoice_format,
    )


def invoice_of(event: InvoiceIssued) -> Invoice:
    """Read the orderable invoice out of its issue."""
    return Invoice(
        invoice_id=InvoiceId(event.invoice_id),
        practice_id=PracticeId(event.practice_id),
        contract_id=None if event.contract_id is None else ContractId(event.contract_id),
        number=event.invoice_number,
        debtor_number=event.debtor_number,
        issued_on=event.issued_on,
        due_on=event.due_on,
        total=event.total.to_money(),
        balance=event.balance.to_money(),
        document=stored_content(event.document),
        unfit_codes=event.unfit_codes,
        document_number=event.document_number,
        document_format=event.document_format,
    )


def evidence_of(evidence: wire.ArrivalEvidence) -> ArrivalEvidence:
    """Read how an arrival is known."""
    return ArrivalEvidence(evidence.kind, evidence.reference, evidence.observed_at)


def stored_content(ref: ContentRef) -> StoredContent:
    """Read a claim check."""
    return StoredContent(ref.key, ref.sha256, ref.size_bytes, ref.media_type)


def content_ref(content: StoredContent) -> ContentRef:
    """Write a claim check."""
    return ContentRef(
        key=content.key,
        sha256=content.sha256,
        size_bytes=content.size_bytes,
        media_type=content.media_type,
    )


def arrival_of(data: bytes) -> Arrival:
    """Read the portal's answer as the gateway stored it.

    Raises:
        ContractError: the bytes are not an `order-arrival` document.
    """
    try:
        document = ArrivalDocument.model_validate_json(data)
    except ValidationError as error:
        raise ContractError(f"not an order-arrival document: {where_wrong(error)}") from None
    return Arrival(
        order_id=document.order_id,
        practice_id=document.practice_id,
        answers=tuple(
            ArrivalAnswer(line.invoice_number, line.accepted, line.refusal_code)
            for line in document.lines
        ),
    )


def lines_document(practice_id: PracticeId, order_id: OrderId, lines: Sequence[OrderLine]) -> bytes:
    """Write the document that lists an order's lines, in package order."""
    document = wire.OrderLinesDocument(
        order_id=order_id,
        practice_id=practice_id,
        lines=tuple(
            wire.OrderLine(
                invoice_id=line.invoice_id,
                invoice_number=line.invoice_number,
                debtor_number=line.debtor_number,
                amount=WireMoney.of(line.amount),
                document_sha256=line.document.sha256,
                notices=tuple(str(notice.code) for notice in line.notices),
            )
            for line in lines
        ),
    )
    return document.model_dump_json().encode()


def confirmation_document(
    practice_id: PracticeId, order_id: OrderId, lines: Sequence[ConfirmedLine]
) -> bytes:
    """Write the document that says of each line whether it was accepted."""
    document = wire.ConfirmationDocument(
        order_id=order_id,
        practice_id=practice_id,
        lines=tuple(
            wire.ConfirmationLine(
                invoice_id=line.invoice_id,
                invoice_number=line.invoice_number,
                amount=WireMoney.of(line.amount),
                accepted=line.accepted,
                refusal_code=line.refusal_code,
            )
            for line in lines
        ),
    )
    return document.model_dump_json().encode()


def to_wire(event: DomainEvent) -> EventPayload:
    """Write a domain event as the event that leaves."""
    match event:
        case OrderPrepared():
            return _prepared(event)
        case OrderConfirmed():
            return _confirmed(event)
        case OrderWithdrawalRequested() | OrderWithdrawn() | OrderClosed():
            return _taken_out(event)
        case CreditNoteReleased():
            return _released(event)
        case OrderOverdue():
            return _overdue(event)
        case OrderNotLeaving() | OrderMovedOn():
            return _leaving(event)


def _taken_out(event: OrderWithdrawalRequested | OrderWithdrawn | OrderClosed) -> EventPayload:
    match event:
        case OrderWithdrawalRequested():
            return wire.OrderWithdrawalRequested(
                practice_id=event.practice_id,
                order_id=event.order_id,
                contract_id=event.contract_id,
                requested_at=event.requested_at,
            )
        case OrderWithdrawn():
            return wire.OrderWithdrawn(
                practice_id=event.practice_id,
                order_id=event.order_id,
                order_number=event.number,
                contract_id=event.contract_id,
                withdrawn_at=event.withdrawn_at,
            )
        case OrderClosed():
            return wire.OrderClosed(
                practice_id=event.practice_id,
                order_id=event.order_id,
                order_number=event.number,
                contract_id=event.contract_id,
                closed_at=event.closed_at,
            )


def _released(event: CreditNoteReleased) -> wire.CreditNoteReleased:
    note = event.note
    return wire.CreditNoteReleased(
        practice_id=note.practice_id,
        order_id=note.order_id,
        credit_note_id=note.credit_note_id,
        credit_note_number=note.number,
        invoice_id=note.invoice_id,
        contract_id=note.contract_id,
        amount=WireMoney.of(note.amount),
        released_on=event.released_on,
    )


def _prepared(event: OrderPrepared) -> wire.OrderPrepared:
    return wire.OrderPrepared(
        practice_id=event.practice_id,
        order_id=event.order_id,
        order_number=event.number,
        contract_id=event.contract_id,
        invoice_count=event.invoice_count,
        total=WireMoney.of(event.total),
        package=content_ref(event.package),
        lines=content_ref(event.lines),
        prepared_at=event.prepared_at,
    )


def _overdue(event: OrderOverdue) -> wire.OrderOverdue:
    return wire.OrderOverdue(
        practice_id=event.practice_id,
        order_id=event.order_id,
        order_number=event.number,
        contract_id=event.contract_id,
        state="unknown" if event.state is OrderState.UNKNOWN else "sent",
        attempt=event.attempt,
        sent_at=event.sent_at,
        deadline=event.deadline,
        days_late=event.days_late,
        invoice_count=event.invoice_count,
        total=WireMoney.of(event.total),
        noted_at=event.noted_at,
    )


def _leaving(event: OrderNotLeaving | OrderMovedOn) -> EventPayload:
    if isinstance(event, OrderMovedOn):
        return wire.OrderMovedOn(
            practice_id=event.practice_id,
            order_id=event.order_id,
            contract_id=event.contract_id,
            round=event.round,
            state=event.state.value,
            moved_on_at=event.moved_on_at,
        )
    return wire.OrderNotLeaving(
        practice_id=event.practice_id,
        order_id=event.order_id,
        order_number=event.number,
        contract_id=event.contract_id,
        round=event.round,
        reason_code=event.reason_code,
        since=event.since,
        may_have_left=event.may_have_left,
        invoice_count=event.invoice_count,
        total=WireMoney.of(event.total),
        noted_at=event.noted_at,
    )


def _confirmed(event: OrderConfirmed) -> wire.OrderConfirmed:
    return wire.OrderConfirmed(
        practice_id=event.practice_id,
        order_id=event.order_id,
        order_number=event.number,
        contract_id=event.contract_id,
        accepted_count=event.accepted_count,
        accepted_total=WireMoney.of(event.accepted_total),
        refused_count=event.refused_count,
        confirmation=content_ref(event.confirmation),
        evidence=wire.ArrivalEvidence.model_validate(
            {
                "kind": event.evidence.kind,
                "reference": event.evidence.reference,
                "observed_at": event.evidence.observed_at,
            }
        ),
        confirmed_at=event.confirmed_at,
    )
