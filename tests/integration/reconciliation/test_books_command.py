"""`quittance books verify` tells right books from wrong ones and from those it could not read."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest

from sandbox.blocking import run_blocking
from sandbox.postgres import ServiceUrls
from services.reconciliation.bootstrap import MIGRATIONS
from services.reconciliation.entrypoints.books_cli import DEFAULT_VARIABLE, main
from shared.db.engine import Database
from shared.db.migrations import migrate
from shared.testing import FrozenClock
from tests.integration.reconciliation.house import START, House
from tests.support.servers import ServiceDatabaseFactory

NOBODY = UUID(int=0)


@pytest.fixture
def fresh(service_database: ServiceDatabaseFactory) -> ServiceUrls:
    """A migrated database of this test alone: the command asks for all practices."""
    urls = service_database("reconciliation")
    run_blocking(migrate(urls.owner_url, MIGRATIONS))
    return urls


@pytest.fixture
async def offices(fresh: ServiceUrls) -> AsyncIterator[tuple[House, House]]:
    """Two practices with books, the one with the smaller id first."""
    database = Database(fresh.url)
    houses = [House(database, FrozenClock(START)) for _ in range(2)]
    for house in houses:
        await house.acquitted_invoices("120.00", "80.00")
    first, second = sorted(houses, key=lambda house: house.practice_id)
    yield first, second
    await database.close()


async def _verify(url: str, *arguments: str, name: str = DEFAULT_VARIABLE) -> tuple[int, list[str]]:
    out = io.StringIO()
    status = await asyncio.to_thread(main, arguments, out, {name: url})
    assert url not in out.getvalue()
    return status, out.getvalue().splitlines()


async def _tamper(urls: ServiceUrls, practice_id: UUID) -> None:
    connection = await asyncpg.connect(urls.owner_url.replace("+asyncpg", ""))
    try:
        await connection.execute("SET quittance.system = 'on'")
        await connection.execute("ALTER TABLE journal_entry DISABLE TRIGGER USER")
        await connection.execute(
            "UPDATE journal_entry SET label = 'x' WHERE practice_id = $1 AND number = 2",
            practice_id,
        )
        await connection.execute("ALTER TABLE journal_entry ENABLE TRIGGER USER")
    finally:
        await connection.close()


async def test_right_books_of_all_practices_are_a_line_each(
    fresh: ServiceUrls, offices: tuple[House, House]
) -> None:
    assert await _verify(fresh.url) == (
        0,
        [f"{house.practice_id}: right. 4 entries, 8 postings" for house in offices],
    )


async def test_altered_books_are_named_with_the_place_and_the_others_stay_right(
    fresh: ServiceUrls, offices: tuple[House, House]
) -> None:
    altered, whole = offices
    await _tamper(fresh, altered.practice_id)
    wrong = (
        f"{altered.practice_id}: NOT right. 4 entries, 8 postings:"
        " the journal was altered: entry 2 does not fit the chain"
    )
    right = f"{whole.practice_id}: right. 4 entries, 8 postings"
    assert await _verify(fresh.url) == (1, [wrong, right])
    assert await _verify(fresh.url, "--practice", str(altered.practice_id)) == (1, [wrong])
    assert await _verify(fresh.url, "--practice", str(whole.practice_id)) == (0, [right])


async def test_a_position_changed_by_hand_makes_the_books_wrong(
    fresh: ServiceUrls, offices: tuple[House, House]
) -> None:
    _, changed = offices
    await changed.rows("UPDATE invoice_position SET factor_owes_rappen = 1 RETURNING 1")
    status, lines = await _verify(fresh.url)
    assert status == 1
    assert "2 invoices differ from their share of the factor account; 2 invoice" in lines[1]


async def test_the_variable_may_have_another_name(
    fresh: ServiceUrls, offices: tuple[House, House]
) -> None:
    status, lines = await _verify(fresh.url, "--database-url-env", "BOOKS", name="BOOKS")
    assert (status, len(lines)) == (0, 2)
    assert await _verify(fresh.url, "--database-url-env", "OTHER", name="BOOKS") == (
        2,
        ["cannot be read: OTHER is not set"],
    )


async def test_a_practice_without_books_could_not_be_read(fresh: ServiceUrls) -> None:
    unknown = uuid4()
    assert await _verify(fresh.url, "--practice", str(unknown)) == (
        2,
        [f"{unknown}: cannot be read: no books of this practice here"],
    )
    assert await _verify(fresh.url) == (0, [])


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("://reconciliation", "://nobody", "28P01"),
        ("/reconciliation_", "/gone_", "3D000"),
        ("127.0.0.1:", "127.0.0.1:x", "is not of the form postgresql+asyncpg://"),
        ("+asyncpg", "", "is not of the form postgresql+asyncpg://"),
        ("+asyncpg", "+nothing", "is not of the form postgresql+asyncpg://"),
        ("postgresql+asyncpg://", "", "is not of the form postgresql+asyncpg://"),
    ],
)
@pytest.mark.parametrize("arguments", [(), ("--practice", str(NOBODY))])
async def test_a_database_that_cannot_be_read_says_why_and_keeps_its_secret(
    urls: ServiceUrls, before: str, after: str, why: str, arguments: tuple[str, ...]
) -> None:
    assert before in urls.url
    spoilt = urls.url.replace(before, after)
    status, (line,) = await _verify(spoilt, *arguments)
    assert status == 2
    assert "cannot be read: " in line
    assert why in line
    assert urls.url.split("@")[0].rsplit(":", 1)[1] not in line, "the password"


async def test_a_database_that_does_not_answer_could_not_be_read() -> None:
    url = "postgresql+asyncpg://reconciliation:secret@127.0.0.1:1/reconciliation"
    assert await _verify(url) == (
        2,
        ["cannot be read: the database did not answer: ConnectionRefusedError"],
    )


async def test_a_database_without_the_books_tables_could_not_be_read(
    service_database: ServiceDatabaseFactory,
) -> None:
    status, lines = await _verify(service_database("reconciliation").url)
    assert status == 2
    assert lines == ["cannot be read: ProgrammingError 42P01"]
