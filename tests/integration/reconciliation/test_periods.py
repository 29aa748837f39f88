"""Closed periods: the database and the code keep entries out, and what was closed is proved."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from random import Random
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sandbox.postgres import ServiceUrls
from services.reconciliation.adapters import books
from shared.db.scope import Scope
from shared.web.endpoints import UserRole
from tests.integration.reconciliation.generated import fill_books
from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.office_of_files import FileOffice
from tests.integration.reconciliation.test_corrections import cancelled
from tests.support.deb_builder import DebFile, Row
from tests.support.waiting import eventually
from tests.support.web import ApiClient

WHY = "quarter's end, agreed with the trustee"
MARCH_31, APRIL_1, APRIL_2 = "2026-03-31", "2026-04-01", "2026-04-02"
FILE = DebFile(
    (
        Row("R-1", "debtor_payment", rappen=12_000, event_date="20260310"),
        Row("R-2", "payout", rappen=12_000, event_date="20260312", value_date="20260330"),
    )
)


async def _decide(api: ApiClient, house: House, verb: str, until: str) -> tuple[int, Any]:
    return await api.post(f"{house.path}/periods/{verb}", {"until": until, "reason": WHY})


async def _close(api: ApiClient, house: House, until: str) -> dict[str, Any]:
    status, closed = await _decide(api, house, "close", until)
    assert status == 200, closed
    return dict(closed)


async def _entries(house: House) -> list[tuple[str, str, str]]:
    rows = await house.rows("SELECT kind, entry_date, label FROM journal_entry ORDER BY number")
    return [(row["kind"], str(row["entry_date"]), row["label"]) for row in rows]


async def _sheet(api: ApiClient, house: House, day: str) -> Any:
    status, sheet = await api.get(f"{house.path}/balances", at=day)
    assert status == 200
    return {
        line["account"]: (line["debit"]["amount"], line["credit"]["amount"])
        for line in sheet["accounts"]
    }


def _closed_sheet(closed: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        line["account"]: (line["debit"]["amount"], line["credit"]["amount"])
        for line in closed["balances"]
    }


async def test_late_rows_of_a_deb_file_are_booked_on_the_first_open_day(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    closed = await _close(api, house, MARCH_31)
    before = await _sheet(api, house, MARCH_31)
    assert _closed_sheet(closed) == before
    await house.book(FILE)
    assert (await _entries(house))[-1] == (
        "payout",
        APRIL_1,
        "Payout of the factor 2026-000001 (of 2026-03-30, a closed period)",
    )
    facts = await house.rows("SELECT kind, fact_date FROM position_fact ORDER BY place")
    assert [(one["kind"], str(one["fact_date"])) for one in facts[-2:]] == [
        ("debtor_payment", "2026-03-10"),
        ("payout", "2026-03-12"),
    ]
    assert await _sheet(api, house, MARCH_31) == before
    assert await house.position("2026-000001") == "D 0.00 P 0.00 *"
    await house.assert_books_hold()


async def test_invoices_cancellations_and_acquittals_stay_out_of_a_closed_day(
    house: House, api: ApiClient
) -> None:
    await house.open()
    await house.receive(house.invoice_issued("2026-000001", "50.00"))
    await _close(api, house, APRIL_1)
    before = await _sheet(api, house, APRIL_1)
    await house.receive(cancelled(house, "2026-000001"))
    await house.receive(house.invoice_issued("2026-000002", "120.00"))
    await house.receive(await house.order_confirmed([("2026-000002", "120.00", True)]))
    late = (await _entries(house))[1:]
    assert [(kind, day) for kind, day, _ in late] == [
        ("invoice_cancelled", APRIL_2),
        ("invoice_issued", APRIL_2),
        ("acquittal", APRIL_2),
    ]
    assert late[2][2] == "Transmis CMD (of 2026-04-01, a closed period)"
    (told,) = await house.events("invoice-acquitted")
    assert (told["acquitted_on"], told["label"]) == (APRIL_1, "Transmis CMD")
    assert await _sheet(api, house, APRIL_1) == before
    await house.assert_books_hold()


async def test_a_file_of_a_closed_period_is_undone_in_the_open_one(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(FILE)
    await _close(api, house, APRIL_1)
    before = await _sheet(api, house, APRIL_1)
    assert await FileOffice(api, house).undo(deb_file_id) == "undone"
    assert [(kind, day) for kind, day, _ in (await _entries(house))[-1:]] == [("undo", APRIL_2)]
    assert await _sheet(api, house, APRIL_1) == before
    assert await house.position("2026-000001") == "D 120.00 P 120.00 *"
    await house.assert_books_hold()


async def test_the_preview_of_a_late_file_books_as_the_booking_does(
    house: House, api: ApiClient
) -> None:
    await house.open(deb_booking="review")
    await house.receive(house.invoice_issued("2026-000001", "120.00"))
    await house.receive(await house.order_confirmed([("2026-000001", "120.00", True)]))
    await _close(api, house, MARCH_31)
    deb_file_id = await house.book(FILE)
    status, preview = await FileOffice(api, house).get(deb_file_id, "preview")
    assert (status, preview["booked"]) == (200, 2)


async def test_the_database_refuses_what_the_code_would_date_into_a_closed_day(
    house: House, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.open()
    await _close(api, house, MARCH_31)
    monkeypatch.setattr(books, "in_open_period", lambda entries, _: list(entries))
    with pytest.raises(DBAPIError, match="the books are closed up to 2026-03-31"):
        await house.receive(house.invoice_issued("2026-000001", "50.00"))
    await house.receive(house.invoice_issued("2026-000002", "50.00", issued_on=date(2026, 4, 1)))
    assert len(await _entries(house)) == 1


async def test_a_booking_without_the_lock_cannot_slip_past_a_closing_under_way(
    house: House, api: ApiClient
) -> None:
    await house.open()
    insert = text(
        """WITH new AS (SELECT gen_random_uuid() AS entry_id),
        legs AS (
          INSERT INTO posting (practice_id, entry_id, line, account, role, amount_rappen)
          SELECT CAST(:practice_id AS uuid), entry_id, line, account, role, rappen FROM new,
            (VALUES (1, '1020', 'bank', 100), (2, '3400', 'fees', -100))
              AS leg (line, account, role, rappen))
        INSERT INTO journal_entry (entry_id, practice_id, number, entry_date, kind, label,
          previous_hash, entry_hash)
        SELECT entry_id, CAST(:practice_id AS uuid), 1, '2026-03-30', 'payout', 'By hand',
          repeat('0', 64), 'y'
        FROM new"""
    )
    scope, only = Scope.of(house.practice_id), {"practice_id": house.practice_id}
    waiting = """SELECT pid FROM pg_stat_activity
      WHERE wait_event_type = 'Lock' AND datname = current_database()"""

    async def insert_while_closing() -> asyncio.Future[dict[str, Any]]:
        async with house.database.transaction(scope) as connection:
            await connection.execute(insert, only)
            closing = asyncio.ensure_future(_close(api, house, MARCH_31))
            await eventually(lambda: house.rows(waiting), because="the closing waits")
            await connection.rollback()
        return closing

    closing = await insert_while_closing()
    closed = await closing
    assert closed["last_entry_number"] == 0
    with pytest.raises(DBAPIError, match="closed up to"):
        async with house.database.transaction(scope) as connection:
            await connection.execute(insert, only)


async def test_days_to_come_earlier_days_and_the_same_day_again(
    house: House, api: ApiClient
) -> None:
    await house.open()
    status, problem = await _decide(api, house, "close", "2026-04-02")
    assert (status, problem["code"]) == (422, "period-in-the-future")
    first = await _close(api, house, MARCH_31)
    again = await _close(api, house, MARCH_31)
    assert (first["already"], again["already"]) == (False, True)
    assert first["closing_id"] == again["closing_id"]
    status, problem = await _decide(api, house, "close", "2026-03-01")
    assert (status, problem["code"]) == (409, "period-closed-further")


async def test_reopening_keeps_the_history_and_lets_the_earlier_closing_hold(
    house: House, api: ApiClient
) -> None:
    await house.open()
    await _close(api, house, "2026-02-28")
    await _close(api, house, MARCH_31)
    status, problem = await _decide(api, house, "reopen", "2026-02-28")
    assert (status, problem["code"]) == (409, "period-not-last-closed")
    status, reopened = await _decide(api, house, "reopen", MARCH_31)
    assert (status, reopened["closed_until"]) == (200, "2026-02-28")
    await house.receive(house.invoice_issued("2026-000001", "50.00"))
    assert (await _entries(house))[0][1] == "2026-03-02"
    await _close(api, house, MARCH_31)
    _, page = await api.get(f"{house.path}/periods", limit="3")
    shown = [(one["action"], one["until"], one["in_force"]) for one in page["items"]]
    assert shown == [
        ("close", MARCH_31, True),
        ("reopen", MARCH_31, False),
        ("close", MARCH_31, False),
    ]
    assert {one["reason"] for one in page["items"]} == {WHY}
    assert page["closed_until"] == MARCH_31
    _, rest = await api.get(f"{house.path}/periods", after=page["next"])
    assert [one["until"] for one in rest["items"]] == ["2026-02-28"]
    await house.assert_books_hold()


async def test_only_who_answers_for_the_books_closes_them(house: House, api: ApiClient) -> None:
    await house.open()
    for role, expected in ((UserRole.ASSISTANT, 403), (UserRole.CONTROLLER, 200)):
        status, _ = await _decide(api.as_user([role]), house, "close", MARCH_31)
        assert status == expected, role
    status, _ = await api.as_user([UserRole.ASSISTANT]).get(f"{house.path}/periods")
    assert status == 200


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE period_closing SET until = '2026-01-01'",
        "DELETE FROM period_closing",
        "UPDATE closing_balance SET debit_rappen = 0",
        "DELETE FROM closing_balance",
    ],
)
async def test_what_was_closed_cannot_be_changed(
    house: House, api: ApiClient, statement: str
) -> None:
    await house.open()
    await _close(api, house, MARCH_31)
    with pytest.raises(DBAPIError, match=r"permission denied|append-only"):
        await house.rows(f"{statement} RETURNING 1")


async def test_a_closing_written_by_hand_follows_the_last_one(house: House, api: ApiClient) -> None:
    await house.open()
    await _close(api, house, MARCH_31)
    for place, until in ((2, "2026-03-01"), (2, MARCH_31), (3, APRIL_1)):
        with pytest.raises(DBAPIError, match="does not follow the last closing"):
            await house.rows(
                """INSERT INTO period_closing (closing_id, practice_id, place, action, until,
                  closed_until, reason, decided_by, decided_at, head_number, head_hash)
                VALUES (gen_random_uuid(), :practice_id, :place, 'close', :until, :until,
                  'r', 'p', now(), 0, 'x') RETURNING 1""",
                practice_id=house.practice_id,
                place=place,
                until=date.fromisoformat(until),
            )


async def _as_owner(urls: ServiceUrls, *statements: str) -> None:
    connection = await asyncpg.connect(urls.owner_url.replace("+asyncpg", ""))
    try:
        await connection.execute("SET quittance.system = 'on'")
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_an_entry_that_the_owner_lets_into_a_closed_period_shows_in_the_check(
    house: House, api: ApiClient, urls: ServiceUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.acquitted_invoices("120.00")
    await _close(api, house, MARCH_31)
    await house.assert_books_hold()
    trigger = "TRIGGER journal_entry_in_an_open_period"
    await _as_owner(urls, f"ALTER TABLE journal_entry DISABLE {trigger}")
    monkeypatch.setattr(books, "in_open_period", lambda entries, _: list(entries))
    await house.receive(house.invoice_issued("2026-000002", "50.00"))
    await _as_owner(urls, f"ALTER TABLE journal_entry ENABLE {trigger}")
    found = await house.check()
    assert found.hash_chain_intact
    assert not found.closed_periods_unchanged
    assert found.detail == (
        "the period closed up to 2026-03-31 has changed: its balances are not those closed",
    )


async def test_a_journal_written_anew_shows_in_the_check_by_the_hash_of_the_closing(
    house: House, api: ApiClient, urls: ServiceUrls
) -> None:
    await house.acquitted_invoices("120.00")
    await _close(api, house, MARCH_31)
    await _decide(api, house, "reopen", MARCH_31)
    of_this_test = f"practice_id = '{house.practice_id}' AND action = 'close'"
    await _as_owner(
        urls,
        "ALTER TABLE period_closing DISABLE TRIGGER USER",
        f"UPDATE period_closing SET head_hash = 'another' WHERE {of_this_test}",  # noqa: S608
        "ALTER TABLE period_closing ENABLE TRIGGER USER",
    )
    assert (await house.check()).detail == (
        "the period closed up to 2026-03-31 has changed: its last entry is another one",
    )


@pytest.mark.parametrize("form", ["csv", "beancount", "hledger"])
async def test_an_export_of_closed_days_is_the_same_before_and_after_later_bookings(
    house: House, api: ApiClient, form: str
) -> None:
    await house.acquitted_invoices("120.00")
    await _close(api, house, MARCH_31)

    async def exported(**days: str) -> bytes:
        answer = await api.request(
            "GET", f"{house.path}/journal/export", query={"format": form} | days
        )
        assert answer.status == 200, answer.raw
        return answer.raw

    spans = ({"to": MARCH_31}, {"from": "2026-03-01", "to": "2026-03-15"}, {"to": "2026-01-31"})
    before = [await exported(**span) for span in spans]
    open_before = await exported(to=APRIL_2)
    await house.book(FILE)
    await house.receive(house.contract_changed(contract_version=2, ledger_account="1089"))
    await house.receive(house.invoice_issued("2026-000002", "50.00"))
    await _close(api, house, APRIL_1)
    house.clock.advance(timedelta(minutes=5))
    assert [await exported(**span) for span in spans] == before
    assert b"2026-000001" in before[0]
    assert await exported(to=APRIL_2) != open_before


@pytest.mark.parametrize("seed", range(4))
async def test_random_closings_between_all_sorts_of_bookings_keep_every_closed_day(
    house: House, api: ApiClient, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    random, closed, receive = Random(seed), {}, house.receive
    last = date(2026, 1, 10)

    async def close_some_day(event: Any, **values: Any) -> None:
        nonlocal last
        await receive(event, **values)
        day = last + timedelta(days=random.randint(1, 20))
        if random.random() < 0.15 and day <= house.clock.today():
            last = day
            closed[str(day)] = _closed_sheet(await _close(api.as_user(), house, str(day)))
            numbers[str(day)] = len(await _entries(house))

    numbers: dict[str, int] = {}
    monkeypatch.setattr(house, "receive", close_some_day)
    await fill_books(house, seed)
    assert len(closed) >= 2, "too few closings prove nothing"
    entries = await _entries(house)
    for day, sheet in closed.items():
        assert all(entry[1] > day for entry in entries[numbers[day] :])
        now = await _sheet(api.as_user(), house, day)
        assert {account: now[account] for account in sheet} == sheet, day
    assert any("a closed period" in label for _, _, label in entries)
    await house.assert_books_hold()
