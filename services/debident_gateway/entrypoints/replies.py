"""Writes rows as the bodies of the gateway's API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping

from services.debident_gateway.domain.transmission import SETTLED, TransmissionState
from services.debident_gateway.domain.words import say_attempt, say_poll, say_reason, say_state
from services.debident_gateway.entrypoints.schemas import (
    AttemptReply,
    BroughtDebFile,
    DebFileReply,
    DebProblem,
    HandReportReply,
    PollReply,
    TransmissionDetail,
    TransmissionSummary,
)

_COPIED = (
    "order_id",
    "order_number",
    "contract_id",
    "reason_code",
    "invoice_count",
    "attempts",
    "polls",
    "portal_reference",
    "package_sha256",
    "prepared_at",
    "sent_at",
    "settled_at",
    "evidence",
)


def transmission_summary(row: RowMapping) -> TransmissionSummary:
    """Write a transmission for a list."""
    return TransmissionSummary(**_summary(row))


def transmission_detail(
    row: RowMapping,
    attempts: Sequence[RowMapping],
    polls: Sequence[RowMapping],
    reports: Sequence[RowMapping],
) -> TransmissionDetail:
    """Write a transmission with its story."""
    return TransmissionDetail(
        **_summary(row),
        latest_attempts=[_attempt(attempt) for attempt in attempts],
        latest_polls=[_poll(poll) for poll in polls],
        reports=[_report(report) for report in reports],
    )


def _summary(row: RowMapping) -> dict[str, Any]:
    state = TransmissionState(row["state"])
    return {
        **{name: row[name] for name in _COPIED},
        "state": state,
        "words": say_state(state, row["reason_code"]),
        "waits_for_person": row["held"],
        "waits_for_portal": row["waits_for_portal"],
        "overdue": row["overdue"],
        "next_action_at": None if state in SETTLED else row["next_action_at"],
    }


def _attempt(row: RowMapping) -> AttemptReply:
    return AttemptReply(
        number=row["number"],
        began_at=row["began_at"],
        ended_at=row["ended_at"],
        outcome=row["outcome"],
        reason_code=row["reason_code"],
        words=say_attempt(row["outcome"], row["reason_code"]),
    )


def _poll(row: RowMapping) -> PollReply:
    return PollReply(
        number=row["number"],
        at=row["at"],
        answer=row["answer"],
        reason_code=row["reason_code"],
        words=say_poll(row["answer"], row["reason_code"]),
    )


def _report(row: RowMapping) -> HandReportReply:
    return HandReportReply(**{name: row[name] for name in HandReportReply.model_fields})


def deb_file(row: RowMapping) -> DebFileReply:
    """Write a fetched DEB file."""
    return DebFileReply(**_deb_file(row))


def brought_deb_file(row: RowMapping, *, repeat: bool) -> BroughtDebFile:
    """Write a DEB file that a person brought."""
    return BroughtDebFile(**_deb_file(row), repeat=repeat)


def _deb_file(row: RowMapping) -> dict[str, Any]:
    return {
        "deb_file_id": row["deb_file_id"],
        "contract_id": row["contract_id"],
        "name": row["name"],
        "layout": row["layout"],
        "sha256": row["sha256"],
        "size_bytes": row["size_bytes"],
        "portal_file_ids": row["portal_file_ids"] or [],
        "fetched_at": row["fetched_at"],
        "source": row["source"],
        "uploaded_by": row["uploaded_by"],
    }


def deb_problem(row: RowMapping) -> DebProblem:
    """Write what stands in the way of a contract's DEB files."""
    return DebProblem(
        contract_id=row["contract_id"],
        reason_code=row["problem"],
        words=say_reason(row["problem"]),
        next_look_at=row["next_poll_at"],
    )
