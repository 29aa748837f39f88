"""Imports invoices of other practice software; each file is taken over, known, or says why not."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from services.invoicing.domain.incoming import (
    Fault,
    FileReport,
    ImportOutcome,
    IncomingFile,
)
from services.invoicing.domain.incoming_rules import Setting, faults_of, unfit_codes_of
from services.invoicing.domain.invoice import StoredDocument
from services.invoicing.domain.practice import Contract
from services.invoicing.domain.taking_over import ImportConflict, KnownInvoice
from services.invoicing.handlers.known import known_practice
from services.invoicing.handlers.take_over import (
    Intake,
    open_intake,
    reference_of_the_house,
    reference_taken,
)
from services.invoicing.ports import InvoiceDocuments, InvoiceFiles, UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import DomainError
from shared.kernel.ids import new_id

CHUNK_FILES = 100
_DOCUMENTS_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class ImportInvoices:
    """Import the invoices of this upload.

    Attributes:
        contract_id: the factoring contract they are under, or None.
        name: of the upload, for the report of a single file.
    """

    practice_id: UUID
    import_id: UUID
    contract_id: UUID | None
    name: str
    data: bytes


async def import_invoices(
    command: ImportInvoices,
    uow: UnitOfWork,
    *,
    files: InvoiceFiles,
    documents: InvoiceDocuments,
    clock: Clock,
) -> list[FileReport]:
    """Take over every file that can be, and report on each, in the order of the upload.

    A file that was imported before changes nothing. A file with the number of a known invoice and
    other content is kept for a person to decide; so is one whose number is that of a cancelled
    invoice, for it would be its successor.

    Raises:
        NotFoundError: the practice does not exist.
        DomainError: the contract is not in force, or the archive breaks a limit.
        TransientError: the object store did not answer.
    """
    practice = await known_practice(uow, command.practice_id)
    contract = await contract_in_force(uow, command.practice_id, command.contract_id)
    setting = Setting(practice, contract, clock.today())
    await uow.imports.lock(command.practice_id)
    work = _Import(command, setting, uow, documents, clock)
    reports: list[FileReport] = []
    for chunk in _chunks(files.read(command.data, name=command.name)):
        reports += await work.run(chunk)
    return reports


async def contract_in_force(
    uow: UnitOfWork, practice_id: UUID, contract_id: UUID | None
) -> Contract | None:
    """Return the contract that a request names, or None if it names none.

    Raises:
        DomainError: the practice has no such contract in force.
    """
    if contract_id is None:
        return None
    contract = await uow.practices.contract(practice_id, contract_id)
    if contract is None or not contract.active:
        raise DomainError(
            "The practice has no such contract in force.",
            code="unknown-contract",
            field="contract_id",
        )
    return contract


def _chunks(files: Iterator[IncomingFile]) -> Iterator[list[IncomingFile]]:
    while chunk := list(islice(files, CHUNK_FILES)):
        yield chunk


@dataclass(frozen=True, slots=True)
class _Read:
    """A file, and what is wrong with it."""

    file: IncomingFile
    faults: tuple[Fault, ...]


class _Import:
    """One upload under way."""

    def __init__(
        self,
        command: ImportInvoices,
        setting: Setting,
        uow: UnitOfWork,
        documents: InvoiceDocuments,
        clock: Clock,
    ) -> None:
        self._command = command
        self._setting = setting
        self._uow = uow
        self._documents = documents
        self._clock = clock

    async def run(self, chunk: Sequence[IncomingFile]) -> list[FileReport]:
        """Work some files with few statements; what they add is kept before the next ones."""
        invoices = [file.invoice for file in chunk if file.invoice is not None]
        known = await self._uow.imports.known(
            self._command.practice_id, {one.number for one in invoices}
        )
        intake = await open_intake(
            self._uow, self._command.import_id, self._setting, invoices, clock=self._clock
        )
        read = [_Read(file, self._faults(file)) for file in chunk]
        stored = await self._store([one.file for one in _surely_new(read, known, intake)])
        reports = [await self._work(one, known, intake, stored) for one in read]
        await intake.close()
        return reports

    def _faults(self, file: IncomingFile) -> tuple[Fault, ...]:
        if file.invoice is None:
            return file.faults
        return (
            *faults_of(file.invoice, self._setting),
            *reference_of_the_house(file.invoice, self._setting),
        )

    async def _store(self, files: Sequence[IncomingFile]) -> dict[bytes, StoredDocument]:
        """Store documents several at a time: a durable write is waiting, most of all."""
        stored: dict[bytes, StoredDocument] = {}
        for start in range(0, len(files), _DOCUMENTS_AT_ONCE):
            some = [file.data for file in files[start : start + _DOCUMENTS_AT_ONCE]]
            puts = [self._documents.put(self._command.practice_id, data) for data in some]
            stored.update(zip(some, await asyncio.gather(*puts), strict=True))
        return stored

    async def _work(
        self,
        read: _Read,
        known: dict[str, KnownInvoice],
        intake: Intake,
        stored: Mapping[bytes, StoredDocument],
    ) -> FileReport:
        file, faults = read.file, read.faults
        invoice = file.invoice
        if invoice is None:
            return FileReport(file.name, ImportOutcome.REFUSED, faults=faults)
        sha256 = hashlib.sha256(file.data).hexdigest()
        earlier = known.get(invoice.number)
        if earlier is not None and earlier.is_living_twin(sha256, invoice.content_sha256):
            return _report(file, ImportOutcome.ALREADY_KNOWN, earlier.invoice_id)
        if faults:
            return _report(file, ImportOutcome.REFUSED, None, faults=faults)
        if earlier is not None:
            return await self._conflict(file, earlier, sha256)
        taken = intake.number_of_reference(invoice)
        if taken is not None:
            return _report(file, ImportOutcome.REFUSED, None, faults=(reference_taken(taken),))
        document = stored.get(file.data)
        if document is None:
            document = await self._documents.put(self._command.practice_id, file.data)
        new = await intake.take_over(
            invoice,
            document,
            file_name=file.name,
            unfit_codes=unfit_codes_of(invoice, self._setting),
        )
        known[invoice.number] = KnownInvoice(
            invoice_id=new.invoice_id,
            invoice_number=new.number,
            document_number=invoice.number,
            document_sha256=sha256,
            content_sha256=invoice.content_sha256,
            cancelled=False,
        )
        return FileReport(
            file.name,
            ImportOutcome.IMPORTED,
            invoice.number,
            new.invoice_id,
            unfit_codes=new.unfit_codes,
        )

    async def _conflict(self, file: IncomingFile, earlier: KnownInvoice, sha256: str) -> FileReport:
        conflict = await self._uow.imports.conflict_over(
            earlier.invoice_id, sha256, cancelled=earlier.cancelled
        )
        if conflict is None:
            document = await self._documents.put(self._command.practice_id, file.data)
            conflict = ImportConflict(
                conflict_id=new_id(),
                practice_id=self._command.practice_id,
                invoice_id=earlier.invoice_id,
                invoice_number=earlier.document_number or earlier.invoice_number,
                contract_id=self._command.contract_id,
                file_name=file.name,
                document=document,
                found_at=self._clock.now(),
                over_cancelled=earlier.cancelled,
            )
            await self._uow.imports.add_conflict(conflict)
        decided = conflict.decision is not None
        outcome = ImportOutcome.ALREADY_KNOWN if decided else ImportOutcome.CONFLICT
        return _report(file, outcome, earlier.invoice_id, conflict_id=conflict.conflict_id)


def _surely_new(
    read: Sequence[_Read], known: Mapping[str, KnownInvoice], intake: Intake
) -> Iterator[_Read]:
    """Yield what will be imported, whatever becomes of the other files of the chunk.

    Of a refused file nothing is stored, so what depends on another file is left to its turn.
    """
    numbers, references = set(known), set[str]()
    for one in read:
        invoice = one.file.invoice
        if invoice is None or one.faults:
            continue
        reference = invoice.slip.reference or ""
        is_first = invoice.number not in numbers and reference not in references
        if is_first and intake.number_of_reference(invoice) is None:
            yield one
        numbers.add(invoice.number)
        references |= {reference} - {""}


def _report(
    file: IncomingFile,
    outcome: ImportOutcome,
    invoice_id: UUID | None,
    *,
    conflict_id: UUID | None = None,
    faults: tuple[Fault, ...] = (),
) -> FileReport:
    number = file.invoice.number if file.invoice is not None else None
    return FileReport(file.name, outcome, number, invoice_id, conflict_id, faults=faults)
