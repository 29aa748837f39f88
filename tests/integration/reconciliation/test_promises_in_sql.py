"""The promises are constraints: whoever writes SQL as the runtime role cannot break them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from sandbox.postgres import ServiceUrls
from services.reconciliation.adapters.bulk import insert_together
from services.reconciliation.adapters.tables import JOURNAL_ENTRY, POSTING
from shared.db.engine import Database
from shared.db.scope import Scope
from tests.integration.reconciliation.by_hand import (
    entries_by_hand,
    two_invoices_one_refused,
    write_entries,
)
from tests.integration.reconciliation.house import House
from tests.support.deb_builder import DebFile, Row


async def _try_to_post(
    house: House, *, kind: str = "payout", account: str = "1088", **posting: Any
) -> None:
    """Insert a balanced entry of two postings, the first as given."""
    entry_id = uuid4()
    first = {
        "practice_id": house.practice_id,
        "entry_id": entry_id,
        "line": 1,
        "account": account,
        "role": "factor",
        "amount_rappen": 100,
        "invoice_id": house.invoice_id("2026-000001"),
        "confirmed_order_id": None,
    } | posting
    second = first | {
        "line": 2,
        "account": "1020",
        "role": "bank",
        "amount_rappen": -100,
        "confirmed_order_id": None,
    }
    async with house.database.transaction(Scope.of(house.practice_id)) as connection:
        entries = await entries_by_hand(connection, house.practice_id, [entry_id], kind)
        await insert_together(connection, [(POSTING, [first, second]), (JOURNAL_ENTRY, entries)])


async def test_a_permitted_posting_goes_through_so_that_the_others_prove_something(
    house: House,
) -> None:
    await two_invoices_one_refused(house)
    await _try_to_post(house, confirmed_order_id=house.order_id("CMD-2026-0001"))
    assert (await house.balances())["1088"] == "121.00"


@pytest.mark.parametrize(
    ("posting", "constraint"),
    [
        ({}, "posting_to_factor_needs_confirmation"),
        ({"order": "unknown"}, "posting_confirmation_fk"),
        ({"order": "of-house", "invoice": "2026-000002"}, "posting_confirmation_fk"),
        ({"order": "of-house", "invoice_id": None}, "posting_to_factor_needs_confirmation"),
        ({"role": "bank"}, "posting_account_fk"),
        ({"role": "Factor"}, "posting_account_fk"),
        ({"account": "1089"}, "posting_to_factor_needs_confirmation"),
        ({"account": "1089", "role": "bank"}, "posting_account_fk"),
        ({"order": "of-house", "kind": "acquittal"}, "acquits nothing that is known"),
    ],
    ids=[
        "no confirmation",
        "an order that nobody confirmed",
        "a refused line",
        "no invoice",
        "as the bank",
        "as another spelling",
        "on an account that is not there",
        "on an account that is not there, as the bank",
        "a second acquittal",
    ],
)
async def test_nothing_reaches_the_factor_account_without_an_accepted_confirmation(
    house: House, posting: dict[str, Any], constraint: str
) -> None:
    await two_invoices_one_refused(house)
    given = dict(posting)
    if "order" in given:
        known = given.pop("order") == "of-house"
        given["confirmed_order_id"] = house.order_id("CMD-2026-0001") if known else uuid4()
    if "invoice" in given:
        given["invoice_id"] = house.invoice_id(given.pop("invoice"))
    before = await house.balances()
    with pytest.raises(IntegrityError, match=constraint):
        await _try_to_post(house, **given)
    assert await house.balances() == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_account SET role = 'bank' WHERE number = '1088'",
        "UPDATE ledger_account SET role = 'factor' WHERE number = '1100'",
        "DELETE FROM ledger_account",
        "UPDATE confirmation_line SET accepted = true",
        "DELETE FROM confirmation_line",
        "UPDATE posting SET amount_rappen = 0",
        "DELETE FROM posting",
        "TRUNCATE posting",
        "UPDATE journal_entry SET label = 'x'",
        "DELETE FROM journal_entry",
        "DELETE FROM acquittal",
        "UPDATE acquittal SET amount_rappen = 0",
        "DELETE FROM position_fact",
        "UPDATE position_fact SET note = 'x'",
        "DELETE FROM deb_row",
        "UPDATE deb_row SET raw = ''",
        "UPDATE deb_row SET amount_rappen = 1",
        "DELETE FROM deb_file",
        "UPDATE deb_file SET content_sha256 = 'x'",
        "DELETE FROM deb_file_delivery",
        "DELETE FROM invoice_position",
        "UPDATE invoice_position SET invoice_number = 'x'",
        "UPDATE order_confirmation SET accepted_count = 0",
    ],
)
async def test_the_runtime_role_can_neither_change_nor_remove_what_was_written(
    house: House, statement: str
) -> None:
    await two_invoices_one_refused(house)
    with pytest.raises(DBAPIError, match=r"permission denied|append-only"):
        await house.rows(statement)


async def test_a_chart_cannot_be_given_the_factor_account_under_another_role(
    house: House,
) -> None:
    await two_invoices_one_refused(house)
    with pytest.raises(IntegrityError, match="ledger_account_pk"):
        await house.rows(
            "INSERT INTO ledger_account VALUES (:practice_id, '1088', 'losses', 'x') RETURNING 1",
            practice_id=house.practice_id,
        )


async def test_a_contract_cannot_point_at_an_account_that_is_not_the_factor_s(
    house: House,
) -> None:
    await two_invoices_one_refused(house)
    with pytest.raises(IntegrityError, match="contract_ledger_account_fk"):
        await house.rows("UPDATE contract SET ledger_account = '1020' RETURNING 1")
    with pytest.raises(IntegrityError, match="contract_books_on_a_factor_account"):
        await house.rows(
            "UPDATE contract SET ledger_account = '1020', ledger_account_role = 'bank' RETURNING 1"
        )


@pytest.mark.parametrize("amounts", [(100, -99), (100,), ()])
async def test_an_entry_that_does_not_balance_cannot_be_committed(
    house: House, amounts: tuple[int, ...]
) -> None:
    await two_invoices_one_refused(house)
    with pytest.raises(IntegrityError, match="out of balance"):
        await write_entries(house, amounts)


async def test_an_invoice_has_one_live_acquittal_at_most(house: House) -> None:
    await two_invoices_one_refused(house)
    with pytest.raises(IntegrityError, match=r"acquittal_(one_live|once_per|entry_once)"):
        await house.rows(
            """INSERT INTO acquittal (acquittal_id, practice_id, invoice_id, order_id, contract_id,
                 amount_rappen, ledger_account, label, acquitted_on, entry_id)
               SELECT gen_random_uuid(), practice_id, invoice_id, order_id, contract_id,
                 amount_rappen, ledger_account, label, acquitted_on, entry_id
               FROM acquittal RETURNING 1"""
        )


async def test_a_record_id_cannot_be_booked_twice_whatever_the_code_does(house: House) -> None:
    await house.acquitted_invoices("120.00")
    row = Row("R-1", "payout", rappen=100)
    deb_file_id = await house.book(DebFile((row, row)))
    assert await house.outcomes(deb_file_id) == ["2 booked", "3 repeat"]
    with pytest.raises(IntegrityError, match="deb_row_booked_once"):
        await house.rows(
            """UPDATE deb_row SET status = 'booked', repeat_of_file = NULL, repeat_of_line = NULL,
                 fact_id = (SELECT fact_id FROM position_fact WHERE kind = 'acquittal')
               WHERE line = 3 RETURNING 1"""
        )


async def test_a_booked_file_whose_rows_do_not_add_up_cannot_be_stored(house: House) -> None:
    await two_invoices_one_refused(house)
    with pytest.raises(IntegrityError, match="deb_file_rows_add_up"):
        await house.rows(
            """INSERT INTO deb_file (deb_file_id, practice_id, contract_id, portal_file_id, layout,
                 content_key, content_sha256, content_size_bytes, content_media_type, fetched_at,
                 received_at, status, file_id, created_on, rows_read, booked, repeats, parked,
                 next_attempt_at, correlation_id)
               VALUES (gen_random_uuid(), :practice_id, :contract_id, 'p', 'l', 'k', 's', 1, 'm',
                 now(), now(), 'booked', 'F', '2026-04-01', 3, 1, 1, 0, now(),
                 'c') RETURNING 1""",
            practice_id=house.practice_id,
            contract_id=house.contract_id,
        )


@asynccontextmanager
async def _as_owner_without_guards(urls: ServiceUrls) -> AsyncIterator[asyncpg.Connection]:
    """Connect as the owner, who alone can switch the guards off."""
    plain = urls.owner_url.replace("postgresql+asyncpg", "postgresql")
    connection = await asyncpg.connect(plain)
    tables = ("posting", "journal_entry")
    try:
        await connection.execute("SET quittance.system = 'on'")
        for table in tables:
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield connection
        for table in tables:
            await connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("tampering", "finding"),
    [
        (
            "UPDATE posting SET amount_rappen = amount_rappen * 2 WHERE practice_id = $1",
            "entry 1 does not fit the chain",
        ),
        (
            "UPDATE journal_entry SET label = 'x' WHERE practice_id = $1 AND number = 2",
            "entry 2 does not fit the chain",
        ),
        (
            """UPDATE journal_entry SET entry_date = '2025-01-01'
               WHERE practice_id = $1 AND number = 3""",
            "entry 3 does not fit the chain",
        ),
        (
            """UPDATE journal_head SET number = 2, entry_hash = (SELECT entry_hash FROM
                 journal_entry WHERE practice_id = $1 AND number = 2) WHERE practice_id = $1""",
            "does not end where its last booking ended",
        ),
    ],
)
async def test_tampering_by_the_owner_shows_in_the_chain(
    house: House, urls: ServiceUrls, tampering: str, finding: str
) -> None:
    await two_invoices_one_refused(house)
    await house.assert_books_hold()
    async with _as_owner_without_guards(urls) as owner:
        await owner.execute(tampering, house.practice_id)
    found = await house.check()
    assert not found.hash_chain_intact
    assert finding in found.detail[0]


async def test_a_position_that_was_changed_by_hand_is_noticed(house: House) -> None:
    await two_invoices_one_refused(house)
    await house.rows("UPDATE invoice_position SET factor_owes_rappen = 1 RETURNING 1")
    found = await house.check()
    assert not found.factor_account_matches_positions
    assert not found.positions_match_facts


async def test_one_practice_sees_and_writes_nothing_of_another(
    house: House, database: Database
) -> None:
    await two_invoices_one_refused(house)
    tables = (
        "practice",
        "ledger_account",
        "contract",
        "invoice_position",
        "order_confirmation",
        "confirmation_line",
        "journal_head",
        "journal_entry",
        "posting",
        "acquittal",
        "position_fact",
    )
    async with database.transaction(Scope.of(uuid4())) as connection:
        for table in tables:
            seen = await connection.execute(text(f"TABLE {table}"))
            assert seen.all() == [], table
    stranger = House(database, house.clock)
    with pytest.raises(DBAPIError, match="row-level security"):
        await house.receive(stranger.practice_registered(), scope=house.practice_id)
