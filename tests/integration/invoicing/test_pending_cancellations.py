"""Cancelling an invoice whose order has not left: the order is asked for, the answer decides."""

from __future__ import annotations

from typing import Any

from shared.contracts.debident.v1 import OrderRefused
from shared.contracts.orders.v1 import OrderPrepared
from tests.integration.invoicing.office import NOW, Office, Voices
from tests.integration.invoicing.test_corrections import WHY, in_an_order, sent, told, withdrawn
from tests.unit.invoicing.bodies import A_CONTRACT


async def pending(office: Office, voices: Voices) -> tuple[Any, OrderPrepared]:
    """Return an invoice that is to be cancelled, and the order that holds it."""
    invoice, order = await in_an_order(office, voices)
    shown = await office.post(f"invoices/{invoice['invoice_id']}/cancel", WHY, status=202)
    assert shown["state"] == "ordered"
    assert shown["cancellation"]["state"] == "pending"
    assert shown["cancellation"]["order_number"] == order.order_number
    assert shown["cancellation"]["asked_by"] == f"office-{office.practice_id}"
    return invoice, order


async def test_the_order_is_asked_for_once_and_the_invoice_is_cancelled_when_it_is_back(
    office: Office, voices: Voices
) -> None:
    invoice, order = await pending(office, voices)
    one = f"invoices/{invoice['invoice_id']}"
    await office.post(f"{one}/cancel", WHY, status=202)
    (wish,) = await told(office, "invoice-withdrawal-wished")
    assert wish["order_id"] == str(order.order_id)
    assert wish["invoice_id"] == invoice["invoice_id"]
    assert await told(office, "invoice-cancelled") == []
    await voices.say(withdrawn(order))
    shown = await office.get(one)
    assert (shown["state"], shown["cancel_reason"]) == ("cancelled", "wrong-address")
    assert shown["cancelled_by"] == f"office-{office.practice_id}"
    assert shown["cancellation"]["state"] == "done"
    assert [line["kind"] for line in shown["history"]] == [
        *("issued", "ordered", "cancellation-asked", "withdrawn", "cancelled"),
    ]
    (event,) = await told(office, "invoice-cancelled")
    assert event["reason_code"] == "wrong-address"
    await voices.say(withdrawn(order))
    assert len(await told(office, "invoice-cancelled")) == 1


async def test_an_order_that_had_left_turns_it_into_a_reason_with_a_way_out(
    office: Office, voices: Voices
) -> None:
    invoice, order = await pending(office, voices)
    one = f"invoices/{invoice['invoice_id']}"
    await voices.say(sent(order))
    shown = await office.get(one)
    assert shown["state"] == "ordered"
    assert shown["cancellation"]["state"] == "order-left"
    assert "credit note" in shown["cancellation"]["detail"]
    assert shown["history"][-1]["kind"] == "cancellation-refused"
    problem = await office.post(f"{one}/cancel", WHY, status=409)
    assert problem["code"] == "needs-credit-note"
    assert await told(office, "invoice-cancelled") == []


async def test_a_refused_order_frees_the_invoice_and_so_it_is_cancelled(
    office: Office, voices: Voices
) -> None:
    invoice, order = await pending(office, voices)
    await voices.say(
        OrderRefused(
            practice_id=order.practice_id,
            order_id=order.order_id,
            contract_id=order.contract_id,
            reason_code="bad-package",
            refused_at=NOW,
        )
    )
    shown = await office.get(f"invoices/{invoice['invoice_id']}")
    assert (shown["state"], shown["cancellation"]["state"]) == ("cancelled", "done")


async def test_an_arrival_before_the_sending_was_told_decides_it_too(
    office: Office, voices: Voices
) -> None:
    taken, order = await pending(office, voices)
    await voices.say(await voices.confirmed(office, order.order_id, {taken["invoice_id"]: None}))
    shown = await office.get(f"invoices/{taken['invoice_id']}")
    assert shown["cancellation"]["state"] == "order-left"
    other, second = await pending(office, voices)
    verdict = {other["invoice_id"]: "unknown-debtor"}
    await voices.say(await voices.confirmed(office, second.order_id, verdict))
    shown = await office.get(f"invoices/{other['invoice_id']}")
    assert (shown["state"], shown["cancellation"]["state"]) == ("cancelled", "done")


async def test_another_order_that_took_the_invoice_along_meanwhile_is_asked_for_in_turn(
    office: Office, voices: Voices
) -> None:
    invoice, order = await pending(office, voices)
    later = await voices.prepared(office, invoice)
    await voices.say(later)
    await voices.say(withdrawn(order))
    wishes = await told(office, "invoice-withdrawal-wished")
    assert [one["order_id"] for one in wishes] == [str(order.order_id), str(later.order_id)]
    await voices.say(withdrawn(later))
    shown = await office.get(f"invoices/{invoice['invoice_id']}")
    assert (shown["state"], shown["cancellation"]["state"]) == ("cancelled", "done")


async def test_the_other_invoices_of_the_order_are_free_and_not_cancelled(
    office: Office, voices: Voices
) -> None:
    wrong, right = await office.invoice(), await office.invoice()
    order = await voices.prepared(office, wrong, right)
    await voices.say(order)
    await office.post(f"invoices/{wrong['invoice_id']}/cancel", WHY, status=202)
    await voices.say(withdrawn(order))
    shown = await office.get(f"invoices/{right['invoice_id']}")
    assert (shown["state"], shown["order_id"], shown["cancellation"]) == ("issued", None, None)


async def test_where_packages_are_handed_over_by_hand_a_person_withdraws_the_order(
    office: Office, voices: Voices
) -> None:
    by_hand = {"portal": A_CONTRACT["portal"] | {"adapter": "manual"}, "account_number": "9-9"}
    contract = await office.post("contracts", A_CONTRACT | by_hand)
    office.contract_id = contract["contract_id"]
    invoice, order = await in_an_order(office, voices)
    problem = await office.post(f"invoices/{invoice['invoice_id']}/cancel", WHY, status=409)
    assert problem["code"] == "withdraw-order-first"
    assert problem["facts"]["order_number"] == order.order_number
    assert await told(office, "invoice-withdrawal-wished") == []
