"""What a preview says of a DEB file is what booking it then does, row by row and in sum."""

from __future__ import annotations

from random import Random
from typing import Any
from uuid import UUID

import pytest

from shared.kernel.money import Money
from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.office_of_files import FileOffice
from tests.integration.reconciliation.test_deb_booking import ROWS
from tests.support.deb_builder import DebFile, Row
from tests.support.web import ApiClient

KINDS = (
    "sent",
    "debtor_payment",
    "debtor_refund",
    "reminder_fee",
    "payout",
    "factor_fee",
    "credit_note",
    "recourse",
    "write_off",
    "cancellation",
    "adjustment",
    "surprise",
)


@pytest.fixture
def office(house: House, api: ApiClient) -> FileOffice:
    """The office that looks before it books."""
    return FileOffice(api, house)


async def _waiting(house: House, file: DebFile, *amounts: str) -> UUID:
    await house.acquitted_invoices(*amounts)
    await house.receive(house.contract_changed(contract_version=2, deb_booking="review"))
    return await house.book(file)


async def _whole_preview(office: FileOffice, deb_file_id: UUID, limit: int) -> list[Any]:
    items: list[Any] = []
    after: dict[str, str] = {}
    while True:
        status, page = await office.get(deb_file_id, "preview", limit=str(limit), **after)
        assert status == 200, page
        items += page["items"]
        if page["next"] is None:
            return [page, items]
        after = {"after": page["next"]}


async def test_b7_a_preview_shows_positions_before_and_after_and_books_nothing(
    house: House, office: FileOffice
) -> None:
    deb_file_id = await _waiting(house, DebFile(ROWS), "120.00")
    before = await house.rows("SELECT * FROM journal_head")
    page, items = await _whole_preview(office, deb_file_id, 3)
    assert [item["outcome"] for item in items] == ["booked"] * 7
    paid = items[3]
    assert paid["before"]["debtor_owes"]["reminder_fees"]["amount"] == "20.00"
    assert paid["after"]["debtor_owes"]["total"]["amount"] == "0.00"
    payout = items[4]
    assert (payout["before"]["factor_owes"], payout["after"]["factor_owes"]) == (
        {"amount": "120.00", "currency": "CHF"},
        {"amount": "5.00", "currency": "CHF"},
    )
    assert [(one["account"], one["amount"]["amount"]) for one in payout["postings"]] == [
        ("1020", "115.00"),
        ("1088", "-115.00"),
    ]
    assert [
        (one["account"], one["debit"]["amount"], one["credit"]["amount"])
        for one in page["accounts"]
    ] == [("1020", "115.00", "0.00"), ("1088", "0.00", "120.00"), ("6940", "5.00", "0.00")]
    kinds = {one["kind"]: one for one in page["kinds"]}
    assert kinds["debtor_payment"]["debtor_change"]["amount"] == "-140.00"
    assert await house.rows("SELECT * FROM journal_head") == before
    assert await house.outcomes(deb_file_id) == [f"{line} staged" for line in range(2, 9)]
    assert await house.events("deb-file-booked") == []


async def test_a_preview_follows_rows_that_a_later_row_of_the_file_brings_back(
    house: House, office: FileOffice
) -> None:
    rows = (
        Row("R-1", "debtor_payment", rappen=12000),
        Row("R-2", "debtor_payment", rappen=3000),
        Row("R-3", "reversal", rappen=12000, text="R-1"),
    )
    deb_file_id = await _waiting(house, DebFile(rows), "120.00")
    page, items = await _whole_preview(office, deb_file_id, 100)
    assert [item["outcome"] for item in items] == ["booked"] * 3
    assert (page["booked"], page["parked"]) == (3, 0)
    await office.decide(deb_file_id, "book", "")
    await house.work()
    assert await house.outcomes(deb_file_id) == ["2 booked", "3 booked", "4 booked"]


async def test_only_a_staged_file_has_a_preview(house: House, office: FileOffice) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile(ROWS))
    status, problem = await office.get(deb_file_id, "preview")
    assert (status, problem["code"]) == (409, "deb-file-not-staged")
    status, problem = await office.get(house.practice_id, "preview")
    assert (status, problem["code"]) == (404, "deb-file-not-found")


def _any_rows(random: Random) -> tuple[Row, ...]:
    rows: list[Row] = []
    for number in range(random.randint(20, 60)):
        invoice = f"2026-{random.randint(1, 4):06d}"
        kind = random.choice(KINDS)
        row = Row(
            f"R-{random.randint(1, 50)}",
            kind,
            invoice,
            rappen=0 if kind == "sent" else random.choice((500, 1000, 12000, 8000, 99)),
            beneficiary=random.choice(("", "F", "P")),
            event_date=f"202603{random.randint(3, 31):02d}",
        )
        rows.append(row)
        if random.random() < 0.3:
            undone = random.choice(rows)
            rows.append(undone.but(record_id=f"U-{number}", kind="reversal", text=undone.record_id))
        if random.random() < 0.1:
            rows.append(random.choice(rows))
    return tuple(rows)


@pytest.mark.parametrize("seed", range(12))
async def test_b7_whatever_the_rows_booking_does_what_the_preview_said(
    house: House, api: ApiClient, seed: int
) -> None:
    random = Random(seed)
    small = House(house.database, house.clock, deb_batch_rows=random.choice((3, 7, 500)))
    office = FileOffice(api, small)
    # The API of the fixture belongs to another process, with another batch size.
    operation = next(one for one in small.definition.endpoints if one.path.endswith("/preview"))
    shown = next(one for one in house.definition.endpoints if one.path.endswith("/preview"))
    shown.handler.__self__._batch_rows = operation.handler.__self__._batch_rows  # type: ignore[attr-defined]
    deb_file_id = await _waiting(small, DebFile(_any_rows(random)), "120.00", "80.00", "50.00")
    balances = await small.balances()
    page, items = await _whole_preview(office, deb_file_id, random.choice((1, 5, 100)))
    await office.decide(deb_file_id, "book", "")
    await small.work()
    assert await office.counts(deb_file_id) == [
        page[name] for name in ("rows_read", "booked", "repeats", "parked")
    ] + [0]
    done = [
        f"{item['line']} {item['outcome']}"
        + (f" {item['reason_code']}" if item["reason_code"] else "")
        for item in items
    ]
    assert await small.outcomes(deb_file_id) == done
    moved = await small.balances()
    for one in page["accounts"]:
        change = Money.parse(one["debit"]["amount"]) - Money.parse(one["credit"]["amount"])
        before = Money.parse(balances.get(one["account"], "0.00"))
        assert before + change == Money.parse(moved.get(one["account"], "0.00"))
    for invoice in ("2026-000001", "2026-000002", "2026-000003"):
        assert await _shown_at_the_end(small, items, invoice)
    await small.assert_books_hold()


async def _shown_at_the_end(house: House, items: list[Any], invoice: str) -> bool:
    """Whether the invoice ends at a position that some row of the preview leads to."""
    ends = {
        f"D {item['after']['debtor_owes']['total']['amount']}"
        f" P {item['after']['factor_owes']['amount']}"
        + (" *" if item["after"]["with_factor"] else "")
        for item in items
        if item["invoice_number"] == invoice and item["after"]
    }
    return not ends or await house.position(invoice) in ends
