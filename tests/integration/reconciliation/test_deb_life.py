"""Persons decide about whole DEB files: they review, hold and release them, by name."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from services.reconciliation.domain.deb.layout import Layout
from services.reconciliation.domain.deb.layout_file import read_layout
from services.reconciliation.domain.releasing import HOLD_REASONS
from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.office_of_files import FileOffice
from tests.integration.reconciliation.test_deb_booking import ROWS
from tests.support.deb_builder import DebFile, Row
from tests.support.web import ApiClient

INVOICE = "2026-000001"
SECOND = DebFile((Row("R-9", "payout", rappen=100),), file_id="F-0002", previous="F-0001")


@pytest.fixture
def office(house: House, api: ApiClient) -> FileOffice:
    """The office that decides."""
    return FileOffice(api, house)


async def _under_review(house: House) -> None:
    await house.acquitted_invoices("120.00")
    await house.receive(house.contract_changed(contract_version=2, deb_booking="review"))


async def test_p17_under_review_nothing_is_booked_until_a_person_says_so(
    house: House, office: FileOffice
) -> None:
    await _under_review(house)
    deb_file_id = await house.book(DebFile(ROWS))
    file = await house.file(deb_file_id)
    assert (file["status"], file["review"], file["lease_token"]) == ("staged", "awaited", None)
    assert await house.position(INVOICE) == "D 120.00 P 120.00 *"
    status, answer = await office.decide(deb_file_id, "book", "looked through")
    assert (status, answer["already"]) == (200, False)
    await house.work()
    assert await house.position(INVOICE) == "D 0.00 P 0.00 *"
    _, why = await office.get(deb_file_id, "rows/2")
    assert [
        (one["decision"], one["reason"], one["decided_by"]) for one in why["file_decisions"]
    ] == [("book", "looked through", "user-1")]
    status, answer = await office.decide(deb_file_id, "book", "")
    assert (status, answer["already"], answer["file"]["status"]) == (200, True, "booked")
    await house.assert_books_hold()


async def test_a_file_that_waits_for_review_keeps_no_other_contract_waiting(
    house: House, office: FileOffice
) -> None:
    await _under_review(house)
    waiting = await house.book(DebFile(ROWS))
    successor = await house.book(SECOND)
    assert (await house.file(successor))["status"] == "fetched"
    other = House(house.database, house.clock, store=house.store)
    other.practice_id = house.practice_id
    await other.receive(
        other.contract_changed(account_number="CMD-78", ledger_account="1089", factor="Other")
    )
    free = await other.book(DebFile((), account="CMD-78"))
    assert (await house.file(free))["status"] == "booked"
    await office.decide(waiting, "book", "")
    await house.work()
    file = await house.file(successor)
    assert (file["status"], file["review"]) == ("staged", "awaited"), "its turn for review has come"


async def test_a_contract_that_books_by_itself_asks_nobody(
    house: House, office: FileOffice
) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile(ROWS))
    status, problem = await office.decide(deb_file_id, "book", "")
    assert (status, problem["code"]) == (409, "deb-file-not-in-review")


async def test_a_held_file_is_released_and_judged_as_if_it_had_just_come(
    house: House, office: FileOffice
) -> None:
    await _under_review(house)
    deb_file_id = await house.book(DebFile(ROWS))
    status, answer = await office.decide(deb_file_id, "hold")
    assert (status, answer["file"]["reason_code"]) == (200, "held-by-person")
    assert (await office.decide(deb_file_id, "hold"))[1]["already"] is True
    (told,) = await house.events("deb-file-held")
    assert (told["reason_code"], told["line"]) == ("held-by-person", None)
    assert (await office.decide(deb_file_id, "book", ""))[0] == 409
    status, answer = await office.decide(deb_file_id, "release")
    assert (status, answer["already"]) == (200, False)
    assert (await office.decide(deb_file_id, "release"))[1]["already"] is True
    await house.work()
    assert (await house.file(deb_file_id))["review"] == "awaited"
    (told,) = await house.events("deb-file-released")
    assert told["reason_code"] == "held-by-person"
    await office.decide(deb_file_id, "book", "")
    await house.work()
    assert await office.counts(deb_file_id) == [7, 7, 0, 0, 0]


async def test_a_booked_file_cannot_be_held(house: House, office: FileOffice) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile(ROWS))
    status, problem = await office.decide(deb_file_id, "hold")
    assert (status, problem["code"]) == (409, "deb-file-not-holdable")
    status, problem = await office.decide(deb_file_id, "release")
    assert (status, problem["code"]) == (409, "deb-file-not-held")


async def test_a_person_accepts_a_gap_and_the_file_is_booked(
    house: House, office: FileOffice
) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(SECOND)
    _, page = await office.api.get(f"{house.path}/deb-files/{deb_file_id}")
    assert page["release"]["release"] == "accept"
    await office.decide(deb_file_id, "release")
    await house.work()
    assert await house.outcomes(deb_file_id) == ["2 booked"]


async def test_a_foreign_account_is_never_released(house: House, office: FileOffice) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile(ROWS, account="CMD-78"))
    status, problem = await office.decide(deb_file_id, "release")
    assert (status, problem["code"]) == (409, "deb-file-not-releasable")
    assert (await house.file(deb_file_id))["status"] == "held"


async def test_totals_that_do_not_match_are_held_again_after_a_release(
    house: House, office: FileOffice
) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile(ROWS, total=1))
    await office.decide(deb_file_id, "release")
    assert await house.outcomes(deb_file_id) == [], "rows that were never judged are read anew"
    await house.work()
    file = await house.file(deb_file_id)
    assert (file["status"], file["reason_code"]) == ("held", "trailer-sum-mismatch")
    assert await house.balances() == {"1088": "120.00", "3400": "-120.00"}


async def test_a_file_read_by_the_wrong_layout_is_read_again_by_the_right_one(
    house: House, office: FileOffice
) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile(ROWS), layout="another")
    assert (await house.file(deb_file_id))["reason_code"] == "unknown-layout"
    await office.decide(deb_file_id, "release")
    await house.work()
    assert (await house.file(deb_file_id))["status"] == "booked"


def test_every_reason_for_which_files_are_held_says_what_a_person_may_do() -> None:
    service = Path(__file__).parents[3] / "services" / "reconciliation"
    text = "".join(path.read_text() for path in service.rglob("*.py"))
    for code in HOLD_REASONS:
        assert f'"{code}"' in text
    for part in text.split("FileFault(")[1:]:
        code = part.lstrip().split(",")[0].strip("\"'\n ")
        if code.replace("-", "").isalpha() and part.lstrip().startswith('"'):
            assert code in HOLD_REASONS, code


def nameless(house: House) -> None:
    """Let the house read a layout whose record id may be empty."""
    layouts = cast("dict[str, Layout]", house.booker.shop.layouts)
    toml = Path(__file__).parents[3] / "services/reconciliation/layouts/quittance-v1.toml"
    lines = [
        line.replace("}", ", optional = true }") if '"record_id"' in line else line
        for line in toml.read_text().splitlines()
    ]
    layouts["quittance-v1"] = read_layout("\n".join(lines))


PAID = Row("", "debtor_payment", rappen=1000)


async def test_b8_p16_two_equal_rows_in_one_file_are_two_payments(house: House) -> None:
    nameless(house)
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile((PAID, PAID.but(rappen=500), PAID)))
    assert await house.outcomes(deb_file_id) == ["2 booked", "3 booked", "4 booked"]
    assert await house.position(INVOICE) == "D 95.00 P 120.00 *"
    await house.assert_books_hold()


async def test_b8_p15_p18_an_overlapping_file_repeats_occurrence_by_occurrence(
    house: House,
) -> None:
    nameless(house)
    await house.acquitted_invoices("120.00")
    first = await house.book(DebFile((Row("", "sent"), PAID, PAID)))
    second = await house.book(
        DebFile((PAID, PAID.but(text="worded anew"), PAID), file_id="F-0002", previous="F-0001")
    )
    assert await house.outcomes(second) == ["2 repeat", "3 repeat", "4 booked"]
    (repeat,) = await house.rows(
        "SELECT repeat_of_file, repeat_of_line FROM deb_row WHERE deb_file_id = :id AND line = 3",
        id=second,
    )
    assert repeat == {"repeat_of_file": first, "repeat_of_line": 4}
    assert await house.position(INVOICE) == "D 90.00 P 120.00 *"
    await house.assert_books_hold()


async def test_p25_rows_that_differ_in_one_column_of_the_key_are_different_rows(
    house: House,
) -> None:
    nameless(house)
    await house.acquitted_invoices("120.00")
    row = Row("", "payout", rappen=100)
    differing = (
        row,
        row.but(kind="advance"),
        row.but(event_date="20260311"),
        row.but(value_date="20260312"),
        row.but(rappen=200),
        row.but(payout_reference="PO-2"),
        row.but(order="", debtor="10001"),
        row.but(beneficiary="P"),
        row.but(level="02"),
    )
    await house.book(DebFile((row,)))
    second = await house.book(DebFile(differing, file_id="F-0002", previous="F-0001"))
    assert await house.outcomes(second) == [
        "2 repeat",
        *(f"{line} booked" for line in range(3, 3 + len(differing) - 1)),
    ]


async def test_occurrences_are_counted_over_all_that_is_staged_of_a_file(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.reconciliation.handlers.stage_deb_file.STAGING_ROWS", 2)
    nameless(house)
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile((PAID,) * 5))
    rows = await house.rows(
        "SELECT occurrence FROM deb_row WHERE deb_file_id = :id ORDER BY line", id=deb_file_id
    )
    assert [row["occurrence"] for row in rows] == [1, 2, 3, 4, 5]
    assert await house.position(INVOICE) == "D 70.00 P 120.00 *"


async def test_undone_rows_without_record_id_are_booked_again(
    house: House, office: FileOffice
) -> None:
    nameless(house)
    await house.acquitted_invoices("120.00")
    first = await house.book(DebFile((PAID, PAID)))
    assert await office.undo(first) == "undone"
    again = await house.book(DebFile((PAID, PAID), file_id="F-0002", previous="F-0001"))
    assert await house.outcomes(again) == ["2 booked", "3 booked"]
    await house.assert_books_hold()
