"""Proves the books of a practice from their rows: sums, chain, positions, DEB rows.

Each statement sees one state of the books by itself, and what must agree is always compared within
one statement, so that a booking in between can raise no false alarm and nothing need be locked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.domain.journal import (
    ChainCheck,
    ChainedEntry,
    Entry,
    Head,
    Posting,
)
from services.reconciliation.views.check_rows import rows_against_facts
from services.reconciliation.views.periods import changed_periods
from shared.kernel.money import Money

_PRACTICES = text("SELECT practice_id FROM practice ORDER BY practice_id")
_SUMS = text(
    """
    SELECT (SELECT count(*) FROM journal_entry WHERE practice_id = :practice_id) AS entries,
      count(*) AS postings, coalesce(sum(amount_rappen), 0)::bigint AS total,
      (SELECT count(*) FROM (
         SELECT entry_id FROM posting WHERE practice_id = :practice_id
         GROUP BY entry_id HAVING sum(amount_rappen) <> 0) AS crooked) AS crooked
    FROM posting WHERE practice_id = :practice_id
    """
)
_CHAIN = text(
    """
    SELECT h.number AS head_number, h.entry_hash AS head_hash, e.*, (
      SELECT json_agg(json_build_array(t.account, t.role, t.amount_rappen, t.invoice_id,
                                       t.confirmed_order_id) ORDER BY t.line)
      FROM posting t WHERE t.entry_id = e.entry_id) AS postings
    FROM journal_head h LEFT JOIN journal_entry e ON e.practice_id = h.practice_id
    WHERE h.practice_id = :practice_id ORDER BY e.number
    """
)
_FACTOR_ACCOUNT = text(
    """
    SELECT count(*) FROM invoice_position p
    FULL JOIN (SELECT invoice_id, sum(amount_rappen) AS posted FROM posting
               WHERE practice_id = :practice_id AND role = 'factor' GROUP BY invoice_id) AS t
      ON t.invoice_id = p.invoice_id
    WHERE coalesce(p.practice_id, :practice_id) = :practice_id
      AND coalesce(p.factor_owes_rappen, 0) <> coalesce(t.posted, 0)
    """
)
_FACTS = text(
    """
    SELECT count(*) FROM invoice_position p
    LEFT JOIN (SELECT invoice_id, sum(principal_rappen) AS principal,
                 sum(reminder_fees_rappen) AS reminder_fees, sum(interest_rappen) AS interest,
                 sum(costs_rappen) AS costs, sum(factor_owes_rappen) AS factor_owes
               FROM position_fact WHERE practice_id = :practice_id GROUP BY invoice_id) AS f
      ON f.invoice_id = p.invoice_id
    WHERE p.practice_id = :practice_id
      AND (p.principal_rappen, p.reminder_fees_rappen, p.interest_rappen, p.costs_rappen,
           p.factor_owes_rappen)
        IS DISTINCT FROM (coalesce(f.principal, 0), coalesce(f.reminder_fees, 0),
           coalesce(f.interest, 0), coalesce(f.costs, 0), coalesce(f.factor_owes, 0))
    """
)
_FILES = text(
    """
    SELECT count(*) FROM deb_file f
    JOIN LATERAL (
      SELECT count(*) AS read, count(*) FILTER (WHERE r.status = 'booked') AS booked,
        count(*) FILTER (WHERE r.status = 'repeat') AS repeats,
        count(*) FILTER (WHERE r.status IN ('parked', 'staged')) AS parked,
        count(*) FILTER (WHERE r.status = 'staged') AS undecided,
        coalesce(sum(r.amount_rappen) FILTER (WHERE r.status = 'booked'), 0) AS read_booked,
        count(*) FILTER (WHERE r.status = 'undone') AS undone,
        coalesce(sum(p.amount_rappen) FILTER (WHERE r.status = 'booked'), 0) AS facts
      FROM deb_row r LEFT JOIN position_fact p ON p.fact_id = r.fact_id
      WHERE r.deb_file_id = f.deb_file_id) AS found ON true
    WHERE f.practice_id = :practice_id AND f.booked IS NOT NULL
      AND ((f.rows_read, f.booked, f.repeats, f.parked, f.undone)
             IS DISTINCT FROM (found.read, found.booked, found.repeats, found.parked, found.undone)
           OR found.read_booked <> found.facts
           OR (f.status = 'booked' AND found.undecided > 0)
           OR found.read <> found.booked + found.repeats + found.parked + found.undone)
    """
)


@dataclass(frozen=True, slots=True)
class BooksCheck:
    """What the check found.

    Attributes:
        detail: one sentence in plain words for each thing that is wrong.
    """

    balanced: bool
    entries: int
    postings: int
    hash_chain_intact: bool
    factor_account_matches_positions: bool
    positions_match_facts: bool
    rows_add_up: bool
    rows_match_facts: bool
    closed_periods_unchanged: bool
    detail: tuple[str, ...]


async def practices(connection: AsyncConnection) -> Sequence[UUID]:
    """Return every practice in scope that has books."""
    return (await connection.execute(_PRACTICES)).scalars().all()


async def books_check(connection: AsyncConnection, practice_id: UUID) -> BooksCheck | None:
    """Check everything of one practice; None if the practice is unknown.

    Postings are streamed: memory stays flat whatever the size of the journal.
    """
    only = {"practice_id": practice_id}
    chain, head = await _follow(connection, practice_id)
    if head is None:
        return None
    intact = chain.is_intact(head)
    sums = (await connection.execute(_SUMS, only)).one()
    factor = (await connection.execute(_FACTOR_ACCOUNT, only)).scalar_one()
    facts = (await connection.execute(_FACTS, only)).scalar_one()
    files = (await connection.execute(_FILES, only)).scalar_one()
    of_rows = await rows_against_facts(connection, practice_id)
    changed = await changed_periods(connection, practice_id)
    findings = (
        (sums.total != 0, f"the postings add up to {Money(sums.total)} instead of 0.00"),
        (sums.crooked > 0, f"{sums.crooked} journal entries do not add up to zero"),
        (not intact, _where(chain.broken_at)),
        (factor > 0, f"{factor} invoices differ from their share of the factor account"),
        (facts > 0, f"{facts} invoice positions differ from the sum of their facts"),
        (files > 0, f"{files} DEB files do not add up: read = booked + repeats + parked + undone"),
        *of_rows,
    )
    return BooksCheck(
        balanced=sums.total == 0 and sums.crooked == 0,
        entries=sums.entries,
        postings=sums.postings,
        hash_chain_intact=intact,
        factor_account_matches_positions=factor == 0,
        positions_match_facts=facts == 0,
        rows_add_up=files == 0,
        rows_match_facts=not any(wrong for wrong, _ in of_rows),
        closed_periods_unchanged=not changed,
        detail=(*(sentence for wrong, sentence in findings if wrong), *changed),
    )


async def _follow(connection: AsyncConnection, practice_id: UUID) -> tuple[ChainCheck, Head | None]:
    chain, head = ChainCheck(), None
    async with connection.stream(_CHAIN, {"practice_id": practice_id}) as result:
        async for row in result.mappings():
            head = Head(row["head_number"], row["head_hash"])
            if row["entry_id"] is not None:
                chain.follow(_link(row))
    return chain, head


def _link(row: RowMapping) -> ChainedEntry:
    return ChainedEntry(
        number=row["number"],
        previous_hash=row["previous_hash"],
        entry_hash=row["entry_hash"],
        entry=Entry(
            entry_id=row["entry_id"],
            practice_id=row["practice_id"],
            entry_date=row["entry_date"],
            kind=row["kind"],
            label=row["label"],
            postings=tuple(Posting.read(values) for values in row["postings"] or ()),
            order_id=row["order_id"],
            deb_file_id=row["deb_file_id"],
            deb_line=row["deb_line"],
        ),
    )


def _where(broken_at: int | None) -> str:
    if broken_at is None:
        return "the journal does not end where its last booking ended"
    return f"the journal was altered: entry {broken_at} does not fit the chain"
