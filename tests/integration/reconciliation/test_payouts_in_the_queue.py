"""A payout that the bank pays otherwise than announced, or not at all, is in the one queue."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.db.engine import Database
from shared.testing import FrozenClock
from shared.web.endpoints import UserRole
from tests.integration.reconciliation.bank import PAYOUT, Bank, came, new_iban, payout_row
from tests.integration.reconciliation.house import START, House
from tests.integration.reconciliation.queue import Queue
from tests.support.camt_builder import Entry, Part
from tests.support.deb_builder import DebFile
from tests.support.web import ApiClient

DUE = payout_row().but(value_date="20260402")
BEFORE = Entry("9.00", (Part("9.00", "RENT"),), bank_reference="ASR-0", day="2026-03-01")


@pytest.fixture
async def bank(house: House, api: ApiClient) -> Bank:
    """An account of which a statement is here, and whose practice has invoices of 120 and 80."""
    await house.acquitted_invoices("120.00", "80.00")
    bank = Bank(api, new_iban())
    await bank.open(house)
    await bank.receive(BEFORE, message="MSG-0")
    return bank


@pytest.fixture
def queue(house: House, api: ApiClient) -> Queue:
    """The queue as the people of this test's practice see it."""
    return Queue(api, house)


async def _decide(queue: Queue, item: dict[str, Any], **body: Any) -> tuple[int, Any]:
    path = f"/v1/payouts/{item['about']['payout_id']}/decision"
    given = {"difference": item["amount"], "reason": "the factor explained it"}
    return await queue.api.post(path, given | body)


async def test_a_payout_that_never_came_is_there_until_the_bank_shows_it(
    house: House, bank: Bank, queue: Queue
) -> None:
    await house.book(DebFile((DUE,)))
    house.clock.advance(timedelta(days=6))
    assert await queue.kinds() == [], "five days after its day the bank may still show it"
    house.clock.advance(timedelta(days=1))
    item = await queue.only("payout-differs")
    assert (item["reason_code"], item["amount"]["amount"]) == ("never-came", "120.00")
    assert item["words"] == (
        f"Payout {PAYOUT}: CHF 120.00 announced for 2026-04-02, CHF 0.00 came."
    )
    assert item["since"].startswith("2026-04-08")
    bank.api = queue.api
    assert (await bank.receive(came()))[0] == 200
    assert await queue.kinds() == []
    shown = await queue.show(item["item"])
    assert (shown["open"], shown["reason_code"]) == (False, None)
    said = [(line["event"], line["why"]) for line in shown["history"]]
    assert said[-1] == ("resolved", "the bank shows the sum")


async def test_how_many_days_a_payout_has_is_a_setting(house: House, bank: Bank) -> None:
    late = [service.gauges[0] for service in (house.definition, house.define(payout_days_max=30))]
    house.clock.advance(timedelta(days=20))
    many = "exceptions_open_payout_differs"
    before = [(await read())[many] for read in late]
    await house.book(DebFile((DUE,)))
    after = [(await read())[many] for read in late]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 0]


async def test_another_sum_than_announced_is_there_until_the_rest_comes(
    house: House, bank: Bank, queue: Queue
) -> None:
    await house.book(DebFile((DUE,)))
    await bank.receive(came("119.95"))
    item = await queue.only("payout-differs")
    assert (item["reason_code"], item["amount"]["amount"]) == ("amount-differs", "0.05")
    assert [one["operation_id"] for one in item["actions"]] == [
        "decidePayout",
        "decideBankEntry",
        "listUnexplainedEntries",
        "getPayoutParts",
    ]
    await bank.receive(came("0.05", bank_reference="ASR-2"), message="MSG-2")
    assert await queue.kinds() == []


async def test_a_person_accepts_a_difference_and_it_opens_again_with_another_sum(
    house: House, bank: Bank, queue: Queue
) -> None:
    await house.book(DebFile((DUE,)))
    await bank.receive(came("119.95"))
    item = await queue.only("payout-differs")
    other = await _decide(
        queue, item, decision="accept", difference={"amount": "0.06", "currency": "CHF"}
    )
    assert (other[0], other[1]["code"]) == (409, "payout-changed")
    status, decided = await _decide(queue, item, decision="accept")
    assert (status, decided["decided_by"], decided["received"]["amount"]) == (
        200,
        "user-1",
        "119.95",
    )
    assert await queue.kinds() == []
    assert (await _decide(queue, item, decision="accept"))[1]["code"] == "payout-settled"
    last = (await queue.show(item["item"]))["history"][-1]
    assert (last["event"], last["by"], last["why"]) == (
        "resolved",
        "user-1",
        "the factor explained it",
    )
    await bank.receive(came("1.00", bank_reference="ASR-2"), message="MSG-2")
    assert (await queue.only("payout-differs"))["amount"]["amount"] == "0.95"


async def test_a_person_waits_some_days_more(house: House, bank: Bank, queue: Queue) -> None:
    await house.book(DebFile((DUE,)))
    house.clock.advance(timedelta(days=7))
    item = await queue.only("payout-differs")
    far = await _decide(queue, item, decision="wait", wait_until="2027-04-10")
    assert (far[0], far[1]["code"]) == (422, "wait-until-out-of-range")
    assert (await _decide(queue, item, decision="wait"))[0] == 422
    assert (await _decide(queue, item, decision="wait", wait_until="2026-04-10"))[0] == 200
    assert await queue.kinds() == []
    house.clock.advance(timedelta(days=3))
    again = await queue.only("payout-differs")
    assert (again["item"], again["since"][:10]) == (item["item"], "2026-04-11")
    assert "noted" in await queue.history(item["item"])


async def test_a_bank_entry_that_a_person_matches_ends_it(
    house: House, bank: Bank, queue: Queue
) -> None:
    await house.book(DebFile((DUE,)))
    await bank.receive(came(reference="UNKNOWN"))
    house.clock.advance(timedelta(days=7))
    assert sorted(await queue.kinds()) == ["payout-differs", "unmatched-payout"]
    [entry] = await queue.items(kind="unmatched-payout")
    body = {"decision": "is-payout", "payout_reference": PAYOUT, "reason": "seen on the advice"}
    path = f"/v1/bank-entries/{entry['about']['bank_entry_id']}/decision"
    assert (await queue.api.post(path, body))[0] == 200
    assert await queue.kinds() == []


async def test_a_file_that_is_undone_takes_its_payout_out_and_its_entry_is_unmatched_again(
    house: House, bank: Bank, queue: Queue
) -> None:
    deb_file_id = await house.book(DebFile((DUE,)))
    await bank.receive(came())
    assert await queue.kinds() == []
    path = f"{house.path}/deb-files/{deb_file_id}/undo"
    status, answer = await queue.api.post(path, {"reason": "the factor sent it in error"})
    assert status == 200, answer
    await house.work()
    assert await queue.kinds() == ["unmatched-payout"]


async def test_what_a_bank_account_showed_before_it_was_kept_is_not_expected(
    house: House, api: ApiClient, queue: Queue
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((DUE,)))
    bank = Bank(api, new_iban())
    await bank.open(house)
    house.clock.advance(timedelta(days=30))
    assert await queue.kinds() == []
    bank.api = queue.api
    assert (await bank.receive(BEFORE, message="MSG-0"))[0] == 200
    assert await queue.kinds() == ["payout-differs"]


async def test_a_shared_payout_is_one_item_seen_by_who_sees_every_practice(
    house: House, api: ApiClient, database: Database
) -> None:
    other = House(database, FrozenClock(START), store=house.store)
    await house.acquitted_invoices("120.00")
    await other.acquitted_invoices("33.35")
    bank = Bank(api, new_iban())
    await bank.open(house, other)
    await house.book(DebFile((DUE,)))
    await bank.receive(came("153.30"))
    await other.book(DebFile((payout_row(3_335),)))
    item = await Queue(api, house, other).only("payout-differs")
    assert (item["amount"]["amount"], len(item["practice_ids"])) == ("0.05", 2)
    for one in (house, other):
        queue = Queue(api, one)
        assert await queue.kinds() == []
        assert (await _decide(queue, item, decision="accept"))[1]["code"] == "payout-not-found"


async def test_only_who_answers_for_the_books_accepts(
    house: House, bank: Bank, queue: Queue
) -> None:
    await house.book(DebFile((DUE,)))
    await bank.receive(came("119.95"))
    item = await queue.only("payout-differs")
    assistant = queue.api.as_user([UserRole.ASSISTANT], [house.practice_id])
    path = f"/v1/payouts/{item['about']['payout_id']}/decision"
    body = {"decision": "accept", "difference": item["amount"], "reason": "small"}
    assert (await assistant.post(path, body))[0] == 403
