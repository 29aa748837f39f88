"""Issues an invoice for treatments: number, document and event in one transaction, or nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from services.invoicing.domain.document import InvoiceDocument, check_document
from services.invoicing.domain.events import InvoiceWasIssued
from services.invoicing.domain.insurance import Insurance
from services.invoicing.domain.invoice import (
    POSITIONS_MAX,
    HistoryEntry,
    Invoice,
    Standing,
    StoredDocument,
)
from services.invoicing.domain.practice import Contract
from services.invoicing.domain.treatment import Treatment
from services.invoicing.handlers.known import known_practice
from services.invoicing.ports import UnitOfWork
from services.invoicing.ports.documents import InvoiceDocuments, InvoiceRenderer
from shared.kernel.clock import SWISS_TIME, Clock
from shared.kernel.errors import ConflictError, DomainError
from shared.kernel.money import Money

INVOICE_MAX = Money.parse("1000000.00")


@dataclass(frozen=True, slots=True)
class IssueInvoice:
    """Bill these treatments of one patient.

    Attributes:
        contract_id: the factoring contract, or None to collect the money oneself.
        deposit: what was paid before.
        discount_percent: what is taken off, 0 to 100.
        insurance: of the insurer that is to owe it; None: tiers garant.
    """

    practice_id: UUID
    invoice_id: UUID
    treatment_ids: tuple[UUID, ...]
    contract_id: UUID | None
    deposit: Money
    payment_period_days: int
    discount_percent: Decimal = Decimal(0)
    insurance: Insurance | None = None


async def issue_invoice(
    command: IssueInvoice,
    uow: UnitOfWork,
    *,
    renderer: InvoiceRenderer,
    documents: InvoiceDocuments,
    clock: Clock,
) -> Invoice:
    """Draw the number, render and store the document, keep the invoice, tell the other services.

    The document is rendered, in a thread, and stored with the number that is probably next, and the
    number drawn after it, so that its lock is short; a rollback gives it back. Only if somebody
    else took that number meanwhile, it is rendered once more, with the number that was drawn.

    Raises:
        NotFoundError: the practice does not exist.
        ConflictError: a treatment is billed already, names the treatment and its invoice; or an
            imported invoice has the QR reference that this one would get, names that invoice.
        DomainError: the treatments do not fit on one invoice, or a rule forbids the document.
        TransientError: the object store did not answer.
    """
    document = await _draft(command, uow, clock=clock)
    _check_deposit(document)
    check_document(document)
    stored = await _store(document, renderer, documents)
    serial = await uow.invoices.next_serial(command.practice_id, document.year)
    if serial != document.serial:
        document = replace(document, serial=serial)
        check_document(document)
        stored = await _store(document, renderer, documents)
    invoice = _invoice(document, stored)
    await _refuse_taken_reference(invoice, uow)
    await uow.invoices.add(invoice, Standing.at_issue(invoice), command.treatment_ids)
    await uow.invoices.add_history(command.practice_id, [_first_entry(invoice)])
    uow.record(InvoiceWasIssued(invoice))
    return invoice


async def _refuse_taken_reference(invoice: Invoice, uow: UnitOfWork) -> None:
    # The drawn serial holds the practice's lock, so no import takes the reference meanwhile.
    if invoice.qr_reference is None:
        return
    taken = await uow.imports.taken_references(invoice.practice_id, {invoice.qr_reference})
    other = taken.get(invoice.qr_reference)
    if other is not None:
        raise ConflictError(
            f"Invoice {other} came from outside with the QR reference that the next invoice"
            f" under this contract, {invoice.number}, must have. Cancel {other}, import it"
            " again with another reference, then bill this once more; or bill it under another"
            " contract.",
            code="reference-taken",
            invoice_number=other,
        )


async def _store(
    document: InvoiceDocument, renderer: InvoiceRenderer, documents: InvoiceDocuments
) -> StoredDocument:
    data = await asyncio.to_thread(renderer.render, document)
    return await documents.put(document.practice.practice_id, data)


async def _draft(command: IssueInvoice, uow: UnitOfWork, *, clock: Clock) -> InvoiceDocument:
    practice = await known_practice(uow, command.practice_id)
    contract = await _contract(command, uow)
    treatments = await _treatments(command, uow)
    patient = await uow.patients.get(command.practice_id, treatments[0].patient_id)
    if patient is None:
        raise DomainError("The treatment has no patient.", code="unknown-patient")
    provider_ids = {treatment.provider_id for treatment in treatments}
    providers = await uow.practices.providers(command.practice_id, provider_ids)
    issued_at = clock.now().replace(microsecond=0)
    year = issued_at.astimezone(SWISS_TIME).year
    return InvoiceDocument(
        invoice_id=command.invoice_id,
        year=year,
        serial=await uow.invoices.probable_serial(command.practice_id, year),
        issued_at=issued_at,
        practice=practice,
        contract=contract,
        patient=patient,
        providers=providers,
        treatments=treatments,
        deposit=command.deposit,
        payment_period_days=command.payment_period_days,
        discount_percent=command.discount_percent,
        insurance=command.insurance,
    )


async def _contract(command: IssueInvoice, uow: UnitOfWork) -> Contract | None:
    if command.contract_id is None:
        return None
    contract = await uow.practices.contract(command.practice_id, command.contract_id)
    if contract is None or not contract.active:
        raise DomainError(
            "The practice has no such contract in force.",
            code="unknown-contract",
            field="contract_id",
        )
    return contract


async def _treatments(command: IssueInvoice, uow: UnitOfWork) -> tuple[Treatment, ...]:
    if not command.treatment_ids:
        raise DomainError(
            "There are no treatments to bill.", code="no-treatments", field="treatment_ids"
        )
    found = await uow.treatments.lock(command.practice_id, command.treatment_ids)
    for place, treatment_id in enumerate(command.treatment_ids):
        if treatment_id not in found:
            raise DomainError(
                "The practice has no such treatment.",
                code="unknown-treatment",
                field=f"treatment_ids.{place}",
            )
    await _refuse_billed(command, uow)
    treatments = sorted(found.values(), key=lambda one: (one.begun_on, one.treatment_id))
    _refuse_mixed(treatments)
    _refuse_oversized(treatments)
    return tuple(treatments)


async def _refuse_billed(command: IssueInvoice, uow: UnitOfWork) -> None:
    billed = await uow.treatments.billed(command.practice_id, command.treatment_ids)
    for place, treatment_id in enumerate(command.treatment_ids):
        if treatment_id in billed:
            raise ConflictError(
                f"This treatment is billed already, on invoice {billed[treatment_id]}.",
                code="treatment-billed",
                field=f"treatment_ids.{place}",
                treatment_id=str(treatment_id),
                invoice_number=billed[treatment_id],
            )


def _refuse_oversized(treatments: list[Treatment]) -> None:
    positions = sum(len(treatment.positions) for treatment in treatments)
    if positions > POSITIONS_MAX:
        raise DomainError(
            f"An invoice holds {POSITIONS_MAX} positions at most, not {positions}."
            " Bill the treatments on several invoices.",
            code="too-many-positions",
            field="treatment_ids",
        )
    if Money.total(treatment.total for treatment in treatments) > INVOICE_MAX:
        raise DomainError(
            f"An invoice may come to {INVOICE_MAX.for_people()} at most.",
            code="amount-too-large",
            field="treatment_ids",
        )


def _refuse_mixed(treatments: list[Treatment]) -> None:
    if len({treatment.patient_id for treatment in treatments}) > 1:
        raise DomainError(
            "An invoice bills the treatments of one patient only.",
            code="several-patients",
            field="treatment_ids",
        )
    if len({treatment.reason for treatment in treatments}) > 1:
        raise DomainError(
            "Treatments for different reasons (illness, accident, ...) need separate invoices.",
            code="several-reasons",
            field="treatment_ids",
        )


def _check_deposit(document: InvoiceDocument) -> None:
    if document.insurance is not None and document.deposit:
        raise DomainError(
            f"Tiers {document.insurance.tiers} the insurer owes the whole invoice: there is no"
            " deposit. Give the deposit back, or bill tiers garant.",
            code="deposit-with-insurer",
            field="deposit.amount",
        )
    if document.deposit > document.total:
        raise DomainError(
            "The deposit is larger than the invoice, which comes to"
            f" {document.total.for_people()}.",
            code="deposit-too-large",
            field="deposit.amount",
        )


def _invoice(document: InvoiceDocument, stored: StoredDocument) -> Invoice:
    return Invoice(
        invoice_id=document.invoice_id,
        practice_id=document.practice.practice_id,
        year=document.year,
        serial=document.serial,
        contract_id=document.contract.contract_id if document.contract else None,
        patient_id=document.patient.patient_id,
        patient_number=document.patient.patient_number,
        debtor_number=document.debtor.debtor_number,
        qr_reference=document.qr_reference,
        issued_at=document.issued_at,
        issued_on=document.issued_on,
        due_on=document.due_on,
        language=document.language,
        total=document.total,
        deposit=document.deposit,
        discount_percent=document.discount_percent,
        document=stored,
        unfit_codes=document.unfit_codes(),
        document_format=document.contract.invoice_format if document.contract else None,
        insurance=document.insurance,
    )


def _first_entry(invoice: Invoice) -> HistoryEntry:
    return HistoryEntry(
        invoice.invoice_id,
        "issued",
        invoice.issued_on,
        cause_id=invoice.invoice_id,
        amount=invoice.open_amount,
    )
