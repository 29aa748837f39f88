"""Persons decide about parked rows: once, by name, and never against the rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.db.scope import Scope
from shared.web.endpoints import UserRole
from tests.integration.reconciliation.house import House
from tests.support.deb_builder import DebFile, Row
from tests.support.web import ApiClient

FIRST, SECOND, MISTYPED = "2026-000012", "2026-000013", "2026-000021"
PAYOUT = Row("R-1", "payout", MISTYPED, rappen=1000)
WHY = "the factor confirmed it by telephone"


async def _parked(house: House, *rows: Row) -> UUID:
    """Acquit two invoices and book a file of these rows."""
    await house.open()
    await house.receive(house.invoice_issued(FIRST, "120.00"))
    await house.receive(house.invoice_issued(SECOND, "80.00", debtor_number="10009"))
    await house.receive(
        await house.order_confirmed([(FIRST, "120.00", True), (SECOND, "80.00", True)])
    )
    return await house.book(DebFile(rows))


async def _row_id(api: ApiClient, house: House, place: int = 0) -> str:
    _, page = await api.get(f"{house.path}/parked-rows")
    return str(page["items"][place]["row_id"])


async def _decide(
    api: ApiClient, house: House, row_id: str, invoice: str | None = FIRST, **values: Any
) -> tuple[int, Any]:
    body: dict[str, Any] = {"decision": "leave", "reason": WHY}
    if invoice is not None:
        chosen = {"decision": "book-on-invoice", "invoice_id": str(house.invoice_id(invoice))}
        body |= chosen
    return await api.post(f"{house.path}/parked-rows/{row_id}/decision", body | values)


async def _counts(house: House, deb_file_id: UUID) -> list[int]:
    file = await house.file(deb_file_id)
    return [file[name] for name in ("rows_read", "booked", "repeats", "parked")]


async def test_a_row_is_booked_on_the_invoice_that_a_person_names_and_says_so(
    house: House, api: ApiClient
) -> None:
    deb_file_id = await _parked(house, PAYOUT)
    row_id = await _row_id(api, house)
    status, row = await _decide(api, house, row_id)
    assert (status, row["status"], row["invoice_id"]) == (
        200,
        "booked",
        str(house.invoice_id(FIRST)),
    )
    decision = row["decision"]
    assert (decision["decided_by"], decision["reason"], decision["parked_because"]) == (
        "user-1",
        WHY,
        "unknown-invoice",
    )
    assert await house.position(FIRST) == "D 120.00 P 110.00 *"
    assert await _counts(house, deb_file_id) == [1, 1, 0, 0]
    _, position = await api.get(f"{house.path}/positions/{house.invoice_id(FIRST)}")
    assert position["history"][-1]["note"] == f"booked by decision of user-1: {WHY}"
    told = (await house.events("deb-file-booked"))[-1]
    assert (told["booked"], told["parked"]) == (1, 0)
    _, queue = await api.get(f"{house.path}/parked-rows")
    assert queue["items"] == []
    (line,) = await house.rows(
        "SELECT subject, status FROM audit_log WHERE practice_id = :id", id=house.practice_id
    )
    assert line == {"subject": "user-1", "status": 200}
    await house.assert_books_hold()


async def test_a_row_that_is_left_stays_parked_leaves_the_queue_and_never_comes_back(
    house: House, api: ApiClient
) -> None:
    deb_file_id = await _parked(house, PAYOUT)
    status, row = await _decide(api, house, await _row_id(api, house), invoice=None)
    assert (status, row["status"], row["decision"]["decision"]) == (200, "parked", "leave")
    assert (await api.get(f"{house.path}/parked-rows"))[1]["items"] == []
    await house.receive(house.invoice_issued(MISTYPED, "50.00"))
    await house.work()
    assert await house.outcomes(deb_file_id) == ["2 parked unknown-invoice"]
    assert await _counts(house, deb_file_id) == [1, 0, 0, 1]
    again = await house.book(DebFile((PAYOUT,), file_id="F-0002", previous="F-0001"))
    assert await house.outcomes(again) == ["2 repeat"]
    corrected = PAYOUT.but(invoice=FIRST)
    third = await house.book(DebFile((corrected,), file_id="F-0003", previous="F-0002"))
    assert await house.outcomes(third) == ["2 booked"]
    await house.assert_books_hold()


async def test_a_left_row_of_a_known_invoice_is_information_in_its_history(
    house: House, api: ApiClient
) -> None:
    await _parked(house, PAYOUT.but(kind="debtor_payment", invoice=FIRST, rappen=12_001))
    status, _ = await _decide(api, house, await _row_id(api, house), invoice=None)
    assert status == 200
    _, position = await api.get(f"{house.path}/positions/{house.invoice_id(FIRST)}")
    last = position["history"][-1]
    assert (last["kind"], last["amount"], last["source"]["line"]) == ("row_left", None, 2)
    assert WHY in last["note"]
    assert await house.position(FIRST) == "D 120.00 P 120.00 *"
    changed = (await house.events("invoice-position-changed"))[-1]
    assert [one["kind"] for one in changed["changes"]] == ["row_left"]
    await house.assert_books_hold()


async def test_a_decided_row_is_not_decided_again(house: House, api: ApiClient) -> None:
    await _parked(house, PAYOUT, PAYOUT.but(record_id="R-2"))
    booked, left = await _row_id(api, house), await _row_id(api, house, 1)
    await _decide(api, house, booked)
    await _decide(api, house, left, invoice=None)
    before = await house.balances()
    for row_id in (booked, left):
        for invoice in (SECOND, None):
            status, problem = await _decide(api, house, row_id, invoice=invoice)
            assert (status, problem["code"]) == (409, "row-already-decided")
    assert await house.balances() == before


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (PAYOUT.but(record_id="R-0", rappen=2000), "conflicting-record"),
        (PAYOUT.but(kind="debtor_payment", rappen=99_999), "overpayment"),
        (PAYOUT.but(kind="surprise"), "unknown-kind"),
        (PAYOUT.but(event_date="20260231"), "impossible-date"),
        (Row("R-1", "account_movement", FIRST, rappen=100), "unexpected-invoice"),
    ],
)
async def test_no_decision_books_what_the_rules_forbid(
    house: House, api: ApiClient, row: Row, reason: str
) -> None:
    deb_file_id = await _parked(house, Row("R-0", "payout", FIRST, rappen=100), row)
    before, row_id = await house.balances(), await _row_id(api, house)
    status, problem = await _decide(api, house, row_id)
    assert (status, problem["code"]) == (409, "row-cannot-be-booked")
    assert problem["facts"]["reason_code"] == reason
    assert await house.balances() == before
    assert await house.rows("SELECT * FROM row_decision") == []
    assert await _counts(house, deb_file_id) == [2, 1, 0, 1]
    assert (await _decide(api, house, row_id, invoice=None))[0] == 200
    await house.assert_books_hold()


async def test_no_decision_books_money_of_an_invoice_that_is_not_acquitted(
    house: House, api: ApiClient
) -> None:
    await _parked(house, PAYOUT)
    await house.receive(house.invoice_issued("2026-000014", "50.00"))
    status, problem = await _decide(api, house, await _row_id(api, house), invoice="2026-000014")
    assert (status, problem["facts"]["reason_code"]) == (409, "not-acquitted")
    assert await house.position("2026-000014") == "D 50.00 P 0.00"


async def test_what_a_decided_row_sets_free_comes_back(house: House, api: ApiClient) -> None:
    undo = Row("R-2", "reversal", FIRST, rappen=1000, text="R-1")
    deb_file_id = await _parked(house, PAYOUT, undo)
    assert await house.outcomes(deb_file_id) == [
        "2 parked unknown-invoice",
        "3 parked reversed-record-unknown",
    ]
    await _decide(api, house, await _row_id(api, house))
    assert await _counts(house, deb_file_id) == [2, 1, 0, 1]
    await house.work()
    assert await house.outcomes(deb_file_id) == ["2 booked", "3 booked"]
    assert await _counts(house, deb_file_id) == [2, 2, 0, 0]
    assert await house.position(FIRST) == "D 120.00 P 120.00 *"
    await house.assert_books_hold()


async def test_bad_decisions_are_refused_by_name(house: House, api: ApiClient) -> None:
    await _parked(house, PAYOUT)
    row_id = await _row_id(api, house)
    answers = [
        await _decide(api, house, str(uuid4())),
        await _decide(api, house, row_id, invoice="2026-000098"),
        await _decide(api, house, row_id, invoice_id=None),
        await _decide(api, house, row_id, decision="leave"),
    ]
    assert [(status, problem["code"]) for status, problem in answers] == [
        (404, "row-not-found"),
        (404, "invoice-not-found"),
        (422, "decision-incomplete"),
        (422, "decision-incomplete"),
    ]
    for roles in ((UserRole.ASSISTANT,), (UserRole.ADMIN,)):
        assert (await _decide(api.as_user(roles), house, row_id))[0] == 403
    controller = api.as_user((UserRole.CONTROLLER,), subject="controller-1")
    assert (await _decide(controller, house, row_id))[0] == 200


async def test_rows_and_invoices_of_another_practice_cannot_be_reached(
    house: House, api: ApiClient
) -> None:
    await _parked(house, PAYOUT)
    row_id = await _row_id(api, house)
    other = House(house.database, house.clock)
    await _parked(other, PAYOUT)
    status, problem = await _decide(api, other, row_id)
    assert (status, problem["code"]) == (404, "row-not-found")
    status, problem = await _decide(api, house, row_id, invoice_id=str(other.invoice_id(FIRST)))
    assert (status, problem["code"]) == (404, "invoice-not-found")
    status, _ = await api.get(f"{other.path}/parked-rows/{row_id}/suggestions")
    assert status == 404


async def test_suggestions_name_invoices_that_may_be_meant_and_book_nothing(
    house: House, api: ApiClient
) -> None:
    await _parked(house, PAYOUT.but(debtor="10009", rappen=12_000))
    before = await house.balances()
    row_id = await _row_id(api, house)
    status, found = await api.get(f"{house.path}/parked-rows/{row_id}/suggestions")
    assert status == 200
    assert [(one["invoice_number"], one["because"]) for one in found["items"]] == [
        (FIRST, ["similar-number", "same-amount"]),
        (SECOND, ["same-debtor"]),
    ]
    assert await house.balances() == before
    status, problem = await api.get(f"{house.path}/parked-rows/{uuid4()}/suggestions")
    assert (status, problem["code"]) == (404, "row-not-found")


@pytest.mark.parametrize(
    "change", ["DELETE FROM row_decision", "UPDATE row_decision SET reason = 'x'"]
)
async def test_nobody_changes_a_decision_afterwards(
    house: House, api: ApiClient, change: str
) -> None:
    await _parked(house, PAYOUT)
    await _decide(api, house, await _row_id(api, house))
    with pytest.raises(DBAPIError, match=r"permission denied|append-only"):
        async with house.database.transaction(Scope.of(house.practice_id)) as connection:
            await connection.execute(text(change))


async def test_one_answer_decides_one_row_and_its_likes_stay_open(
    house: House, api: ApiClient
) -> None:
    likes = [PAYOUT.but(record_id=f"R-{number}") for number in (1, 2, 3)]
    deb_file_id = await _parked(house, *likes)
    row_ids = [await _row_id(api, house, place) for place in range(3)]
    status, problem = await _decide(api, house, ",".join(row_ids))
    assert (status, problem["code"]) == (404, "not-found")
    status, problem = await _decide(api, house, row_ids[0], row_ids=row_ids)
    assert (status, [one["field"] for one in problem["errors"]]) == (422, ["row_ids"])
    assert (await _decide(api, house, row_ids[0]))[0] == 200
    assert await house.outcomes(deb_file_id) == [
        "2 booked",
        "3 parked unknown-invoice",
        "4 parked unknown-invoice",
    ]
    assert await house.position(FIRST) == "D 120.00 P 110.00 *"


async def test_what_the_books_flagged_stays_open_until_a_person_has_judged_it(
    house: House, api: ApiClient
) -> None:
    await _parked(house, PAYOUT.but(invoice=FIRST))
    conflict = PAYOUT.but(invoice=FIRST, rappen=2000)
    flagged = await house.book(DebFile((conflict,), file_id="F-0002", previous="F-0001"))
    row_id = await _row_id(api, house)
    repeated = await house.book(DebFile((conflict,), file_id="F-0003", previous="F-0002"))
    await house.receive(house.invoice_issued(MISTYPED, "50.00"))
    await house.work()
    assert await house.outcomes(flagged) == ["2 parked conflicting-record"]
    assert await house.outcomes(repeated) == ["2 parked conflicting-record"]
    _, queue = await api.get(f"{house.path}/parked-rows")
    first, second = (str(one["row_id"]) for one in queue["items"])
    assert first == row_id
    assert (await _decide(api, house, row_id, invoice=None))[0] == 200
    await house.work()
    _, queue = await api.get(f"{house.path}/parked-rows")
    assert [one["row_id"] for one in queue["items"]] == [second]


async def _reopen(api: ApiClient, house: House, row_id: str, **more: str) -> tuple[int, Any]:
    return await api.post(
        f"{house.path}/parked-rows/{row_id}/decision",
        {"decision": "reopen", "reason": "it was a mistake", **more},
    )


async def test_a_row_that_was_left_by_mistake_is_reopened_left_again_and_booked(
    house: House, api: ApiClient
) -> None:
    await _parked(house, PAYOUT.but(kind="debtor_payment", invoice=FIRST, rappen=12_001))
    row_id = await _row_id(api, house)
    for _ in range(2):
        house.clock.advance(timedelta(minutes=1))
        assert (await _decide(api, house, row_id, invoice=None))[0] == 200
        status, row = await _reopen(api, house, row_id)
        assert (status, row["status"], row["reason_code"], row["decision"]) == (
            200,
            "parked",
            "overpayment",
            None,
        )
        assert await _row_id(api, house) == row_id, "it is in the queue again"
        status, problem = await _reopen(api, house, row_id)
        assert (status, problem["code"]) == (409, "row-not-left")
    made = await house.rows("SELECT number, decision FROM row_decision ORDER BY number")
    assert [one["decision"] for one in made] == ["leave", "reopen", "leave", "reopen"]
    _, position = await api.get(f"{house.path}/positions/{house.invoice_id(FIRST)}")
    assert [one["kind"] for one in position["history"]][-4:] == ["row_left", "row_reopened"] * 2
    persons = [one["person"] for one in position["history"]][-4:]
    assert [one["decision"] for one in persons] == ["leave", "reopen"] * 2
    first, back, second, _ = (one["at"] for one in persons)
    assert first == back < second, "each tells of its own time"
    _, item = await api.get(f"/v1/exceptions/parked-row.{row_id}")
    assert [one["event"] for one in item["history"]] == [
        "opened",
        *("resolved", "reopened") * 2,
    ]
    assert item["open"]
    await house.assert_books_hold()


async def test_the_money_of_a_reopened_row_is_booked_and_its_later_copy_is_a_repeat(
    house: House, api: ApiClient
) -> None:
    deb_file_id = await _parked(house, PAYOUT)
    row_id = await _row_id(api, house)
    await _decide(api, house, row_id, invoice=None)
    await _reopen(api, house, row_id)
    status, row = await _decide(api, house, row_id)
    assert (status, row["status"], row["decision"]["decision"]) == (
        200,
        "booked",
        "book-on-invoice",
    )
    assert await house.position(FIRST) == "D 120.00 P 110.00 *"
    assert await _counts(house, deb_file_id) == [1, 1, 0, 0]
    status, problem = await _reopen(api, house, row_id)
    assert (status, problem["code"]) == (409, "row-not-left")
    again = await house.book(DebFile((PAYOUT,), file_id="F-0002", previous="F-0001"))
    assert await house.outcomes(again) == ["2 repeat"]
    await house.assert_books_hold()


async def test_a_row_whose_numbers_disagree_is_left_reopened_and_booked(
    house: House, api: ApiClient
) -> None:
    await _parked(house, PAYOUT.but(invoice=FIRST, order="CMD-9", debtor="9"))
    row_id = await _row_id(api, house)
    await _decide(api, house, row_id, invoice=None)
    assert (await _reopen(api, house, row_id, invoice_id=str(uuid4())))[0] == 422
    assert (await _reopen(api, house, row_id))[0] == 200
    assert (await _decide(api, house, row_id))[0] == 200
    await house.assert_books_hold()


async def test_a_left_row_of_an_undone_file_makes_no_repeat_and_stays_left(
    house: House, api: ApiClient
) -> None:
    deb_file_id = await _parked(house, PAYOUT)
    row_id = await _row_id(api, house)
    await _decide(api, house, row_id, invoice=None)
    why = {"reason": "a wrong file"}
    assert (await api.post(f"{house.path}/deb-files/{deb_file_id}/undo", why))[0] == 200
    await house.work()
    status, problem = await _reopen(api, house, row_id)
    assert (status, problem["code"]) == (409, "row-not-parked")
    status, answer = await api.post(f"{house.path}/deb-files/{deb_file_id}/book-anew", why)
    assert status == 200
    await house.work()
    anew = UUID(answer["file"]["deb_file_id"])
    assert await house.outcomes(anew) == ["2 parked unknown-invoice"]
    await house.assert_books_hold()
