"""The check of the books sees who changes what the hash chain does not cover: D, facts and rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest

from sandbox.postgres import ServiceUrls
from tests.integration.reconciliation.every_kind import fill_every_kind
from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.office_of_files import FileOffice
from tests.support.deb_builder import DebFile, Row
from tests.support.web import ApiClient

PAID = Row("R-1", "debtor_payment", rappen=5000)
_FACT = "UPDATE position_fact SET {} WHERE practice_id = $1 AND kind = 'debtor_payment'"
_ROW = "UPDATE deb_row SET {} WHERE practice_id = $1 AND kind = 'debtor_payment'"
_POSITION = "UPDATE invoice_position SET principal_rappen = 8000 WHERE practice_id = $1"
ROW_AND_FACT = "1 DEB rows differ from the fact they led to"
CONTENT = "1 DEB rows differ from the hash of their content"
EFFECT = "1 facts move D otherwise than the posting table says"


@asynccontextmanager
async def _owner(urls: ServiceUrls) -> AsyncIterator[asyncpg.Connection]:
    """Connect as the owner, who alone can switch the guards of the tables off."""
    connection = await asyncpg.connect(urls.owner_url.replace("postgresql+asyncpg", "postgresql"))
    tables = ("position_fact", "deb_row")
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
    ("changes", "findings"),
    [
        ((_FACT.format("principal_rappen = -4000"), _POSITION), [EFFECT]),
        (
            (_FACT.format("principal_rappen = -4000, amount_rappen = 4000"), _POSITION),
            ["1 DEB files do not add up: read = booked + repeats + parked + undone", ROW_AND_FACT],
        ),
        (
            (
                _FACT.format("principal_rappen = -4000, amount_rappen = 4000"),
                _ROW.format("amount_rappen = 4000"),
                _POSITION,
            ),
            [CONTENT],
        ),
        ((_FACT.format("fact_date = '2026-03-11'"),), [ROW_AND_FACT]),
        (
            (_FACT.format("fact_date = '2026-03-11'"), _ROW.format("event_date = '2026-03-11'")),
            [CONTENT],
        ),
        ((_ROW.format("note = 'another text'"),), [CONTENT]),
    ],
)
async def test_a_change_that_the_chain_does_not_see_shows_all_the_same(
    house: House, urls: ServiceUrls, changes: Sequence[str], findings: list[str]
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((PAID, Row("R-2", "payout", rappen=5000))))
    await house.assert_books_hold()
    async with _owner(urls) as owner:
        for change in changes:
            await owner.execute(change, house.practice_id)
    found = await house.check()
    assert found.hash_chain_intact
    assert found.positions_match_facts
    assert not found.rows_match_facts
    assert list(found.detail) == findings


async def test_a_payment_that_was_moved_to_another_invoice_is_noticed(
    house: House, urls: ServiceUrls
) -> None:
    await house.acquitted_invoices("120.00", "80.00")
    await house.book(DebFile((PAID,)))
    other = house.invoice_id("2026-000002")
    async with _owner(urls) as owner:
        for change in (_FACT.format("invoice_id = $2"), _ROW.format("invoice_id = $2")):
            await owner.execute(change, house.practice_id, other)
        await owner.execute(
            "UPDATE invoice_position SET principal_rappen = CASE invoice_id WHEN $2 THEN 3000"
            " ELSE 12000 END WHERE practice_id = $1",
            house.practice_id,
            other,
        )
    found = await house.check()
    assert found.positions_match_facts
    assert found.detail == ("1 DEB rows were booked on an invoice that they do not name",)


async def test_a_fact_that_no_row_led_to_is_noticed(house: House, urls: ServiceUrls) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((Row("R-1", "sent"), PAID.but(record_id="R-2", rappen=900_000))))
    async with _owner(urls) as owner:
        await owner.execute(
            "INSERT INTO position_fact (fact_id, practice_id, invoice_id, kind, fact_date,"
            " principal_rappen, reminder_fees_rappen, interest_rappen, costs_rappen,"
            " factor_owes_rappen, deb_file_id, deb_line, note)"
            " SELECT gen_random_uuid(), practice_id, invoice_id, 'sent', fact_date,"
            " 0, 0, 0, 0, 0, deb_file_id, 3, ''"
            " FROM position_fact WHERE practice_id = $1 AND kind = 'sent'",
            house.practice_id,
        )
    assert (await house.check()).detail == ("1 facts name a DEB row that did not lead to them",)


@pytest.mark.parametrize("day", ["00010101", "99991231", "20240229"])
async def test_the_first_and_the_last_day_that_can_be_written_are_no_alarm(
    house: House, day: str
) -> None:
    await house.acquitted_invoices("120.00")
    file = await house.book(DebFile((PAID.but(event_date=day, value_date=day),)))
    assert await house.outcomes(file) == ["2 parked impossible-date"]
    await house.assert_books_hold()


async def test_every_kind_every_text_and_what_persons_decided_agree_by_themselves(
    house: House, api: ApiClient
) -> None:
    await fill_every_kind(house, api, 7)
    odd = PAID.but(record_id="", invoice="2026-000107", text="\xe9t\xe9", event_date="2026XX10")
    unreadable = DebFile((odd,), file_id="F-0004", previous="F-0003")
    file = await house.book(unreadable)
    [row] = await house.rows("SELECT row_id FROM deb_row WHERE status = 'parked'")
    path = f"{house.path}/parked-rows/{row['row_id']}/decision"
    assert (await api.as_user().post(path, {"decision": "leave", "reason": "gone"}))[0] == 200
    await house.assert_books_hold()
    await FileOffice(api.as_user(), house).undo(file)
    await house.assert_books_hold()
