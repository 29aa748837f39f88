"""Each kind of exception is in the queue for its right reason, and leaves it for its right one."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from uuid import uuid4

import pytest
from sqlalchemy import text
from stdnum.iban import calc_check_digits

from shared.contracts.invoicing.v1 import InvoiceCancelled
from shared.db.scope import Scope
from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.queue import Queue, Reports, dead_letter
from tests.support.camt_builder import FACTOR_IBAN, Entry, Part, camt
from tests.support.deb_builder import DebFile, Row
from tests.support.web import ApiClient

ONE_HOUR = timedelta(hours=1)


@pytest.fixture
def queue(house: House, api: ApiClient) -> Queue:
    """The queue as the people of this test's practice see it."""
    return Queue(api, house)


@pytest.fixture
def reports(house: House) -> Reports:
    """What other services say of this test's practice."""
    return Reports(house)


async def _open_with_invoice(house: House, **terms: str) -> None:
    await house.open(**terms)
    await house.receive(house.invoice_issued("2026-000001", "120.00"))


async def test_an_overdue_order_is_there_until_it_is_confirmed(
    house: House, queue: Queue, reports: Reports
) -> None:
    await _open_with_invoice(house)
    await house.receive(reports.overdue())
    item = await queue.only("order-overdue")
    assert item["words"] == (
        "Order CMD-2026-0001 is overdue: it was taken and has not arrived by the deadline."
    )
    assert (item["amount"]["amount"], item["about"]["order_number"]) == ("120.00", "CMD-2026-0001")
    assert not item["may_be_closed"]
    await house.receive(await house.order_confirmed([("2026-000001", "120.00", True)]))
    assert await queue.kinds() == []
    assert await queue.history(item["item"]) == ["opened", "resolved"]


async def test_an_overdue_order_ends_with_its_withdrawal_whichever_is_heard_first(
    house: House, queue: Queue, reports: Reports
) -> None:
    await house.receive(reports.withdrawn())
    await house.receive(reports.overdue())
    assert await queue.kinds() == []
    other = Reports(house, "CMD-2026-0002")
    await house.receive(other.overdue())
    assert await queue.kinds() == ["order-overdue"]
    await house.receive(other.withdrawn())
    assert await queue.kinds() == []


async def test_a_new_sending_is_overdue_by_itself_in_any_order_of_the_events(
    house: House, queue: Queue
) -> None:
    for place, order in enumerate(permutations(range(3))):
        reports = Reports(house, f"CMD-2026-1{place}")
        events = [reports.overdue(1), reports.send_failed(1), reports.overdue(2)]
        for which in order:
            await house.receive(events[which])
            await house.receive(events[which])
    found = await queue.items()
    assert [item["since"] for item in found] == ["2026-04-01T09:00:00Z"] * 6
    for place in range(6):
        await house.receive(Reports(house, f"CMD-2026-1{place}").send_failed(1))
    assert len(await queue.items()) == 6
    await house.receive(Reports(house, "CMD-2026-10").send_failed(2, "unknown"))
    assert len(await queue.items()) == 6
    await house.receive(Reports(house, "CMD-2026-10").send_failed(2))
    assert len(await queue.items()) == 5


async def test_an_overdue_order_that_comes_back_says_so_in_its_history(
    house: House, queue: Queue, reports: Reports
) -> None:
    await house.receive(reports.overdue(1))
    [item] = await queue.items()
    await house.receive(reports.send_failed(1))
    house.clock.advance(reports.overdue(2).deadline - house.clock.now())
    await house.receive(reports.overdue(2))
    assert (await queue.only("order-overdue"))["item"] == item["item"]
    assert await queue.history(item["item"]) == ["opened", "resolved", "reopened"]


async def test_a_refused_order_is_not_waited_for_but_looked_into(
    house: House, queue: Queue, reports: Reports
) -> None:
    await _open_with_invoice(house)
    await house.receive(reports.refused())
    await house.receive(reports.overdue())
    item = await queue.only("order-refused")
    assert item["words"] == "The portal refused order (unknown): account-unknown."
    await house.receive(await house.order_prepared())
    assert "CMD-2026-0001" in (await queue.only("order-refused"))["words"]
    assert (await queue.do(item["item"], "close", reason="the account is put right"))[0] == 200
    assert await queue.kinds() == []


async def _refused(house: House, number: str = "CMD-2026-0001", *, accepted: bool = False) -> None:
    await house.receive(
        await house.order_confirmed([("2026-000001", "120.00", accepted)], number=number)
    )


async def test_a_refused_line_ends_when_a_later_order_brings_the_invoice_home(
    house: House, queue: Queue
) -> None:
    await _open_with_invoice(house)
    await _refused(house)
    item = await queue.only("refused-line")
    assert item["words"] == (
        "Invoice 2026-000001 was refused in order CMD-2026-0001: address-incomplete."
    )
    house.clock.advance(ONE_HOUR)
    await _refused(house, "CMD-2026-0002", accepted=True)
    assert await queue.kinds() == []
    assert await queue.history(item["item"]) == ["opened", "resolved"]


async def test_a_refused_line_does_not_come_back_when_its_refusal_is_heard_late(
    house: House, queue: Queue
) -> None:
    await _open_with_invoice(house)
    refusal = await house.order_confirmed([("2026-000001", "120.00", False)])
    house.clock.advance(ONE_HOUR)
    await _refused(house, "CMD-2026-0002", accepted=True)
    await house.receive(refusal)
    assert await queue.kinds() == []


async def test_a_refused_line_ends_with_the_invoice(house: House, queue: Queue) -> None:
    await _open_with_invoice(house)
    await _refused(house)
    assert await queue.kinds() == ["refused-line"]
    await house.receive(
        InvoiceCancelled(
            practice_id=house.practice_id,
            invoice_id=house.invoice_id("2026-000001"),
            invoice_number="2026-000001",
            contract_id=house.contract_id,
            reason_code="entered-twice",
            replaced_by=None,
            cancelled_on=house.clock.today(),
        )
    )
    assert await queue.kinds() == []


async def test_a_closed_refused_line_opens_again_when_it_is_refused_again(
    house: House, queue: Queue
) -> None:
    await _open_with_invoice(house)
    await _refused(house)
    item = (await queue.only("refused-line"))["item"]
    house.clock.advance(ONE_HOUR)
    assert (await queue.do(item, "close", reason="sent by post instead"))[0] == 200
    assert await queue.kinds() == []
    house.clock.advance(ONE_HOUR)
    await _refused(house, "CMD-2026-0002")
    assert (await queue.only("refused-line"))["item"] == item
    assert await queue.history(item) == ["opened", "closed", "reopened"]


async def test_an_order_waits_for_its_manual_acquittal(
    house: House, queue: Queue, api: ApiClient
) -> None:
    await _open_with_invoice(house, acquittal="manual")
    await _refused(house, accepted=True)
    item = await queue.only("manual-acquittal")
    assert [one["operation_id"] for one in item["actions"]] == ["acquitOrder"]
    order_id = house.order_id("CMD-2026-0001")
    assert (await api.post(f"{house.path}/orders/{order_id}/acquit"))[0] == 200
    assert await queue.kinds() == []


async def test_an_automatic_acquittal_leaves_nothing_in_the_queue(
    house: House, queue: Queue
) -> None:
    await house.acquitted_invoices("120.00")
    assert await queue.kinds() == []


async def test_a_held_file_is_there_until_it_is_released_and_adds_up(
    house: House, queue: Queue, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(
        DebFile((Row("R-1", "debtor_payment", "2026-000001", rappen=500),), previous="D-0")
    )
    item = await queue.only("held-deb-file")
    assert (item["reason_code"], item["amount"]["amount"]) == ("sequence-gap", "5.00")
    assert item["about"]["deb_file_id"] == str(deb_file_id)
    path = f"{house.path}/deb-files/{deb_file_id}/release"
    assert (await api.post(path, {"reason": "the file before has nothing"}))[0] == 200
    await house.work()
    assert await queue.kinds() == []
    assert await queue.history(item["item"]) == ["opened", "resolved"]


async def test_a_file_of_a_foreign_account_offers_no_release(house: House, queue: Queue) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((), account="CMD-99"))
    item = await queue.only("held-deb-file")
    assert item["reason_code"] == "foreign-account"
    assert [one["operation_id"] for one in item["actions"]] == ["discardDebFile"]


async def test_a_file_waits_for_its_review(house: House, queue: Queue, api: ApiClient) -> None:
    await house.open(deb_booking="review")
    deb_file_id = await house.book(DebFile(()))
    await queue.only("deb-file-to-review")
    assert (await api.post(f"{house.path}/deb-files/{deb_file_id}/book", {}))[0] == 200
    assert await queue.kinds() == []


async def test_a_parked_row_ends_by_a_persons_decision(
    house: House, queue: Queue, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((Row("R-1", "surprise", "2026-000001", rappen=700),)))
    item = await queue.only("parked-row")
    assert (item["reason_code"], item["amount"]["amount"]) == ("unknown-kind", "7.00")
    assert item["words"].startswith("Line 2 of DEB file ")
    path = f"{house.path}/parked-rows/{item['about']['row_id']}/decision"
    assert (await api.post(path, {"decision": "leave", "reason": "only words"}))[0] == 200
    assert await queue.kinds() == []
    last = (await queue.show(item["item"]))["history"][-1]
    assert (last["event"], last["by"], last["why"]) == ("resolved", "user-1", "only words")


async def test_a_parked_row_ends_when_what_it_waits_for_comes(house: House, queue: Queue) -> None:
    await house.open()
    await house.book(DebFile((Row("R-1", "debtor_payment", "2026-000001", rappen=700),)))
    item = await queue.only("parked-row")
    await house.receive(house.invoice_issued("2026-000001", "120.00"))
    await _refused(house, accepted=True)
    await house.work()
    assert await queue.kinds() == []
    shown = await queue.show(item["item"])
    assert (shown["open"], shown["actions"]) == (False, [])
    assert shown["history"][-1]["why"] == "the row is booked"


async def test_a_row_that_contradicts_a_booked_one_is_a_conflict(
    house: House, queue: Queue
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((Row("R-1", "debtor_payment", "2026-000001", rappen=700),)))
    assert await queue.kinds() == []
    await house.book(
        DebFile(
            (Row("R-1", "debtor_payment", "2026-000001", rappen=800),),
            file_id="F-0002",
            previous="F-0001",
        )
    )
    assert (await queue.only("conflict"))["reason_code"] == "conflicting-record"


async def test_a_parked_row_that_becomes_a_conflict_keeps_its_person_and_its_history(
    house: House, queue: Queue
) -> None:
    await house.acquitted_invoices("120.00")
    late = Row("R-1", "debtor_payment", "2026-000009", rappen=700)
    await house.book(DebFile((late,)))
    item = (await queue.only("parked-row"))["item"]
    assert (await queue.do(item, "assign", assignee="anna"))[0] == 200
    known = late.but(invoice="2026-000001", rappen=800)
    await house.book(DebFile((known,), file_id="F-0002", previous="F-0001"))
    await house.receive(house.invoice_issued("2026-000009", "50.00"))
    lines = [("2026-000009", "50.00", True)]
    await house.receive(await house.order_confirmed(lines, number="CMD-2026-0002"))
    await house.work()
    conflict = await queue.only("conflict")
    assert (conflict["assignee"], conflict["about"]["row_id"]) == ("anna", item.partition(".")[2])
    assert (await queue.do(conflict["item"], "note", note="asked the factor"))[0] == 200
    assert await queue.history(conflict["item"]) == ["opened", "assigned", "noted"]
    assert [one["item"] for one in await queue.items(assignee="anna")] == [conflict["item"]]


async def test_money_of_the_factor_without_a_payout_waits_until_its_row_comes(
    house: House, queue: Queue, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    await _bank_shows(house, api, "120.00")
    item = await queue.only("unmatched-payout")
    assert item["words"] == (
        "The bank's entry of CHF 120.00 is no payout that is known, or not one alone."
    )
    await house.book(
        DebFile((Row("R-1", "payout", "2026-000001", rappen=12_000, payout_reference="ZA 1"),))
    )
    assert await queue.kinds() == []


async def test_money_of_the_factor_that_a_person_explains_leaves_the_queue(
    house: House, queue: Queue, api: ApiClient
) -> None:
    await house.open()
    await _bank_shows(house, api, "7.00")
    item = await queue.only("unmatched-payout")
    path = f"/v1/bank-entries/{item['about']['bank_entry_id']}/decision"
    assert (await api.post(path, {"decision": "leave", "reason": "a refund of fees"}))[0] == 200
    assert await queue.kinds() == []
    assert await queue.history(item["item"]) == ["opened", "resolved"]


async def _bank_shows(house: House, api: ApiClient, amount: str) -> None:
    rest = f"00762{uuid4().int % 10**12:012d}"
    iban = f"CH{calc_check_digits(f'CH00{rest}')}{rest}"
    account = {
        "iban": iban,
        "holder": "Billing office (demo)",
        "practice_ids": [str(house.practice_id)],
        "factor_ibans": [FACTOR_IBAN],
    }
    assert (await api.post("/v1/bank-accounts", account))[0] == 201
    data = camt(Entry(amount, (Part(amount, "ZA1", payer=FACTOR_IBAN),)), iban=iban)
    answer = await api.request(
        "POST", "/v1/bank-statements", body=data, headers={"Content-Type": "application/xml"}
    )
    assert answer.status == 200, answer.json


async def test_a_missing_deb_file_is_told_once_and_closed_by_a_person(
    house: House, queue: Queue, reports: Reports
) -> None:
    await house.receive(reports.missing())
    await house.receive(reports.missing())
    item = await queue.only("deb-file-missing")
    assert item["words"] == "Number 5 of the portal's DEB files did not come, as 6 shows."
    assert (await queue.do(item["item"], "close", reason="it came by mail"))[0] == 200
    await house.receive(reports.missing())
    assert await queue.kinds() == []


@pytest.mark.parametrize("told_first", ["beginning", "end"])
async def test_a_missing_deb_file_that_comes_after_all_ends_by_itself(
    house: House, queue: Queue, reports: Reports, told_first: str
) -> None:
    if told_first == "beginning":
        await house.receive(reports.missing())
        item = (await queue.only("deb-file-missing"))["item"]
        await house.receive(reports.gap_closed())
        assert await queue.history(item) == ["opened", "resolved"]
    else:
        await house.receive(reports.gap_closed())
        await house.receive(reports.missing())
    assert await queue.kinds() == []


@pytest.mark.parametrize("told_first", ["beginning", "end"])
async def test_an_outage_is_over_for_each_practice_by_itself(
    house: House, queue: Queue, reports: Reports, told_first: str
) -> None:
    outage = uuid4()
    other = House(house.database, house.clock, store=house.store)
    await house.receive(Reports(other).unreachable(outage))
    events = [reports.unreachable(outage), reports.reachable(outage)]
    for event in events if told_first == "beginning" else reversed(events):
        await house.receive(event)
    assert await queue.kinds() == []
    await house.receive(reports.unreachable(uuid4()))
    assert await queue.kinds() == ["portal-unreachable"]
    assert await Queue(queue.api, other).kinds() == ["portal-unreachable"]


async def test_a_dead_letter_is_there_until_it_is_worked_or_dropped(
    house: House, queue: Queue
) -> None:
    event_id = await dead_letter(house, house.practice_id)
    item = await queue.only("dead-letter")
    assert item["words"] == (
        "The event order-confirmed of orders could not be worked by reconciliation: refused."
    )
    async with house.database.transaction(Scope.everything()) as connection:
        await connection.execute(
            text("UPDATE inbox SET status = 'skipped', reason = 'dropped' WHERE event_id = :id"),
            {"id": event_id},
        )
    assert await queue.kinds() == []
    assert (await queue.show(item["item"]))["history"][-1]["why"] == "dropped"
