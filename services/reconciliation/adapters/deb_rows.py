"""The rows of DEB files in PostgreSQL, and what the books know of what they name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import Row, RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.adapters.books import POSITIONS, position_of
from services.reconciliation.adapters.originals import REVERSALS, original_of
from services.reconciliation.domain.booking import (
    Booked,
    BookedRow,
    Decision,
    Parked,
    Repeat,
    RowPlace,
    booking_rank,
)
from services.reconciliation.domain.deb.records import DebRow, RowProblem, identity_of
from services.reconciliation.domain.handing import ClaimedFile
from services.reconciliation.domain.matching import Known, by_numbers
from services.reconciliation.domain.model import Beneficiary, Position
from services.reconciliation.domain.reversing import Original
from shared.kernel.clock import Clock
from shared.kernel.ids import derived_id
from shared.kernel.money import Money

_NEXT = text(
    """
    SELECT * FROM deb_row WHERE deb_file_id = :deb_file_id AND status = 'staged'
    ORDER BY booking_rank, line LIMIT :limit
    """
)
# Each way to an invoice on its own index: with OR between them, every batch reads the whole table.
# The positions are read by the ids then: joined at once, the planner takes an order for a batch.
_NAMED = text(
    """
    SELECT invoice_id FROM invoice_position
    WHERE practice_id = :practice_id AND invoice_number = ANY(CAST(:invoice_numbers AS text[]))
    UNION
    SELECT invoice_id FROM invoice_position
    WHERE practice_id = :practice_id AND document_number = ANY(CAST(:invoice_numbers AS text[]))
    UNION
    SELECT l.invoice_id FROM confirmation_line l
    JOIN order_confirmation o ON o.order_id = l.order_id
    WHERE l.accepted AND o.practice_id = :practice_id
      AND o.order_number = ANY(CAST(:orders_without_invoice AS text[]))
    """
)
_ORDERS_OF = text(
    """
    SELECT l.invoice_id, o.order_number FROM confirmation_line l
    JOIN order_confirmation o ON o.order_id = l.order_id
    WHERE l.accepted AND l.invoice_id = ANY(CAST(:invoice_ids AS uuid[]))
    """
)
_ORDER_NUMBERS = text(
    """
    SELECT order_number FROM order_confirmation
    WHERE practice_id = :practice_id AND order_number = ANY(CAST(:numbers AS text[]))
    UNION SELECT order_number FROM prepared_order
    WHERE practice_id = :practice_id AND order_number = ANY(CAST(:numbers AS text[]))
    """
)
_DEBTOR_NUMBERS = text(
    "SELECT DISTINCT debtor_number FROM invoice_position"
    " WHERE practice_id = :practice_id AND debtor_number = ANY(CAST(:numbers AS text[]))"
)
_BOOKED = text(
    """
    SELECT record_id, deb_file_id, line, content_sha256, occurrence, false AS is_left FROM deb_row
    WHERE contract_id = :contract_id AND status = 'booked'
      AND record_id = ANY(CAST(:record_ids AS text[]))
    UNION ALL
    SELECT record_id, deb_file_id, line, content_sha256, occurrence, false FROM deb_row
    WHERE practice_id = :practice_id AND contract_id = :contract_id AND status = 'booked'
      AND record_id IS NULL AND content_sha256 = ANY(CAST(:contents AS text[]))
    UNION ALL
    SELECT r.record_id, r.deb_file_id, r.line, r.content_sha256, r.occurrence, true
    FROM standing_row_decision d
    JOIN deb_row r ON r.deb_file_id = d.deb_file_id AND r.line = d.line
    JOIN deb_file f ON f.deb_file_id = d.deb_file_id
    WHERE f.status IN ('staged', 'booked') AND d.decision = 'leave'
      AND r.contract_id = :contract_id AND r.status = 'parked'
      AND (r.record_id = ANY(CAST(:record_ids AS text[]))
        OR (r.record_id IS NULL AND r.content_sha256 = ANY(CAST(:contents AS text[]))))
    ORDER BY is_left DESC
    """
)
_ORIGINALS = text(
    f"""
    SELECT r.record_id, f.*, (
      SELECT json_agg(json_build_array(t.account, t.role, t.amount_rappen, t.invoice_id,
                                       t.confirmed_order_id) ORDER BY t.line)
      FROM posting t WHERE t.entry_id = f.entry_id) AS postings,
      {REVERSALS}
    FROM deb_row r JOIN position_fact f ON f.fact_id = r.fact_id
    WHERE r.contract_id = :contract_id AND r.status = 'booked'
      AND r.record_id = ANY(CAST(:record_ids AS text[]))
    """  # noqa: S608 - constants of ours
)
_UNDONE = text(
    """
    SELECT record_id, content_sha256, occurrence, count(*) AS times FROM deb_undo_row
    WHERE contract_id = :contract_id AND outcome = 'undone'
      AND (record_id = ANY(CAST(:record_ids AS text[]))
        OR (record_id IS NULL AND content_sha256 = ANY(CAST(:contents AS text[]))))
    GROUP BY record_id, content_sha256, occurrence
    """
)
_ALIKE = text(
    """
    SELECT content_sha256, count(*) AS rows FROM deb_row
    WHERE deb_file_id = :deb_file_id AND record_id IS NULL AND line < :line
      AND problem_reason IS NULL AND content_sha256 = ANY(CAST(:contents AS text[]))
    GROUP BY content_sha256
    """
)
_DECIDE = text(
    """
    UPDATE deb_row r SET status = d.status, invoice_id = d.invoice_id, fact_id = d.fact_id,
      repeat_of_file = d.repeat_of_file, repeat_of_line = d.repeat_of_line,
      reason_code = d.reason_code, reason_detail = d.reason_detail, decided_at = :decided_at,
      row_id = coalesce(r.row_id, d.row_id)
    FROM unnest(CAST(:line AS integer[]), CAST(:status AS text[]), CAST(:invoice_id AS uuid[]),
                CAST(:fact_id AS uuid[]), CAST(:repeat_of_file AS uuid[]),
                CAST(:repeat_of_line AS integer[]), CAST(:reason_code AS text[]),
                CAST(:reason_detail AS text[]), CAST(:row_id AS uuid[]))
      AS d (line, status, invoice_id, fact_id, repeat_of_file, repeat_of_line, reason_code,
            reason_detail, row_id)
    WHERE r.deb_file_id = :deb_file_id AND r.line = d.line AND r.status = 'staged'
    """
)
_OUTCOME = (
    *("status", "invoice_id", "fact_id", "repeat_of_file", "repeat_of_line"),
    *("reason_code", "reason_detail", "row_id"),
)
# Counts are there only when the file was closed before; its resumed rows count as parked.
_PROGRESS = text(
    """
    UPDATE deb_file SET attempts = 0, booked = booked + :booked, repeats = repeats + :repeats,
      parked = parked - :booked - :repeats
    WHERE deb_file_id = :deb_file_id
    """
)


class DebRows:
    """The part of `DebFileRepository` that is about rows."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def next_rows(self, file: ClaimedFile, *, limit: int) -> Sequence[DebRow]:
        """Return the next undecided rows, in booking order."""
        result = await self._connection.execute(
            _NEXT, {"deb_file_id": file.deb_file_id, "limit": limit}
        )
        return [row_of(row) for row in result.mappings()]

    async def known(self, practice_id: UUID, rows: Sequence[DebRow]) -> Known:
        """Return what the practice's books know of everything that the rows name."""
        positions = await self._positions_named(practice_id, rows)
        orders_of = await self._orders_of(positions)
        order_numbers = [row.order_number for row in rows]
        debtor_numbers = [row.debtor_number for row in rows]
        by_number, namesakes = by_numbers(positions, orders_of)
        return Known(
            by_number=by_number,
            namesakes=namesakes,
            orders_of=orders_of,
            order_numbers=await self._ours(_ORDER_NUMBERS, practice_id, order_numbers),
            debtor_numbers=await self._ours(_DEBTOR_NUMBERS, practice_id, debtor_numbers),
        )

    async def _ours(
        self, statement: TextClause, practice_id: UUID, numbers: Iterable[str | None]
    ) -> frozenset[str]:
        result = await self._connection.execute(
            statement, {"practice_id": practice_id, "numbers": _distinct(numbers)}
        )
        return frozenset(result.scalars())

    async def _positions_named(self, practice_id: UUID, rows: Sequence[DebRow]) -> list[Position]:
        named = await self._connection.execute(
            _NAMED,
            {
                "practice_id": practice_id,
                "invoice_numbers": _distinct(row.invoice_number for row in rows),
                "orders_without_invoice": _distinct(
                    row.order_number for row in rows if row.invoice_number is None
                ),
            },
        )
        result = await self._connection.execute(POSITIONS, {"invoice_ids": list(named.scalars())})
        return [position_of(row) for row in result.mappings()]

    async def _orders_of(self, positions: Sequence[Position]) -> dict[UUID, frozenset[str]]:
        result = await self._connection.execute(
            _ORDERS_OF, {"invoice_ids": [position.invoice_id for position in positions]}
        )
        orders: dict[UUID, frozenset[str]] = {}
        for row in result:
            orders[row.invoice_id] = orders.get(row.invoice_id, frozenset()) | {row.order_number}
        return orders

    async def booked_rows(
        self, practice_id: UUID, contract_id: UUID, rows: Sequence[DebRow]
    ) -> Mapping[str, BookedRow]:
        """Return the rows already booked, or left by a person, that are the same as these."""
        result = await self._connection.execute(
            _BOOKED, {"practice_id": practice_id, "contract_id": contract_id, **_identifiers(rows)}
        )
        return {
            _identity(row): BookedRow(
                RowPlace(row.deb_file_id, row.line), row.content_sha256, is_left=row.is_left
            )
            for row in result
        }

    async def times_undone(self, contract_id: UUID, rows: Sequence[DebRow]) -> Mapping[str, int]:
        """Return how often each of these rows was booked and undone before, by identity."""
        result = await self._connection.execute(
            _UNDONE, {"contract_id": contract_id, **_identifiers(rows)}
        )
        times: dict[str, int] = {}
        for row in result:
            times[_identity(row)] = times.get(_identity(row), 0) + int(row.times)
        return times

    async def counted(self, file: ClaimedFile, rows: Sequence[DebRow]) -> list[DebRow]:
        """Return rows that are about to be stored, those without record id with their occurrence.

        Args:
            rows: all of the file behind those stored so far, in order.
        """
        nameless = [row for row in rows if row.record_id is None and row.problem is None]
        if not nameless:
            return list(rows)
        result = await self._connection.execute(
            _ALIKE,
            {
                "deb_file_id": file.deb_file_id,
                "line": rows[0].line,
                "contents": sorted({row.content_sha256 for row in nameless}),
            },
        )
        seen = {row.content_sha256: int(row.rows) for row in result}
        return [_with_occurrence(row, seen) for row in rows]

    async def originals(
        self, contract_id: UUID, record_ids: Collection[str]
    ) -> Mapping[str, Original]:
        """Return what was booked under these record ids, as their reversals need it."""
        if not record_ids:
            return {}
        result = await self._connection.execute(
            _ORIGINALS, {"contract_id": contract_id, "record_ids": list(record_ids)}
        )
        return {row["record_id"]: original_of(row) for row in result.mappings()}

    async def decide(self, deb_file_id: UUID, decisions: Sequence[Decision]) -> None:
        """Write what became of rows."""
        outcomes = [_outcome(deb_file_id, decision) for decision in decisions]
        columns = {name: [outcome[name] for outcome in outcomes] for name in outcomes[0]}
        await self._connection.execute(
            _DECIDE,
            {
                "deb_file_id": deb_file_id,
                "decided_at": self._clock.now(),
                "line": [decision.row.line for decision in decisions],
                **columns,
            },
        )
        statuses = [outcome["status"] for outcome in outcomes]
        await self._connection.execute(
            _PROGRESS,
            {
                "deb_file_id": deb_file_id,
                "booked": statuses.count("booked"),
                "repeats": statuses.count("repeat"),
            },
        )


def _with_occurrence(row: DebRow, seen: dict[str, int]) -> DebRow:
    if row.record_id is not None or row.problem is not None:
        return row
    content = row.content_sha256
    seen[content] = seen.get(content, 0) + 1
    return replace(row, occurrence=seen[content])


def _identifiers(rows: Sequence[DebRow]) -> dict[str, list[str]]:
    readable = [row for row in rows if row.problem is None]
    return {
        "record_ids": _distinct(row.record_id for row in readable),
        "contents": _distinct(row.content_sha256 for row in readable if row.record_id is None),
    }


def _identity(row: Row[tuple[object, ...]]) -> str:
    return identity_of(row.record_id, row.content_sha256, row.occurrence)


def row_values(file: ClaimedFile, row: DebRow) -> dict[str, object]:
    """Return a row as the table takes it."""
    problem = row.problem
    return {
        "deb_file_id": file.deb_file_id,
        "line": row.line,
        "practice_id": file.practice_id,
        "contract_id": file.contract_id,
        "raw": row.raw,
        "booking_rank": booking_rank(row),
        "content_sha256": row.content_sha256,
        "record_id": row.record_id,
        "kind": row.kind,
        "invoice_number": row.invoice_number,
        "order_number": row.order_number,
        "debtor_number": row.debtor_number,
        "event_date": row.event_date,
        "value_date": row.value_date,
        "amount_rappen": None if row.amount is None else row.amount.rappen,
        "currency": row.currency,
        "payout_reference": row.payout_reference,
        "beneficiary": None if row.beneficiary is None else row.beneficiary.value,
        "level": row.level,
        "note": row.note,
        "problem_reason": problem.reason if problem else None,
        "problem_column": problem.column if problem else None,
        "problem_field": problem.field if problem else None,
        "occurrence": row.occurrence,
    }


def row_of(row: RowMapping) -> DebRow:
    """Return the row as it was read."""
    problem = None
    if row["problem_reason"] is not None:
        problem = RowProblem(row["problem_reason"], row["problem_column"], row["problem_field"])
    amount, beneficiary = row["amount_rappen"], row["beneficiary"]
    return DebRow(
        line=row["line"],
        raw=row["raw"],
        record_id=row["record_id"],
        kind=row["kind"],
        invoice_number=row["invoice_number"],
        order_number=row["order_number"],
        debtor_number=row["debtor_number"],
        event_date=row["event_date"],
        value_date=row["value_date"],
        amount=None if amount is None else Money(amount),
        currency=row["currency"],
        payout_reference=row["payout_reference"],
        beneficiary=None if beneficiary is None else Beneficiary(beneficiary),
        level=row["level"],
        note=row["note"],
        problem=problem,
        occurrence=row["occurrence"],
        stored_sha256=row["content_sha256"],
    )


def _outcome(deb_file_id: UUID, decision: Decision) -> dict[str, object]:
    outcome: dict[str, object] = dict.fromkeys(_OUTCOME)
    if isinstance(decision, Booked):
        outcome |= {
            "status": "booked",
            "invoice_id": decision.fact.invoice_id,
            "fact_id": decision.fact.fact_id,
        }
    elif isinstance(decision, Repeat):
        outcome |= {
            "status": "repeat",
            "repeat_of_file": decision.first.deb_file_id,
            "repeat_of_line": decision.first.line,
        }
    elif isinstance(decision, Parked):
        outcome |= {
            "status": "parked",
            "invoice_id": decision.invoice_id,
            "reason_code": decision.reason,
            "reason_detail": decision.detail,
            "row_id": derived_id("parked-row", deb_file_id, decision.row.line),
        }
    return outcome


def _distinct(values: Iterable[str | None]) -> list[str]:
    return sorted({value for value in values if value is not None})
