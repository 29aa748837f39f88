"""What the audit log tells of persons' decisions about the books: before and after, each once."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from shared.web.endpoints import UserRole
from tests.integration.reconciliation.bank import Bank, came, new_iban
from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.office_of_files import FileOffice
from tests.integration.reconciliation.queue import EXCEPTIONS, Queue, Reports
from tests.integration.reconciliation.test_deb_booking import ROWS
from tests.integration.reconciliation.test_setting_aside import _crossed, _lines, _settle
from tests.support.audit import Told, told
from tests.support.camt_builder import FACTOR_IBAN
from tests.support.deb_builder import DebFile, Row
from tests.support.web import ApiClient

WHY = "agreed with the trustee"


@pytest.fixture
def office(house: House, api: ApiClient) -> FileOffice:
    """The office that decides."""
    return FileOffice(api, house)


async def _told(house: House, *operations: str) -> list[Told]:
    return await told(house.database, house.practice_id, *operations)


async def _under_review(house: House) -> UUID:
    await house.acquitted_invoices("120.00")
    await house.receive(house.contract_changed(contract_version=2, deb_booking="review"))
    return await house.book(DebFile(ROWS))


async def test_every_decision_about_a_deb_file_is_told_once(
    house: House, office: FileOffice
) -> None:
    deb_file_id = await _under_review(house)
    for verb in ("hold", "release", "book", "undo", "book-anew"):
        for _ in range(2):
            status, answer = await office.decide(deb_file_id, verb, WHY)
            assert status == 200, answer
        await house.work()
    operations = ("holdDebFile", "releaseDebFile", "bookDebFile", "undoDebFile", "bookDebFileAnew")
    lines = await _told(house, *operations)
    assert [operation for operation, _, _ in lines] == list(operations)
    assert {after["reason"] for _, _, after in lines} == {WHY}
    held, released, booked, undone, anew = lines
    assert (held[1]["status"], held[2]["status"]) == ("staged", "held")
    assert held[2]["reason_code"] == "held-by-person"
    assert (released[1]["status"], released[2]["status"]) == ("held", "fetched")
    assert (booked[1]["review"], booked[2]["review"]) == ("awaited", "given")
    assert (undone[1]["status"], undone[2]["status"]) == ("booked", "undoing")
    assert (anew[1]["is_replaced"], anew[2]["is_replaced"]) == (False, True)
    assert UUID(anew[2]["anew"]) != deb_file_id


async def test_of_two_who_decide_the_same_at_once_one_is_told(
    house: House, office: FileOffice
) -> None:
    deb_file_id = await _under_review(house)
    answers = await asyncio.gather(*(office.decide(deb_file_id, "hold", WHY) for _ in range(4)))
    assert sorted(answer["already"] for _, answer in answers) == [False, True, True, True]
    assert len(await _told(house, "holdDebFile")) == 1


async def test_closing_and_reopening_tell_the_day_up_to_which_the_books_were_closed(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    for verb, until in (
        ("close", "2026-01-31"),
        ("close", "2026-02-28"),
        ("close", "2026-02-28"),
        ("reopen", "2026-02-28"),
        ("reopen", "2026-02-28"),
    ):
        status, answer = await api.post(
            f"{house.path}/periods/{verb}", {"until": until, "reason": WHY}
        )
        assert status == 200, answer
    lines = await _told(house, "closePeriod", "reopenPeriod")
    assert [
        (operation, before["closed_until"], after["closed_until"], after["reason"])
        for operation, before, after in lines
    ] == [
        ("closePeriod", None, "2026-01-31", WHY),
        ("closePeriod", "2026-01-31", "2026-02-28", WHY),
        ("reopenPeriod", "2026-02-28", "2026-01-31", WHY),
    ]


async def test_a_decision_about_a_parked_row_tells_why_it_was_parked(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    row = Row("R-1", "payout", "2026-999999", rappen=1000)
    await house.book(DebFile((row,)))
    _, queue = await api.get(f"{house.path}/parked-rows")
    path = f"{house.path}/parked-rows/{queue['items'][0]['row_id']}/decision"
    body = {"decision": "leave", "invoice_id": None, "reason": WHY}
    assert [(await api.post(path, body))[0] for _ in range(2)] == [200, 409]
    assert await _told(house, "decideParkedRow") == [
        (
            "decideParkedRow",
            {"decision": None, "reason": None},
            {"decision": "leave", "reason": WHY},
        )
    ]


async def test_of_an_exception_its_state_is_told_and_never_the_text_of_a_note(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((Row("R-1", "payout", "2026-999999", rappen=1000),)))
    queue = Queue(api, house)
    item = (await queue.items())[0]["item"]
    status, _ = await queue.do(item, "note", note="Anna Muster called")
    assert status == 200
    assert await _told(house, "noteException") == [
        ("noteException", {"history_lines": 1}, {"history_lines": 2})
    ]
    assert (await queue.api.get(f"{EXCEPTIONS}/{item}"))[0] == 200


async def test_a_bank_account_its_statements_and_decisions_are_told(
    house: House, api: ApiClient
) -> None:
    bank = Bank(api.as_user([UserRole.BILLING_OFFICE], [house.practice_id]), new_iban())
    operations = ("addBankAccount", "importBankStatement", "decideBankEntry")
    seen = len(await told(house.database, None, *operations))
    await house.acquitted_invoices("120.00")
    await bank.open(house)
    for _ in range(2):
        status, answer = await bank.receive(came(reference="ZA-9"))
        assert status == 200, answer
    entry = (await bank.ask("unexplained-entries"))["items"][0]
    body: dict[str, Any] = {"decision": "leave", "payout_reference": None, "reason": WHY}
    status, answer = await bank.api.post(f"/v1/bank-entries/{entry['entry_id']}/decision", body)
    assert status == 200, answer
    account, statement, decision = (await told(house.database, None, *operations))[seen:]
    assert (account[1], account[2]["iban"]) == ({}, bank.iban)
    assert (statement[2]["statements"], statement[2]["new"]) == (1, 1)
    assert decision[1:] == (
        {"decision": None, "reason": None},
        {"decision": "leave", "reason": WHY},
    )


async def test_an_order_is_told_once_as_acquitted_and_a_line_that_is_left_with_its_reason(
    house: House, api: ApiClient
) -> None:
    await _crossed(house, acquittal="manual")
    for _ in range(2):
        path = f"{house.path}/orders/{house.order_id('CMD-2026-0001')}/acquit"
        assert (await api.post(path))[0] == 200
    line = (await _lines(api, house))[0]
    assert (await _settle(api, house, line, "leave", WHY))[0] == 200
    acquitted, settled = await _told(house, "acquitOrder", "settleAcquittalException")
    assert acquitted[1]["acquitted_on"] is None
    assert (acquitted[2]["invoice_count"], acquitted[2]["set_aside"]) == (1, 2)
    assert acquitted[2]["total"]["amount"] == "120.00"
    assert settled[1]["decision"] is None
    assert (settled[2]["decision"], settled[2]["reason"]) == ("leave", WHY)


async def test_a_row_that_is_booked_by_a_person_is_told_with_its_invoice(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((Row("R-1", "payout", "2026-999999", rappen=1000),)))
    _, queue = await api.get(f"{house.path}/parked-rows")
    invoice_id = str(house.invoice_id("2026-000001"))
    body = {"decision": "book-on-invoice", "invoice_id": invoice_id, "reason": WHY}
    path = f"{house.path}/parked-rows/{queue['items'][0]['row_id']}/decision"
    assert (await api.post(path, body))[0] == 200
    ((_, before, after),) = await _told(house, "decideParkedRow")
    assert (before["status"], before["reason_code"]) == ("parked", "unknown-invoice")
    assert after == {
        "status": "booked",
        "reason_code": None,
        "decision": "book-on-invoice",
        "invoice_id": invoice_id,
        "reason": WHY,
    }


async def test_an_exception_that_a_person_closes_is_told_with_the_reason(
    house: House, api: ApiClient
) -> None:
    await house.open()
    await house.receive(Reports(house, "CMD-2026-0009").refused())
    queue = Queue(api, house)
    item = (await queue.items())[0]["item"]
    assert (await queue.do(item, "close", reason=WHY))[0] == 200
    ((_, before, after),) = await _told(house, "closeException")
    assert (before["open"], after["open"], after["reason"]) == (True, False, WHY)


async def test_a_bank_account_that_is_changed_is_told_by_the_fields_that_differ(
    house: House, api: ApiClient
) -> None:
    await house.open()
    bank = Bank(api, new_iban())
    await bank.open(house)
    seen = len(await told(house.database, None, "changeBankAccount"))
    body = {
        "iban": bank.iban,
        "holder": "Practice (demo)",
        "practice_ids": [str(house.practice_id)],
        "factor_ibans": [FACTOR_IBAN],
    }
    path, headers = f"/v1/bank-accounts/{bank.account_id}", {"If-Match": '"1"'}
    assert (await api.request("PUT", path, body=body, headers=headers)).status == 200
    assert (await told(house.database, None, "changeBankAccount"))[seen:] == [
        (
            "changeBankAccount",
            {"holder": "Billing office (demo)", "version": 1},
            {"holder": "Practice (demo)", "version": 2},
        )
    ]
