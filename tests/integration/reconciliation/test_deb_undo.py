"""A booked DEB file is undone as a whole, by compensating entries, and tells what stays."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from services.reconciliation.adapters.deb_life import PostgresDebLifeRepository
from shared.web.endpoints import UserRole
from tests.integration.reconciliation.generated import fill_books
from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.office_of_files import WHY, FileOffice
from tests.integration.reconciliation.test_deb_booking import ROWS
from tests.integration.reconciliation.test_deb_crashes import LEASE, CrashError
from tests.support.deb_builder import DebFile, Row
from tests.support.web import ApiClient

INVOICE = "2026-000001"


@pytest.fixture
def office(house: House, api: ApiClient) -> FileOffice:
    """The office that decides."""
    return FileOffice(api, house)


async def test_b6_an_undone_file_leaves_the_books_as_they_were_before_it(
    house: House, office: FileOffice
) -> None:
    await house.acquitted_invoices("120.00")
    before = (await house.balances(), await house.position(INVOICE))
    deb_file_id = await house.book(DebFile(ROWS))
    assert await office.undo(deb_file_id) == "undone"
    assert (await house.balances(), await house.position(INVOICE)) == before
    assert await office.counts(deb_file_id) == [7, 0, 0, 0, 7]
    assert set(await house.outcomes(deb_file_id)) == {f"{line} undone" for line in range(2, 9)}
    (told,) = await house.events("deb-file-undone")
    assert (told["undone"], told["kept"], told["booked"]) == (7, 0, 0)
    assert (told["debt_change"]["amount"], told["factor_change"]["amount"]) == (
        "120.00",
        "120.00",
    )
    changed = (await house.events("invoice-position-changed"))[-1]
    assert [(one["kind"], one["reverses"]) for one in changed["changes"]] == [
        ("undo", row.kind) for row in reversed((ROWS[2], *ROWS[:2], *ROWS[3:]))
    ]
    await house.assert_books_hold()


async def test_p29_asked_for_again_an_undoing_posts_nothing_twice(
    house: House, office: FileOffice
) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile(ROWS))
    await office.undo(deb_file_id)
    entries = await house.rows("SELECT count(*) AS n FROM journal_entry")
    status, again = await office.decide(deb_file_id, "undo")
    assert (status, again["already"]) == (200, True)
    await house.work()
    assert await house.rows("SELECT count(*) AS n FROM journal_entry") == entries
    assert len(await house.events("deb-file-undone")) == 1


async def test_p20_the_rows_of_an_undone_file_are_booked_from_a_new_file(
    house: House, office: FileOffice
) -> None:
    await house.acquitted_invoices("120.00")
    await office.undo(await house.book(DebFile(ROWS)))
    again = await house.book(DebFile(ROWS, file_id="F-0002", previous="F-0001"))
    assert await office.counts(again) == [7, 7, 0, 0, 0]
    assert await house.position(INVOICE) == "D 0.00 P 0.00 *"
    assert await office.undo(again) == "undone"
    third = await house.book(DebFile(ROWS[:3], file_id="F-0003", previous="F-0002"))
    assert await office.counts(third) == [3, 3, 0, 0, 0]
    await house.assert_books_hold()


async def test_the_same_bytes_stay_known_until_a_person_wants_them_booked_anew(
    house: House, office: FileOffice
) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile(ROWS))
    status, problem = await office.decide(deb_file_id, "book-anew")
    assert (status, problem["code"]) == (409, "deb-file-not-undone")
    await house.book(DebFile(ROWS[:1], file_id="F-0002", previous="F-0001"))
    await office.undo(deb_file_id)
    assert await house.book(DebFile(ROWS)) == deb_file_id
    assert await house.position(INVOICE) == "D 120.00 P 120.00 *"
    status, anew = await office.decide(deb_file_id, "book-anew")
    assert (status, anew["already"], anew["file"]["anew_of"]) == (200, False, str(deb_file_id))
    await house.work()
    assert await house.position(INVOICE) == "D 0.00 P 0.00 *"
    status, anew = await office.decide(deb_file_id, "book-anew")
    assert (status, anew["already"], anew["file"]["status"]) == (200, True, "booked")
    await house.assert_books_hold()


async def test_a_row_that_a_later_file_reversed_stays_booked_and_says_why(
    house: House, office: FileOffice
) -> None:
    await house.acquitted_invoices("120.00")
    first = await house.book(
        DebFile((Row("R-1", "payout", rappen=1000), Row("R-2", "payout", rappen=500)))
    )
    second = await house.book(
        DebFile(
            (Row("R-3", "reversal", rappen=1000, text="R-1"),), file_id="F-0002", previous="F-0001"
        )
    )
    assert await office.undo(first) == "partly-undone"
    assert await office.kept(first) == [(2, "reversed-later")]
    assert await office.counts(first) == [2, 1, 0, 0, 1]
    assert await office.undo(second) == "undone"
    assert await house.position(INVOICE) == "D 120.00 P 110.00 *", "the first payout holds again"
    assert await office.undo(first) == "undone"
    assert await house.position(INVOICE) == "D 120.00 P 120.00 *"
    await house.assert_books_hold()


async def test_a_row_and_its_reversal_in_one_file_are_undone_together_and_booked_anew(
    house: House, office: FileOffice
) -> None:
    await house.acquitted_invoices("120.00")
    both = (
        Row("R-1", "payout", rappen=1000),
        Row("R-2", "reversal", rappen=1000, text="R-1"),
    )
    deb_file_id = await house.book(DebFile(both))
    assert await office.undo(deb_file_id) == "undone"
    assert await office.counts(deb_file_id) == [2, 0, 0, 0, 2]
    assert (await office.decide(deb_file_id, "book-anew"))[0] == 200
    await house.work()
    [anew] = await house.rows("SELECT deb_file_id FROM deb_file WHERE anew_of IS NOT NULL")
    assert await house.outcomes(anew["deb_file_id"]) == ["2 booked", "3 booked"]
    assert await office.undo(anew["deb_file_id"]) == "undone"
    assert await house.position(INVOICE) == "D 120.00 P 120.00 *"
    await house.assert_books_hold()


async def test_a_record_is_reversed_again_after_its_first_reversal_was_undone(
    house: House, office: FileOffice
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((Row("R-1", "payout", rappen=1000),)))
    undone = await house.book(
        DebFile(
            (Row("R-2", "reversal", rappen=1000, text="R-1"),), file_id="F-0002", previous="F-0001"
        )
    )
    waiting = await house.book(
        DebFile(
            (Row("R-3", "reversal", rappen=1000, text="R-1"),), file_id="F-0003", previous="F-0002"
        )
    )
    assert await house.outcomes(waiting) == ["2 parked already-reversed"]
    await office.undo(undone)
    assert await house.outcomes(waiting) == ["2 booked"]
    assert await house.position(INVOICE) == "D 120.00 P 120.00 *"
    await house.assert_books_hold()


async def test_an_undone_recourse_revives_the_acquittal_and_its_undone_reversal_ends_it_again(
    house: House, office: FileOffice
) -> None:
    await house.acquitted_invoices("120.00")
    recourse = await house.book(DebFile((Row("R-1", "recourse", rappen=12000),)))
    assert await house.position(INVOICE) == "D 120.00 P 0.00"
    assert await office.undo(recourse) == "undone"
    assert await house.position(INVOICE) == "D 120.00 P 120.00 *"
    again = Row("R-1", "recourse", rappen=12000)
    await house.book(DebFile((again,), file_id="F-0002", previous="F-0001"))
    back = await house.book(
        DebFile(
            (again.but(record_id="R-2", kind="reversal", text="R-1"),),
            file_id="F-0003",
            previous="F-0002",
        )
    )
    assert await house.position(INVOICE) == "D 120.00 P 120.00 *"
    assert await office.undo(back) == "undone"
    assert await house.position(INVOICE) == "D 120.00 P 0.00"
    await house.assert_books_hold()


async def test_what_a_later_recourse_rests_on_stays_booked(
    house: House, office: FileOffice
) -> None:
    await house.acquitted_invoices("120.00")
    paid = await house.book(
        DebFile((Row("R-1", "debtor_payment", rappen=2000), Row("R-2", "payout", rappen=1500)))
    )
    await house.book(
        DebFile((Row("R-3", "recourse", rappen=10000),), file_id="F-0002", previous="F-0001")
    )
    assert await office.undo(paid) == "partly-undone"
    assert await office.kept(paid) == [(2, "ended-since")]
    assert await house.position(INVOICE) == "D 100.00 P 20.00"
    await house.assert_books_hold()


async def test_a_row_in_conflict_with_an_undone_row_is_decided_again(
    house: House, office: FileOffice
) -> None:
    await house.acquitted_invoices("120.00")
    wrong = await house.book(DebFile((Row("R-1", "payout", rappen=1000),)))
    right = await house.book(
        DebFile((Row("R-1", "payout", rappen=2000),), file_id="F-0002", previous="F-0001")
    )
    assert await house.outcomes(right) == ["2 parked conflicting-record"]
    await office.undo(wrong)
    assert await house.outcomes(right) == ["2 booked"]
    assert await house.position(INVOICE) == "D 120.00 P 100.00 *"
    await house.assert_books_hold()


async def test_parked_rows_of_an_undone_file_leave_the_queue_and_never_come_back(
    house: House, office: FileOffice, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(
        DebFile((Row("R-1", "payout", rappen=100), Row("R-2", "payout", "2026-000002", rappen=100)))
    )
    assert await office.undo(deb_file_id) == "undone"
    assert await office.counts(deb_file_id) == [2, 0, 0, 0, 2]
    _, queue = await api.get(f"{house.path}/parked-rows")
    assert queue["items"] == []
    await house.receive(house.invoice_issued("2026-000002", "80.00"))
    await house.work()
    assert await house.outcomes(deb_file_id) == ["2 undone", "3 undone"]
    _, report = await office.get(deb_file_id, "undo", outcome="withdrawn")
    assert [(row["line"], row["reason_code"]) for row in report["items"]] == [
        (3, "unknown-invoice")
    ]


@pytest.mark.parametrize(
    ("method", "call"), [("undo", 1), ("undo", 2), ("undo", 3), ("end_undo", 1)]
)
async def test_p20_a_crash_amid_undoing_repeats_nothing_and_loses_nothing(
    house: House, api: ApiClient, monkeypatch: pytest.MonkeyPatch, method: str, call: int
) -> None:
    small = House(house.database, house.clock, deb_batch_rows=10)
    await small.acquitted_invoices("120.00")
    rows = tuple(Row(f"R-{n}", "payout", rappen=100) for n in range(25))
    deb_file_id = await small.book(DebFile(rows))
    await FileOffice(api, small).decide(deb_file_id, "undo")
    original, calls = getattr(PostgresDebLifeRepository, method), 0

    async def crashing(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        result = await original(*args, **kwargs)
        if calls == call:
            raise CrashError
        return result

    monkeypatch.setattr(PostgresDebLifeRepository, method, crashing)
    with pytest.raises(CrashError):
        await small.work()
    small.clock.advance(LEASE)
    await small.work()
    assert await small.position(INVOICE) == "D 120.00 P 120.00 *"
    (told,) = await small.events("deb-file-undone")
    assert (told["undone"], told["factor_change"]["amount"]) == (25, "25.00")
    await small.assert_books_hold()


@pytest.mark.parametrize("seed", range(4))
async def test_any_files_undone_in_any_order_leave_books_that_hold(
    house: House, api: ApiClient, seed: int
) -> None:
    await fill_books(house, seed, orders=2)
    office = FileOffice(api.as_user(), house)
    files = [row["deb_file_id"] for row in await house.rows("SELECT deb_file_id FROM deb_file")]
    Random(seed).shuffle(files)
    for deb_file_id in files:
        assert await office.undo(deb_file_id) == "undone"
        await house.assert_books_hold()
    factor = await house.rows(
        "SELECT count(*) AS n FROM position_fact WHERE deb_file_id IS NOT NULL"
        " GROUP BY kind = 'undo'"
    )
    assert len({row["n"] for row in factor}) == 1, "one undoing per fact"


async def test_only_those_who_answer_for_the_books_may_undo_and_only_what_is_booked(
    house: House, office: FileOffice, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    held = await house.book(DebFile(ROWS, account="CMD-78"))
    status, problem = await office.decide(held, "undo")
    assert (status, problem["code"]) == (409, "deb-file-not-booked")
    assistant = FileOffice(api.as_user(roles=[UserRole.ASSISTANT]), house)
    assert (await assistant.decide(held, "undo"))[0] == 403
    status, problem = await office.get(held, "undo")
    assert (status, problem["code"]) == (404, "undo-not-found")


async def test_b14_an_undone_row_explains_itself_by_rule_entries_and_person(
    house: House, office: FileOffice
) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile(ROWS))
    repeat = await house.book(DebFile(ROWS[4:5], file_id="F-0002", previous="F-0001"))
    _, why = await office.get(repeat, "rows/2")
    collides = why["collides_with"]
    assert (collides["deb_file_id"], collides["line"], collides["file_id"]) == (
        str(deb_file_id),
        6,
        "F-0001",
    )
    assert why["row"]["raw"] == ROWS[4].line().decode("iso-8859-1")
    await office.undo(deb_file_id)
    status, why = await office.get(deb_file_id, "rows/6")
    assert status == 200
    assert (why["rule"]["kind"], why["rule"]["factor"]) == ("payout", "-")
    booked, undone = why["facts"]
    assert (booked["kind"], undone["kind"]) == ("payout", "undo")
    assert booked["entry_id"] != undone["entry_id"]
    assert [one["amount"]["amount"] for one in undone["postings"]] == ["-115.00", "115.00"]
    assert undone["note"] == f"undone by user-1: {WHY}"
    assert [(one["outcome"], one["decided_by"]) for one in why["undoings"]] == [
        ("undone", "user-1")
    ]
    _, report = await office.get(deb_file_id, "undo")
    (row,) = [row for row in report["items"] if row["line"] == 6]
    assert (row["repeated_in_file"], row["repeated_in_line"]) == (str(repeat), 2)
    for line in ("1", "99", "x", "99999999999999999999"):
        assert (await office.get(deb_file_id, f"rows/{line}"))[0] == 404


async def test_the_last_booked_row_goes_first_over_all_batches(
    house: House, api: ApiClient
) -> None:
    small = House(house.database, house.clock, deb_batch_rows=2)
    await small.acquitted_invoices("120.00")
    deb_file_id = await small.book(DebFile(ROWS))
    assert await FileOffice(api, small).undo(deb_file_id) == "undone"
    undone = await small.rows(
        "SELECT reverses FROM position_fact WHERE kind = 'undo' ORDER BY place"
    )
    booked = await small.rows(
        "SELECT fact_id AS reverses FROM position_fact"
        " WHERE deb_file_id IS NOT NULL AND kind <> 'undo' ORDER BY place DESC"
    )
    assert undone == booked
