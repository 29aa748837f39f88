"""An invoice that the factor gave back goes into another order, in whatever order that is told."""

from __future__ import annotations

from typing import Any

import pytest

from shared.contracts.orders.v1 import OrderPrepared
from shared.contracts.reconciliation.v1 import InvoicePositionChanged
from shared.kernel.errors import TooEarlyError
from tests.integration.invoicing.office import Office, Voices
from tests.integration.invoicing.test_corrections import withdrawn
from tests.integration.invoicing.test_events_in import acquitted, moved, shown
from tests.integration.invoicing.test_renditions import demand, render
from tests.unit.invoicing.bodies import chf


async def handed_over(office: Office, voices: Voices) -> tuple[Any, OrderPrepared]:
    """Return an acquitted invoice and its order."""
    invoice = await office.invoice()
    order = await voices.prepared(office, invoice)
    await voices.say(order)
    await voices.say(await voices.confirmed(office, order.order_id, {invoice["invoice_id"]: None}))
    await voices.say(acquitted(office, invoice, order.order_id))
    return invoice, order


def recourse(office: Office, invoice: Any) -> InvoicePositionChanged:
    """Return the books' statement that the factor gave the invoice back."""
    told = moved(office, invoice, "120.00", "0.00", "0.00", ("recourse", "120.00"))
    return told.model_copy(update={"with_factor": False, "given_back": True})


async def test_a_given_back_invoice_is_ordered_again_and_acquitted_with_its_second_order(
    office: Office, voices: Voices
) -> None:
    invoice, first = await handed_over(office, voices)
    await voices.say(recourse(office, invoice), sequence=2)
    back = await shown(office, invoice)
    assert (back["state"], back["balance_text"]) == ("acquitted", "120.00")
    assert (back["order_id"], back["collection"]["stage"]) == (str(first.order_id), "given-back")
    second = await voices.prepared(office, invoice)
    await voices.say(second)
    again = await shown(office, invoice)
    assert (again["state"], again["order_id"]) == ("ordered", str(second.order_id))
    assert again["collection"]["stage"] == "in-order"
    await voices.say(await voices.confirmed(office, second.order_id, {invoice["invoice_id"]: None}))
    await voices.say(acquitted(office, invoice, second.order_id), sequence=3)
    await voices.say(
        moved(office, invoice, "120.00", "0.00", "120.00", ("acquittal", "120.00")), sequence=4
    )
    done = await shown(office, invoice)
    assert (done["state"], done["balance_text"]) == ("acquitted", "120.00 *")
    assert (done["order_id"], done["factor_owes"]) == (str(second.order_id), chf("120.00"))
    assert done["collection"]["stage"] == "with-factor"


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_the_second_order_may_be_told_of_before_between_and_after_what_the_books_say(
    office: Office, voices: Voices, place: int
) -> None:
    invoice, _ = await handed_over(office, voices)
    second = await voices.prepared(office, invoice)
    news = [recourse(office, invoice), acquitted(office, invoice, second.order_id)]
    for told in range(3):
        if told == place:
            await voices.say(second)
        if told == 1 and place == 2:
            with pytest.raises(TooEarlyError):
                await voices.say(news[1], sequence=3)
        elif told < 2:
            await voices.say(news[told], sequence=told + 2)
    if place == 2:
        await voices.say(news[1], sequence=3)
    done = await shown(office, invoice)
    assert (done["state"], done["order_id"]) == ("acquitted", str(second.order_id))
    assert done["balance_text"] == "120.00 *"


async def test_an_order_that_was_told_of_before_the_recourse_has_the_invoice_after_it(
    office: Office, voices: Voices
) -> None:
    invoice, first = await handed_over(office, voices)
    second = await voices.prepared(office, invoice)
    await voices.say(second)
    still = await shown(office, invoice)
    assert (still["state"], still["order_id"]) == ("acquitted", str(first.order_id))
    await voices.say(recourse(office, invoice), sequence=2)
    after = await shown(office, invoice)
    assert (after["state"], after["order_id"]) == ("ordered", str(second.order_id))


async def test_a_second_order_that_is_withdrawn_leaves_it_given_back(
    office: Office, voices: Voices
) -> None:
    invoice, first = await handed_over(office, voices)
    await voices.say(recourse(office, invoice), sequence=2)
    second = await voices.prepared(office, invoice)
    await voices.say(second)
    await voices.say(withdrawn(second))
    back = await shown(office, invoice)
    assert (back["state"], back["order_id"]) == ("acquitted", str(first.order_id))
    assert back["collection"]["stage"] == "given-back"
    third = await voices.prepared(office, invoice)
    await voices.say(third)
    assert (await shown(office, invoice))["order_id"] == str(third.order_id)


async def test_a_reversed_recourse_puts_it_back_although_a_second_order_has_it(
    office: Office, voices: Voices
) -> None:
    invoice, first = await handed_over(office, voices)
    await voices.say(recourse(office, invoice), sequence=2)
    second = await voices.prepared(office, invoice)
    await voices.say(second)
    undone = moved(office, invoice, "120.00", "0.00", "120.00", ("reversal", "120.00"))
    (change,) = undone.changes
    changes = (change.model_copy(update={"reverses": "recourse"}),)
    await voices.say(undone.model_copy(update={"changes": changes}), sequence=3)
    after = await shown(office, invoice)
    assert (after["state"], after["order_id"]) == ("acquitted", str(first.order_id))
    assert after["balance_text"] == "120.00 *"
    await voices.say(await voices.confirmed(office, second.order_id, {invoice["invoice_id"]: None}))
    assert await shown(office, invoice) | {"history": []} == after | {"history": []}


async def test_what_was_given_back_is_still_reduced_by_credit_notes_only(
    office: Office, voices: Voices
) -> None:
    invoice, _ = await handed_over(office, voices)
    await voices.say(recourse(office, invoice), sequence=2)
    await voices.say(await voices.prepared(office, invoice))
    one = f"invoices/{invoice['invoice_id']}"
    problem = await office.post(f"{one}/cancel", {"reason_code": "x"}, status=409)
    assert problem["code"] == "needs-credit-note"
    right = await office.post(f"{one}/correct", {"reason_code": "x"})
    assert right["replaces"] == invoice["invoice_id"]
    (note,) = (await office.get(f"{one}/credit-notes"))["items"]
    assert (note["amount"]["amount"], note["state"]) == ("120.00", "for-the-factor")


async def test_what_was_given_back_is_written_anew_until_another_order_has_it(
    office: Office, voices: Voices
) -> None:
    invoice, _ = await handed_over(office, voices)
    await demand(office, "4.5", read=1)
    (held,) = (await render(office, invoice))["not_rendered"]
    assert held["code"] == "already-with-factor"
    await voices.say(recourse(office, invoice), sequence=2)
    assert (await render(office, invoice))["newly_rendered"] == 1
    assert (await shown(office, invoice))["document_format"] == "4.5"
    await demand(office, "5.0", read=2)
    second = await voices.prepared(office, invoice)
    await voices.say(second)
    (held,) = (await render(office, invoice))["not_rendered"]
    assert held["code"] == "withdraw-order-first"
    await voices.say(await voices.confirmed(office, second.order_id, {invoice["invoice_id"]: None}))
    (held,) = (await render(office, invoice))["not_rendered"]
    assert held["code"] == "already-with-factor"
