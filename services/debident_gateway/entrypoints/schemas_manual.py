"""Bodies and queries of the manual mode's API."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.debident_gateway.domain.transmission import TransmissionState
from shared.web.endpoints import ApiModel
from shared.web.paging import Page, PageQuery

_LINE = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
_TEXT = r"^[^\x00-\x09\x0b-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x09\x0b-\x1f\x7f]*$"
Reference = Annotated[str, Field(min_length=1, max_length=100, pattern=_LINE)]
Seen = Annotated[
    str,
    Field(min_length=1, max_length=1000, pattern=_TEXT, description="In the person's own words"),
]


class ManualTasksQuery(PageQuery):
    """Which page of the tasks."""


class TaskKind(StrEnum):
    """What a person is to do."""

    UPLOAD_PACKAGE = "upload-package"
    LOOK_FOR_ARRIVAL = "look-for-arrival"


class ManualTask(ApiModel):
    """An order that waits for a person; `due_at` is when to begin."""

    order_id: UUID
    order_number: str
    contract_id: UUID
    account_number: str
    kind: TaskKind
    words: str
    state: TransmissionState
    invoice_count: int
    package_sha256: str
    package_size_bytes: int
    portal_reference: str | None
    prepared_at: datetime
    sent_at: datetime | None
    due_at: datetime


class ManualTaskList(Page):
    """A page of tasks, the oldest first."""

    items: list[ManualTask]


class HandOverBody(ApiModel):
    """A person uploaded the package on the portal's site."""

    uploaded_at: AwareDatetime
    reference: Annotated[Reference, Field(description="What the portal's site calls the order")]
    seen: Seen
    package_sha256: Annotated[
        str | None,
        Field(pattern="^[0-9a-f]{64}$", description="Of the file that was uploaded, if known"),
    ] = None


class RefusalBody(ApiModel):
    """A person saw on the portal's site that the whole order was refused."""

    observed_at: AwareDatetime
    reference: Reference
    seen: Seen
    reason_code: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]


class DebFileQuery(ApiModel):
    """What the brought file is called, and which missing one it is."""

    name: Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    number: Annotated[
        int | None,
        Field(
            ge=1,
            lt=10**15,
            description="The portal's publication number, of a file that is missing; it closes the"
            " gap",
        ),
    ] = None
