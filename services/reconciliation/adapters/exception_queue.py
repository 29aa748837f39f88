"""The queue of exceptions in PostgreSQL: what is reported, and what persons add."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.domain.exceptions import (
    Ending,
    HistoryEvent,
    ItemId,
    KnownItem,
    Report,
)

ItemFinder = Callable[[AsyncConnection, ItemId], Awaitable[KnownItem | None]]
"""Looks an item up in the tables that own its facts."""

_PLACE = text(
    """
    INSERT INTO reported_exception (kind, key, practice_id) VALUES (:kind, :key, :practice_id)
    ON CONFLICT ON CONSTRAINT reported_exception_pk DO NOTHING
    """
)
_STANDING = text(
    "SELECT round, ended_round FROM reported_exception WHERE kind = :kind AND key = :key FOR UPDATE"
)
_REPORT = text(
    """
    UPDATE reported_exception SET round = :round, since = :since, reason_code = :reason_code,
      detail = :detail, contract_id = :contract_id, order_id = :order_id,
      order_number = :order_number, amount_rappen = :amount_rappen, service = :service,
      event_id = :event_id, may_have_left = :may_have_left
    WHERE kind = :kind AND key = :key
    """
)
_END = text("UPDATE reported_exception SET ended_round = :round WHERE kind = :kind AND key = :key")
_DESK = text(
    """
    INSERT INTO exception_desk (kind, key, practice_ids) VALUES (:kind, :key, :practice_ids)
    ON CONFLICT ON CONSTRAINT exception_desk_pk DO NOTHING
    """
)
_LOCK = text("SELECT FROM exception_desk WHERE kind = :kind AND key = :key FOR UPDATE")
_ASSIGN = text("UPDATE exception_desk SET assignee = :assignee WHERE kind = :kind AND key = :key")
_CLOSE = text("UPDATE exception_desk SET closed_at = :at WHERE kind = :kind AND key = :key")
_EVENT = text(
    """
    INSERT INTO exception_event
      (kind, key, practice_ids, event, at, by_person, why, assignee)
    VALUES (:kind, :key, :practice_ids, :event, :at, :by, :why, :assignee)
    """
)


class PostgresReports:
    """`ReportRepository` on an open, scoped transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def report(self, report: Report) -> bool:
        """Keep what is wrong; False where this round or a later one is known."""
        known, ended = await self._standing(report.item, report.practice_id)
        if report.round <= known:
            return False
        await self._connection.execute(
            _REPORT,
            {
                **_of(report.item),
                "round": report.round,
                "since": report.since,
                "reason_code": report.reason_code,
                "detail": report.detail,
                "contract_id": report.contract_id,
                "order_id": report.order_id,
                "order_number": report.order_number,
                "amount_rappen": report.amount and report.amount.rappen,
                "service": report.service,
                "event_id": report.event_id,
                "may_have_left": report.may_have_left,
            },
        )
        if report.round > ended:
            event = _told(report, known, ended)
            await _write(self._connection, report.item, {report.practice_id}, event)
        return True

    async def end(self, ending: Ending) -> bool:
        """Keep that it has ended, reported or not; False where that is known."""
        known, ended = await self._standing(ending.item, ending.practice_id)
        if ending.round <= ended:
            return False
        await self._connection.execute(_END, {**_of(ending.item), "round": ending.round})
        if known > ended and known <= ending.round:
            event = HistoryEvent("resolved", ending.at, ending.by, ending.because)
            await _write(self._connection, ending.item, {ending.practice_id}, event)
        return True

    async def _standing(self, item: ItemId, practice_id: UUID) -> tuple[int, int]:
        """Return the round that is known and the last that ended, locked; 0 and 0 if none is."""
        await self._connection.execute(_PLACE, {**_of(item), "practice_id": practice_id})
        row = (await self._connection.execute(_STANDING, _of(item))).one()
        return row.round, row.ended_round


class PostgresExceptionDesk:
    """`ExceptionDesk` on an open, scoped transaction."""

    def __init__(self, connection: AsyncConnection, finder: ItemFinder) -> None:
        self._connection = connection
        self._finder = finder

    async def find(self, item: ItemId) -> KnownItem | None:
        """Return an item in scope, open or not, and keep others from its desk; or None."""
        known = await self._finder(self._connection, item)
        if known is None:
            return None
        practice_ids = _sorted(known.practice_ids)
        kept_as = _of(known.kept_as)
        await self._connection.execute(_DESK, {**kept_as, "practice_ids": practice_ids})
        await self._connection.execute(_LOCK, kept_as)
        # Looked up again: who had the desk until now may have closed it.
        return await self._finder(self._connection, item)

    async def assign(self, item: KnownItem, event: HistoryEvent) -> None:
        """Give an item to somebody, or to nobody."""
        await self._connection.execute(_ASSIGN, {**_of(item.kept_as), "assignee": event.assignee})
        await self.note(item, event)

    async def note(self, item: KnownItem, event: HistoryEvent) -> None:
        """Add a note."""
        await _write(self._connection, item.kept_as, item.practice_ids, event)

    async def close(self, item: KnownItem, event: HistoryEvent, *, at: datetime) -> None:
        """Take an item out of the queue, until it happens again after this moment."""
        await self._connection.execute(_CLOSE, {**_of(item.kept_as), "at": at})
        await self.note(item, event)


def _told(report: Report, known: int, ended: int) -> HistoryEvent:
    """Return what a report adds to the history; what is open since before is told anew."""
    if known > ended and report.told_at is not None:
        return HistoryEvent("changed", report.told_at, None, report.detail)
    return HistoryEvent("reopened" if known else "opened", report.since, None, report.detail)


async def _write(
    connection: AsyncConnection,
    item: ItemId,
    practice_ids: set[UUID] | frozenset[UUID] | None,
    event: HistoryEvent,
) -> None:
    values = {
        **_of(item),
        "practice_ids": _sorted(practice_ids),
        "event": event.event,
        "at": event.at,
        "by": event.by,
        "why": event.why,
        "assignee": event.assignee,
    }
    await connection.execute(_EVENT, values)


def _of(item: ItemId) -> dict[str, object]:
    return {"kind": item.kind, "key": item.key}


def _sorted(practice_ids: set[UUID] | frozenset[UUID] | None) -> list[UUID] | None:
    return None if practice_ids is None else sorted(practice_ids)
