"""Recourse, reversals and movements of the account, down to PostgreSQL and the events."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from shared.db.scope import Scope
from tests.integration.reconciliation.house import House
from tests.support.deb_builder import DebFile, Row

FIRST = "2026-000001"
PAYOUT = Row("R-1", "payout", rappen=12_000)
RECOURSE = Row("R-2", "recourse", rappen=12_000)


def following(number: int, *rows: Row) -> DebFile:
    """Return the file of that number, which follows the one before."""
    previous = f"F-{number - 1:04d}" if number > 1 else ""
    return DebFile(rows, file_id=f"F-{number:04d}", previous=previous)


async def test_an_invoice_given_back_is_the_practices_own_and_goes_into_another_order(
    house: House,
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(following(1, PAYOUT, RECOURSE))
    assert await house.position(FIRST) == "D 120.00 P -120.00"
    assert await house.balances() == {
        "1020": "120.00",
        "1088": "-120.00",
        "1100": "120.00",
        "3400": "-120.00",
    }
    changed = (await house.events("invoice-position-changed"))[-1]
    assert (changed["with_factor"], changed["given_back"]) == (False, True)
    await house.book(following(2, PAYOUT.but(record_id="R-3", rappen=-12_000)))
    assert await house.position(FIRST) == "D 120.00 P 0.00"
    await house.receive(
        await house.order_confirmed([(FIRST, "120.00", True)], number="CMD-2026-0002")
    )
    assert await house.position(FIRST) == "D 120.00 P 120.00 *"
    assert await house.balances() == {"1088": "120.00", "3400": "-120.00"}
    changed = (await house.events("invoice-position-changed"))[-1]
    assert (changed["with_factor"], changed["given_back"]) == (True, False)
    await house.assert_books_hold()


async def test_charges_that_were_given_back_with_it_are_acquitted_with_it_too(
    house: House,
) -> None:
    await house.acquitted_invoices("120.00")
    fee = Row("R-1", "reminder_fee", rappen=2_000)
    await house.book(following(1, fee, RECOURSE.but(rappen=14_000)))
    assert await house.position(FIRST) == "D 140.00 P -20.00"
    second = await house.order_confirmed([(FIRST, "140.00", True)], number="CMD-2026-0002")
    await house.receive(second)
    assert await house.position(FIRST) == "D 140.00 P 120.00 *"
    assert await house.rows("SELECT 1 FROM acquittal_exception") == []
    assert (await house.balances()).get("1100") is None
    assert len(await house.rows("SELECT 1 FROM acquittal WHERE live")) == 1
    await house.assert_books_hold()


async def test_a_reversed_recourse_is_an_exception_where_a_second_order_is_acquitted_after_it(
    house: House,
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(following(1, RECOURSE))
    await house.book(following(2, Row("R-3", "reversal", rappen=12_000, text="R-2")))
    second = await house.order_confirmed([(FIRST, "120.00", True)], number="CMD-2026-0002")
    await house.receive(second)
    assert await house.position(FIRST) == "D 120.00 P 120.00 *"
    (kept,) = await house.rows("SELECT reason_code FROM acquittal_exception")
    assert kept["reason_code"] == "invoice-already-acquitted"
    await house.assert_books_hold()


async def test_a_reversed_recourse_puts_the_invoice_back_with_its_first_acquittal(
    house: House,
) -> None:
    await house.acquitted_invoices("120.00")
    before = await house.balances()
    await house.book(following(1, RECOURSE))
    assert await house.position(FIRST) == "D 120.00 P 0.00"
    await house.book(following(2, Row("R-3", "reversal", rappen=12_000, text="R-2")))
    assert await house.position(FIRST) == "D 120.00 P 120.00 *"
    assert await house.balances() == before
    (acquittal,) = await house.rows("SELECT live FROM acquittal")
    assert acquittal["live"]
    changed = (await house.events("invoice-position-changed"))[-1]
    assert [(one["kind"], one["reverses"]) for one in changed["changes"]] == [
        ("reversal", "recourse")
    ]
    await house.assert_books_hold()


async def test_a_reversal_that_overtook_its_record_is_booked_once_that_is(house: House) -> None:
    await house.acquitted_invoices("120.00", "80.00")
    undo = Row("R-9", "reversal", rappen=12_000, text="R-1")
    early = await house.book(following(1, undo, undo.but(record_id="R-8", text="R-7")))
    assert await house.outcomes(early) == [
        "2 parked reversed-record-unknown",
        "3 parked reversed-record-unknown",
    ]
    await house.book(following(2, PAYOUT))
    assert await house.outcomes(early) == ["2 booked", "3 parked reversed-record-unknown"]
    assert await house.position(FIRST) == "D 120.00 P 120.00 *"
    file = await house.file(early)
    assert [file[name] for name in ("rows_read", "booked", "repeats", "parked")] == [2, 1, 0, 1]
    await house.assert_books_hold()


async def test_a_record_and_its_reversal_in_one_file_leave_nothing_in_any_order(
    house: House,
) -> None:
    await house.acquitted_invoices("120.00")
    before = await house.balances()
    undo = Row("R-9", "reversal", rappen=12_000, text="R-2")
    deb_file_id = await house.book(following(1, undo, RECOURSE))
    assert await house.outcomes(deb_file_id) == ["2 booked", "3 booked"]
    assert await house.balances() == before
    assert await house.position(FIRST) == "D 120.00 P 120.00 *"
    await house.assert_books_hold()


async def test_a_record_is_reversed_once_over_all_files(house: House) -> None:
    await house.acquitted_invoices("120.00")
    undo = Row("R-3", "reversal", rappen=12_000, text="R-1")
    await house.book(following(1, PAYOUT, undo))
    again = (undo, undo.but(record_id="R-4"), undo.but(record_id="R-5", text="R-3"))
    second = await house.book(following(2, *again))
    assert await house.outcomes(second) == [
        "2 repeat",
        "3 parked already-reversed",
        "4 parked reversal-of-reversal",
    ]
    assert await house.position(FIRST) == "D 120.00 P 120.00 *"
    with pytest.raises(IntegrityError, match="position_fact_reversed_once"):
        async with house.database.transaction(Scope.of(house.practice_id)) as connection:
            await connection.execute(
                text(
                    """INSERT INTO position_fact (fact_id, practice_id, invoice_id, kind, fact_date,
                      principal_rappen, reminder_fees_rappen, interest_rappen, costs_rappen,
                      factor_owes_rappen, note, reverses)
                    SELECT gen_random_uuid(), practice_id, invoice_id, kind, fact_date, 0, 0, 0, 0,
                      0, '', reverses FROM position_fact WHERE kind = 'reversal'"""
                )
            )


async def test_a_payment_beyond_the_debt_is_booked_once_its_refund_is(house: House) -> None:
    await house.acquitted_invoices("120.00")
    paid = Row("R-1", "debtor_payment", rappen=13_000)
    early = await house.book(following(1, paid))
    assert await house.outcomes(early) == ["2 parked overpayment"]
    await house.book(following(2, Row("R-2", "debtor_refund", rappen=1000)))
    assert await house.outcomes(early) == ["2 booked"]
    assert await house.position(FIRST) == "D 0.00 P 120.00 *"
    await house.assert_books_hold()


async def test_a_monthly_fee_of_the_factor_is_booked_without_an_invoice_and_reversed(
    house: House,
) -> None:
    await house.acquitted_invoices("120.00")
    fee = Row("R-1", "account_movement", "", "", "", rappen=-2000, text="March")
    await house.book(following(1, fee))
    assert await house.balances() == {
        "1088": "120.00",
        "2009": "-20.00",
        "3400": "-120.00",
        "6940": "20.00",
    }
    await house.assert_books_hold()
    await house.book(following(2, fee.but(record_id="R-2", kind="reversal", text="R-1")))
    assert await house.balances() == {"1088": "120.00", "3400": "-120.00"}
    await house.assert_books_hold()


async def test_a_credit_note_and_the_loss_of_the_rest_end_with_nothing_owed(house: House) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(
        following(
            1,
            Row("R-1", "write_off", rappen=10_000),
            Row("R-2", "credit_note", rappen=2000),
        )
    )
    assert await house.position(FIRST) == "D 0.00 P 0.00 *"
    assert await house.balances() == {"3400": "-100.00", "3805": "100.00"}
    await house.assert_books_hold()


async def test_b9_a_payment_settles_what_the_contract_puts_first(house: House) -> None:
    await house.acquitted_invoices("120.00")
    order = ("principal", "costs", "interest", "reminder_fees")
    await house.receive(house.contract_changed(payment_order=order, contract_version=2))
    fee = Row("R-1", "reminder_fee", rappen=2000)
    await house.book(DebFile((fee, Row("R-2", "debtor_payment", rappen=5000))))
    owed = await house.rows("SELECT principal_rappen, reminder_fees_rappen FROM invoice_position")
    assert [tuple(row.values()) for row in owed] == [(7000, 2000)]
