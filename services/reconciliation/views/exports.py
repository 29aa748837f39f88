"""Reads a span of the journal for an export: as it was at one moment, batch by batch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.domain.accounts import AccountRole, LedgerAccount
from services.reconciliation.domain.exports.entries import ExportedEntry, ExportedPosting
from services.reconciliation.domain.journal import Head
from services.reconciliation.views.periods import closing_over
from shared.kernel.money import Money

BATCH_ENTRIES = 500

# Entries only ever come behind the head: what is up to it stays the same between two batches.
_WITHIN = """
    WHERE e.practice_id = :practice_id AND e.number <= :head_number
      AND e.entry_date >= coalesce(CAST(:first_day AS date), '-infinity')
      AND e.entry_date <= coalesce(CAST(:last_day AS date), 'infinity')
"""
_COUNTED = "SELECT count(*) AS entries, min(e.entry_date) AS opened_on FROM journal_entry e"
_ENTRIES = """
    SELECT e.number, e.entry_id, e.entry_date, e.kind, e.label, e.entry_hash, e.deb_line,
      d.file_id, d.portal_file_id,
      (SELECT json_agg(json_build_array(t.account, t.amount_rappen, p.invoice_number)
                       ORDER BY t.line)
       FROM posting t LEFT JOIN invoice_position p ON p.invoice_id = t.invoice_id
       WHERE t.entry_id = e.entry_id) AS postings
    FROM journal_entry e LEFT JOIN deb_file d ON d.deb_file_id = e.deb_file_id
"""
_BEHIND = """
      AND (e.entry_date, e.number) > (coalesce(CAST(:after_day AS date), '-infinity'), :after)
    ORDER BY e.entry_date, e.number LIMIT :limit
"""
_HEAD = text("SELECT number, entry_hash FROM journal_head WHERE practice_id = :practice_id")
_ACCOUNTS = text(
    "SELECT number, role, name FROM ledger_account WHERE practice_id = :practice_id ORDER BY number"
)
_EXTENT = text(f"{_COUNTED}{_WITHIN}")
_BATCH = text(f"{_ENTRIES}{_WITHIN}{_BEHIND}")


@dataclass(frozen=True, slots=True)
class Span:
    """Which days of whose journal; None: no bound. Both days are within."""

    practice_id: UUID
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is in a span at this moment.

    Attributes:
        opened_on: day of the first entry, or None if there is none.
    """

    head: Head
    entries: int
    opened_on: date | None
    accounts: tuple[LedgerAccount, ...]


async def extent(connection: AsyncConnection, span: Span) -> Extent | None:
    """Return how much there is to export, or None if the practice has no books.

    Of closed days it is told as it was at their closing, so that it is the same ever after.
    """
    only = {"practice_id": span.practice_id}
    found_head = (await connection.execute(_HEAD, only)).one_or_none()
    if found_head is None:
        return None
    head, closing = Head(found_head.number, found_head.entry_hash), None
    if span.last_day is not None:
        closing = await closing_over(connection, span.practice_id, span.last_day)
    if closing is not None:
        head = closing.head
    found = (await connection.execute(_EXTENT, _bounds(span, head.number))).one()
    accounts = (await connection.execute(_ACCOUNTS, only)).all()
    return Extent(
        head=head,
        entries=found.entries,
        opened_on=found.opened_on,
        accounts=tuple(
            LedgerAccount(one.number, AccountRole(one.role), one.name)
            for one in accounts
            if closing is None or one.number in closing.accounts
        ),
    )


async def batches(
    connection: AsyncConnection, span: Span, head: Head, *, limit: int = BATCH_ENTRIES
) -> AsyncIterator[list[ExportedEntry]]:
    """Yield the entries of a span up to the head, by day and number; one batch at a time."""
    place: dict[str, Any] = {"after_day": None, "after": 0, "limit": limit}
    while True:
        result = await connection.execute(_BATCH, _bounds(span, head.number) | place)
        rows = result.mappings().all()
        if rows:
            yield [_entry(row) for row in rows]
        if len(rows) < limit:
            return
        place |= {"after_day": rows[-1]["entry_date"], "after": rows[-1]["number"]}


def _bounds(span: Span, head_number: int) -> dict[str, Any]:
    return {
        "practice_id": span.practice_id,
        "first_day": span.first_day,
        "last_day": span.last_day,
        "head_number": head_number,
    }


def _entry(row: RowMapping) -> ExportedEntry:
    return ExportedEntry(
        number=row["number"],
        entry_id=row["entry_id"],
        entry_date=row["entry_date"],
        kind=row["kind"],
        label=row["label"],
        source=_source(row),
        entry_hash=row["entry_hash"],
        postings=tuple(_postings(row["postings"])),
    )


def _source(row: RowMapping) -> str | None:
    if row["deb_line"] is None:
        return None
    return f"{row['file_id'] or row['portal_file_id']}:{row['deb_line']}"


def _postings(lines: Iterable[list[Any]]) -> Iterable[ExportedPosting]:
    for account, rappen, invoice_number in lines:
        yield ExportedPosting(account, Money(rappen), invoice_number)
