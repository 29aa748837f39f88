"""Bodies and queries of the queue over many practices, and of order policies."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated
from uuid import UUID

from pydantic import Field, field_validator

from services.orders.domain.communication import COMMUNICATION_CHARACTERS_MAX
from services.orders.domain.task import TaskStatus
from services.orders.entrypoints.schemas import NoticeBody, Notices, RuleBody
from services.orders.handlers.queue_orders import CONTRACTS_MAX
from shared.contracts.envelope import WireMoney
from shared.web.endpoints import ApiModel
from shared.web.paging import Page, PageQuery, Several, Totals


class ContractBody(ApiModel):
    """One contract of one practice."""

    practice_id: UUID
    contract_id: UUID


class PrepareManyBody(ApiModel):
    """Which contracts to prepare an order of, each of everything or by the same rule."""

    contracts: Annotated[
        tuple[ContractBody, ...] | None,
        Field(
            min_length=1,
            max_length=CONTRACTS_MAX,
            description="null: every contract in force of every practice of the token",
        ),
    ] = None
    rule: RuleBody | None = None
    communication: Annotated[str, Field(max_length=COMMUNICATION_CHARACTERS_MAX)] = ""
    notices: Notices = ()


class BatchReply(ApiModel):
    """The batch whose report says what came of each contract."""

    batch_id: UUID
    task_count: int


class TaskReply(ApiModel):
    """What came of one contract; `order_id` is the prepared order, or the one in the way."""

    task_id: UUID
    practice_id: UUID
    contract_id: UUID
    status: TaskStatus
    order_id: UUID | None
    order_number: str | None
    invoice_count: Annotated[int | None, Field(description="Of the prepared order")]
    total: Annotated[WireMoney | None, Field(description="Of the prepared order")]
    code: str | None
    detail: str | None
    asked_at: datetime
    settled_at: datetime | None


class StatusCount(ApiModel):
    """How many tasks of a batch have a status."""

    status: TaskStatus
    count: int


class BatchQuery(PageQuery):
    """Which tasks of a batch."""

    status: Several[TaskStatus]


class BatchTotals(Totals):
    """How many tasks there are, and what their prepared orders come to."""

    invoice_count: int | None
    total: WireMoney | None


class BatchReport(Page):
    """A page of a batch's tasks; `finished` and `counts` are those of the whole batch."""

    finished: bool
    counts: list[StatusCount]
    items: list[TaskReply]
    totals: BatchTotals | None


class OrderPolicyBody(ApiModel):
    """When orders of a contract are prepared by themselves."""

    enabled: bool = True
    weekdays: Annotated[
        tuple[Annotated[int, Field(ge=1, le=7)], ...],
        Field(min_length=1, max_length=7, description="1 Monday to 7 Sunday"),
    ]
    times: Annotated[
        tuple[time, ...],
        Field(min_length=1, max_length=12, description="Wall-clock times in Switzerland"),
    ]
    communication: Annotated[str, Field(max_length=COMMUNICATION_CHARACTERS_MAX)] = ""
    notices: Notices = ()
    minimum_total: WireMoney | None = None
    rule: RuleBody | None = None

    @field_validator("times")
    @classmethod
    def _are_minutes_of_the_wall_clock(cls, value: tuple[time, ...]) -> tuple[time, ...]:
        if any(at.tzinfo is not None or at.second or at.microsecond for at in value):
            raise ValueError("must be wall-clock times like 07:30")
        return value

    @field_validator("minimum_total")
    @classmethod
    def _is_above_zero(cls, value: WireMoney | None) -> WireMoney | None:
        if value is not None and value.to_money().rappen <= 0:
            raise ValueError("must be above zero")
        return value


class OrderPolicyReply(ApiModel):
    """A policy with its next run and its latest ones, the newest first; its ETag is the version."""

    version: int
    enabled: bool
    weekdays: list[int]
    times: list[time]
    communication: str
    notices: list[NoticeBody]
    minimum_total: WireMoney | None
    rule: RuleBody | None
    canton: Annotated[str | None, Field(description="Whose holidays are kept; null: unknown")]
    changed_by: str
    changed_at: datetime
    next_run_at: datetime | None
    latest_runs: Annotated[list[TaskReply], Field(description="At most the last 20")]
