"""Entries that somebody writes by hand, past the code that keeps the books."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from services.reconciliation.adapters.bulk import insert_together
from services.reconciliation.adapters.tables import JOURNAL_ENTRY, POSTING
from shared.db.scope import Scope
from tests.integration.reconciliation.house import House


async def two_invoices_one_refused(house: House) -> None:
    await house.open()
    await house.receive(house.invoice_issued("2026-000001", "120.00"))
    await house.receive(house.invoice_issued("2026-000002", "80.00"))
    await house.receive(
        await house.order_confirmed(
            [("2026-000001", "120.00", True), ("2026-000002", "80.00", False)]
        )
    )


async def entries_by_hand(
    connection: Any, practice_id: UUID, entry_ids: Sequence[UUID], kind: str
) -> list[dict[str, Any]]:
    """Return entries by hand behind the last one, their postings not among them."""
    head = text("SELECT number, entry_hash FROM journal_entry ORDER BY number DESC LIMIT 1")
    last = (await connection.execute(head)).one()
    first: dict[str, Any] = dict.fromkeys(JOURNAL_ENTRY.columns.keys()) | {
        "practice_id": practice_id,
        "entry_date": date(2026, 4, 1),
        "kind": kind,
        "label": "By hand",
    }
    hashes = [last.entry_hash, *(str(entry_id) for entry_id in entry_ids)]
    return [
        first
        | {"entry_id": entry_id, "number": last.number + place}
        | {"previous_hash": hashes[place - 1], "entry_hash": hashes[place]}
        for place, entry_id in enumerate(entry_ids, 1)
    ]


async def write_entries(house: House, *entries: tuple[int, ...]) -> None:
    """Write entries by hand, all their postings in one statement."""
    first: dict[str, Any] = dict.fromkeys(POSTING.columns.keys()) | {
        "practice_id": house.practice_id,
        "account": "1020",
        "role": "bank",
    }
    given = [(uuid4(), amounts) for amounts in entries]
    postings = [
        first | {"entry_id": entry_id, "line": line, "amount_rappen": amount}
        for entry_id, amounts in given
        for line, amount in enumerate(amounts, 1)
    ]
    async with house.database.transaction(Scope.of(house.practice_id)) as connection:
        new = await entries_by_hand(
            connection, house.practice_id, [one for one, _ in given], "payout"
        )
        await insert_together(connection, [(POSTING, postings), (JOURNAL_ENTRY, new)])
