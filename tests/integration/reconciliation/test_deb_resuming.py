"""Rows that came before what they rest on are parked, and come back when the books know it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from sandbox.postgres import ServiceUrls
from services.reconciliation.bootstrap import MIGRATIONS
from services.reconciliation.entrypoints.timers import DebBooker
from services.reconciliation.ports import UnitOfWork
from shared.db import migrations
from tests.integration.reconciliation.house import House
from tests.support.deb_builder import DebFile, Row
from tests.support.servers import ServiceDatabaseFactory
from tests.support.web import ApiClient

FIRST, SECOND = "2026-000001", "2026-000002"
PAYOUT = Row("R-1", "payout", FIRST, rappen=1000)
BOOKED_BEFORE = """
INSERT INTO practice VALUES (gen_random_uuid(), 'g', 'VD', 'fr', now());
INSERT INTO ledger_account SELECT practice_id, '1088', 'factor', 'CMD' FROM practice;
INSERT INTO ledger_account SELECT practice_id, '2009', 'bank', 'Bank' FROM practice;
INSERT INTO contract (contract_id, practice_id, version, active, factor,
  account_number, ledger_account, acquittal_label, acquittal, payout_basis,
  reminder_fee_beneficiary, loss_cover, deb_layout)
SELECT gen_random_uuid(), practice_id, 1, true, 'CMD', 'a', '1088', 'l', 'automatic',
  'gross', 'factor', false, 'q' FROM practice;
INSERT INTO deb_file (deb_file_id, practice_id, contract_id, portal_file_id, layout,
  content_key, content_sha256, content_size_bytes, content_media_type, fetched_at,
  received_at, status, file_id, created_on, rows_read, booked, repeats, parked,
  finished_at, next_attempt_at, correlation_id)
SELECT gen_random_uuid(), practice_id, contract_id, n, 'q', 'k', n, 1, 't', now(),
  now(), 'booked', n, '2026-03-02', 0, 0, 0, 0, at::timestamptz, now(), 'c'
FROM (VALUES ('F-2', '2026-03-03'), ('F-1', '2026-03-02')) AS file (n, at), contract;
"""


async def _counts(house: House, deb_file_id: UUID) -> list[Any]:
    file = await house.file(deb_file_id)
    return [file[name] for name in ("status", "rows_read", "booked", "repeats", "parked")]


async def test_a_row_that_overtook_its_invoice_is_booked_once_that_is_acquitted(
    house: House,
) -> None:
    await house.open()
    deb_file_id = await house.book(DebFile((PAYOUT,)))
    assert await house.outcomes(deb_file_id) == ["2 parked unknown-invoice"]
    await house.receive(house.invoice_issued(FIRST, "120.00"))
    assert await house.outcomes(deb_file_id) == ["2 staged"]
    await house.work()
    assert await house.outcomes(deb_file_id) == ["2 parked not-acquitted"]
    await house.receive(await house.order_confirmed([(FIRST, "120.00", True)]))
    await house.work()
    assert await house.outcomes(deb_file_id) == ["2 booked"]
    assert await house.position(FIRST) == "D 120.00 P 110.00 *"
    parked = await house.events("deb-row-parked")
    assert [event["reason_code"] for event in parked] == ["unknown-invoice", "not-acquitted"]
    told = await house.events("deb-file-booked")
    assert [(event["booked"], event["parked"]) for event in told] == [(0, 1), (0, 1), (1, 0)]
    last = (await house.events("invoice-position-changed"))[-1]
    assert (last["factor_owes"]["amount"], len(last["changes"])) == ("110.00", 1)
    await house.assert_books_hold()


async def test_the_counts_of_a_file_are_true_while_some_of_its_rows_are_booked_again(
    house: House,
) -> None:
    small = House(house.database, house.clock, deb_batch_rows=1)
    await small.open()
    rows = (PAYOUT, PAYOUT.but(record_id="R-2"), PAYOUT, PAYOUT.but(invoice="2026-000099"))
    deb_file_id = await small.book(DebFile(rows))
    seen = [await _counts(small, deb_file_id)]
    await small.receive(small.invoice_issued(FIRST, "120.00"))
    await small.receive(await small.order_confirmed([(FIRST, "120.00", True)]))

    async def look() -> None:
        seen.append(await _counts(small, deb_file_id))
        await small.assert_books_hold()

    await _booker_that_first(small, look, before_batches=range(1, 6)).tick()
    seen.append(await _counts(small, deb_file_id))
    assert seen == [
        ["booked", 4, 0, 0, 4],
        ["staged", 4, 0, 0, 4],
        ["staged", 4, 1, 0, 3],
        ["staged", 4, 2, 0, 2],
        ["staged", 4, 2, 1, 1],
        ["booked", 4, 2, 1, 1],
    ]


def _booker_that_first(house: House, act: Any, *, before_batches: range) -> DebBooker:
    """A worker before whose transactions of these numbers something else happens."""
    shop, opened = house.booker.shop, 0

    @asynccontextmanager
    async def open_unit(practice_id: UUID) -> AsyncIterator[UnitOfWork]:
        nonlocal opened
        opened += 1
        if opened in before_batches:
            await act()
        async with shop.open_unit(practice_id) as uow:
            yield uow

    return DebBooker(replace(shop, open_unit=open_unit), 1.0)


async def test_rows_that_come_back_to_an_earlier_file_go_before_the_file_in_hand(
    house: House,
) -> None:
    small = House(house.database, house.clock, deb_batch_rows=1)
    await small.open()
    await small.receive(small.invoice_issued(FIRST, "120.00"))
    fee = Row("R-1", "reminder_fee", FIRST, rappen=2000)
    early = await small.book(DebFile((fee,)))
    rows = (Row("R-2", "sent", FIRST), Row("R-3", "debtor_payment", FIRST, rappen=14000))
    event = await small.fetched(DebFile(rows, file_id="F-0002", previous="F-0001"))
    await small.receive(event)
    confirmed = await small.order_confirmed([(FIRST, "120.00", True)])

    async def confirm() -> None:
        await small.receive(confirmed)

    # Header, rows, end of staging; the look for a review; the first batch; and the confirmation
    # before the second.
    await _booker_that_first(small, confirm, before_batches=range(6, 7)).tick()
    assert await small.outcomes(early) == ["2 staged"]
    assert await small.outcomes(event.deb_file_id) == ["2 booked", "3 staged"]
    assert (await small.file(event.deb_file_id))["lease_until"] is None
    await small.work()
    assert await small.outcomes(event.deb_file_id) == ["2 booked", "3 booked"]
    assert await small.position(FIRST) == "D 0.00 P 120.00 *"
    await small.assert_books_hold()


async def test_files_are_booked_again_in_the_order_of_the_account_not_of_arrival(
    house: House,
) -> None:
    await house.open()
    payment = Row("R-2", "debtor_payment", FIRST, rappen=14000)
    second = await house.book(DebFile((payment,), file_id="F-0002", previous="F-0001"))
    await house.book(DebFile((Row("R-1", "reminder_fee", FIRST, rappen=2000),)))
    assert await house.outcomes(second) == ["2 parked unknown-invoice"]
    await house.receive(house.invoice_issued(FIRST, "120.00"))
    await house.receive(await house.order_confirmed([(FIRST, "120.00", True)]))
    await house.work()
    assert await house.outcomes(second) == ["2 booked"]
    assert await house.position(FIRST) == "D 0.00 P 120.00 *"


async def test_a_file_may_follow_one_whose_rows_are_being_booked_again(house: House) -> None:
    await house.open()
    await house.book(DebFile((PAYOUT,)))
    await house.receive(house.invoice_issued(FIRST, "120.00"))
    second = await house.book(DebFile((), file_id="F-0002", previous="F-0001"))
    assert (await house.file(second))["status"] == "booked"
    assert await house.events("deb-file-held") == []


async def test_under_a_manual_contract_rows_come_back_when_a_person_acquits(
    house: House, api: ApiClient
) -> None:
    await house.open(acquittal="manual")
    await house.receive(house.invoice_issued(FIRST, "120.00"))
    rows = (PAYOUT, PAYOUT.but(record_id="R-2", invoice=""), Row("R-3", "sent", debtor="99999"))
    deb_file_id = await house.book(DebFile(rows))
    assert await house.outcomes(deb_file_id) == [
        "2 parked not-acquitted",
        "3 parked unknown-invoice",
        "4 parked wrong-practice",
    ]
    await house.receive(await house.order_confirmed([(FIRST, "120.00", True)]))
    await house.work()
    assert await house.outcomes(deb_file_id) == [
        "2 parked not-acquitted",
        "3 parked not-acquitted",
        "4 booked",
    ]
    status, _ = await api.post(f"{house.path}/orders/{house.order_id('CMD-2026-0001')}/acquit")
    assert status == 200
    await house.work()
    assert await house.outcomes(deb_file_id) == ["2 booked", "3 booked", "4 booked"]
    assert await house.position(FIRST) == "D 120.00 P 100.00 *"
    await house.assert_books_hold()


async def test_an_invoice_without_a_contract_gets_its_contract_by_its_acquittal(
    house: House,
) -> None:
    await house.open()
    await house.receive(house.invoice_issued(FIRST, "120.00", contract_id=None))
    deb_file_id = await house.book(DebFile((PAYOUT,)))
    assert await house.outcomes(deb_file_id) == ["2 parked wrong-contract"]
    await house.receive(await house.order_confirmed([(FIRST, "120.00", True)]))
    await house.work()
    assert await house.outcomes(deb_file_id) == ["2 booked"]


async def test_only_rows_that_name_what_became_known_come_back(house: House) -> None:
    await house.open()
    rows = (
        PAYOUT.but(invoice="2026-000099"),
        PAYOUT.but(record_id="R-2", kind="surprise"),
        PAYOUT.but(record_id="R-3", currency="EUR"),
        PAYOUT.but(record_id="R-4", rappen=0),
    )
    deb_file_id = await house.book(DebFile(rows))
    await house.receive(house.invoice_issued(SECOND, "50.00"))
    assert (await house.file(deb_file_id))["status"] == "booked"
    await house.receive(house.invoice_issued(FIRST, "120.00"))
    assert await house.outcomes(deb_file_id) == [
        "2 parked unknown-invoice",
        "3 parked unknown-kind",
        "4 parked wrong-currency",
        "5 staged",
    ]


async def test_within_the_grace_a_file_waits_for_an_invoice_that_is_not_known_yet(
    house: House,
) -> None:
    patient = House(house.database, house.clock, deb_early_grace_seconds=60)
    await patient.open()
    deb_file_id = await patient.book(DebFile((Row("R-1", "sent", FIRST),)))
    assert (await patient.file(deb_file_id))["status"] == "staged"
    patient.clock.advance(timedelta(seconds=61))
    await patient.work()
    assert await patient.outcomes(deb_file_id) == ["2 parked unknown-invoice"]


async def test_within_the_grace_a_row_without_an_invoice_number_waits_for_its_order(
    house: House,
) -> None:
    patient = House(house.database, house.clock, deb_early_grace_seconds=60)
    await patient.open()
    await patient.receive(patient.invoice_issued(FIRST, "120.00"))
    deb_file_id = await patient.book(DebFile((PAYOUT.but(invoice=""),)))
    assert (await patient.file(deb_file_id))["status"] == "staged"
    await patient.receive(await patient.order_confirmed([(FIRST, "120.00", True)]))
    patient.clock.advance(timedelta(seconds=2))
    await patient.work()
    assert await patient.outcomes(deb_file_id) == ["2 booked"]


@pytest.fixture
def old_database(service_database: ServiceDatabaseFactory) -> ServiceUrls:
    """An empty database, to be filled before the latest migration."""
    return service_database("reconciliation")


async def test_files_that_were_booked_before_the_migration_keep_their_order(
    old_database: ServiceUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade = migrations.command.upgrade
    with monkeypatch.context() as earlier:
        earlier.setattr(migrations.command, "upgrade", lambda config, _: upgrade(config, "0002"))
        await migrations.migrate(old_database.owner_url, MIGRATIONS)
    url = old_database.owner_url.replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET quittance.system = 'on'")
        await connection.execute(BOOKED_BEFORE)
        await migrations.migrate(old_database.owner_url, MIGRATIONS)
        rows = await connection.fetch("SELECT file_id, turn FROM deb_file ORDER BY turn")
        following = await connection.fetchval("SELECT nextval('deb_file_turn')")
        current = await connection.fetchval(
            "SELECT number FROM ledger_account WHERE role = 'factor-current'"
        )
    finally:
        await connection.close()
    assert [tuple(row) for row in rows] == [("F-1", 1), ("F-2", 2)]
    assert following == 3
    assert current == "2010", "the first number that is free from 2009 on"
