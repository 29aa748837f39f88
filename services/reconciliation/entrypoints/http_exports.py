"""The journal as a download: CSV, Beancount or hledger, over a span of days."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from services.reconciliation.domain.exports.entries import Journal
from services.reconciliation.domain.exports.formats import ENTRIES_MAX, FORMATS
from services.reconciliation.views import exports
from services.reconciliation.views.exports import Span
from shared.kernel.clock import Clock
from shared.kernel.errors import DomainError, NotFoundError
from shared.web.endpoints import EVERY_ROLE, ApiModel, Call, Endpoint, Reply


class ExportQuery(ApiModel):
    """Which days of the journal, and in which form."""

    format: Annotated[
        Literal["csv", "beancount", "hledger"], Field(description="What is to read the file")
    ]
    first_day: Annotated[
        date | None, Field(alias="from", description="First day; left out: from the beginning")
    ] = None
    last_day: Annotated[
        date | None, Field(alias="to", description="Last day; left out: to the end")
    ] = None

    @model_validator(mode="after")
    def _in_order(self) -> ExportQuery:
        if self.first_day and self.last_day and self.first_day > self.last_day:
            raise ValueError("the first day is after the last")
        return self


class JournalExports:
    """The operation that exports."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def export_journal(self, call: Call) -> Reply:
        """Return the journal of some days; a span that is too large is refused, not cut."""
        query = call.query_as(ExportQuery)
        span = Span(call.practice_id, query.first_day, query.last_day)
        found = await exports.extent(call.connection, span)
        if found is None:
            raise NotFoundError("this practice has no books here", code="practice-not-found")
        if found.entries > ENTRIES_MAX:
            raise DomainError(
                f"These are {found.entries} journal entries, more than {ENTRIES_MAX}."
                " Narrow the days.",
                code="export-too-large",
            )
        form = FORMATS[query.format]
        journal = Journal(
            practice_id=call.practice_id,
            first_day=query.first_day,
            last_day=query.last_day,
            opened_on=found.opened_on or query.first_day or query.last_day or self._clock.today(),
            head=found.head,
            accounts=found.accounts,
        )
        ledger = form.ledger(journal)
        data = bytearray(ledger.opening().encode())
        async for batch in exports.batches(call.connection, span, found.head):
            for entry in batch:
                data += ledger.entry(entry).encode()
        name = f'attachment; filename="{form.file_name}"'
        return Reply(bytes(data), headers={"Content-Disposition": name})


def export_endpoints(clock: Clock) -> list[Endpoint]:
    """Return the table of the exports."""
    return [
        Endpoint(
            method="GET",
            path="/v1/practices/{practice_id}/journal/export",
            operation_id="exportJournal",
            summary="Download the journal over some days as CSV, for Beancount or for hledger",
            handler=JournalExports(clock).export_journal,
            roles=EVERY_ROLE,
            query=ExportQuery,
            response_media_type="application/octet-stream",
            problem_codes=("export-too-large", "practice-not-found"),
        )
    ]
