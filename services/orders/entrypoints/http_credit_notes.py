"""The list of a practice's credit notes: those that wait, are in an order, or are settled."""

from __future__ import annotations

from sqlalchemy import RowMapping

from services.orders import views
from services.orders.entrypoints.replies import money
from services.orders.entrypoints.schemas_credit_notes import (
    CreditNoteList,
    CreditNoteReply,
    CreditNotesQuery,
    CreditNoteTotals,
)
from shared.web.endpoints import EVERY_ROLE, Call, Endpoint, Reply
from shared.web.paging import CURSOR_PROBLEM, cursor, read_cursor, several, split_page
from shared.web.totals import totals_of


async def list_credit_notes(call: Call) -> Reply:
    """Answer credit notes, by number."""
    query = call.query_as(CreditNotesQuery)
    wanted = {
        "practice_id": call.practice_id,
        "states": several(query.state),
        "contract_id": query.contract_id,
        "invoice_id": query.invoice_id,
        "order_id": query.order_id,
    }
    (after,) = read_cursor(query.after, str) or (None,)
    rows = await views.credit_notes(call.connection, wanted, after=after, limit=query.limit + 1)
    page, more = split_page(rows, query.limit)
    totals = await totals_of(
        call.connection, query, CreditNoteTotals, views.LISTED_CREDIT_NOTES, wanted
    )
    return Reply(
        CreditNoteList(
            items=[_credit_note(row) for row in page],
            next=cursor(page[-1]["credit_note_number"]) if more else None,
            totals=totals,
        )
    )


def credit_note_endpoints() -> list[Endpoint]:
    """Return the part of the API's table about credit notes."""
    return [
        Endpoint(
            method="GET",
            path="/v1/practices/{practice_id}/credit-notes",
            operation_id="listCreditNotes",
            summary="Credit notes by number: those that wait, are in an order, or are settled",
            handler=list_credit_notes,
            roles=EVERY_ROLE,
            query=CreditNotesQuery,
            response=CreditNoteList,
            problem_codes=(CURSOR_PROBLEM,),
        )
    ]


def _credit_note(row: RowMapping) -> CreditNoteReply:
    same = set(CreditNoteReply.model_fields) - {"amount"}
    return CreditNoteReply(amount=money(row["amount_rappen"]), **{name: row[name] for name in same})
