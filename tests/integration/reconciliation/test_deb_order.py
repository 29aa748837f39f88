"""What a DEB file's date and its place among the others are believed for."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from shared.db.engine import Database
from shared.testing import FrozenClock
from tests.integration.reconciliation.house import START, House
from tests.integration.reconciliation.office_of_files import FileOffice
from tests.integration.reconciliation.queue import Queue
from tests.integration.reconciliation.test_deb_booking import ROWS
from tests.support.deb_builder import DebFile, Row
from tests.support.web import ApiClient

FIRST, SECOND = DebFile(ROWS[:4]), DebFile(ROWS[4:], file_id="F-0002", previous="F-0001")
SENT = Row("R-1", "sent")


@pytest.fixture
def office(house: House, api: ApiClient) -> FileOffice:
    """The office that decides."""
    return FileOffice(api, house)


async def _brakes(api: ApiClient, house: House) -> set[str]:
    _, verdict = await api.as_user().get(f"{house.path}/dunning")
    return {one["reason_code"] for one in verdict["reasons"]}


async def _under_review(house: House) -> None:
    await house.acquitted_invoices("120.00")
    await house.receive(house.contract_changed(contract_version=2, deb_booking="review"))


async def _state(house: House, deb_file_id: Any) -> tuple[str, str | None]:
    file = await house.file(deb_file_id)
    return file["status"], file["reason_code"]


async def test_a_file_dated_long_after_it_was_fetched_is_held(house: House, api: ApiClient) -> None:
    await house.acquitted_invoices("120.00")
    row = Row("R-1", "payout", rappen=1000, event_date="20980101", value_date="20980105")
    held = await house.book(DebFile((row,), created_on="20991231"))
    assert await _state(house, held) == ("held", "impossible-file-date")
    assert await house.position("2026-000001") == "D 120.00 P 120.00 *"
    assert "deb-file-held" in await _brakes(api, house)
    item = await Queue(api, house).only("held-deb-file")
    assert "2099-12-31" in item["words"]


async def test_a_file_dated_tomorrow_is_booked_but_no_row_of_tomorrow(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    rows = (
        Row("R-1", "payout", rappen=1000, event_date="20260401"),
        Row("R-2", "payout", rappen=1000, event_date="20260402"),
    )
    deb_file_id = await house.book(DebFile(rows, created_on="20260402"))
    assert await house.outcomes(deb_file_id) == ["2 booked", "3 parked impossible-date"]
    assert (await house.file(deb_file_id))["created_on"] == date(2026, 4, 1)
    (row,) = (await api.get(f"{house.path}/parked-rows"))[1]["items"]
    decision = {"decision": "book-on-invoice", "reason": "it is right"}
    status, problem = await api.post(
        f"{house.path}/parked-rows/{row['row_id']}/decision",
        decision | {"invoice_id": str(house.invoice_id("2026-000001"))},
    )
    assert (status, problem["code"]) == (409, "row-cannot-be-booked")
    assert "2026-04-02 is not within" in problem["detail"]


async def test_where_the_portals_calendar_runs_ahead_its_dates_are_believed(
    database: Database,
) -> None:
    house = House(database, FrozenClock(START), deb_dated_ahead_days=30)
    await house.acquitted_invoices("120.00")
    row = Row("R-1", "payout", rappen=1000, event_date="20260420", value_date="20260421")
    deb_file_id = await house.book(DebFile((row,), created_on="20260421"))
    assert await house.outcomes(deb_file_id) == ["2 booked"]
    later = await house.book(DebFile((SENT,), created_on="20260601", file_id="F-9"))
    assert await _state(house, later) == ("held", "impossible-file-date")


async def test_the_day_of_fetching_counts_however_late_its_event_comes(house: House) -> None:
    await house.acquitted_invoices("120.00")
    event = await house.fetched(DebFile((SENT,), created_on="20260405"))
    house.clock.advance(timedelta(days=7))
    await house.receive(event)
    await house.work()
    assert await _state(house, event.deb_file_id) == ("held", "impossible-file-date")


async def test_a_date_that_was_believed_before_ages_like_any_other(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile((SENT,)))
    await house.rows(
        "UPDATE deb_file SET created_on = '2099-12-31' WHERE deb_file_id = :id RETURNING 1",
        id=deb_file_id,
    )
    house.clock.advance(timedelta(days=60))
    assert await _brakes(api, house) == {"deb-file-late"}


async def test_the_brake_stays_as_it_is_while_a_row_of_a_booked_file_comes_back(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile((ROWS[0], Row("R-77", "sent", invoice="2026-000050"))))
    assert await _brakes(api, house) == {"rows-parked"}
    await house.receive(house.invoice_issued("2026-000050", "10.00"))
    assert await _state(house, deb_file_id) == ("staged", None)
    assert await _brakes(api, house) == {"rows-parked"}
    await house.work()
    assert await _brakes(api, house) == set()


async def test_a_successor_of_a_file_under_review_waits_and_goes_on_by_itself(
    house: House, api: ApiClient, office: FileOffice
) -> None:
    await _under_review(house)
    first, second = await house.book(FIRST), await house.book(SECOND)
    third = await house.book(
        DebFile((SENT.but(record_id="R-50"),), file_id="F-3", previous="F-0002")
    )
    for waiting, before in ((second, "F-0001"), (third, "F-0002")):
        file = await house.file(waiting)
        assert (file["status"], file["attempts"]) == ("fetched", 0)
        assert file["waits_because"] == f"file {before} comes before it and is not booked yet"
    assert await Queue(api, house).kinds() == ["deb-file-to-review"]
    for one in (first, second, third):
        assert (await house.file(one))["status"] != "booked"
        status, _ = await office.decide(one, "book", "")
        assert status == 200
        await house.work()
        assert (await house.file(one))["status"] == "booked"
    await house.assert_books_hold()


async def test_a_successor_is_held_when_the_file_it_waits_for_is_held(
    house: House, office: FileOffice
) -> None:
    await _under_review(house)
    first, second = await house.book(FIRST), await house.book(SECOND)
    await office.decide(first, "hold")
    await house.work()
    assert await _state(house, second) == ("held", "sequence-gap")
    await office.decide(first, "release")
    await house.work()
    assert await _state(house, first) == ("staged", None)
    assert await _state(house, second) == ("fetched", None)


async def test_a_successor_that_came_first_waits_once_its_predecessor_is_here(
    house: House, office: FileOffice
) -> None:
    await _under_review(house)
    second = await house.book(SECOND)
    assert await _state(house, second) == ("held", "sequence-gap")
    first = await house.book(FIRST)
    assert await _state(house, second) == ("fetched", None)
    await office.decide(first, "book", "")
    await house.work()
    file = await house.file(second)
    assert (file["status"], file["review"]) == ("staged", "awaited")


async def test_two_files_that_name_each_other_do_not_wait_for_ever(
    house: House, office: FileOffice
) -> None:
    await _under_review(house)
    one = await house.book(DebFile(ROWS[:4], previous="F-0002"))
    other = await house.book(SECOND)
    for file in (one, other):
        assert await _state(house, file) == ("held", "sequence-gap")
    own = await house.book(DebFile((SENT,), file_id="F-9", previous="F-9"))
    assert await _state(house, own) == ("held", "sequence-gap")
