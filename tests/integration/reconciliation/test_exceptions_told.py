"""What an item of the queue says: when and why it ended, how much is at stake, what can be done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.invoicing.v1 import InvoiceCancelled
from shared.contracts.orders.v1 import OrderMovedOn, OrderNotLeaving
from shared.web.endpoints import UserRole
from tests.integration.reconciliation.house import House, chf
from tests.integration.reconciliation.queue import EXCEPTIONS, Queue, Reports
from tests.integration.reconciliation.test_deb_booking import ROWS
from tests.support.deb_builder import DebFile, Row
from tests.support.web import ApiClient

ONE_HOUR = timedelta(hours=1)


@pytest.fixture
def queue(house: House, api: ApiClient) -> Queue:
    """The queue as the people of this test's practice see it."""
    return Queue(api, house)


async def _lines(queue: Queue, item: str) -> list[tuple[str, str, str | None]]:
    """What happened: the event, the hour by UTC, who."""
    shown = await queue.show(item)
    return [(one["event"], one["at"][11:16], one["by"]) for one in shown["history"]]


def _not_leaving(house: House, reason: str, round_: int = 1, **values: Any) -> OrderNotLeaving:
    given: dict[str, Any] = {
        "practice_id": house.practice_id,
        "contract_id": house.contract_id,
        "order_id": house.order_id("CMD-2026-0001"),
        "order_number": "CMD-2026-0001",
        "round": round_,
        "reason_code": reason,
        "since": house.clock.now(),
        "may_have_left": False,
        "invoice_count": 1,
        "total": chf("120.00"),
        "noted_at": house.clock.now(),
    }
    return OrderNotLeaving(**given | values)


def _moved_on(house: House, round_: int, state: str) -> OrderMovedOn:
    return OrderMovedOn(
        practice_id=house.practice_id,
        contract_id=house.contract_id,
        order_id=house.order_id("CMD-2026-0001"),
        round=round_,
        state=state,
        moved_on_at=house.clock.now(),
    )


async def test_an_order_that_does_not_leave_is_there_until_it_moves_on(
    house: House, queue: Queue
) -> None:
    began = house.clock.now()
    await house.receive(_not_leaving(house, "portal-credentials-missing"))
    item = await queue.only("order-not-leaving")
    assert item["words"] == (
        "Order CMD-2026-0001 does not leave: the practice's access to the portal is missing."
    )
    assert (item["amount"]["amount"], item["may_be_closed"]) == ("120.00", False)
    assert [one["operation_id"] for one in item["actions"]] == [
        "putPortalCredentials",
        "putSftpCredentials",
        "resendOrder",
        "withdrawOrder",
        "getTransmission",
    ]
    house.clock.advance(ONE_HOUR)
    await house.receive(_not_leaving(house, "package-damaged", 2, since=began))
    assert (await queue.only("order-not-leaving"))["since"] == item["since"]
    house.clock.advance(ONE_HOUR)
    await house.receive(_moved_on(house, 2, "withdrawn"))
    assert await queue.kinds() == []
    assert await queue.history(item["item"]) == ["opened", "changed", "resolved"]


async def test_what_may_have_left_is_not_offered_for_withdrawal(house: House, queue: Queue) -> None:
    await house.receive(_not_leaving(house, "not-sent-in-time", may_have_left=True))
    item = await queue.only("order-not-leaving")
    offered = [one["operation_id"] for one in item["actions"]]
    assert offered == ["resendOrder", "getTransmission"]


async def test_an_order_that_goes_by_hand_is_handed_over_and_not_sent_again(
    house: House, queue: Queue
) -> None:
    await house.receive(_not_leaving(house, "contract-uses-manual"))
    item = await queue.only("order-not-leaving")
    offered = {one["operation_id"] for one in item["actions"]}
    assert {"downloadOrderPackage", "handOverOrder", "withdrawOrder"} <= offered
    assert "resendOrder" not in offered


async def test_a_manual_acquittal_ends_when_it_is_done_and_not_at_midnight(
    house: House, queue: Queue, api: ApiClient
) -> None:
    await house.open(acquittal="manual")
    await house.receive(house.invoice_issued("2026-000001", "120.00"))
    await house.receive(await house.order_confirmed([("2026-000001", "120.00", True)]))
    item = await queue.only("manual-acquittal")
    house.clock.advance(ONE_HOUR)
    order = house.order_id("CMD-2026-0001")
    assert (await api.as_user().post(f"{house.path}/orders/{order}/acquit", {}))[0] == 200
    told = await _lines(queue, item["item"])
    assert [event for event, _, _ in told] == ["opened", "resolved"]
    assert told[0][1] < told[1][1]


async def test_a_refused_line_that_is_cancelled_the_same_day_ends_after_it_began(
    house: House, queue: Queue
) -> None:
    await house.open()
    await house.receive(house.invoice_issued("2026-000001", "120.00"))
    await house.receive(await house.order_confirmed([("2026-000001", "120.00", False)]))
    item = await queue.only("refused-line")
    house.clock.advance(ONE_HOUR)
    await house.receive(
        InvoiceCancelled(
            practice_id=house.practice_id,
            invoice_id=house.invoice_id("2026-000001"),
            invoice_number="2026-000001",
            contract_id=house.contract_id,
            reason_code="billing-error",
            replaced_by=None,
            cancelled_on=house.clock.today(),
        )
    )
    told = await _lines(queue, item["item"])
    assert [event for event, _, _ in told] == ["opened", "resolved"]
    assert told[0][1] < told[1][1]


async def test_a_file_that_is_let_go_by_itself_keeps_why_and_until_when_it_was_held(
    house: House, queue: Queue
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile(ROWS[4:], file_id="F-0002", previous="F-0001"))
    item = await queue.only("held-deb-file")
    [opened] = (await queue.show(item["item"]))["history"]
    assert opened["why"] != ""
    house.clock.advance(ONE_HOUR)
    await house.book(DebFile(ROWS[:4]))
    shown = await queue.show(item["item"])
    assert (shown["open"], shown["reason_code"]) == (False, "sequence-gap")
    assert (shown["words"], shown["since"]) == (item["words"], item["since"])
    assert [(one["event"], one["why"]) for one in shown["history"]] == [
        ("opened", opened["why"]),
        ("resolved", "the file before it is booked"),
    ]
    assert shown["history"][0]["at"] < shown["history"][1]["at"]


async def test_a_file_that_a_person_holds_and_releases_names_the_person(
    house: House, queue: Queue, api: ApiClient
) -> None:
    await house.open(deb_booking="review")
    deb_file_id = await house.book(DebFile(()))
    path = f"{house.path}/deb-files/{deb_file_id}"
    assert (await api.as_user().post(f"{path}/hold", {"reason": "ask the factor"}))[0] == 200
    item = await queue.only("held-deb-file")
    house.clock.advance(ONE_HOUR)
    assert (await api.as_user().post(f"{path}/release", {"reason": "all is well"}))[0] == 200
    await house.work()
    history = (await queue.show(item["item"]))["history"]
    assert [one["event"] for one in history] == ["opened", "resolved"]
    assert "ask the factor" in history[0]["why"]
    assert (history[1]["why"], history[1]["by"]) == ("all is well", "user-1")


async def test_a_file_that_is_held_a_second_time_is_opened_again(
    house: House, queue: Queue, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    data = DebFile(ROWS[:4]).data()[:1000]
    deb_file_id = await house.book(data)
    item = await queue.only("held-deb-file")
    house.clock.advance(ONE_HOUR)
    path = f"{house.path}/deb-files/{deb_file_id}/release"
    assert (await api.as_user().post(path, {"reason": "look again"}))[0] == 200
    house.clock.advance(ONE_HOUR)
    await house.work()
    assert (await queue.only("held-deb-file"))["since"] > item["since"]
    assert await queue.history(item["item"]) == ["opened", "resolved", "reopened"]


async def test_a_file_that_was_never_held_is_no_item(
    house: House, queue: Queue, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    deb_file_id = await house.book(DebFile(ROWS[:4]))
    status, _ = await queue.api.get(f"{EXCEPTIONS}/held-deb-file.{deb_file_id}")
    assert status == 404


async def test_holds_are_never_changed(house: House, queue: Queue) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile(ROWS[:4]).data()[:1000])
    with pytest.raises(Exception, match=r"append-only|permission denied"):
        await house.rows("UPDATE deb_file_hold SET why = NULL RETURNING 1")


async def test_a_refused_order_says_how_much_is_at_stake(house: House, queue: Queue) -> None:
    await house.open()
    await house.receive(house.invoice_issued("2026-000001", "120.00"))
    prepared = await house.order_prepared("CMD-2026-0001", "2026-000001")
    await house.receive(prepared)
    await house.receive(Reports(house).refused())
    [item] = await queue.items(by="amount", minimum_amount="0.05")
    assert (item["kind"], item["amount"]["amount"]) == (
        "order-refused",
        prepared.total.amount,
    )


async def test_a_file_to_review_says_how_much_is_at_stake(house: House, queue: Queue) -> None:
    await house.open(deb_booking="review")
    await house.book(
        DebFile(
            (
                Row("R-1", "debtor_payment", "2026-000001", rappen=700),
                Row("R-2", "payout", rappen=1000),
            )
        )
    )
    [item] = await queue.items(by="amount", minimum_amount="0.05")
    assert (item["kind"], item["amount"]["amount"]) == ("deb-file-to-review", "17.00")


async def test_a_row_in_conflict_can_be_left_and_nothing_else(
    house: House, queue: Queue, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((Row("R-1", "payout", rappen=1000),)))
    second = DebFile((Row("R-1", "payout", rappen=2000),), file_id="F-0002", previous="F-0001")
    await house.book(second)
    item = await queue.only("conflict")
    assert [(one["operation_id"], one["choices"]) for one in item["actions"]] == [
        ("decideParkedRow", ["leave"]),
        ("explainDebRow", []),
    ]
    await _carry_out(house, api, item)
    assert await queue.kinds() == []


@pytest.mark.parametrize(
    ("row", "choices"),
    [
        (Row("R-1", "surprise", "2026-000001", rappen=700), ["leave"]),
        (Row("R-1", "debtor_payment", "2026-000009", rappen=700), ["book-on-invoice", "leave"]),
    ],
)
async def test_each_choice_that_a_parked_row_offers_can_be_taken(
    house: House, queue: Queue, api: ApiClient, row: Row, choices: list[str]
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((row,)))
    item = await queue.only("parked-row")
    [decide] = [one for one in item["actions"] if one["operation_id"] == "decideParkedRow"]
    assert decide["choices"] == choices
    await _carry_out(house, api, item)


async def test_what_a_person_may_not_do_is_not_offered(
    house: House, queue: Queue, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((Row("R-1", "surprise", "2026-000001", rappen=700),)))
    other = house.order_id("CMD-2026-0002")
    await house.receive(_not_leaving(house, "package-damaged", order_id=other))
    of = {
        role: {
            one["operation_id"]
            for item in (await _as(api, house, role).get(EXCEPTIONS))[1]["items"]
            for one in item["actions"]
        }
        for role in (UserRole.ASSISTANT, UserRole.CONTROLLER)
    }
    assert of[UserRole.ASSISTANT] == {"resendOrder", "withdrawOrder", "getTransmission"}
    assert of[UserRole.CONTROLLER] == {"decideParkedRow", "getTransmission"}


def _as(api: ApiClient, house: House, role: UserRole) -> ApiClient:
    return api.as_user(practices=[house.practice_id], roles=[role])


async def _carry_out(house: House, api: ApiClient, item: dict[str, Any]) -> None:
    """Take the first choice of each action that decides, and read what only reads."""
    user = api.as_user()
    about = item["about"]
    for action in item["actions"]:
        if action["operation_id"] == "explainDebRow":
            path = f"{house.path}/deb-files/{about['deb_file_id']}/rows/{about['deb_line']}"
            status, answer = await user.get(path)
        elif action["operation_id"] == "suggestInvoices":
            status, answer = await user.get(
                f"{house.path}/parked-rows/{about['row_id']}/suggestions"
            )
        else:
            body: dict[str, Any] = {"decision": action["choices"][0], "reason": "as it should be"}
            if body["decision"] == "book-on-invoice":
                body["invoice_id"] = str(house.invoice_id("2026-000001"))
            status, answer = await user.post(
                f"{house.path}/parked-rows/{about['row_id']}/decision", body
            )
        assert status == 200, (action, answer)
