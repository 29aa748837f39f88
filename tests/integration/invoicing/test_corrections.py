"""Cancel, correct, credit: what a wrong invoice leads to depends on where its order is."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from lxml import etree

from shared.contracts.debident.v1 import OrderSent
from shared.contracts.envelope import ContentRef, WireMoney
from shared.contracts.orders.v1 import OrderPrepared, OrderWithdrawn
from shared.contracts.reconciliation.v1 import (
    DebtorBalance,
    InvoicePositionChanged,
    PositionChange,
)
from shared.forum.schema import invoice_schema
from shared.kernel.errors import PermanentError, TooEarlyError
from shared.kernel.ids import new_id
from tests.integration.invoicing.office import NOW, Office, Voices
from tests.unit.invoicing.bodies import A_POSITION, chf

WHY = {"reason_code": "wrong-address"}


def sent(order: OrderPrepared) -> OrderSent:
    """Return the event of an order that has left."""
    return OrderSent(
        practice_id=order.practice_id,
        order_id=order.order_id,
        contract_id=order.contract_id,
        attempt=1,
        portal_reference="DBD-1",
        package_sha256=order.package.sha256,
        sent_at=NOW,
    )


def withdrawn(order: OrderPrepared) -> OrderWithdrawn:
    """Return the event of an order that was taken back."""
    return OrderWithdrawn(
        practice_id=order.practice_id,
        order_id=order.order_id,
        order_number=order.order_number,
        contract_id=order.contract_id,
        withdrawn_at=NOW,
    )


async def told(office: Office, kind: str) -> list[Any]:
    """Return the bodies of the events of a kind, in the order in which they leave."""
    rows = await office.rows(
        "SELECT body FROM outbox WHERE type = :kind ORDER BY position", kind=kind
    )
    return [json.loads(row["body"]) for row in rows]


async def in_an_order(office: Office, voices: Voices) -> tuple[Any, OrderPrepared]:
    """Return an invoice, and the order that it is in."""
    invoice = await office.invoice()
    order = await voices.prepared(office, invoice)
    await voices.say(order)
    return invoice, order


async def test_an_invoice_in_no_order_is_cancelled_once(office: Office) -> None:
    invoice = await office.invoice()
    one = f"invoices/{invoice['invoice_id']}"
    shown = await office.post(f"{one}/cancel", WHY, status=200)
    assert (shown["state"], shown["balance"]) == ("cancelled", chf("0.00"))
    assert shown["cancelled_by"] == f"office-{office.practice_id}"
    assert (shown["cancel_reason"], shown["paid"]) == ("wrong-address", False)
    assert [line["kind"] for line in shown["history"]] == ["issued", "cancelled"]
    again = await office.post(f"{one}/cancel", {"reason_code": "other"}, status=200)
    assert again == shown
    (event,) = await told(office, "invoice-cancelled")
    assert event["invoice_id"] == invoice["invoice_id"]
    assert (event["reason_code"], event["replaced_by"]) == ("wrong-address", None)
    assert event["cancelled_on"] == "2026-03-02"


async def test_the_treatments_of_a_cancelled_invoice_may_be_billed_anew(office: Office) -> None:
    treatment = await office.treatment()
    invoice = await office.invoice(treatment)
    await office.post(f"invoices/{invoice['invoice_id']}/cancel", WHY, status=200)
    shown = await office.get(f"treatments/{treatment}")
    assert shown["invoice_id"] is None
    fresh = await office.invoice(treatment)
    assert fresh["invoice_number"] == "2026-000002"
    problem = await office.post(
        "invoices",
        {"treatment_ids": [treatment], "contract_id": None},
        status=409,
    )
    assert problem["code"] == "treatment-billed"


async def test_a_correction_cancels_and_recreates_and_links_both(office: Office) -> None:
    wrong = await office.invoice(
        deposit=chf("20.00"), payment_period_days=10, discount_percent="12.5"
    )
    assert (wrong["total"], wrong["balance"]) == (chf("105.00"), chf("85.00"))
    right = await office.post(f"invoices/{wrong['invoice_id']}/correct", WHY)
    assert right["replaces"] == wrong["invoice_id"]
    same = (
        "treatment_ids",
        "deposit",
        "discount_percent",
        "total",
        "contract_id",
        "due_on",
        "balance",
    )
    assert {name: right[name] for name in same} == {name: wrong[name] for name in same}
    assert right["invoice_number"] == "2026-000002"
    shown = await office.get(f"invoices/{wrong['invoice_id']}")
    assert (shown["state"], shown["replaced_by"]) == ("cancelled", right["invoice_id"])
    (cancelled,) = await told(office, "invoice-cancelled")
    assert cancelled["replaced_by"] == right["invoice_id"]
    assert len(await told(office, "invoice-issued")) == 2
    problem = await office.post(f"invoices/{wrong['invoice_id']}/correct", WHY, status=409)
    assert problem["code"] == "invoice-cancelled"


async def test_a_correction_may_bill_something_else(office: Office) -> None:
    wrong = await office.invoice()
    other = await office.treatment(positions=[A_POSITION | {"points": "50"}])
    content = {"treatment_ids": [other], "contract_id": None, "deposit": chf("10.00")}
    right = await office.post(f"invoices/{wrong['invoice_id']}/correct", WHY | {"invoice": content})
    assert (right["total"], right["balance"]) == (chf("60.00"), chf("50.00"))
    assert right["contract_id"] is None


async def test_a_correction_that_cannot_be_issued_leaves_the_invoice_as_it_was(
    office: Office,
) -> None:
    wrong = await office.invoice()
    content = {"treatment_ids": wrong["treatment_ids"], "contract_id": office.patient_id}
    path = f"invoices/{wrong['invoice_id']}/correct"
    problem = await office.post(path, WHY | {"invoice": content}, status=422)
    assert problem["code"] == "unknown-contract"
    assert await office.get(f"invoices/{wrong['invoice_id']}") == wrong
    assert await told(office, "invoice-cancelled") == []


async def test_no_credit_note_is_issued_while_the_order_has_not_left(
    office: Office, voices: Voices
) -> None:
    invoice, order = await in_an_order(office, voices)
    body = WHY | {"amount": chf("10.00")}
    problem = await office.post(f"invoices/{invoice['invoice_id']}/credit-notes", body, status=409)
    assert problem["code"] == "withdraw-order-first"
    assert problem["facts"]["order_number"] == order.order_number
    assert order.order_number in problem["detail"]


async def test_a_withdrawn_order_sets_its_invoices_free(office: Office, voices: Voices) -> None:
    invoice, order = await in_an_order(office, voices)
    await voices.say(withdrawn(order), sequence=2)
    await voices.say(withdrawn(order), sequence=2)
    shown = await office.get(f"invoices/{invoice['invoice_id']}")
    assert (shown["state"], shown["order_id"], shown["refusal_code"]) == ("issued", None, None)
    assert [line["kind"] for line in shown["history"]] == ["issued", "ordered", "withdrawn"]
    await office.post(f"invoices/{invoice['invoice_id']}/cancel", WHY, status=200)


async def test_an_order_that_was_decided_cannot_be_withdrawn(
    office: Office, voices: Voices
) -> None:
    invoice, order = await in_an_order(office, voices)
    await voices.say(await voices.confirmed(office, order.order_id, {invoice["invoice_id"]: None}))
    with pytest.raises(PermanentError, match="line-decided-otherwise"):
        await voices.say(withdrawn(order))


async def test_news_of_an_unknown_order_waits(office: Office, voices: Voices) -> None:
    order = await voices.prepared(office, await office.invoice())
    for early in (sent(order), withdrawn(order)):
        with pytest.raises(TooEarlyError) as waits:
            await voices.say(early)
        assert waits.value.waits_for == str(order.order_id)


async def test_what_the_factor_has_is_reduced_by_a_credit_note(
    office: Office, voices: Voices
) -> None:
    invoice, order = await in_an_order(office, voices)
    one = f"invoices/{invoice['invoice_id']}"
    await voices.say(sent(order))
    await voices.say(sent(order))
    problem = await office.post(f"{one}/cancel", WHY, status=409)
    assert problem["code"] == "needs-credit-note"
    note = await office.post(f"{one}/credit-notes", WHY | {"amount": chf("20.05")})
    assert note["credit_note_number"] == "CN-2026-000001"
    assert (note["amount"], note["issued_on"]) == (chf("20.05"), "2026-03-02")
    assert (await office.get(f"{one}/credit-notes"))["items"] == [note]
    (event,) = await told(office, "credit-note-issued")
    assert event["amount"] == chf("20.05")
    assert event["credit_note_number"] == note["credit_note_number"]
    assert event["document"]["sha256"] == note["document_sha256"]
    shown = await office.get(one)
    assert shown["history"][-1]["kind"] == "credit-note"
    assert shown["state"] == "ordered"


async def test_the_document_of_a_credit_note_is_valid_and_negative(
    office: Office, voices: Voices
) -> None:
    taxed = A_POSITION | {"vat_rate": "8.1", "points": "50"}
    treatment = await office.treatment(positions=[A_POSITION, taxed])
    invoice = await office.invoice(treatment)
    order = await voices.prepared(office, invoice)
    await voices.say(order)
    await voices.say(sent(order))
    path = f"invoices/{invoice['invoice_id']}/credit-notes"
    await office.post(path, WHY | {"amount": chf("10.00")})
    (event,) = await told(office, "credit-note-issued")
    ref = ContentRef.model_validate(event["document"])
    root = etree.fromstring(await voices.store.get(ref, practice_id=office.practice_id))
    invoice_schema().assertValid(root)
    space = {"i": root.nsmap["invoice"]}
    amounts = root.xpath("//i:service/@amount", namespaces=space)
    assert amounts == ["-6.67", "-3.33"]
    assert root.xpath("string(//i:balance/@amount_due)", namespaces=space) == "-10.00"
    assert root.xpath("string(//i:balance/i:vat/@vat)", namespaces=space) == "-0.25"
    assert root.xpath("string(//i:credit/@request_id)", namespaces=space) == "CN-2026-000001"
    number = root.xpath("string(//i:payload/i:invoice/@request_id)", namespaces=space)
    assert number == invoice["invoice_number"]


async def test_credit_notes_never_come_to_more_than_the_invoice(
    office: Office, voices: Voices
) -> None:
    invoice, order = await in_an_order(office, voices)
    await voices.say(sent(order))
    path = f"invoices/{invoice['invoice_id']}/credit-notes"
    await office.post(path, WHY | {"amount": chf("100.00")})
    problem = await office.post(path, WHY | {"amount": chf("20.01")}, status=422)
    assert (problem["code"], problem["field"]) == ("credit-too-large", "amount.amount")
    problem = await office.post(path, WHY | {"amount": chf("0.00")}, status=422)
    assert problem["code"] == "credit-too-large"
    last = await office.post(path, WHY | {"amount": chf("20.00")})
    assert last["credit_note_number"] == "CN-2026-000002"


async def test_credit_note_numbers_have_no_gap_under_concurrency(
    office: Office, voices: Voices
) -> None:
    invoices = [await office.invoice() for _ in range(4)]
    order = await voices.prepared(office, *invoices)
    await voices.say(order)
    await voices.say(sent(order))

    async def credit(invoice: Any, amount: str) -> int:
        path = f"{office.path}/invoices/{invoice['invoice_id']}/credit-notes"
        return (await office.api.post(path, WHY | {"amount": chf(amount)}))[0]

    wanted = [(one, amount) for one in invoices for amount in ("60.00", "60.00", "60.00")]
    answers = await asyncio.gather(*(credit(one, amount) for one, amount in wanted))
    assert sorted(answers) == [201] * 8 + [422] * 4
    rows = await office.rows("SELECT serial FROM credit_note ORDER BY serial")
    assert [row["serial"] for row in rows] == list(range(1, 9))


async def test_an_invoice_that_no_factor_has_gets_no_credit_note(office: Office) -> None:
    invoice = await office.invoice()
    path = f"invoices/{invoice['invoice_id']}/credit-notes"
    problem = await office.post(path, WHY | {"amount": chf("10.00")}, status=409)
    assert problem["code"] == "cancel-instead"
    await office.post(f"invoices/{invoice['invoice_id']}/cancel", WHY, status=200)
    problem = await office.post(path, WHY | {"amount": chf("10.00")}, status=409)
    assert problem["code"] == "invoice-cancelled"


async def test_a_credited_invoice_that_comes_back_is_not_cancelled(
    office: Office, voices: Voices
) -> None:
    invoice, order = await in_an_order(office, voices)
    await voices.say(sent(order))
    one = f"invoices/{invoice['invoice_id']}"
    await office.post(f"{one}/credit-notes", WHY | {"amount": chf("10.00")})
    refusal: dict[str, str | None] = {invoice["invoice_id"]: "debtor-unknown"}
    await voices.say(await voices.confirmed(office, order.order_id, refusal))
    problem = await office.post(f"{one}/cancel", WHY, status=409)
    assert problem["code"] == "has-credit-note"


def settled(invoice: Any, note: Any, order: OrderPrepared, balance: str) -> InvoicePositionChanged:
    """Return the books' statement that a credit note needs no factor."""
    zero, owed = WireMoney(amount="0.00"), WireMoney(amount=balance)
    return InvoicePositionChanged(
        practice_id=order.practice_id,
        invoice_id=invoice["invoice_id"],
        contract_id=order.contract_id,
        debtor_owes=DebtorBalance(
            principal=owed, reminder_fees=zero, interest=zero, costs=zero, total=owed
        ),
        factor_owes=zero,
        with_factor=False,
        deb_file_id=None,
        changes=(
            PositionChange(
                kind="credit_note_settled",
                amount=WireMoney(amount=note["amount"]["amount"]),
                event_date=NOW.date(),
                credit_note_id=note["credit_note_id"],
            ),
        ),
        changed_at=NOW,
    )


async def test_a_credited_invoice_that_came_back_is_cancelled_once_its_note_is_settled(
    office: Office, voices: Voices
) -> None:
    invoice, order = await in_an_order(office, voices)
    await voices.say(sent(order))
    one = f"invoices/{invoice['invoice_id']}"
    note = await office.post(f"{one}/credit-notes", WHY | {"amount": chf("10.00")})
    assert (note["state"], note["settled_on"]) == ("for-the-factor", None)
    refusal: dict[str, str | None] = {invoice["invoice_id"]: "debtor-unknown"}
    await voices.say(await voices.confirmed(office, order.order_id, refusal))
    await voices.say(settled(invoice, note, order, "30.00"))
    (shown,) = (await office.get(f"{one}/credit-notes"))["items"]
    assert (shown["state"], shown["settled_on"]) == ("settled", "2026-03-02")
    assert (await office.get(one))["balance"] == chf("30.00")
    await office.post(f"{one}/cancel", WHY, status=200)
    assert (await office.get(one))["state"] == "cancelled"


async def test_a_settled_credit_note_is_not_forgotten_by_a_correction(
    office: Office, voices: Voices
) -> None:
    invoice, order = await in_an_order(office, voices)
    await voices.say(sent(order))
    one = f"invoices/{invoice['invoice_id']}"
    note = await office.post(f"{one}/credit-notes", WHY | {"amount": chf("10.00")})
    refusal: dict[str, str | None] = {invoice["invoice_id"]: "debtor-unknown"}
    await voices.say(await voices.confirmed(office, order.order_id, refusal))
    pending = await office.post(f"{one}/correct", WHY, status=409)
    await voices.say(settled(invoice, note, order, "30.00"))
    problem = await office.post(f"{one}/correct", WHY, status=409)
    for said in (pending, problem):
        assert (said["code"], said["facts"]["credited"]) == ("has-credit-note", "10.00")
    assert (await office.get(one))["state"] == "issued"
    content = {"treatment_ids": invoice["treatment_ids"], "contract_id": None}
    right = await office.post(f"{one}/correct", WHY | {"invoice": content})
    assert right["replaces"] == invoice["invoice_id"]


async def test_a_cancelled_invoice_that_the_factor_has_may_be_credited(
    office: Office, voices: Voices
) -> None:
    invoice = await office.invoice()
    order = await voices.prepared(office, invoice)
    one = f"invoices/{invoice['invoice_id']}"
    await office.post(f"{one}/cancel", WHY, status=200)
    await voices.say(order)
    body = WHY | {"amount": chf("10.00")}
    problem = await office.post(f"{one}/credit-notes", body, status=409)
    assert problem["code"] == "invoice-cancelled"
    await voices.say(sent(order))
    await office.post(f"{one}/credit-notes", body)
    problem = await office.post(f"{one}/correct", WHY, status=409)
    assert problem["code"] == "invoice-cancelled"


async def test_an_order_that_took_a_cancelled_invoice_along_does_not_revive_it(
    office: Office, voices: Voices
) -> None:
    invoice = await office.invoice()
    order = await voices.prepared(office, invoice)
    await office.post(f"invoices/{invoice['invoice_id']}/cancel", WHY, status=200)
    await voices.say(order)
    shown = await office.get(f"invoices/{invoice['invoice_id']}")
    assert (shown["state"], shown["balance"]) == ("cancelled", chf("0.00"))
    assert "ordered" in [line["kind"] for line in shown["history"]]


@pytest.mark.parametrize("step", ["cancel", "correct", "credit-notes"])
async def test_an_unknown_invoice_is_not_found(office: Office, step: str) -> None:
    body = WHY | ({"amount": chf("10.00")} if step == "credit-notes" else {})
    problem = await office.post(f"invoices/{new_id()}/{step}", body, status=404)
    assert problem["code"] == "invoice-not-found"
