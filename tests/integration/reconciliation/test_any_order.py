"""Topics have no order among each other: whatever overtakes what, the books end the same."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from shared.db.engine import Database
from shared.messaging.events import RawRecord
from shared.testing import FrozenClock
from tests.integration.reconciliation.house import START, House
from tests.integration.reconciliation.inbox import Inbox
from tests.support.deb_builder import DebFile, Row

FIRST, SECOND, THIRD = "2026-000001", "2026-000002", "2026-000003"
ORDER, LATER_ORDER = "CMD-2026-0001", "CMD-2026-0002"
FEE = Row("R-1", "reminder_fee", FIRST, rappen=2000, beneficiary="P")
FILES = (
    DebFile(
        (
            Row("R-0", "sent", FIRST),
            FEE,
            Row("R-2", "payout", SECOND, rappen=5000),
            Row("R-3", "debtor_payment", invoice="", rappen=100),
            Row("R-4", "payout", "2026-000099", rappen=100),
            Row("R-5", "sent", FIRST, debtor="99999"),
        )
    ),
    DebFile(
        (
            FEE,
            Row("R-6", "debtor_payment", FIRST, rappen=13900),
            Row("R-7", "debtor_payment", SECOND, rappen=1),
            Row("R-2", "payout", SECOND, rappen=5001),
            Row("R-8", "payout", THIRD, LATER_ORDER, rappen=1000),
            Row("R-9", "surprise", THIRD, LATER_ORDER),
        ),
        file_id="F-0002",
        previous="F-0001",
    ),
    DebFile(
        (
            Row("R-10", "debtor_payment", THIRD, LATER_ORDER, debtor="10003", rappen=4900),
            Row("R-11", "debtor_payment", THIRD, LATER_ORDER, rappen=200),
            Row("R-12", "default_interest", THIRD, LATER_ORDER, rappen=50),
            Row("R-13", "debtor_payment", FIRST, rappen=50),
            Row("R-14", "payout", invoice="", order=LATER_ORDER, debtor="10003", rappen=40),
        ),
        file_id="F-0003",
        previous="F-0002",
    ),
)


async def _records(house: House, inbox: Inbox) -> list[RawRecord]:
    """Every event of a practice's life, in the order in which it happened."""
    payloads = [
        house.practice_registered(),
        house.contract_changed(),
        house.invoice_issued(FIRST, "120.00"),
        house.invoice_issued(SECOND, "50.00", debtor_number="10002"),
        await house.order_prepared(ORDER),
        await house.order_confirmed([(FIRST, "120.00", True), (SECOND, "50.00", True)]),
        await house.fetched(FILES[0]),
        house.invoice_issued(THIRD, "50.00", deposit="5.00", debtor_number="10003"),
        await house.order_prepared(LATER_ORDER),
        await house.fetched(FILES[1]),
        await house.order_confirmed([(THIRD, "50.00", True)], number=LATER_ORDER),
        await house.fetched(FILES[2]),
    ]
    return [inbox.record(payload) for payload in payloads]


def _house(database: Database, **settings: Any) -> House:
    return House(database, FrozenClock(START), deb_batch_rows=2, **settings)


async def _settle(house: House, inbox: Inbox) -> None:
    """Work until nothing changes any more, however long events and files wait."""
    for _ in range(12):
        await inbox.processor.drain()
        await house.work()
        house.clock.advance(timedelta(seconds=70))


async def _books(house: House) -> dict[str, Any]:
    """All that must not depend on the order."""
    files = await house.rows(
        "SELECT file_id, status, rows_read, booked, repeats, parked FROM deb_file ORDER BY file_id"
    )
    rows = await house.rows(
        "SELECT f.file_id, r.line, r.status, r.reason_code FROM deb_row r"
        " JOIN deb_file f USING (deb_file_id) ORDER BY f.file_id, r.line"
    )
    positions = {number: await house.position(number) for number in (FIRST, SECOND, THIRD)}
    told = {
        event["deb_file_id"]: [event[name] for name in ("booked", "repeats", "parked")]
        for event in await house.events("deb-file-booked")
    }
    return {
        "balances": await house.balances(),
        "positions": positions,
        "files": files,
        "rows": rows,
        "last told of the files": sorted(told.values()),
    }


async def _assert_counts_add_up(house: House) -> None:
    """P5 holds for every file that was ever booked, also while rows of it are booked again."""
    wrong = await house.rows(
        """SELECT * FROM (
             SELECT f.*, count(*) AS n, count(*) FILTER (WHERE r.status = 'booked') AS b,
               count(*) FILTER (WHERE r.status = 'repeat') AS p
             FROM deb_file f JOIN deb_row r USING (deb_file_id) GROUP BY f.deb_file_id) AS found
           WHERE booked IS NOT NULL AND (rows_read <> booked + repeats + parked
             OR (n, b, p) IS DISTINCT FROM (rows_read, booked, repeats))"""
    )
    assert wrong == []


@pytest.fixture
async def undisturbed(database: Database) -> dict[str, Any]:
    """The books when everything comes in the order in which it happened, and is worked at once."""
    house = _house(database)
    inbox = Inbox(house)
    for record in await _records(house, inbox):
        await inbox.store(record)
        await inbox.processor.drain()
        await house.work()
    await _settle(house, inbox)
    await house.assert_books_hold()
    return await _books(house)


@pytest.mark.parametrize("grace", [0, 60])
@pytest.mark.parametrize("seed", range(12))
async def test_events_in_any_order_leave_the_same_books(
    database: Database, undisturbed: dict[str, Any], seed: int, grace: int
) -> None:
    random = Random(seed)
    house = _house(database, deb_early_grace_seconds=grace)
    inbox = Inbox(house)
    records = await _records(house, inbox)
    random.shuffle(records)
    while records:
        batch = [records.pop() for _ in range(min(len(records), random.randint(1, 3)))]
        await inbox.store(*batch)
        for step in random.sample((inbox.processor.drain, house.booker.tick), random.randint(0, 2)):
            await step()
            await _assert_counts_add_up(house)
        house.clock.advance(timedelta(seconds=random.choice((0, 1, 70))))
    await _settle(house, inbox)
    assert await inbox.open_events() == []
    assert await _books(house) == undisturbed
    await house.assert_books_hold()


async def test_the_undisturbed_books_hold_something_of_everything(
    undisturbed: dict[str, Any],
) -> None:
    assert undisturbed["positions"] == {
        FIRST: "D 0.00 P 140.00 *",
        SECOND: "D 49.99 P 0.00 *",
        THIRD: "D 1.50 P 39.60 *",
    }
    reasons = [row["reason_code"] for row in undisturbed["rows"] if row["status"] == "parked"]
    assert sorted(reasons) == [
        "conflicting-record",
        "overpayment",
        "overpayment",
        "unknown-invoice",
        "unknown-kind",
    ]
    assert [file["repeats"] for file in undisturbed["files"]] == [0, 1, 0]


async def test_a_confirmation_stored_before_its_invoice_waits_and_acquits_exactly_once(
    database: Database,
) -> None:
    house = _house(database)
    inbox = Inbox(house)
    opening = [
        inbox.record(house.practice_registered()),
        inbox.record(house.contract_changed()),
    ]
    issued = inbox.record(house.invoice_issued(FIRST, "120.00"))
    prepared = inbox.record(await house.order_prepared())
    confirmed = inbox.record(await house.order_confirmed([(FIRST, "120.00", True)]))
    await inbox.store(confirmed, prepared, *opening)
    await inbox.processor.drain()
    assert await inbox.open_events() == [
        {
            "type": "order-confirmed",
            "status": "waiting",
            "waits_for": str(house.invoice_id(FIRST)),
        }
    ]
    assert await house.rows("SELECT * FROM order_confirmation") == []
    await inbox.store(issued)
    await inbox.processor.drain()
    await inbox.store(confirmed, issued)
    await inbox.processor.drain()
    assert await inbox.open_events() == []
    assert await house.position(FIRST) == "D 120.00 P 120.00 *"
    assert len(await house.rows("SELECT * FROM acquittal")) == 1
    assert len(await house.events("invoice-acquitted")) == 1
    assert len(await house.events("order-acquitted")) == 1
    await house.assert_books_hold()


async def test_a_line_that_was_confirmed_for_another_amount_leaves_no_dead_letter(
    database: Database,
) -> None:
    house = _house(database)
    inbox = Inbox(house)
    wrong = await house.order_confirmed([(FIRST, "120.00", True), (SECOND, "70.00", True)])
    await inbox.store(
        *(
            inbox.record(payload)
            for payload in (
                house.practice_registered(),
                house.contract_changed(),
                house.invoice_issued(FIRST, "120.00"),
                house.invoice_issued(SECOND, "50.00"),
                wrong,
            )
        )
    )
    await inbox.processor.drain()
    assert await house.rows("SELECT reason FROM dead_letter") == []
    (line,) = await house.rows("SELECT reason_code, open_rappen FROM acquittal_exception")
    assert line == {"reason_code": "confirmed-amount-differs", "open_rappen": 5000}
    assert await house.balances() == {"1088": "120.00", "1100": "50.00", "3400": "-170.00"}
