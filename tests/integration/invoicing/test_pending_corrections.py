"""Correcting and replacing an invoice whose order has not left: kept now, carried out later."""

from __future__ import annotations

from typing import Any

import pytest

from shared.contracts.orders.v1 import OrderPrepared
from tests.integration.invoicing.office import Office, Voices
from tests.integration.invoicing.test_corrections import WHY, in_an_order, sent, told, withdrawn
from tests.integration.invoicing.test_edits_and_prices import put
from tests.integration.invoicing.test_imports import NUMBER, a_conflict, decide
from tests.unit.invoicing.bodies import A_CONTRACT, A_POSITION, chf


async def pending(
    office: Office, voices: Voices, **content: Any
) -> tuple[dict[str, Any], OrderPrepared]:
    """Return the answer to a correction that waits for its order, and that order."""
    invoice, order = await in_an_order(office, voices)
    body = WHY | ({"invoice": content} if content else {})
    shown = await office.post(f"invoices/{invoice['invoice_id']}/correct", body, status=202)
    assert (shown["invoice_id"], shown["state"]) == (invoice["invoice_id"], "ordered")
    wish = shown["cancellation"]
    assert (wish["intent"], wish["state"], wish["refusal_code"]) == ("correct", "pending", None)
    assert wish["order_number"] == order.order_number
    return shown, order


async def in_conflict(office: Office, voices: Voices) -> tuple[str, str, OrderPrepared]:
    """Return an imported invoice in an unsent order, a conflict over it, and the order."""
    invoice_id, conflict_id = await a_conflict(office)
    order = await voices.prepared(office, await office.get(f"invoices/{invoice_id}"))
    await voices.say(order)
    return invoice_id, conflict_id, order


async def test_the_correction_is_kept_and_carried_out_when_the_order_is_back(
    office: Office, voices: Voices
) -> None:
    other = await office.treatment(positions=[A_POSITION | {"points": "50"}])
    content = {
        "treatment_ids": [other],
        "contract_id": office.contract_id,
        "deposit": chf("10.00"),
        "payment_period_days": 12,
        "discount_percent": "2.5",
    }
    shown, order = await pending(office, voices, **content)
    one = f"invoices/{shown['invoice_id']}"
    assert len(await told(office, "invoice-issued")) == 1
    (asked,) = await told(office, "invoice-withdrawal-wished")
    assert asked["order_id"] == str(order.order_id)
    await voices.say(withdrawn(order), sequence=2)
    await voices.say(withdrawn(order), sequence=2)
    old = await office.get(one)
    assert (old["state"], old["cancellation"]["state"]) == ("cancelled", "done")
    assert old["replaced_by"] == shown["cancellation"]["corrected_id"]
    new = await office.get(f"invoices/{old['replaced_by']}")
    assert (new["invoice_number"], new["replaces"]) == ("2026-000002", old["invoice_id"])
    assert (new["total"], new["balance"]) == (chf("58.50"), chf("48.50"))
    assert (new["treatment_ids"], new["due_on"]) == ([other], "2026-03-14")
    (cancelled,) = await told(office, "invoice-cancelled")
    assert (cancelled["replaced_by"], cancelled["reason_code"]) == (
        new["invoice_id"],
        "wrong-address",
    )
    assert len(await told(office, "invoice-issued")) == 2
    kinds = [line["kind"] for line in old["history"]]
    assert kinds == ["issued", "ordered", "correction-asked", "withdrawn", "cancelled"]
    fresh = await office.invoice(*shown["treatment_ids"])
    assert fresh["invoice_number"] == "2026-000003"


async def test_the_same_again_bills_the_treatments_that_the_wrong_one_billed(
    office: Office, voices: Voices
) -> None:
    shown, order = await pending(office, voices)
    await voices.say(withdrawn(order))
    new = await office.get(f"invoices/{shown['cancellation']['corrected_id']}")
    assert (new["treatment_ids"], new["total"]) == (shown["treatment_ids"], shown["total"])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"treatment_ids": "itself", "contract_id": "unknown"}, "unknown-contract"),
        ({"treatment_ids": "unknown", "contract_id": None}, "unknown-treatment"),
        ({"treatment_ids": "billed", "contract_id": None}, "treatment-billed"),
        (
            {"treatment_ids": "itself", "contract_id": None, "deposit": chf("500.00")},
            "deposit-too-large",
        ),
    ],
)
async def test_what_cannot_be_issued_is_refused_at_once_and_nothing_is_asked_for(
    office: Office, voices: Voices, content: dict[str, Any], code: str
) -> None:
    third = await office.invoice()
    wrong, _ = await in_an_order(office, voices)
    one = f"invoices/{wrong['invoice_id']}"
    before = await office.get(one)
    known = {
        "itself": wrong["treatment_ids"],
        "billed": third["treatment_ids"],
        "unknown": [office.patient_id],
    }
    body = content | {"treatment_ids": known[content["treatment_ids"]]}
    if content["contract_id"] is not None:
        body["contract_id"] = office.patient_id
    status = 409 if code == "treatment-billed" else 422
    problem = await office.post(f"{one}/correct", WHY | {"invoice": body}, status=status)
    assert problem["code"] == code
    assert await office.get(one) == before
    assert await told(office, "invoice-withdrawal-wished") == []
    assert (await office.invoice())["invoice_number"] == "2026-000003"


async def test_an_order_that_had_left_leaves_both_undone_and_says_the_way_out(
    office: Office, voices: Voices
) -> None:
    shown, order = await pending(office, voices)
    one = f"invoices/{shown['invoice_id']}"
    await voices.say(sent(order))
    after = await office.get(one)
    assert (after["state"], after["replaced_by"]) == ("ordered", None)
    assert after["cancellation"]["state"] == "order-left"
    assert "credit note" in after["cancellation"]["detail"]
    assert after["history"][-1]["kind"] == "correction-refused"
    assert len(await told(office, "invoice-issued")) == 1
    right = await office.post(f"{one}/correct", WHY)
    assert right["replaces"] == shown["invoice_id"]
    (note,) = (await office.get(f"{one}/credit-notes"))["items"]
    assert note["amount"] == chf("120.00")


async def test_what_changed_meanwhile_ends_the_wish_visibly_and_leaves_the_invoice_free(
    office: Office, voices: Voices
) -> None:
    other = await office.treatment()
    content = {"treatment_ids": [other], "contract_id": office.contract_id}
    shown, order = await pending(office, voices, **content)
    await office.invoice(other)
    one = f"invoices/{shown['invoice_id']}"
    await voices.say(withdrawn(order))
    after = await office.get(one)
    assert (after["state"], after["order_id"], after["replaced_by"]) == ("issued", None, None)
    wish = after["cancellation"]
    assert (wish["state"], wish["refusal_code"]) == ("failed", "treatment-billed")
    assert "2026-000002" in wish["detail"]
    assert after["history"][-1]["kind"] == "correction-failed"
    assert after["history"][-1]["code"] == "treatment-billed"
    assert after["balance"] == chf("120.00")
    assert await told(office, "invoice-cancelled") == []
    assert len(await told(office, "invoice-issued")) == 2
    right = await office.post(f"{one}/correct", WHY)
    assert (right["invoice_number"], right["replaces"]) == ("2026-000003", shown["invoice_id"])


async def test_the_same_request_again_gets_the_same_answer(office: Office, voices: Voices) -> None:
    invoice, order = await in_an_order(office, voices)
    path = f"{office.path}/invoices/{invoice['invoice_id']}/correct"
    first = await office.api.post(path, WHY, key="correct-once")
    again = await office.api.post(path, WHY, key="correct-once")
    assert first[0] == 202
    assert again == first
    assert len(await told(office, "invoice-withdrawal-wished")) == 1
    await voices.say(withdrawn(order))
    assert await office.api.post(path, WHY, key="correct-once") == first
    assert len(await told(office, "invoice-issued")) == 2


async def test_while_a_wish_is_open_another_one_is_refused(office: Office, voices: Voices) -> None:
    shown, order = await pending(office, voices)
    one = f"invoices/{shown['invoice_id']}"
    for step in ("correct", "cancel"):
        problem = await office.post(f"{one}/{step}", WHY, status=409)
        assert problem["code"] == "correction-pending"
        assert problem["facts"]["order_id"] == str(order.order_id)
    assert await office.get(one) == shown
    other, _ = await in_an_order(office, voices)
    two = f"invoices/{other['invoice_id']}"
    await office.post(f"{two}/cancel", WHY, status=202)
    assert (await office.post(f"{two}/correct", WHY, status=409))["code"] == "cancellation-pending"
    await office.post(f"{two}/cancel", WHY, status=202)
    assert len(await told(office, "invoice-withdrawal-wished")) == 2


async def test_another_order_that_took_the_invoice_along_is_asked_for_with_the_same_content(
    office: Office, voices: Voices
) -> None:
    shown, order = await pending(office, voices)
    later = await voices.prepared(office, shown)
    await voices.say(later)
    await voices.say(withdrawn(order))
    assert (await office.get(f"invoices/{shown['invoice_id']}"))["state"] == "ordered"
    await voices.say(withdrawn(later))
    old = await office.get(f"invoices/{shown['invoice_id']}")
    assert old["replaced_by"] == shown["cancellation"]["corrected_id"]


async def test_where_packages_are_handed_over_by_hand_the_order_is_withdrawn_first(
    office: Office, voices: Voices
) -> None:
    by_hand = {"portal": A_CONTRACT["portal"] | {"adapter": "manual"}, "account_number": "9-9"}
    office.contract_id = (await office.post("contracts", A_CONTRACT | by_hand))["contract_id"]
    invoice, _ = await in_an_order(office, voices)
    problem = await office.post(f"invoices/{invoice['invoice_id']}/correct", WHY, status=409)
    assert problem["code"] == "withdraw-order-first"


async def test_a_file_replaces_the_known_invoice_when_its_order_is_back(
    office: Office, voices: Voices
) -> None:
    invoice_id, conflict_id, order = await in_conflict(office, voices)
    waiting = await decide(office, conflict_id, "replace", status=202)
    assert (waiting["decision"], waiting["replacement_pending"]) == (None, True)
    assert await decide(office, conflict_id, "replace", status=202) == waiting
    assert len(await told(office, "invoice-withdrawal-wished")) == 1
    shown = await office.get(f"invoices/{invoice_id}")
    assert (shown["state"], shown["cancellation"]["intent"]) == ("ordered", "replace")
    assert shown["cancellation"]["conflict_id"] == conflict_id
    for path in (f"invoices/{invoice_id}/cancel", f"invoices/{invoice_id}/correct"):
        assert (await office.post(path, WHY, status=409))["code"] == "correction-pending"
    problem = await decide(office, conflict_id, "keep", status=409)
    assert problem["code"] == "correction-pending"
    await voices.say(withdrawn(order))
    decided = await decide(office, conflict_id, "replace")
    assert (decided["decision"], decided["replacement_pending"]) == ("replace", False)
    assert decided["decided_by"] == f"office-{office.practice_id}"
    old = await office.get(f"invoices/{invoice_id}")
    assert (old["state"], old["cancel_reason"]) == ("cancelled", "replaced-by-import")
    assert old["replaced_by"] == decided["replacement_id"]
    new = await office.get(f"invoices/{decided['replacement_id']}")
    assert (new["invoice_number"], new["replaces"]) == (f"{NUMBER}.2", invoice_id)


async def test_a_replacement_whose_order_had_left_leaves_the_conflict_open(
    office: Office, voices: Voices
) -> None:
    invoice_id, conflict_id, order = await in_conflict(office, voices)
    await decide(office, conflict_id, "replace", status=202)
    await voices.say(sent(order))
    shown = await office.get(f"invoices/{invoice_id}")
    assert shown["cancellation"]["state"] == "order-left"
    (still,) = (await office.get("invoice-import-conflicts", state="open"))["items"]
    assert (still["conflict_id"], still["replacement_pending"]) == (conflict_id, False)
    problem = await decide(office, conflict_id, "replace", status=409)
    assert problem["code"] == "needs-credit-note"
    assert (await decide(office, conflict_id, "keep"))["decision"] == "keep"


async def test_a_file_that_breaks_a_rule_today_is_refused_before_the_order_is_asked_for(
    office: Office, voices: Voices
) -> None:
    invoice_id, conflict_id, _ = await in_conflict(office, voices)
    (row,) = (await office.get("invoice-import-conflicts", state="open"))["items"]
    contract = f"/contracts/{row['contract_id']}"
    ended = await put(office, contract, A_CONTRACT | {"active": False}, '"1"')
    assert ended.status == 200
    problem = await decide(office, conflict_id, "replace", status=422)
    assert problem["code"] == "unknown-contract"
    assert await told(office, "invoice-withdrawal-wished") == []
    assert (await office.get(f"invoices/{invoice_id}"))["cancellation"] is None
