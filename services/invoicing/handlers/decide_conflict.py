"""Carries out what a person decided about a file with the number of another invoice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from services.invoicing.domain.incoming import Fault, GivenFile, IncomingInvoice
from services.invoicing.domain.incoming_rules import Setting, faults_of, unfit_codes_of
from services.invoicing.domain.invoice import Invoice, Outcome
from services.invoicing.domain.taking_over import ImportConflict
from services.invoicing.handlers.cancel_invoice import CancelInvoice, withdraw_from_books
from services.invoicing.handlers.import_invoices import contract_in_force
from services.invoicing.handlers.known import known_invoice, known_practice
from services.invoicing.handlers.take_over import (
    open_intake,
    reference_of_the_house,
    reference_taken,
)
from services.invoicing.ports import UnitOfWork
from services.invoicing.ports.documents import InvoiceDocuments, InvoiceFiles
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError, DomainError, NotFoundError

KEEP, REPLACE = "keep", "replace"
REASON_OF_REPLACEMENT = "replaced-by-import"
_NUMBER_MAX = 35


@dataclass(frozen=True, slots=True)
class DecideConflict:
    """Keep the known invoice, or replace it by the one in the file.

    Attributes:
        decision: "keep" or "replace".
        by: who decides.
    """

    practice_id: UUID
    conflict_id: UUID
    decision: str
    by: str


async def decide_conflict(
    command: DecideConflict,
    uow: UnitOfWork,
    *,
    files: InvoiceFiles,
    documents: InvoiceDocuments,
    clock: Clock,
) -> Outcome:
    """Decide; the same decision once more changes nothing.

    A replacement cancels the known invoice, unless it is cancelled, and keeps the file's under its
    number with a suffix (".2"), since no service forgets a number; each names the other. Outside,
    the number on the document goes on to mean one living invoice: the file's. Whatever has that
    number when the person decides is what is replaced.

    Raises:
        NotFoundError: the practice has no such conflict.
        ConflictError: it was decided otherwise, or the known invoice is in an order.
        DomainError: the file breaks a rule today.
        TransientError: the object store did not answer.
    """
    await uow.imports.lock(command.practice_id)
    conflict = await uow.imports.lock_conflict(command.practice_id, command.conflict_id)
    if conflict is None:
        raise NotFoundError("There is no such conflict.", code="import-conflict-not-found")
    if conflict.decision == command.decision:
        return Outcome.ALREADY_DONE
    if conflict.decision is not None:
        raise ConflictError(
            f"It was decided already: {conflict.decision}.",
            code="conflict-decided",
            decision=conflict.decision,
        )
    replacement: Invoice | None = None
    if command.decision == REPLACE:
        replacement = await _replace(
            command, conflict, uow, files=files, documents=documents, clock=clock
        )
    await uow.imports.decide(
        replace(
            conflict,
            decision=command.decision,
            decided_at=clock.now(),
            decided_by=command.by,
            replacement_id=None if replacement is None else replacement.invoice_id,
        )
    )
    return Outcome.DONE


async def _replace(
    command: DecideConflict,
    conflict: ImportConflict,
    uow: UnitOfWork,
    *,
    files: InvoiceFiles,
    documents: InvoiceDocuments,
    clock: Clock,
) -> Invoice:
    practice = await known_practice(uow, command.practice_id)
    contract = await contract_in_force(uow, command.practice_id, conflict.contract_id)
    contracts = await uow.practices.contracts_of(command.practice_id)
    setting = Setting(
        practice, contract, clock.today(), tuple(contracts), takes_trials=files.takes_trials
    )
    known = (await uow.imports.known(command.practice_id, {conflict.invoice_number}))[
        conflict.invoice_number
    ]
    wrong = await known_invoice(uow, command.practice_id, known.invoice_id)
    data = await documents.get(command.practice_id, conflict.document)
    (file,) = files.read([GivenFile(conflict.file_name, data)])
    incoming = _sound(file.invoice, file.faults, setting)
    intake = await open_intake(uow, conflict.conflict_id, setting, [incoming], clock=clock)
    taken = intake.number_of_reference(incoming)
    if taken not in {None, wrong.number}:
        raise _unsound(reference_taken(str(taken)))
    imported = await intake.take_over(
        incoming,
        conflict.document,
        file_name=conflict.file_name,
        unfit_codes=unfit_codes_of(incoming, setting),
        own_number=_next_number(conflict.invoice_number, wrong.number),
    )
    new = imported.invoice
    if not known.cancelled:
        cancel = CancelInvoice(
            command.practice_id, wrong.invoice_id, REASON_OF_REPLACEMENT, command.by
        )
        await withdraw_from_books(cancel, wrong, uow, clock=clock, replaced_by=new.invoice_id)
    await intake.close()
    await uow.corrections.link(wrong.invoice_id, new.invoice_id)
    return new


def _sound(
    invoice: IncomingInvoice | None, read_faults: tuple[Fault, ...], setting: Setting
) -> IncomingInvoice:
    if invoice is None:
        raise _unsound(read_faults[0])
    faults = (*faults_of(invoice, setting), *reference_of_the_house(invoice, setting))
    if faults:
        raise _unsound(faults[0])
    return invoice


def _unsound(fault: Fault) -> DomainError:
    return DomainError(fault.reason, code=fault.code)


def _next_number(on_document: str, replaced: str) -> str:
    """Return the number of a replacement: that of the document, ".2", then ".3" and so on."""
    count = replaced.removeprefix(on_document).removeprefix(".")
    number = f"{on_document}.{int(count) + 1 if count.isdigit() else 2}"
    if len(number) > _NUMBER_MAX:
        raise DomainError(
            "The invoice number is too long to be given a suffix.", code="number-too-long"
        )
    return number
