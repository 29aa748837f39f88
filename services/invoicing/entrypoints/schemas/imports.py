"""Bodies about the import of invoices: the report of an upload, and conflicts to decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from services.invoicing.domain.incoming import FileReport, ImportOutcome, Namesake
from shared.web.endpoints import ApiModel
from shared.web.paging import Page, PageQuery

FileOutcome = Literal["imported", "already-known", "refused", "conflict"]


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not contain control characters")
    return text


class ImportQuery(ApiModel):
    """How an upload is taken over."""

    contract_id: Annotated[
        UUID | None, Field(description="The factoring contract that the invoices are under")
    ] = None
    file_name: Annotated[
        str,
        AfterValidator(_printable),
        Field(min_length=1, max_length=200, description="Name of a single file, for the report"),
    ] = "upload.xml"


class FaultAnswer(ApiModel):
    """One reason why a file was refused."""

    code: str
    reason: str
    field: Annotated[str | None, Field(description="Part of the invoice, or path in the document")]
    line: int | None
    column: int | None


class NoticeAnswer(ApiModel):
    """Something that a person should look at, though the invoice is imported."""

    code: Literal["other-address-on-record"]
    reason: str
    patient_id: Annotated[UUID, Field(description="The patient known already")]
    patient_number: str


class FileAnswer(ApiModel):
    """What became of one file."""

    name: str
    outcome: FileOutcome
    invoice_number: str | None
    invoice_id: Annotated[UUID | None, Field(description="Imported, known, or in conflict with it")]
    conflict_id: Annotated[UUID | None, Field(description="The conflict to decide")]
    unfit_codes: Annotated[list[str], Field(description="Why it cannot be ordered; empty: it can")]
    faults: list[FaultAnswer]
    notices: Annotated[
        list[NoticeAnswer],
        Field(description="Patients of the same name and birth date, but another address"),
    ]


class ImportAnswer(ApiModel):
    """What became of an upload, file by file in its order."""

    import_id: UUID
    imported: int
    already_known: int
    refused: int
    conflicts: int
    files: list[FileAnswer]


class ConflictQuery(PageQuery):
    """Which conflicts to show."""

    state: Literal["open", "decided"] | None = None


class ConflictAnswer(ApiModel):
    """A file with the number of a known invoice and other content."""

    conflict_id: UUID
    invoice_id: UUID
    invoice_number: str
    invoice_state: Annotated[
        str, Field(description="Issued: the file may replace it; cancelled: it may succeed it")
    ]
    contract_id: UUID | None
    file_name: str
    document_sha256: str
    found_at: datetime
    decision: Literal["keep", "replace"] | None
    decided_at: datetime | None
    decided_by: str | None
    replacement_id: UUID | None
    notices: Annotated[
        list[NoticeAnswer],
        Field(description="Of the replacement's patient, like those of an imported file"),
    ]
    replacement_pending: Annotated[
        bool, Field(description="Whether it waits for an order to be taken back")
    ]


class ConflictPage(Page):
    """Conflicts, oldest first."""

    items: list[ConflictAnswer]


class DecisionRequest(ApiModel):
    """Keep the known invoice, or cancel it and take the file's, while no sent order has it."""

    decision: Literal["keep", "replace"]


def import_answer(import_id: UUID, reports: Sequence[FileReport]) -> ImportAnswer:
    """Write the report of an upload."""
    counts = Counter(report.outcome for report in reports)
    return ImportAnswer(
        import_id=import_id,
        imported=counts[ImportOutcome.IMPORTED],
        already_known=counts[ImportOutcome.ALREADY_KNOWN],
        refused=counts[ImportOutcome.REFUSED],
        conflicts=counts[ImportOutcome.CONFLICT],
        files=[_file_answer(report) for report in reports],
    )


def _file_answer(report: FileReport) -> FileAnswer:
    return FileAnswer(
        name=report.name,
        outcome=report.outcome.value,
        invoice_number=report.invoice_number,
        invoice_id=report.invoice_id,
        conflict_id=report.conflict_id,
        unfit_codes=list(report.unfit_codes),
        faults=[
            FaultAnswer(
                code=fault.code,
                reason=fault.reason,
                field=fault.field,
                line=fault.line,
                column=fault.column,
            )
            for fault in report.faults
        ],
        notices=[_notice_answer(one) for one in report.namesakes],
    )


def _notice_answer(namesake: Namesake) -> NoticeAnswer:
    return NoticeAnswer(
        code="other-address-on-record",
        reason=f"{namesake.family_name} {namesake.given_name}, patient {namesake.patient_number},"
        " has the same name and birth date, but another address. The invoice is under a patient"
        " of its own.",
        patient_id=namesake.patient_id,
        patient_number=namesake.patient_number,
    )


def conflict_answer(row: Any) -> ConflictAnswer:
    """Write a conflict."""
    same_names = ConflictAnswer.model_fields.keys() - {"notices"}
    notices = [
        _notice_answer(Namesake(**(one | {"patient_id": UUID(one["patient_id"])})))
        for one in row["namesakes"] or ()
    ]
    return ConflictAnswer(**{name: row[name] for name in same_names}, notices=notices)
