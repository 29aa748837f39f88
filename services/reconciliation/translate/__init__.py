"""Where wire contracts and domain types meet: events in, domain events out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from uuid import UUID

from pydantic import ValidationError

from services.reconciliation.domain import events
from services.reconciliation.domain.dunning import Brake, BrakeReason
from services.reconciliation.domain.model import (
    AcquittalMode,
    Beneficiary,
    Component,
    Confirmation,
    ConfirmationLine,
    Content,
    Contract,
    DebBooking,
    Debt,
    FetchedFile,
    NewInvoice,
    Practice,
    PreparedOrder,
)
from shared.contracts.debident.v1 import DebFileFetched
from shared.contracts.envelope import ContentRef, EventPayload, WireMoney
from shared.contracts.faults import where_wrong
from shared.contracts.invoicing.v1 import ContractChanged, InvoiceIssued, PracticeRegistered
from shared.contracts.orders.v1 import (
    ConfirmationDocument,
    OrderConfirmed,
    OrderLinesDocument,
    OrderPrepared,
)
from shared.contracts.reconciliation import v1
from shared.kernel.errors import ContractError
from shared.kernel.money import Money

_STUCK = frozenset({BrakeReason.DEB_FILE_HELD, BrakeReason.DEB_FILE_SET_ASIDE})


def practice(event: PracticeRegistered) -> Practice:
    """Return the practice that was registered."""
    return Practice(
        practice_id=event.practice_id,
        gln=event.gln,
        canton=event.canton,
        language=event.language,
        registered_at=event.registered_at,
    )


def contract(event: ContractChanged) -> Contract:
    """Return the terms that now hold."""
    return Contract(
        contract_id=event.contract_id,
        practice_id=event.practice_id,
        version=event.contract_version,
        active=event.active,
        factor=event.factor,
        account_number=event.account_number,
        ledger_account=event.ledger_account,
        acquittal_label=event.acquittal_label,
        acquittal=AcquittalMode(event.acquittal),
        payout_basis=event.payout_basis,
        reminder_fee_beneficiary=Beneficiary(event.reminder_fee_beneficiary),
        loss_cover=event.loss_cover,
        deb_layout=event.portal.deb_layout,
        deb_booking=DebBooking(event.deb_booking),
        payment_order=tuple(Component(one) for one in event.payment_order),
    )


def new_invoice(event: InvoiceIssued) -> NewInvoice:
    """Return the invoice that was issued."""
    return NewInvoice(
        invoice_id=event.invoice_id,
        practice_id=event.practice_id,
        invoice_number=event.invoice_number,
        contract_id=event.contract_id,
        debtor_number=event.debtor_number,
        issued_on=event.issued_on,
        due_on=event.due_on,
        total=event.total.to_money(),
        deposit=event.deposit.to_money(),
        balance=event.balance.to_money(),
        document_number=event.document_number,
    )


def prepared_order(event: OrderPrepared) -> PreparedOrder:
    """Return the order that was prepared."""
    return PreparedOrder(
        order_id=event.order_id,
        practice_id=event.practice_id,
        order_number=event.order_number,
        contract_id=event.contract_id,
        prepared_at=event.prepared_at,
        total=event.total.to_money(),
    )


def order_invoices(data: bytes, *, order_id: UUID, practice_id: UUID) -> list[UUID]:
    """Return the invoices in a stored document of an order's lines.

    Raises:
        ContractError: it is not one, or tells of another order or practice.
    """
    try:
        document = OrderLinesDocument.model_validate_json(data)
    except ValidationError as error:
        raise ContractError(f"not a document of an order's lines: {where_wrong(error)}") from None
    if (document.order_id, document.practice_id) != (order_id, practice_id):
        raise ContractError("the document of the lines tells of another order")
    return [line.invoice_id for line in document.lines]


def confirmation(event: OrderConfirmed) -> Confirmation:
    """Return the confirmation that an event tells of, without its lines."""
    return Confirmation(
        order_id=event.order_id,
        practice_id=event.practice_id,
        order_number=event.order_number,
        contract_id=event.contract_id,
        accepted_count=event.accepted_count,
        accepted_total=event.accepted_total.to_money(),
        refused_count=event.refused_count,
        evidence_kind=event.evidence.kind,
        evidence_reference=event.evidence.reference,
        evidence_observed_at=event.evidence.observed_at,
        content_sha256=event.confirmation.sha256,
        confirmed_at=event.confirmed_at,
    )


def confirmation_lines(data: bytes, *, order_id: UUID, practice_id: UUID) -> list[ConfirmationLine]:
    """Read a stored confirmation document.

    Raises:
        ContractError: it is not one, or tells of another order or practice.
    """
    try:
        document = ConfirmationDocument.model_validate_json(data)
    except ValidationError as error:
        raise ContractError(f"not a confirmation document: {where_wrong(error)}") from None
    if (document.order_id, document.practice_id) != (order_id, practice_id):
        raise ContractError("the confirmation document tells of another order")
    return [
        ConfirmationLine(
            line=number,
            invoice_id=line.invoice_id,
            invoice_number=line.invoice_number,
            amount=line.amount.to_money(),
            accepted=line.accepted,
            refusal_code=line.refusal_code,
        )
        for number, line in enumerate(document.lines, 1)
    ]


def content(ref: ContentRef) -> Content:
    """Return where bytes rest."""
    return Content(
        key=ref.key, sha256=ref.sha256, size_bytes=ref.size_bytes, media_type=ref.media_type
    )


def fetched_file(event: DebFileFetched) -> FetchedFile:
    """Return the file that was fetched."""
    return FetchedFile(
        deb_file_id=event.deb_file_id,
        practice_id=event.practice_id,
        contract_id=event.contract_id,
        portal_file_id=event.portal_file_id,
        layout=event.layout,
        content=content(event.file),
        fetched_at=event.fetched_at,
    )


def to_wire(event: events.DomainEvent) -> EventPayload:
    """Return a domain event in its wire form."""
    match event:
        case events.InvoiceAcquitted():
            return _invoice_acquitted(event)
        case events.OrderAcquitted():
            return _order_acquitted(event)
        case events.InvoicePositionChanged():
            return _position_changed(event)
        case events.DunningBrakeChanged():
            return _brake_changed(event)
        case _:
            return _of_deb_file(event)


def _of_deb_file(event: events.DebFileEvent) -> EventPayload:
    match event:
        case events.DebFileBooked():
            return _file_booked(event)
        case events.DebFileHeld():
            return _file_held(event)
        case events.DebFileReleased():
            return _file_released(event)
        case events.DebFileDiscarded():
            return _file_discarded(event)
        case events.DebFileUndone():
            return _file_undone(event)
        case events.DebRowParked():
            return _row_parked(event)


def _invoice_acquitted(event: events.InvoiceAcquitted) -> v1.InvoiceAcquitted:
    return v1.InvoiceAcquitted(
        practice_id=event.practice_id,
        invoice_id=event.invoice_id,
        contract_id=event.contract_id,
        order_id=event.order_id,
        amount=_wire_money(event.amount),
        ledger_account=event.ledger_account,
        label=event.label,
        acquitted_on=event.acquitted_on,
        journal_entry_id=event.journal_entry_id,
    )


def _order_acquitted(event: events.OrderAcquitted) -> v1.OrderAcquitted:
    return v1.OrderAcquitted(
        practice_id=event.practice_id,
        order_id=event.order_id,
        contract_id=event.contract_id,
        invoice_count=event.invoice_count,
        total=_wire_money(event.total),
        acquitted_on=event.acquitted_on,
        set_aside_count=event.set_aside_count,
        set_aside_total=_wire_money(event.set_aside_total) if event.set_aside_count else None,
    )


def _position_changed(event: events.InvoicePositionChanged) -> v1.InvoicePositionChanged:
    return v1.InvoicePositionChanged(
        practice_id=event.practice_id,
        invoice_id=event.invoice_id,
        contract_id=event.contract_id,
        debtor_owes=debtor_balance(event.debt),
        factor_owes=_wire_money(event.factor_owes),
        with_factor=event.with_factor,
        given_back=event.given_back_by is not None,
        given_back_by=event.given_back_by,
        deb_file_id=event.deb_file_id,
        changes=tuple(
            v1.PositionChange(
                kind=change.kind,
                amount=_money(change.amount),
                event_date=change.event_date,
                reverses=change.reverses,
                credit_note_id=change.credit_note_id,
                level=change.level,
            )
            for change in event.changes
        ),
        changed_at=event.changed_at,
    )


def _brake_changed(event: events.DunningBrakeChanged) -> v1.DunningBrakeChanged:
    return v1.DunningBrakeChanged(
        practice_id=event.practice_id,
        released=not event.brakes,
        reasons=_wire_brakes(event.brakes),
        changed_at=event.changed_at,
    )


def _wire_brakes(brakes: Sequence[Brake]) -> tuple[v1.DunningBrake, ...]:
    """Version 1 has no word for files that are set aside: they count among those held."""
    stuck = {brake.reason: brake.count for brake in brakes if brake.reason in _STUCK}
    wire: list[v1.DunningBrake] = []
    for brake in brakes:
        if brake.reason in _STUCK and wire and wire[-1].reason_code == "deb-file-held":
            continue
        wire.append(_wire_brake(brake, stuck))
    return tuple(wire)


def _wire_brake(brake: Brake, stuck: Mapping[BrakeReason, int]) -> v1.DunningBrake:
    is_stuck = brake.reason in stuck
    return v1.DunningBrake(
        reason_code="deb-file-held" if is_stuck else brake.reason.value,
        count=sum(stuck.values()) if is_stuck else brake.count,
        amount=_money(brake.amount),
        since=brake.since,
        set_aside=stuck.get(BrakeReason.DEB_FILE_SET_ASIDE) if is_stuck else None,
    )


def _file_booked(event: events.DebFileBooked) -> v1.DebFileBooked:
    return v1.DebFileBooked(
        practice_id=event.practice_id,
        deb_file_id=event.deb_file_id,
        contract_id=event.contract_id,
        rows_read=event.rows_read,
        booked=event.booked,
        repeats=event.repeats,
        parked=event.parked,
        booked_at=event.booked_at,
    )


def _file_held(event: events.DebFileHeld) -> v1.DebFileHeld:
    return v1.DebFileHeld(
        practice_id=event.practice_id,
        deb_file_id=event.deb_file_id,
        contract_id=event.contract_id,
        reason_code=event.reason_code,
        line=event.line,
        held_at=event.held_at,
    )


def _file_released(event: events.DebFileReleased) -> v1.DebFileReleased:
    return v1.DebFileReleased(
        practice_id=event.practice_id,
        deb_file_id=event.deb_file_id,
        contract_id=event.contract_id,
        reason_code=event.reason_code,
        released_at=event.released_at,
    )


def _file_discarded(event: events.DebFileDiscarded) -> v1.DebFileDiscarded:
    return v1.DebFileDiscarded(
        practice_id=event.practice_id,
        deb_file_id=event.deb_file_id,
        contract_id=event.contract_id,
        reason_code=event.reason_code,
        superseded_by=event.superseded_by,
        discarded_at=event.discarded_at,
    )


def _file_undone(event: events.DebFileUndone) -> v1.DebFileUndone:
    return v1.DebFileUndone(
        practice_id=event.practice_id,
        deb_file_id=event.deb_file_id,
        contract_id=event.contract_id,
        rows_read=event.rows_read,
        booked=event.booked,
        repeats=event.repeats,
        parked=event.parked,
        undone=event.undone,
        kept=event.kept,
        debt_change=_wire_money(event.debt_change),
        factor_change=_wire_money(event.factor_change),
        undone_at=event.undone_at,
    )


def _row_parked(event: events.DebRowParked) -> v1.DebRowParked:
    return v1.DebRowParked(
        practice_id=event.practice_id,
        deb_file_id=event.deb_file_id,
        contract_id=event.contract_id,
        line=event.line,
        kind=event.kind,
        reason_code=event.reason_code,
        amount=_money(event.amount),
        parked_at=event.parked_at,
    )


def debtor_balance(debt: Debt) -> v1.DebtorBalance:
    """Return D in its wire form."""
    return v1.DebtorBalance(
        principal=_wire_money(debt.principal),
        reminder_fees=_wire_money(debt.reminder_fees),
        interest=_wire_money(debt.interest),
        costs=_wire_money(debt.costs),
        total=_wire_money(debt.total),
    )


def _money(amount: Money | None) -> WireMoney | None:
    return None if amount is None else _wire_money(amount)


@lru_cache(maxsize=1024)
def _wire_money(amount: Money) -> WireMoney:
    """Write an amount once for all the places of an event, and its neighbours, that repeat it."""
    return WireMoney.of(amount)
