"""Whether a practice's portals can be reached, and which of its DEB files are missing."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import RowMapping

from services.debident_gateway import views
from services.debident_gateway.domain.circuit import CircuitScope
from services.debident_gateway.domain.words import say_reason
from services.debident_gateway.entrypoints.workshop import Workshop
from shared.web.endpoints import EVERY_ROLE, ApiModel, Call, Endpoint, Reply
from shared.web.paging import (
    CURSOR_PROBLEM,
    Page,
    PageQuery,
    Totals,
    cursor,
    instant,
    read_cursor,
    split_page,
)
from shared.web.totals import totals_of

_PRACTICE = "/v1/practices/{practice_id}"


class PortalState(ApiModel):
    """Whether calls are made: to the portal itself, or of the practice's account there."""

    adapter: str
    address: Annotated[
        str | None, Field(description='Host and port ("host:port"); null: no access was entered')
    ]
    scope: CircuitScope
    state: Literal["reachable", "unreachable"]
    words: str
    failures: Annotated[int, Field(description="In a row")]
    reason_code: str | None
    since: Annotated[datetime | None, Field(description="When the first failure happened")]
    next_call_at: Annotated[
        datetime | None, Field(description="While unreachable: when a single call tries again")
    ]


class PortalStates(ApiModel):
    """Every way to a portal that the practice's contracts use."""

    portals: list[PortalState]


class MissingDebFilesQuery(PageQuery):
    """Which missing DEB files."""

    resolved: Annotated[
        bool | None, Field(description="true: those that have shown up; false: the others")
    ] = None
    contract_id: UUID | None = None


class MissingDebFilesReply(ApiModel):
    """Publication numbers of the portal, one behind the other, whose files are not here."""

    gap_id: UUID
    contract_id: UUID
    first_number: int
    last_number: int
    seen_number: Annotated[int, Field(description="The number behind the gap that shows it")]
    reason_code: str
    words: str
    noticed_at: datetime
    resolved_at: Annotated[datetime | None, Field(description="When the files had shown up")]


class MissingDebFilesList(Page):
    """A page of what is or was missing, the newest first."""

    items: list[MissingDebFilesReply]


class PortalsApi:
    """Answers which portals there are."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    async def get_portals(self, call: Call) -> Reply:
        """Answer whether the practice's portals can be reached."""
        place = self._workshop.portal.address(None).place
        rows = await views.portals(call.connection, call.practice_id, http_address=place)
        return Reply(PortalStates(portals=[_state(row) for row in rows]))


async def list_missing_deb_files(call: Call) -> Reply:
    """Answer which DEB files of the practice are missing, or were."""
    query = call.query_as(MissingDebFilesQuery)
    rows = await views.missing_deb_files(
        call.connection,
        call.practice_id,
        resolved=query.resolved,
        contract_id=query.contract_id,
        after=read_cursor(query.after, instant, UUID),
        limit=query.limit + 1,
    )
    page, more = split_page(rows, query.limit)
    following = cursor(page[-1]["noticed_at"], page[-1]["gap_id"]) if more else None
    wanted = {
        "practice_id": call.practice_id,
        "resolved": query.resolved,
        "contract_id": query.contract_id,
    }
    totals = await totals_of(call.connection, query, Totals, views.MISSING, wanted)
    items = [_missing(row) for row in page]
    return Reply(MissingDebFilesList(items=items, next=following, totals=totals))


def portal_endpoints(workshop: Workshop) -> list[Endpoint]:
    """Return this part of the API."""
    return [
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/portals",
            operation_id="getPortals",
            summary="Whether the portals, and the practice's accounts there, can be reached",
            handler=PortalsApi(workshop).get_portals,
            roles=EVERY_ROLE,
            response=PortalStates,
        ),
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/missing-deb-files",
            operation_id="listMissingDebFiles",
            summary="DEB files that the portal has counted and that are not here",
            handler=list_missing_deb_files,
            roles=EVERY_ROLE,
            query=MissingDebFilesQuery,
            response=MissingDebFilesList,
            problem_codes=(CURSOR_PROBLEM,),
        ),
    ]


def _state(row: RowMapping) -> PortalState:
    unreachable = row["outage_id"] is not None
    words = "It can be reached."
    if unreachable:
        words = f"It is left alone for a while. {say_reason(row['reason_code'])}"
    return PortalState(
        adapter=row["adapter"],
        address=row["address"],
        scope=CircuitScope(row["scope"]),
        state="unreachable" if unreachable else "reachable",
        words=words,
        failures=row["failures"] or 0,
        reason_code=row["reason_code"],
        since=row["failing_since"],
        next_call_at=row["next_probe_at"],
    )


def _missing(row: RowMapping) -> MissingDebFilesReply:
    copied = ("gap_id", "contract_id", "first_number", "last_number", "seen_number")
    return MissingDebFilesReply(
        **{name: row[name] for name in (*copied, "reason_code", "noticed_at", "resolved_at")},
        words=say_reason(row["reason_code"]),
    )
