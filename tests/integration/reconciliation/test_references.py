"""What names a row of another table finds it there, of its own practice, and it stays there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from sandbox.blocking import run_blocking
from sandbox.postgres import ServiceUrls
from services.reconciliation.adapters.bulk import insert_together
from services.reconciliation.adapters.tables import JOURNAL_ENTRY, POSTING
from services.reconciliation.bootstrap import MIGRATIONS
from services.reconciliation.migrations.ddl_references import REFERENCES, Reference
from shared.db.migrations import migrate
from shared.db.scope import Scope
from tests.integration.architecture.catalogue import plain, without_rules
from tests.integration.reconciliation.by_hand import entries_by_hand, two_invoices_one_refused
from tests.integration.reconciliation.house import House
from tests.support.deb_builder import DebFile, Row
from tests.support.servers import DatabaseServer, ServiceDatabaseFactory

_PLACE = ("practice_id", "deb_file_id", "line")


@pytest.fixture(scope="module")
def bare_url(
    postgres_server: DatabaseServer, module_service_database: ServiceDatabaseFactory
) -> str:
    """Tables without any rule but those that a test switches on, as a superuser sees them."""
    urls = module_service_database("reconciliation")
    run_blocking(migrate(urls.owner_url, MIGRATIONS))
    url = postgres_server.address.url(urls.database)
    run_blocking(
        without_rules(url, {table for one in REFERENCES for table in (one.table, one.parent)})
    )
    return url


@pytest.fixture
async def bare(bare_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to tables without rules."""
    connection = await asyncpg.connect(plain(bare_url))
    yield connection
    await connection.close()


async def _insert(connection: asyncpg.Connection, table: str, values: dict[str, Any]) -> None:
    places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
    await connection.execute(
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})",  # noqa: S608 - our names
        *values.values(),
    )


async def _keys(connection: asyncpg.Connection, one: Reference) -> dict[str, Any]:
    """Return values for the columns that refer to a parent."""
    types = dict(
        await connection.fetch(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = $1",
            one.table,
        )
    )
    made: dict[str, Any] = {"uuid": uuid4(), "integer": 7, "text": "1088"}
    return {
        column: uuid4() if types[column] == "uuid" else made[types[column]]
        for column in one.columns
    }


@pytest.mark.parametrize("one", REFERENCES, ids=lambda one: one.name)
async def test_a_row_is_taken_only_with_its_parent_of_the_same_practice(
    bare: asyncpg.Connection, one: Reference
) -> None:
    keys = await _keys(bare, one)
    refused = pytest.raises(asyncpg.ForeignKeyViolationError, match=f'violates "{one.name}"')
    parent = dict(zip(one.parent_columns, keys.values(), strict=True))
    if one.parent == "position_fact":
        parent["kind"] = "payout"
    await bare.execute(f"ALTER TABLE {one.table} ENABLE TRIGGER {one.name}")
    try:
        with refused:
            await _insert(bare, one.table, keys)
        if len(parent) > 1:
            other = uuid4()
            await _insert(bare, one.parent, parent | {"practice_id": other})
            with refused:
                await _insert(bare, one.table, keys)
            await bare.execute(
                f"DELETE FROM {one.parent} WHERE practice_id = $1",  # noqa: S608 - our name
                other,
            )
        await _insert(bare, one.parent, parent)
        await _insert(bare, one.table, keys)
        for column in set(one.columns) - {"practice_id"}:
            await _insert(bare, one.table, keys | {column: None})
    finally:
        await bare.execute(f"ALTER TABLE {one.table} DISABLE TRIGGER {one.name}")


@pytest.mark.parametrize(
    "one", [one for one in REFERENCES if one.changes], ids=lambda one: one.name
)
async def test_what_can_be_set_later_is_judged_then(
    bare: asyncpg.Connection, one: Reference
) -> None:
    keys = await _keys(bare, one)
    chosen = next(column for column in one.columns if column not in _PLACE)
    await _insert(bare, one.table, keys | {chosen: None})
    await bare.execute(f"ALTER TABLE {one.table} ENABLE TRIGGER {one.name}_changed")
    try:
        with pytest.raises(asyncpg.ForeignKeyViolationError, match=f'violates "{one.name}"'):
            await bare.execute(
                f"UPDATE {one.table} SET {chosen} = $1 WHERE practice_id = $2",  # noqa: S608
                keys[chosen],
                keys["practice_id"],
            )
    finally:
        await bare.execute(f"ALTER TABLE {one.table} DISABLE TRIGGER {one.name}_changed")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM practice",
        "DELETE FROM contract",
        "DELETE FROM invoice_position",
        "DELETE FROM order_confirmation",
        "DELETE FROM deb_file",
        "DELETE FROM deb_row",
        "DELETE FROM confirmation_line",
        "DELETE FROM position_fact",
        "DELETE FROM journal_entry",
        "TRUNCATE deb_row CASCADE",
        "TRUNCATE invoice_position CASCADE",
        "UPDATE invoice_position SET invoice_id = gen_random_uuid()",
        "UPDATE invoice_position SET practice_id = gen_random_uuid()",
        "UPDATE contract SET contract_id = gen_random_uuid()",
        "UPDATE deb_file SET practice_id = gen_random_uuid()",
        "UPDATE deb_row SET line = line + 100",
        "UPDATE order_confirmation SET order_id = gen_random_uuid()",
    ],
)
async def test_what_others_refer_to_stays_even_if_the_owner_wants_otherwise(
    house: House, urls: ServiceUrls, statement: str
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((Row("R-1", "payout", rappen=100),)))
    with pytest.raises(asyncpg.RestrictViolationError, match=r"they stay|stays|append-only"):
        await _as_owner(urls, statement)


async def _as_owner(urls: ServiceUrls, statement: str) -> None:
    connection = await asyncpg.connect(plain(urls.owner_url))
    try:
        await connection.execute("SET quittance.system = 'on'")
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("shadow", "refusal"),
    [
        (
            """CREATE TEMPORARY TABLE ledger_account AS
               SELECT practice_id, number, 'bank' AS role FROM ledger_account""",
            "posting_account_fk",
        ),
        (
            """CREATE TEMPORARY TABLE posting AS
               SELECT CAST(:entry AS uuid) AS entry_id, rappen AS amount_rappen
               FROM unnest(ARRAY[-1, 1]) AS rappen""",
            "has 0 postings",
        ),
    ],
    ids=["accounts", "postings"],
)
async def test_no_temporary_table_passes_for_the_one_that_is_meant(
    house: House, shadow: str, refusal: str
) -> None:
    await two_invoices_one_refused(house)
    entry_id = uuid4()
    leg: dict[str, Any] = dict.fromkeys(POSTING.columns.keys()) | {
        "practice_id": house.practice_id,
        "entry_id": entry_id,
        "account": "1088",
        "role": "bank",
    }
    legs = [leg | {"line": line, "amount_rappen": 3 - 2 * line} for line in (1, 2)]
    async with house.database.transaction(Scope.of(house.practice_id)) as connection:
        entries = await entries_by_hand(connection, house.practice_id, [entry_id], "payout")
        await connection.execute(text(shadow), {"entry": entry_id} if ":entry" in shadow else {})
        postings = [(POSTING, legs)] if "ledger_account" in shadow else []
        with pytest.raises(IntegrityError, match=refusal):
            await insert_together(connection, [*postings, (JOURNAL_ENTRY, entries)])
        await connection.rollback()


@pytest.mark.parametrize("kind", ["row_left", "row_reopened"])
async def test_what_a_person_said_of_a_row_moves_nothing(house: House, kind: str) -> None:
    await two_invoices_one_refused(house)
    with pytest.raises(IntegrityError, match="position_fact_told_moves_nothing"):
        await house.rows(
            """INSERT INTO position_fact (fact_id, practice_id, invoice_id, kind, fact_date,
                 principal_rappen, reminder_fees_rappen, interest_rappen, costs_rappen,
                 factor_owes_rappen, note)
               SELECT gen_random_uuid(), practice_id, invoice_id, :kind, fact_date, -1, 0, 0, 0, 0,
                 '' FROM position_fact LIMIT 1 RETURNING 1""",
            kind=kind,
        )
