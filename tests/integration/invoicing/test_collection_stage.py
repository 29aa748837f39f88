"""The collection stage in invoices, lists, sums and CSV, from what orders and the books say."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any
from uuid import uuid4

from shared.contracts.envelope import WireMoney
from shared.contracts.reconciliation.v1 import (
    InvoicePositionChanged,
    PositionChange,
)
from tests.integration.invoicing.office import Office, Voices
from tests.integration.invoicing.test_events_in import acquitted, moved, shown
from tests.unit.invoicing.bodies import chf

OTHER_FILE = uuid4()


def told(
    office: Office, invoice: Any, *changes: PositionChange, **more: object
) -> InvoicePositionChanged:
    """Return the books' statement with these facts; the balances stay."""
    return moved(office, invoice, "120.00", "0.00", "120.00").model_copy(
        update={"changes": changes, **more}
    )


def change(kind: str, day: date, **more: Any) -> PositionChange:
    return PositionChange(kind=kind, amount=None, event_date=day, **more)


async def taken_over(office: Office, voices: Voices, *notices: str) -> Any:
    """Return an invoice that the factor has; the factor was told these notices of it."""
    invoice = await office.invoice()
    order = await voices.prepared(office, invoice, notices=notices)
    await voices.say(order)
    await voices.say(await voices.confirmed(office, order.order_id, {invoice["invoice_id"]: None}))
    await voices.say(acquitted(office, invoice, order.order_id))
    return invoice


async def collection(office: Office, invoice: Any) -> tuple[str, int, str]:
    answer = (await shown(office, invoice))["collection"]
    return answer["stage"], answer["reminder_level"], answer["since"]


async def numbers(office: Office, *stages: str) -> list[str]:
    status, answer = await office.api.get(f"{office.path}/invoices", collection_stage=list(stages))
    assert status == 200, answer
    assert answer["totals"]["count"] == len(answer["items"])
    return [item["invoice_number"] for item in answer["items"]]


async def test_an_invoice_tells_how_far_collecting_has_come(office: Office, voices: Voices) -> None:
    invoice = await office.invoice()
    assert await collection(office, invoice) == ("not-ordered", 0, "2026-03-02")
    order = await voices.prepared(office, invoice, notices=("instalments", "social-services"))
    await voices.say(order)
    ordered = (await shown(office, invoice))["collection"]
    assert ordered == {
        "stage": "in-order",
        "reminder_level": 0,
        "since": "2026-03-02",
        "notices": ["instalments", "social-services"],
    }
    await voices.say(await voices.confirmed(office, order.order_id, {invoice["invoice_id"]: None}))
    await voices.say(acquitted(office, invoice, order.order_id))
    assert await collection(office, invoice) == ("with-factor", 0, "2026-03-03")
    reminder = change("reminder", date(2026, 5, 4), level=2)
    await voices.say(told(office, invoice, reminder), sequence=2)
    detail = await shown(office, invoice)
    assert detail["collection"]["notices"] == ["instalments", "social-services"]
    assert await collection(office, invoice) == ("reminded", 2, "2026-05-04")
    assert detail["history"][-1]["level"] == 2


async def test_what_the_books_tell_late_does_not_turn_the_stage_back(
    office: Office, voices: Voices
) -> None:
    invoice = await taken_over(office, voices)
    enforcement = change("debt_enforcement", date(2026, 8, 1))
    await voices.say(told(office, invoice, enforcement, deb_file_id=OTHER_FILE), sequence=2)
    late = change("reminder", date(2026, 5, 4), level=3)
    await voices.say(told(office, invoice, late), sequence=3)
    assert await collection(office, invoice) == ("debt-enforcement", 3, "2026-08-01")
    undone = change("undo", date(2026, 8, 9), reverses="debt_enforcement")
    await voices.say(told(office, invoice, undone, deb_file_id=OTHER_FILE), sequence=4)
    assert await collection(office, invoice) == ("reminded", 3, "2026-05-04")
    given_back = PositionChange(
        kind="recourse", amount=WireMoney(amount="120.00"), event_date=date(2026, 9, 1)
    )
    await voices.say(told(office, invoice, given_back, with_factor=False), sequence=5)
    assert await collection(office, invoice) == ("given-back", 3, "2026-09-01")


async def test_a_refused_invoice_is_not_ordered_and_has_no_notices(
    office: Office, voices: Voices
) -> None:
    invoice = await office.invoice()
    order = await voices.prepared(office, invoice, notices=("dispute",))
    await voices.say(order)
    verdicts = {invoice["invoice_id"]: "debtor-unknown"}
    await voices.say(await voices.confirmed(office, order.order_id, verdicts))
    answer = (await shown(office, invoice))["collection"]
    assert (answer["stage"], answer["notices"]) == ("not-ordered", [])


async def test_lists_sums_and_csv_can_be_asked_for_stages(office: Office, voices: Voices) -> None:
    fresh = await office.invoice()
    reminded = await taken_over(office, voices, "do-not-remind")
    reminder = change("reminder", date(2026, 5, 4), level=1)
    await voices.say(told(office, reminded, reminder), sequence=2)
    with_factor = await taken_over(office, voices)
    cancelled = await office.invoice()
    await office.post(
        f"invoices/{cancelled['invoice_id']}/cancel", {"reason_code": "wrong-patient"}, status=200
    )
    assert await numbers(office, "reminded") == [reminded["invoice_number"]]
    assert await numbers(office, "not-ordered", "with-factor") == [
        fresh["invoice_number"],
        with_factor["invoice_number"],
    ]
    assert await numbers(office, "cancelled") == [cancelled["invoice_number"]]
    assert len(await numbers(office)) == 4
    listed = await office.get("invoices", collection_stage="reminded")
    assert listed["totals"]["balance"] == chf("120.00")
    path = f"{office.path}/invoices.csv"
    answer = await office.api.request("GET", path, query={"collection_stage": "reminded"})
    assert answer.status == 200
    text = io.StringIO(answer.raw.decode("utf-8-sig"))
    (line,) = csv.DictReader(text, delimiter=";")
    told_of_it = ("collection_stage", "reminder_level", "collection_since", "notices")
    assert [line[name] for name in told_of_it] == ["reminded", "1", "2026-05-04", "do-not-remind"]
    status, _ = await office.api.get(f"{office.path}/invoices", collection_stage="sleeping")
    assert status == 422
