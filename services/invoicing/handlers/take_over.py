"""Takes invoices from outside over, some at a time: people linked or added, rows kept in sets."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from services.invoicing.domain.events import InvoiceWasIssued
from services.invoicing.domain.incoming import Fault, IncomingInvoice, Namesake
from services.invoicing.domain.incoming_rules import Setting
from services.invoicing.domain.invoice import HistoryEntry, Invoice, Standing, StoredDocument
from services.invoicing.domain.known_patients import (
    KnownPatients,
    ahv_number,
    derived_patient_numbers,
)
from services.invoicing.domain.numbers import house_reference, is_qr_reference
from services.invoicing.domain.people import Patient, Provider
from services.invoicing.domain.taking_over import (
    ImportedInvoice,
    house_number,
    new_invoice,
    new_patient,
    new_provider,
    new_treatment,
)
from services.invoicing.domain.treatment import Treatment
from services.invoicing.ports import UnitOfWork
from shared.kernel.clock import Clock


def reference_taken(number: str) -> Fault:
    """Return the fault of a file whose QR reference another invoice has."""
    return Fault("reference-taken", f"Invoice {number} has the same QR reference.", "payment-slip")


def reference_of_the_house(incoming: IncomingInvoice, setting: Setting) -> tuple[Fault, ...]:
    """Return the fault of a file whose QR reference one of the house's own invoices will need.

    Whatever the contract of the upload: a reference is there once in a practice, and every
    contract of it gives some.
    """
    reference = incoming.slip.reference
    if setting.contract is None or reference is None or not is_qr_reference(reference):
        return ()
    gln = setting.practice.gln
    meant = (
        house_reference(reference, account_number=one.account_number, practice_gln=gln)
        for one in (setting.contract, *setting.contracts)
    )
    number = next((one for one in meant if one is not None), None)
    if number is None or number == incoming.number:
        return ()
    reason = f"This QR reference belongs to invoice {number} of the house's own numbers."
    return (Fault("reference-of-the-house", reason, "payment-slip"),)


async def open_intake(
    uow: UnitOfWork,
    import_id: UUID,
    setting: Setting,
    invoices: Sequence[IncomingInvoice],
    *,
    clock: Clock,
) -> Intake:
    """Return an intake for these invoices, with everything that it must know of the practice."""
    practice_id = setting.practice.practice_id
    glns = {one.provider.gln for one in invoices}
    ssns = {ssn for one in invoices if (ssn := ahv_number(one.patient)) is not None}
    birth_dates = {one.patient.birth_date for one in invoices}
    numbers = {
        number for one in invoices for number in derived_patient_numbers(practice_id, one.patient)
    }
    references = {one.slip.reference for one in invoices if one.slip.reference is not None}
    return Intake(
        uow,
        import_id,
        setting,
        clock=clock,
        providers=await uow.practices.providers_by_gln(practice_id, glns),
        patients=KnownPatients(
            practice_id,
            await uow.patients.among(
                practice_id, ssns=ssns, birth_dates=birth_dates, numbers=numbers
            ),
        ),
        references=await uow.imports.taken_references(practice_id, references),
        drawn_at_once=max(1, sum(house_number(one.number) is None for one in invoices)),
    )


class Intake:
    """Gathers what some invoices add, and keeps all of it at the end."""

    def __init__(
        self,
        uow: UnitOfWork,
        import_id: UUID,
        setting: Setting,
        *,
        clock: Clock,
        providers: dict[str, Provider],
        patients: KnownPatients,
        references: dict[str, str],
        drawn_at_once: int,
    ) -> None:
        self._uow = uow
        self._import_id = import_id
        self._setting = setting
        self._clock = clock
        self._providers = providers
        self._patients = patients
        self._references = references
        self._drawn_at_once = drawn_at_once
        self._serials: list[int] = []
        self._new_patients: list[Patient] = []
        self._new: list[ImportedInvoice] = []

    def number_of_reference(self, incoming: IncomingInvoice) -> str | None:
        """Return the number of another invoice under a contract that has this QR reference."""
        if self._setting.contract is None or incoming.slip.reference is None:
            return None
        return self._references.get(incoming.slip.reference)

    async def take_over(
        self,
        incoming: IncomingInvoice,
        document: StoredDocument,
        *,
        file_name: str,
        unfit_codes: tuple[str, ...],
        own_number: str | None = None,
    ) -> ImportedInvoice:
        """Return the invoice to be kept; patient and provider are those on record, or new ones."""
        patient, namesakes = self._patient(incoming)
        provider = await self._provider(incoming)
        treatment = new_treatment(incoming, patient=patient, provider=provider)
        invoice = new_invoice(
            incoming,
            patient=patient,
            contract=self._setting.contract,
            document=document,
            place=await self._place(incoming, own_number),
            unfit_codes=unfit_codes,
            own_number=own_number,
        )
        imported = ImportedInvoice(
            invoice=invoice,
            treatment=treatment,
            document_number=incoming.number,
            file_name=file_name,
            version=incoming.version,
            content_sha256=incoming.content_sha256,
            namesakes=namesakes,
        )
        self._new.append(imported)
        if invoice.qr_reference is not None:
            self._references[invoice.qr_reference] = invoice.number
        return imported

    async def close(self) -> None:
        """Keep everything, and tell the other services of each invoice."""
        if not self._new:
            return
        practice_id, now = self._setting.practice.practice_id, self._clock.now()
        await self._uow.patients.add_many(self._new_patients)
        await self._uow.treatments.add_many(
            [one.treatment for one in self._new if one.treatment is not None]
        )
        await self._uow.invoices.add_many(
            [
                (one.invoice, Standing.at_issue(one.invoice), _ids(one.treatment))
                for one in self._new
            ]
        )
        await self._uow.imports.add(self._import_id, self._new, at=now)
        await self._uow.invoices.add_history(
            practice_id, [entry for one in self._new for entry in self._history(one.invoice)]
        )
        for one in self._new:
            other = one.document_number if one.document_number != one.invoice.number else None
            self._uow.record(InvoiceWasIssued(one.invoice, other))
        self._new, self._new_patients = [], []

    def _patient(self, incoming: IncomingInvoice) -> tuple[Patient, tuple[Namesake, ...]]:
        found = self._patients.find(incoming.patient)
        if found.patient is not None:
            return found.patient, ()
        number = self._patients.number_for(incoming.patient)
        new = new_patient(self._setting.practice.practice_id, incoming, number=number)
        self._patients.add(new)
        self._new_patients.append(new)
        return new, found.namesakes

    async def _provider(self, incoming: IncomingInvoice) -> Provider:
        found = self._providers.get(incoming.provider.gln)
        if found is None:
            found = new_provider(self._setting.practice.practice_id, incoming)
            await self._uow.practices.add_provider(found)
            self._providers[found.gln] = found
        return found

    async def _place(self, incoming: IncomingInvoice, own_number: str | None) -> tuple[int, int]:
        place = house_number(incoming.number) if own_number is None else None
        if place is not None:
            return place
        if not self._serials:
            practice_id = self._setting.practice.practice_id
            self._serials += await self._uow.imports.draw_serials(practice_id, self._drawn_at_once)
        return incoming.issued_on.year, self._serials.pop(0)

    def _history(self, invoice: Invoice) -> tuple[HistoryEntry, HistoryEntry]:
        issued = HistoryEntry(
            invoice.invoice_id,
            "issued",
            invoice.issued_on,
            cause_id=invoice.invoice_id,
            amount=invoice.open_amount,
        )
        imported = HistoryEntry(
            invoice.invoice_id, "imported", self._clock.today(), cause_id=self._import_id
        )
        return issued, imported


def _ids(treatment: Treatment | None) -> tuple[UUID, ...]:
    return () if treatment is None else (treatment.treatment_id,)
