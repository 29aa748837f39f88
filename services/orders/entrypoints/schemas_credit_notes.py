"""Bodies and queries about credit notes: which wait, which are in an order, which are settled."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.envelope import WireMoney
from shared.web.endpoints import ApiModel
from shared.web.paging import Page, PageQuery, Several, Totals

CreditNoteState = Literal["waiting", "in-order", "settled"]


class CreditNotesQuery(PageQuery):
    """Which credit notes."""

    state: Several[CreditNoteState]
    contract_id: UUID | None = None
    invoice_id: UUID | None = None
    order_id: UUID | None = None


class CreditNoteReply(ApiModel):
    """A credit note, and where it is on its way to the factor."""

    credit_note_id: UUID
    credit_note_number: str
    contract_id: UUID
    invoice_id: UUID
    invoice_number: str
    debtor_number: str
    amount: WireMoney
    issued_on: date
    state: Annotated[
        CreditNoteState,
        Field(
            description="It waits for the next order of its contract; it is in one whose arrival is"
            " not confirmed; or the factor has it, with a confirmed order"
        ),
    ]
    order_id: UUID | None
    order_number: str | None


class CreditNoteTotals(Totals):
    """How many credit notes there are, and what they come to."""

    amount: WireMoney | None


class CreditNoteList(Page):
    """A page of credit notes, by number."""

    items: list[CreditNoteReply]
    totals: CreditNoteTotals | None
