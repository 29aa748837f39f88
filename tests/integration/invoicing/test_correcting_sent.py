"""Correcting what the factor has: its rest is credited, the corrected invoice begins anew."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from shared.contracts.orders.v1 import OrderPrepared
from tests.integration.invoicing.office import Office, Voices
from tests.integration.invoicing.test_corrections import WHY, in_an_order, sent, told
from tests.support import audit
from tests.unit.invoicing.bodies import A_POSITION, chf


async def sent_invoice(
    office: Office, voices: Voices, **changes: Any
) -> tuple[Any, str, OrderPrepared]:
    """Return an invoice that has left, its path, and its order."""
    invoice = await office.invoice(**changes)
    order = await voices.prepared(office, invoice)
    await voices.say(order)
    await voices.say(sent(order))
    return invoice, f"invoices/{invoice['invoice_id']}", order


async def notes(office: Office, one: str) -> list[tuple[str, str, str]]:
    """Return number, amount and state of an invoice's credit notes."""
    items = (await office.get(f"{one}/credit-notes"))["items"]
    return [(note["credit_note_number"], note["amount"]["amount"], note["state"]) for note in items]


async def test_what_was_sent_is_credited_whole_and_the_corrected_one_can_be_ordered(
    office: Office, voices: Voices
) -> None:
    wrong, one, order = await sent_invoice(office, voices)
    right = await office.post(f"{one}/correct", WHY)
    assert (right["replaces"], right["invoice_number"]) == (wrong["invoice_id"], "2026-000002")
    same = ("treatment_ids", "total", "balance", "contract_id", "due_on")
    assert {name: right[name] for name in same} == {name: wrong[name] for name in same}
    assert (right["state"], right["order_id"], right["unfit_codes"]) == ("issued", None, [])
    assert await notes(office, one) == [("CN-2026-000001", "120.00", "for-the-factor")]
    shown = await office.get(one)
    assert (shown["state"], shown["order_id"]) == ("ordered", str(order.order_id))
    assert (shown["replaced_by"], shown["cancelled_by"]) == (right["invoice_id"], None)
    assert shown["history"][-1]["kind"] == "credit-note"
    (treatment,) = wrong["treatment_ids"]
    assert (await office.get(f"treatments/{treatment}"))["invoice_id"] == right["invoice_id"]
    (credited,) = await told(office, "credit-note-issued")
    assert (credited["amount"], credited["invoice_id"]) == (chf("120.00"), wrong["invoice_id"])
    assert len(await told(office, "invoice-issued")) == 2
    assert await told(office, "invoice-cancelled") == []
    again = await voices.prepared(office, right)
    await voices.say(again)
    assert (await office.get(f"invoices/{right['invoice_id']}"))["state"] == "ordered"


async def test_the_audit_names_the_credit_note_of_a_correction(
    office: Office, voices: Voices
) -> None:
    _, one, _ = await sent_invoice(office, voices)
    right = await office.post(f"{one}/correct", WHY)
    ((_, before, after),) = await audit.told(office.database, office.practice_id, "correctInvoice")
    assert before["credit_note_number"] is None
    assert after == {
        "replaced_by": right["invoice_id"],
        "replaced_by_number": right["invoice_number"],
        "credit_note_number": "CN-2026-000001",
        "credited": chf("120.00"),
        "reason_code": "wrong-address",
    }


async def test_the_deposit_of_a_sent_invoice_passes_on_to_the_corrected_one(
    office: Office, voices: Voices
) -> None:
    _, one, _ = await sent_invoice(office, voices, deposit=chf("20.00"))
    right = await office.post(f"{one}/correct", WHY)
    assert (right["deposit"], right["balance"]) == (chf("20.00"), chf("100.00"))
    assert [amount for _, amount, _ in await notes(office, one)] == ["100.00"]


async def test_after_a_partial_credit_the_rest_is_credited_and_the_same_again_is_not_meant(
    office: Office, voices: Voices
) -> None:
    wrong, one, _ = await sent_invoice(office, voices)
    await office.post(f"{one}/credit-notes", WHY | {"amount": chf("20.05")})
    problem = await office.post(f"{one}/correct", WHY, status=409)
    assert (problem["code"], problem["facts"]["credited"]) == ("has-credit-note", "20.05")
    assert [amount for _, amount, _ in await notes(office, one)] == ["20.05"]
    content = {"treatment_ids": wrong["treatment_ids"], "contract_id": office.contract_id}
    right = await office.post(f"{one}/correct", WHY | {"invoice": content})
    assert right["total"] == chf("120.00")
    assert [amount for _, amount, _ in await notes(office, one)] == ["20.05", "99.95"]


async def test_what_was_credited_whole_before_is_replaced_without_another_note(
    office: Office, voices: Voices
) -> None:
    wrong, one, _ = await sent_invoice(office, voices)
    await office.post(f"{one}/credit-notes", WHY | {"amount": chf("120.00")})
    content = {"treatment_ids": wrong["treatment_ids"], "contract_id": office.contract_id}
    right = await office.post(f"{one}/correct", WHY | {"invoice": content})
    assert right["replaces"] == wrong["invoice_id"]
    assert len(await notes(office, one)) == 1


async def test_what_cannot_be_issued_leaves_the_sent_invoice_as_it_was(
    office: Office, voices: Voices
) -> None:
    wrong, one, _ = await sent_invoice(office, voices)
    before = await office.get(one)
    content = {"treatment_ids": wrong["treatment_ids"], "contract_id": office.patient_id}
    problem = await office.post(f"{one}/correct", WHY | {"invoice": content}, status=422)
    assert problem["code"] == "unknown-contract"
    assert (await office.get(one), await notes(office, one)) == (before, [])
    assert await told(office, "credit-note-issued") == []
    bill = {"treatment_ids": wrong["treatment_ids"], "contract_id": None}
    assert (await office.post("invoices", bill, status=409))["code"] == "treatment-billed"


async def test_an_invoice_is_corrected_once_and_then_the_corrected_one_is(
    office: Office, voices: Voices
) -> None:
    _, one, _ = await sent_invoice(office, voices)
    right = await office.post(f"{one}/correct", WHY)
    other = await office.treatment(positions=[A_POSITION | {"points": "50"}])
    content = {"treatment_ids": [other], "contract_id": None}
    for body in (WHY, WHY | {"invoice": content}):
        problem = await office.post(f"{one}/correct", body, status=409)
        assert problem["code"] == "invoice-replaced"
        assert problem["facts"]["replaced_by_number"] == right["invoice_number"]
    third = await office.post(f"invoices/{right['invoice_id']}/correct", WHY)
    assert third["replaces"] == right["invoice_id"]


async def test_of_two_corrections_at_once_one_is_made_and_the_other_hears_of_it(
    office: Office, voices: Voices
) -> None:
    _, one, _ = await sent_invoice(office, voices)
    path = f"{office.path}/{one}/correct"
    answers = await asyncio.gather(*(office.api.post(path, WHY) for _ in range(3)))
    assert sorted(status for status, _ in answers) == [201, 409, 409]
    assert {body.get("code") for status, body in answers if status == 409} == {"invoice-replaced"}
    assert [amount for _, amount, _ in await notes(office, one)] == ["120.00"]


async def test_a_credit_note_at_the_same_moment_never_credits_more_than_the_invoice(
    office: Office, voices: Voices
) -> None:
    _, one, _ = await sent_invoice(office, voices)
    correction, credit = await asyncio.gather(
        office.api.post(f"{office.path}/{one}/correct", WHY),
        office.api.post(f"{office.path}/{one}/credit-notes", WHY | {"amount": chf("50.00")}),
    )
    amounts = [amount for _, amount, _ in await notes(office, one)]
    if correction[0] == 201:
        assert (credit[0], credit[1]["code"], amounts) == (422, "credit-too-large", ["120.00"])
    else:
        assert (correction[0], correction[1]["code"]) == (409, "has-credit-note")
        assert (credit[0], amounts) == (201, ["50.00"])


async def test_the_same_key_corrects_a_sent_invoice_once(office: Office, voices: Voices) -> None:
    _, one, _ = await sent_invoice(office, voices)
    path = f"{office.path}/{one}/correct"
    first = await office.api.post(path, WHY, key="correct-what-left")
    assert await office.api.post(path, WHY, key="correct-what-left") == first
    assert first[0] == 201
    assert len(await told(office, "credit-note-issued")) == 1


async def test_credit_notes_over_the_whole_let_the_treatments_be_billed_anew(
    office: Office, voices: Voices
) -> None:
    wrong, one, _ = await sent_invoice(office, voices)
    bill = {"treatment_ids": wrong["treatment_ids"], "contract_id": office.contract_id}
    await office.post(f"{one}/credit-notes", WHY | {"amount": chf("119.95")})
    assert (await office.post("invoices", bill, status=409))["code"] == "treatment-billed"
    await office.post(f"{one}/credit-notes", WHY | {"amount": chf("0.05")})
    anew = await office.post("invoices", bill)
    assert (anew["total"], anew["replaces"]) == (chf("120.00"), None)
    assert (await office.post("invoices", bill, status=409))["code"] == "treatment-billed"
    assert (await office.post(f"{one}/cancel", WHY, status=409))["code"] == "needs-credit-note"


async def test_a_cancelled_invoice_that_an_order_took_along_is_credited_and_not_corrected(
    office: Office, voices: Voices
) -> None:
    wrong, order = await in_an_order(office, voices)
    other = await office.invoice()
    left = await voices.prepared(office, other)
    one = f"invoices/{other['invoice_id']}"
    await office.post(f"{one}/cancel", WHY, status=200)
    await voices.say(left)
    await voices.say(sent(left))
    assert (await office.post(f"{one}/correct", WHY, status=409))["code"] == "invoice-cancelled"
    anew = await office.invoice(*other["treatment_ids"])
    await office.post(f"{one}/credit-notes", WHY | {"amount": chf("120.00")})
    (treatment,) = other["treatment_ids"]
    assert (await office.get(f"treatments/{treatment}"))["invoice_id"] == anew["invoice_id"]
    assert (await office.get(f"invoices/{wrong['invoice_id']}"))["order_id"] == str(order.order_id)


async def test_the_database_lets_no_invoice_be_replaced_that_was_not_taken_back(
    office: Office,
) -> None:
    wrong, other = await office.invoice(), await office.invoice()
    with pytest.raises(IntegrityError, match="invoice_replaced_when_taken_back"):
        await office.rows(
            "UPDATE invoice SET replaced_by = :other WHERE invoice_id = :wrong RETURNING 1",
            other=other["invoice_id"],
            wrong=wrong["invoice_id"],
        )
