"""Imports invoices of other practice software; each file is taken over, known, or says why not."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from itertools import chain, islice
from uuid import UUID

from services.invoicing.domain.incoming import (
    Fault,
    FileReport,
    GivenFile,
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
from services.invoicing.ports import UnitOfWork
from services.invoicing.ports.documents import InvoiceDocuments, InvoiceFiles
from shared.kernel.clock import Clock
from shared.kernel.errors import DomainError
from shared.kernel.ids import new_id

CHUNK_FILES = 200
_DOCUMENTS_AT_ONCE = 32


Begin = Callable[[], AbstractAsyncContextManager[UnitOfWork]]


@dataclass(frozen=True, slots=True)
class ImportInvoices:
    """Import the invoices of this upload.

    Attributes:
        contract_id: the factoring contract they are under, or None.
        given: one file or archive, or several.
    """

    practice_id: UUID
    import_id: UUID
    contract_id: UUID | None
    given: Sequence[GivenFile]


async def import_invoices(
    command: ImportInvoices,
    begin: Begin,
    *,
    files: InvoiceFiles,
    documents: InvoiceDocuments,
    clock: Clock,
) -> list[FileReport]:
    """Take over every file that can be, and report on each, in the order of the upload.

    A file that was imported before changes nothing, and its notices are told again. A file with the
    number of a known invoice and other content is kept for a person to decide; so is one whose
    number is that of a cancelled invoice, for it would be its successor. So many files are one
    transaction, so that nobody waits long for the practice's numbers, and what is in stays in if
    the rest fails: repeated, it is known already. Files are read in a thread; others are answered
    meanwhile.

    Args:
        begin: opens a unit of work whose transaction ends with it.

    Raises:
        NotFoundError: the practice does not exist.
        DomainError: the contract is not in force, or the upload breaks a limit.
        TransientError: the object store did not answer.
    """
    async with begin() as uow:
        practice = await known_practice(uow, command.practice_id)
        contract = await contract_in_force(uow, command.practice_id, command.contract_id)
        contracts = await uow.practices.contracts_of(command.practice_id)
    setting = Setting(
        practice, contract, clock.today(), tuple(contracts), takes_trials=files.takes_trials
    )
    await asyncio.to_thread(files.check, command.given)
    reports: list[FileReport] = []
    chunk: list[_Read]
    chunks = _chunks(files.read(command.given), setting)
    while chunk := await asyncio.to_thread(next, chunks, []):
        async with begin() as uow:
            await uow.imports.lock(command.practice_id)
            reports += await _Import(command, setting, uow, documents, clock).run(chunk)
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


@dataclass(frozen=True, slots=True)
class _Read:
    """A file, and what is wrong with it."""

    file: IncomingFile
    faults: tuple[Fault, ...]


def _chunks(files: Iterator[IncomingFile], setting: Setting) -> Iterator[list[_Read]]:
    while chunk := [_Read(file, _faults(file, setting)) for file in islice(files, CHUNK_FILES)]:
        yield chunk


def _faults(file: IncomingFile, setting: Setting) -> tuple[Fault, ...]:
    if file.invoice is None:
        return file.faults
    return (*faults_of(file.invoice, setting), *reference_of_the_house(file.invoice, setting))


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

    async def run(self, read: Sequence[_Read]) -> list[FileReport]:
        """Work some files with few statements."""
        invoices = [one.file.invoice for one in read if one.file.invoice is not None]
        known = await self._uow.imports.known(
            self._command.practice_id, {one.number for one in invoices}
        )
        intake = await open_intake(
            self._uow, self._command.import_id, self._setting, invoices, clock=self._clock
        )
        stored = await self._store([one.file for one in _surely_new(read, known, intake)])
        reports = [await self._work(one, known, intake, stored) for one in read]
        await intake.close()
        return reports

    async def _store(self, files: Sequence[IncomingFile]) -> dict[bytes, StoredDocument]:
        """Store documents some at a time, all at once: a durable write is waiting, most of all."""
        data = [file.data for file in files]
        parts = [
            data[start : start + _DOCUMENTS_AT_ONCE]
            for start in range(0, len(data), _DOCUMENTS_AT_ONCE)
        ]
        puts = (self._documents.put_all(self._command.practice_id, part) for part in parts)
        stored = chain.from_iterable(await asyncio.gather(*puts))
        return dict(zip(data, stored, strict=True))

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
            known_already = _report(file, ImportOutcome.ALREADY_KNOWN, earlier.invoice_id)
            return replace(known_already, namesakes=earlier.namesakes)
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
        imported = await intake.take_over(
            invoice,
            document,
            file_name=file.name,
            unfit_codes=unfit_codes_of(invoice, self._setting),
        )
        new = imported.invoice
        known[invoice.number] = KnownInvoice(
            invoice_id=new.invoice_id,
            invoice_number=new.number,
            document_number=invoice.number,
            document_sha256=sha256,
            content_sha256=invoice.content_sha256,
            cancelled=False,
            namesakes=imported.namesakes,
        )
        return FileReport(
            file.name,
            ImportOutcome.IMPORTED,
            invoice.number,
            new.invoice_id,
            unfit_codes=new.unfit_codes,
            namesakes=imported.namesakes,
        )

    async def _conflict(self, file: IncomingFile, earlier: KnownInvoice, sha256: str) -> FileReport:
        conflict = await self._uow.imports.conflict_over(
            earlier.invoice_id, sha256, cancelled=earlier.cancelled
        )
        is_new = conflict is None
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
        report = _report(file, outcome, earlier.invoice_id, conflict_id=conflict.conflict_id)
        return replace(report, found_conflict=is_new)


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
