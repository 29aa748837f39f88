"""Bodies and queries about the lines that an acquittal set aside."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.reconciliation.domain.setting_aside import ExceptionReason, Settlement
from shared.contracts.envelope import WireMoney
from shared.web.endpoints import ApiModel
from shared.web.paging import Page, PageQuery, Totals


class ExceptionsQuery(PageQuery):
    """Which lines; `settled` left out: those that wait and those that a person settled."""

    order_id: UUID | None = None
    settled: bool | None = None


class SettlementRequest(ApiModel):
    """Acquit a line for the confirmed amount, or leave it for good; and why."""

    decision: Settlement
    reason: Annotated[str, Field(min_length=3, max_length=300, pattern=r"\S")]


class SettlementReply(ApiModel):
    """What a person decided about a line: who, when, why."""

    decision: Settlement
    reason: str
    decided_by: str
    decided_at: datetime


class SetAsideLineReply(ApiModel):
    """One accepted line that the books could not acquit.

    `open_amount`: what was open then; `open_now`: what is open at present.
    """

    exception_id: UUID
    order_id: UUID
    order_number: str
    contract_id: UUID
    invoice_id: UUID
    invoice_number: str
    reason_code: ExceptionReason
    confirmed: WireMoney
    open_amount: WireMoney
    open_now: WireMoney
    found_at: datetime
    decision: SettlementReply | None


class SetAsideTotals(Totals):
    """Count, and what the factor confirmed of those lines."""

    confirmed: WireMoney | None


class SetAsideLineList(Page):
    """A page of lines that were set aside, oldest first."""

    totals: SetAsideTotals | None
    items: list[SetAsideLineReply]
