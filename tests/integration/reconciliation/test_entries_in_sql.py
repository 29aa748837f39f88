"""What PostgreSQL asks of an entry: its postings, its balance, its place in the chain."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from services.reconciliation.adapters.bulk import insert_together
from services.reconciliation.adapters.tables import JOURNAL_ENTRY, POSTING
from shared.db.scope import Scope
from tests.integration.reconciliation.by_hand import (
    entries_by_hand,
    two_invoices_one_refused,
    write_entries,
)
from tests.integration.reconciliation.house import House


@pytest.mark.parametrize(
    "otherwise",
    [{"previous_hash": "x"}, {"previous_hash": "0" * 64}, {"number": 99}],
    ids=["another hash", "a second beginning", "behind a gap"],
)
async def test_an_entry_that_does_not_follow_the_last_is_refused(
    house: House, otherwise: dict[str, Any]
) -> None:
    await two_invoices_one_refused(house)
    entry_id = uuid4()
    shared = dict.fromkeys(POSTING.columns.keys()) | {
        "practice_id": house.practice_id,
        "entry_id": entry_id,
        "account": "1020",
        "role": "bank",
    }
    legs = [shared | {"line": line, "amount_rappen": 3 - 2 * line} for line in (1, 2)]
    async with house.database.transaction(Scope.of(house.practice_id)) as connection:
        (entry,) = await entries_by_hand(connection, house.practice_id, [entry_id], "payout")
        both = [(POSTING, legs), (JOURNAL_ENTRY, [entry | otherwise])]
        with pytest.raises(IntegrityError, match="journal_chain_does_not_fork"):
            await insert_together(connection, both)
        await connection.rollback()


async def test_entries_written_together_are_each_judged_alone(house: House) -> None:
    await two_invoices_one_refused(house)
    await write_entries(house, (5, -5), (7, -4, -3))
    with pytest.raises(IntegrityError, match=r"(?s)out of balance by .*INSERT INTO posting"):
        await write_entries(house, (100, -99), (99, -100))
    await write_entries(house, (5, -5))


async def test_an_entry_is_refused_by_itself_where_its_postings_come_later(house: House) -> None:
    await two_invoices_one_refused(house)
    async with house.database.transaction(Scope.of(house.practice_id)) as connection:
        new = await entries_by_hand(connection, house.practice_id, [uuid4()], "payout")
        with pytest.raises(IntegrityError, match=r"(?s)has 0 postings.*INSERT INTO journal_entry"):
            await insert_together(connection, [(JOURNAL_ENTRY, new)])
        await connection.rollback()


async def test_postings_without_their_entry_cannot_be_committed(house: House) -> None:
    await two_invoices_one_refused(house)
    first: dict[str, Any] = dict.fromkeys(POSTING.columns.keys()) | {
        "practice_id": house.practice_id,
        "entry_id": uuid4(),
        "account": "1020",
        "role": "bank",
    }
    both = [first | {"line": line, "amount_rappen": 3 - 2 * line} for line in (1, 2)]
    with pytest.raises(IntegrityError, match="posting_entry_fk"):
        async with house.database.transaction(Scope.of(house.practice_id)) as connection:
            await insert_together(connection, [(POSTING, both)])


async def test_an_acquittal_without_its_entry_cannot_be_committed(house: House) -> None:
    await two_invoices_one_refused(house)
    await house.receive(house.invoice_issued("2026-000003", "30.00"))
    await house.receive(house.contract_changed(acquittal="manual", contract_version=2))
    await house.receive(
        await house.order_confirmed([("2026-000003", "30.00", True)], number="CMD-2026-0002")
    )
    with pytest.raises(IntegrityError, match="acquittal_entry_fk"):
        await house.rows(
            """INSERT INTO acquittal (acquittal_id, practice_id, invoice_id, order_id, contract_id,
                 amount_rappen, ledger_account, label, acquitted_on, entry_id)
               SELECT gen_random_uuid(), l.practice_id, l.invoice_id, l.order_id, a.contract_id,
                 l.amount_rappen, a.ledger_account, a.label, a.acquitted_on, gen_random_uuid()
               FROM acquittal a, confirmation_line l
               WHERE l.order_id NOT IN (SELECT order_id FROM acquittal) RETURNING 1"""
        )


async def test_a_posting_cannot_be_slipped_into_an_entry_afterwards(house: House) -> None:
    await two_invoices_one_refused(house)
    with pytest.raises(IntegrityError, match="out of balance"):
        await house.rows(
            """INSERT INTO posting (practice_id, entry_id, line, account, role, amount_rappen)
               SELECT practice_id, entry_id, 9, '1020', 'bank', 1 FROM journal_entry
               WHERE number = 1 RETURNING 1"""
        )
