"""Where invoices are imported in unit tests: a practice, a contract, everything in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid4

from services.invoicing.adapters.invoice_files import ForumInvoiceFiles
from services.invoicing.domain.incoming import FileReport, GivenFile
from services.invoicing.domain.invoice import Invoice, Outcome
from services.invoicing.domain.practice import Contract, Practice
from services.invoicing.handlers.decide_conflict import DecideConflict, decide_conflict
from services.invoicing.handlers.import_invoices import ImportInvoices, import_invoices
from services.invoicing.ports.documents import InvoiceFiles
from shared.testing import FrozenClock
from tests.unit.invoicing.builders import (
    NOW,
    a_contract,
    a_practice,
)
from tests.unit.invoicing.fakes import FakeDocuments, FakeUnitOfWork
from tests.unit.invoicing.requests import (
    a_request,
)


@dataclass
class Desk:
    """Where invoices are imported."""

    practice: Practice = field(default_factory=a_practice)
    uow: FakeUnitOfWork = field(default_factory=FakeUnitOfWork)
    documents: FakeDocuments = field(default_factory=FakeDocuments)
    clock: FrozenClock = field(default_factory=lambda: FrozenClock(NOW))
    contract: Contract | None = None
    files: InvoiceFiles = field(default_factory=ForumInvoiceFiles)

    def __post_init__(self) -> None:
        self.uow.practices.by_id[self.practice.practice_id] = self.practice
        self.contract = a_contract(self.practice)
        self.uow.practices.contracts[self.contract.contract_id] = self.contract

    async def upload(self, data: bytes, *, contract: bool = True) -> list[FileReport]:
        """Import an upload."""
        assert self.contract is not None
        command = ImportInvoices(
            self.practice.practice_id,
            uuid4(),
            self.contract.contract_id if contract else None,
            [GivenFile("one.xml", data)],
        )
        return await import_invoices(
            command,
            lambda: self.uow,
            files=self.files,
            documents=self.documents,
            clock=self.clock,
        )

    async def one(self, data: bytes, *, contract: bool = True) -> FileReport:
        """Import a single file."""
        (report,) = await self.upload(data, contract=contract)
        return report

    async def decide(self, conflict_id: UUID | None, decision: str) -> Outcome:
        """Decide a conflict."""
        assert conflict_id is not None
        command = DecideConflict(self.practice.practice_id, conflict_id, decision, "somebody")
        return await decide_conflict(
            command,
            self.uow,
            files=ForumInvoiceFiles(),
            documents=self.documents,
            clock=self.clock,
        )

    def invoice(self, report: FileReport) -> Invoice:
        """Return the invoice of a report."""
        assert report.invoice_id is not None
        return self.uow.invoices.by_id[report.invoice_id]


def conflicting() -> bytes:
    """Return a file with the usual number and other content."""
    return a_request(note="Autre prestation")
