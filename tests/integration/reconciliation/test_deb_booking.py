"""DEB files are booked once, row by row; what cannot be booked is parked, or the file is held."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from tests.integration.reconciliation.house import House
from tests.support.deb_builder import DebFile, Row

ROWS = (
    Row("R-1", "sent"),
    Row("R-2", "reminder", level="01", event_date="20260312"),
    Row("R-3", "reminder_fee", rappen=2000, level="01", event_date="20260312"),
    Row("R-4", "debtor_payment", rappen=14000, event_date="20260320"),
    Row("R-5", "payout", rappen=11500, payout_reference="PO-1", value_date="20260325"),
    Row("R-6", "factor_fee", rappen=500),
    Row("R-7", "closed", event_date="20260330"),
)


async def test_a_whole_life_at_the_factor_ends_with_nothing_owed_by_anybody(
    house: House,
) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile(ROWS))
    assert await house.outcomes(deb_file_id) == [f"{line} booked" for line in range(2, 9)]
    assert await house.position("2026-000001") == "D 0.00 P 0.00 *"
    assert await house.balances() == {"1020": "115.00", "3400": "-120.00", "6940": "5.00"}
    (booked,) = await house.events("deb-file-booked")
    counts = [booked[name] for name in ("rows_read", "booked", "repeats", "parked")]
    assert counts == [7, 7, 0, 0]
    changed = (await house.events("invoice-position-changed"))[1:]
    assert len(changed) == 1, "one event per invoice and batch"
    assert changed[0]["debtor_owes"]["total"]["amount"] == "0.00"
    assert len(changed[0]["changes"]) == 7
    levels = {one["kind"]: one["level"] for one in changed[0]["changes"]}
    assert (levels["reminder"], levels["reminder_fee"], levels["sent"]) == (1, None, None)
    await house.assert_books_hold()


async def test_a_payment_that_stands_before_its_charge_is_booked_all_the_same(
    house: House,
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile(tuple(reversed(ROWS))))
    assert await house.position("2026-000001") == "D 0.00 P 0.00 *"
    await house.assert_books_hold()


async def test_a_fee_for_the_practice_raises_what_the_factor_owes(house: House) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((Row("R-1", "reminder_fee", rappen=2000, beneficiary="P"),)))
    assert await house.position("2026-000001") == "D 140.00 P 140.00 *"
    assert await house.balances() == {"1088": "140.00", "3400": "-120.00", "3409": "-20.00"}
    await house.assert_books_hold()


async def test_the_same_bytes_again_change_nothing_and_are_recorded(house: House) -> None:
    await house.acquitted_invoices("120.00")
    event = await house.fetched(DebFile(ROWS))
    await house.receive(event)
    await house.receive(event)
    await house.work()
    before = (await house.balances(), await house.rows("SELECT * FROM journal_head"))
    await house.receive(event.model_copy(update={"portal_file_id": "deb-1-again.txt"}))
    await house.work()
    assert (await house.balances(), await house.rows("SELECT * FROM journal_head")) == before
    deliveries = await house.rows("SELECT portal_file_id FROM deb_file_delivery ORDER BY delivery")
    assert [row["portal_file_id"] for row in deliveries] == [
        "deb-1.txt",
        "deb-1.txt",
        "deb-1-again.txt",
    ]
    assert len(await house.events("deb-file-booked")) == 1


async def test_rows_of_an_overlapping_file_are_repeats_that_point_at_the_first(
    house: House,
) -> None:
    await house.acquitted_invoices("120.00")
    first = await house.book(DebFile(ROWS[:4]))
    second = await house.book(DebFile(ROWS[2:], file_id="F-0002", previous="F-0001"))
    assert (await house.outcomes(second))[:3] == ["2 repeat", "3 repeat", "4 booked"]
    (repeat,) = await house.rows(
        "SELECT repeat_of_file, repeat_of_line FROM deb_row WHERE deb_file_id = :id AND line = 2",
        id=second,
    )
    assert repeat == {"repeat_of_file": first, "repeat_of_line": 4}
    file = await house.file(second)
    assert [file[name] for name in ("rows_read", "booked", "repeats", "parked")] == [5, 3, 2, 0]
    assert await house.position("2026-000001") == "D 0.00 P 0.00 *"
    await house.assert_books_hold()


async def test_the_same_record_twice_in_one_file_is_booked_once(house: House) -> None:
    await house.acquitted_invoices("120.00")
    row = Row("R-1", "payout", rappen=1000)
    deb_file_id = await house.book(DebFile((row, row)))
    assert await house.outcomes(deb_file_id) == ["2 booked", "3 repeat"]


async def test_two_equal_payments_under_two_record_ids_are_two_payments(house: House) -> None:
    await house.acquitted_invoices("120.00")
    row = Row("R-1", "debtor_payment", rappen=1000)
    await house.book(DebFile((row, row.but(record_id="R-2"))))
    assert await house.position("2026-000001") == "D 100.00 P 120.00 *"


async def test_a_record_id_with_other_content_is_a_conflict_for_a_person(house: House) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((Row("R-1", "payout", rappen=1000),)))
    second = await house.book(
        DebFile((Row("R-1", "payout", rappen=2000),), file_id="F-0002", previous="F-0001")
    )
    assert await house.outcomes(second) == ["2 parked conflicting-record"]
    assert await house.position("2026-000001") == "D 120.00 P 110.00 *"
    (parked,) = await house.events("deb-row-parked")
    assert (parked["line"], parked["reason_code"]) == (2, "conflicting-record")
    assert parked["amount"]["amount"] == "20.00"


@pytest.mark.parametrize(
    ("bent", "reason"),
    [
        ({"kind": "surprise"}, "unknown-kind"),
        ({"kind": "recourse"}, "open-amount-differs"),
        ({"kind": "reversal", "text": "R-99"}, "reversed-record-unknown"),
        ({"kind": "account_movement"}, "unexpected-invoice"),
        ({"invoice": "2026-000099"}, "unknown-invoice"),
        ({"order": "CMD-2026-0099", "debtor": "99999"}, "wrong-practice"),
        ({"order": "CMD-2026-0002", "debtor": "99999"}, "order-mismatch"),
        ({"event_date": "20260231"}, "impossible-date"),
        ({"event_date": "20260301"}, "impossible-date"),
        ({"event_date": "20260402"}, "impossible-date"),
        ({"rappen": None, "amount_text": "+0000000010.5"}, "bad-amount"),
        ({"value_date": "99991231"}, "impossible-date"),
        ({"value_date": "10000101"}, "impossible-date"),
        ({"rappen": 0}, "impossible-amount"),
        ({"rappen": 1_000_000_001}, "impossible-amount"),
        ({"kind": "factor_fee", "rappen": -100}, "impossible-amount"),
        ({"kind": "sent", "rappen": 100}, "impossible-amount"),
        ({"kind": "debtor_payment", "rappen": 12001}, "overpayment"),
        ({"currency": "EUR"}, "wrong-currency"),
        ({"invoice": "2026-000002"}, "not-acquitted"),
        ({"record_id": ""}, "unreadable-row"),
    ],
)
async def test_a_row_that_cannot_be_true_is_parked_and_the_rest_is_booked(
    house: House, bent: dict[str, object], reason: str
) -> None:
    await house.acquitted_invoices("120.00")
    await house.receive(house.invoice_issued("2026-000002", "50.00"))
    await house.receive(await house.order_prepared("CMD-2026-0002"))
    good = Row("R-1", "payout", rappen=100)
    deb_file_id = await house.book(DebFile((good.but(**bent), good.but(record_id="R-2"))))
    assert await house.outcomes(deb_file_id) == [f"2 parked {reason}", "3 booked"]
    assert await house.position("2026-000001") == "D 120.00 P 119.00 *"
    await house.assert_books_hold()


async def test_a_row_without_invoice_number_is_found_by_order_and_debtor_when_one_fits(
    house: House,
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((Row("R-1", "payout", invoice="", rappen=100),)))
    assert await house.position("2026-000001") == "D 120.00 P 119.00 *"


@pytest.mark.parametrize(
    ("bent", "reason", "line"),
    [
        ({"layout": "QUITTANCE-V9"}, "wrong-layout", 1),
        ({"account": "CMD-78"}, "foreign-account", 1),
        ({"test_flag": "T"}, "test-file", 1),
        ({"previous": "F-0000"}, "sequence-gap", 1),
        ({"count": 6}, "trailer-count-mismatch", 16),
        ({"total": 1}, "trailer-sum-mismatch", 16),
        ({"sums": (("payout", 1, 1),)}, "kind-sum-mismatch", 9),
        ({"extra": (b"R",)}, "unexpected-record", 17),
        ({"created_on": "20261399"}, "malformed-header", 1),
    ],
)
async def test_a_file_that_does_not_add_up_is_held_and_nothing_of_it_is_booked(
    house: House, bent: dict[str, object], reason: str, line: int
) -> None:
    await house.acquitted_invoices("120.00")
    before = await house.balances()
    deb_file_id = await house.book(DebFile(ROWS).but(**bent))
    file = await house.file(deb_file_id)
    assert (file["status"], file["reason_code"]) == ("held", reason)
    (held,) = await house.events("deb-file-held")
    assert (held["reason_code"], held["line"]) == (reason, line)
    assert await house.balances() == before
    assert await house.events("deb-file-booked") == []


async def test_a_truncated_file_is_held(house: House) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile(ROWS).data()[:1000])
    assert (await house.file(deb_file_id))["reason_code"] == "truncated"


async def test_a_file_without_its_predecessor_is_taken_up_once_that_is_booked(
    house: House,
) -> None:
    await house.acquitted_invoices("120.00")
    second = await house.book(DebFile(ROWS[4:], file_id="F-0002", previous="F-0001"))
    assert (await house.file(second))["reason_code"] == "sequence-gap"
    await house.book(DebFile(ROWS[:4]))
    assert (await house.file(second))["status"] == "booked"
    assert await house.position("2026-000001") == "D 0.00 P 0.00 *"


async def test_a_mended_file_takes_the_place_of_its_truncated_first_try(
    house: House,
) -> None:
    await house.acquitted_invoices("120.00")
    file = DebFile(ROWS[:4])
    truncated = await house.book(file.data()[:1000])
    second = await house.book(DebFile(ROWS[4:], file_id="F-0002", previous="F-0001"))
    mended = await house.book(file)
    assert [(await house.file(one))["status"] for one in (truncated, mended, second)] == [
        "discarded",
        "booked",
        "booked",
    ]
    assert await house.position("2026-000001") == "D 0.00 P 0.00 *"
    await house.assert_books_hold()


async def test_another_file_under_a_known_file_id_is_held(house: House) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile(ROWS[:4]))
    again = await house.book(DebFile(ROWS[:3]))
    assert (await house.file(again))["reason_code"] == "file-id-reused"


async def test_a_second_first_file_is_held(house: House) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile(ROWS[:4]))
    again = await house.book(DebFile(ROWS[:3], file_id="F-0009"))
    assert (await house.file(again))["reason_code"] == "sequence-restart"


async def test_an_unknown_layout_is_held(house: House) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile(ROWS), layout="crediflow-1")
    assert (await house.file(deb_file_id))["reason_code"] == "unknown-layout"


async def test_a_file_waits_for_acquittals_that_are_still_under_way(
    database: object, house: House
) -> None:
    patient = House(house.database, house.clock, deb_early_grace_seconds=60)
    await patient.open()
    await patient.receive(patient.invoice_issued("2026-000001", "120.00"))
    deb_file_id = await patient.book(DebFile(ROWS))
    waits_because = (await patient.file(deb_file_id))["waits_because"]
    assert waits_because == "invoices or acquittals are still under way"
    await patient.receive(await patient.order_confirmed([("2026-000001", "120.00", True)]))
    patient.clock.advance(timedelta(seconds=2))
    await patient.work()
    assert await patient.position("2026-000001") == "D 0.00 P 0.00 *"


async def test_a_file_waits_no_longer_than_the_grace_and_then_parks(house: House) -> None:
    patient = House(house.database, house.clock, deb_early_grace_seconds=60)
    await patient.open()
    await patient.receive(patient.invoice_issued("2026-000001", "120.00"))
    deb_file_id = await patient.book(DebFile(ROWS[4:5]))
    patient.clock.advance(timedelta(seconds=61))
    await patient.work()
    assert await patient.outcomes(deb_file_id) == ["2 parked not-acquitted"]


async def test_more_changes_of_one_invoice_than_an_event_may_carry_come_in_several(
    house: House,
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile(tuple(Row(f"R-{n}", "payout", rappen=100) for n in range(60))))
    changed = (await house.events("invoice-position-changed"))[1:]
    assert [len(event["changes"]) for event in changed] == [50, 10]
    assert {event["factor_owes"]["amount"] for event in changed} == {"60.00"}


async def test_what_a_file_leads_to_carries_the_ids_of_its_fetching(house: House) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile(ROWS))
    rows = await house.rows(
        "SELECT correlation_id, causation_id FROM outbox WHERE subject = :id", id=deb_file_id
    )
    (file,) = await house.rows("SELECT causation_id FROM deb_file WHERE deb_file_id IS NOT NULL")
    assert rows == [{"correlation_id": "test", "causation_id": file["causation_id"]}]


@pytest.mark.parametrize("seed", range(4))
async def test_overlapping_files_of_random_rows_leave_books_that_hold(
    house: House, seed: int
) -> None:
    small = House(house.database, house.clock, deb_batch_rows=7)
    await small.acquitted_invoices("120.00", "80.00", "50.00")
    random = Random(seed)
    pool = [_random_row(random, number) for number in range(60)]
    files = []
    for number in range(1, 5):
        rows = random.sample(pool, 25) + random.choices(pool, k=5)
        files.append(
            DebFile(
                tuple(rows),
                file_id=f"F-{number}",
                previous=f"F-{number - 1}" if number > 1 else "",
            )
        )
    for file in [*files, *random.sample(files, 2)]:
        await small.book(file)
    counts = await small.rows("SELECT status, rows_read, booked, repeats, parked FROM deb_file")
    assert [(row["status"], row["rows_read"]) for row in counts] == [("booked", 30)] * 4
    assert all(row["booked"] + row["repeats"] + row["parked"] == 30 for row in counts)
    assert sum(row["booked"] for row in counts) <= 60
    assert sum(row["booked"] for row in counts) > 10
    await small.assert_books_hold()


def _random_row(random: Random, number: int) -> Row:
    kind = random.choice(
        ["sent", "reminder", "debtor_payment", "reminder_fee", "payout", "factor_fee", "surprise"]
    )
    return Row(
        f"R-{number}",
        kind,
        invoice=f"2026-{random.randint(1, 4):06d}",
        rappen=0 if kind in {"sent", "reminder"} else random.randint(-50, 4000),
        beneficiary=random.choice(["", "F", "P"]),
    )
