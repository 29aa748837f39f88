"""Writes items of the queue of exceptions as the API answers them, and the places of its pages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping

from services.reconciliation.domain.exceptions import HistoryEvent, ItemId
from services.reconciliation.entrypoints.replies import money
from services.reconciliation.entrypoints.schemas_queue import (
    AboutReply,
    ActionReply,
    ExceptionDetail,
    ExceptionReply,
    HistoryReply,
    KindTotal,
    QueueTotals,
)
from services.reconciliation.views.exception_kind import DECIDERS, Action
from services.reconciliation.views.exception_kinds import KINDS_BY_NAME
from services.reconciliation.views.exception_queue import AMOUNT, Place
from shared.kernel.money import Money
from shared.web.paging import instant, read_cursor, whole_number

CLOSE = Action("reconciliation", "closeException", DECIDERS)
"""Of every kind that a person may close."""
_UNKNOWN = "(unknown)"


def item(row: RowMapping, now: datetime, roles: Collection[str]) -> ExceptionReply:
    """Write an open item, with the actions that are open to these roles."""
    return ExceptionReply(**_said(row, now, roles))


def detail(
    row: RowMapping, history: Sequence[HistoryEvent], now: datetime, roles: Collection[str]
) -> ExceptionDetail:
    """Write an item with its history, and the actions that are open to these roles."""
    lines = [
        HistoryReply.model_validate(
            {
                "event": one.event,
                "at": one.at,
                "by": one.by,
                "why": one.why,
                "assignee": one.assignee,
            }
        )
        for one in history
    ]
    said = _said(row, now, roles)
    if not row["in_queue"]:
        said |= {"actions": []}
    return ExceptionDetail(**said, open=row["in_queue"], history=lines)


def totals(rows: Sequence[RowMapping]) -> QueueTotals:
    """Write the totals by kind, and of all kinds; nothing of them is cut."""
    return QueueTotals(
        count=sum(row["items"] for row in rows),
        exact=True,
        amount=money(sum(row["amount_rappen"] for row in rows)),
        by_kind=[total(row) for row in rows],
    )


def total(row: RowMapping) -> KindTotal:
    """Write what is open of a kind."""
    return KindTotal(kind=row["kind"], count=row["items"], amount=money(row["amount_rappen"]))


def place_of(by: str, row: RowMapping) -> tuple[object, ...]:
    """Return the sort key of an item; it begins with the order, so that no other one takes it."""
    return by, row["stake"] if by == AMOUNT else row["since"], row["kind"], row["key"]


def place(by: str, after: str | None) -> Place | None:
    """Read where a page of this order ended.

    Raises:
        DomainError: no page of this order gave the cursor.
    """
    first: Callable[[str], Any] = whole_number if by == AMOUNT else instant
    found = read_cursor(after, _exactly(by), first, str, UUID)
    return None if found is None else Place(*found[1:])


def _exactly(wanted: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text != wanted:
            raise ValueError("of another order")
        return text

    return read


def _said(row: RowMapping, now: datetime, roles: Collection[str]) -> dict[str, Any]:
    kind = KINDS_BY_NAME[row["kind"]]
    rappen = row["amount_rappen"]
    return {
        "item": str(ItemId(kind.name, row["key"])),
        "kind": kind.name,
        "reason_code": row["reason_code"],
        "words": _words(row),
        "since": row["since"],
        "age_days": max((now - row["since"]).days, 0),
        "amount": None if rappen is None else money(rappen),
        "practice_ids": row["practice_ids"] or [],
        "contract_id": row["contract_id"],
        "about": AboutReply(**{name: row[name] for name in AboutReply.model_fields}),
        "assignee": row["assignee"],
        "may_be_closed": kind.closable,
        "actions": _actions(row, roles),
    }


def _words(row: RowMapping) -> str:
    """Return what is wrong, as a sentence."""
    kind, rappen = KINDS_BY_NAME[row["kind"]], row["amount_rappen"]
    said = {name: _UNKNOWN if value is None else value for name, value in row.items()}
    said["detail"] = str(said["detail"]).rstrip(".")
    said["amount"] = _UNKNOWN if rappen is None else f"CHF {Money(rappen)}"
    return kind.sentence.format_map(said)


def _actions(row: RowMapping, roles: Collection[str]) -> list[ActionReply]:
    """Return what is possible, and open to these roles."""
    kind = KINDS_BY_NAME[row["kind"]]
    offered = [*kind.offered(row["reason_code"], row["never"])]
    if kind.closable:
        offered.append(CLOSE)
    return [
        ActionReply(
            service=one.service or row["service"],
            operation_id=one.operation_id,
            choices=list(one.choices),
        )
        for one in offered
        if not one.roles.isdisjoint(roles)
    ]
