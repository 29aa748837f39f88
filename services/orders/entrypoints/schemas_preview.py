"""Bodies of the dry runs: of one order, and of orders of many practices."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.orders.domain.selection import Reason
from services.orders.entrypoints.schemas import (
    CreditNotesAlong,
    LeftOutCount,
    LeftOutInvoice,
    PrepareOrderBody,
)
from shared.contracts.envelope import WireMoney
from shared.web.endpoints import ApiModel
from shared.web.paging import CURSOR_CHARACTERS_MAX, Several

_Cursor = Annotated[str | None, Field(max_length=CURSOR_CHARACTERS_MAX)]


class PreviewOrderBody(PrepareOrderBody):
    """What to order, and how much of the answer is wanted."""

    left_out_reason: Annotated[
        Several[Reason],
        Field(
            description="List only what stays behind for one of these. None: for whichever, but of"
            " a whole contract what was paid or cancelled is counted only"
        ),
    ]
    left_out_after: Annotated[_Cursor, Field(description="`left_out_next` of the page before")] = (
        None
    )
    invoices_after: Annotated[_Cursor, Field(description="`invoices_next` of the page before")] = (
        None
    )


class ForeseenInvoice(ApiModel):
    """An invoice that would go into the order."""

    invoice_id: UUID
    invoice_number: str
    debtor_number: str
    amount: WireMoney


class Obstacle(ApiModel):
    """Why preparing would be refused now."""

    code: str
    detail: str
    field: str | None


class OrderPreviewReply(ApiModel):
    """What preparing would do now. Nothing was changed; counts and sums are those of the whole."""

    contract_id: UUID
    possible: Annotated[bool, Field(description="Whether preparing would succeed now")]
    obstacles: Annotated[list[Obstacle], Field(description="The first one is the refusal")]
    invoice_count: int
    total: WireMoney
    invoices: Annotated[list[ForeseenInvoice], Field(description="At most 1000")]
    invoices_next: Annotated[
        str | None, Field(description="Give it as `invoices_after` for more; null: no more")
    ]
    credit_note_count: int
    credit_notes: CreditNotesAlong
    left_out_count: int
    left_out_by_reason: list[LeftOutCount]
    left_out: Annotated[list[LeftOutInvoice], Field(description="By number, at most 1000")]
    left_out_next: Annotated[
        str | None, Field(description="Give it as `left_out_after` for more; null: no more")
    ]


class ContractPreview(ApiModel):
    """What preparing would do of one contract now, in figures."""

    practice_id: UUID
    contract_id: UUID
    possible: bool
    obstacles: list[Obstacle]
    invoice_count: int
    total: WireMoney
    credit_note_count: int
    left_out_count: int
    left_out_by_reason: list[LeftOutCount]


class BatchPreviewReply(ApiModel):
    """What preparing orders of many practices would do now. Nothing was changed."""

    contract_count: int
    possible_count: Annotated[int, Field(description="Contracts that would get an order")]
    invoice_count: Annotated[int, Field(description="In those orders")]
    total: Annotated[WireMoney, Field(description="Of those orders")]
    contracts: list[ContractPreview]
