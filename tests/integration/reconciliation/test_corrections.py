"""A cancelled invoice leaves the books as if it had never been; a credit note reduces it once."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from shared.contracts.envelope import ContentRef
from shared.contracts.invoicing.v1 import CreditNoteIssued, InvoiceCancelled
from shared.contracts.orders.v1 import CreditNoteReleased
from shared.kernel.errors import PermanentError, TooEarlyError
from tests.integration.reconciliation.house import House, chf
from tests.support.web import ApiClient

DAY = date(2026, 3, 9)
DOCUMENT = ContentRef(key="x/y/z", sha256="0" * 64, size_bytes=1, media_type="application/xml")


def cancelled(house: House, number: str) -> InvoiceCancelled:
    """Return the event of a cancelled invoice."""
    return InvoiceCancelled(
        practice_id=house.practice_id,
        invoice_id=house.invoice_id(number),
        invoice_number=number,
        contract_id=house.contract_id,
        reason_code="wrong-address",
        replaced_by=None,
        cancelled_on=DAY,
    )


def credited(house: House, number: str, amount: str) -> CreditNoteIssued:
    """Return the event of a credit note."""
    return CreditNoteIssued(
        practice_id=house.practice_id,
        credit_note_id=uuid4(),
        credit_note_number="CN-2026-000001",
        invoice_id=house.invoice_id(number),
        invoice_number=number,
        contract_id=house.contract_id,
        debtor_number="10001",
        amount=chf(amount),
        reason_code="goodwill",
        document=DOCUMENT,
        issued_on=DAY,
    )


async def last_change(house: House) -> Any:
    """Return the newest statement about a position."""
    return (await house.events("invoice-position-changed"))[-1]


async def test_a_cancelled_invoice_is_booked_back_once_with_its_deposit(house: House) -> None:
    await house.open()
    await house.receive(house.invoice_issued("2026-000001", "80.00", deposit="20.00"))
    await house.receive(cancelled(house, "2026-000001"))
    await house.receive(cancelled(house, "2026-000001"))
    assert await house.balances() == {}
    assert await house.position("2026-000001") == "D 0.00 P 0.00"
    entries = await house.rows("SELECT kind, entry_date FROM journal_entry ORDER BY number")
    assert [entry["kind"] for entry in entries] == ["invoice_issued", "invoice_cancelled"]
    assert entries[1]["entry_date"] == DAY
    changed = await last_change(house)
    assert changed["debtor_owes"]["total"] == {"amount": "0.00", "currency": "CHF"}
    assert [one["kind"] for one in changed["changes"]] == ["invoice_cancelled"]
    assert len(await house.events("invoice-position-changed")) == 1
    await house.assert_books_hold()


async def test_an_invoice_of_nothing_is_cancelled_without_an_entry(house: House) -> None:
    await house.open()
    await house.receive(house.invoice_issued("2026-000001", "0.00"))
    await house.receive(cancelled(house, "2026-000001"))
    assert await house.rows("SELECT 1 FROM journal_entry") == []
    facts = await house.rows("SELECT kind FROM position_fact ORDER BY place")
    assert [fact["kind"] for fact in facts] == ["invoice_issued", "invoice_cancelled"]


async def test_a_cancellation_that_comes_after_the_acquittal_is_set_aside_once(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    before = await house.balances()
    await house.receive(cancelled(house, "2026-000001"))
    await house.receive(cancelled(house, "2026-000001"))
    assert await house.position("2026-000001") == "D 120.00 P 120.00 *"
    assert await house.balances() == before
    _, page = await api.get(f"{house.path}/acquittal-exceptions")
    (line,) = page["items"]
    assert (line["reason_code"], line["confirmed"]["amount"]) == ("cancelled-with-factor", "120.00")
    changed = await last_change(house)
    assert [one["kind"] for one in changed["changes"]] == ["cancellation_too_late"]
    await house.assert_books_hold()


def released(
    house: House, number: str, amount: str, *, note: CreditNoteIssued | None = None
) -> CreditNoteReleased:
    """Return the event of a credit note whose invoice the factor refused."""
    return CreditNoteReleased(
        practice_id=house.practice_id,
        order_id=house.order_id("CMD-2026-0001"),
        credit_note_id=uuid4() if note is None else note.credit_note_id,
        credit_note_number="CN-2026-000001",
        invoice_id=house.invoice_id(number),
        contract_id=house.contract_id,
        amount=chf(amount),
        released_on=DAY,
    )


async def test_a_released_credit_note_lowers_the_receivables_once_and_names_itself(
    house: House,
) -> None:
    await house.open()
    await house.receive(house.invoice_issued("2026-000001", "100.00", deposit="20.00"))
    note = credited(house, "2026-000001", "30.00")
    await house.receive(note)
    event = released(house, "2026-000001", "30.00", note=note)
    await house.receive(event)
    await house.receive(event)
    assert await house.position("2026-000001") == "D 70.00 P 0.00"
    assert await house.balances() == {"1100": "70.00", "2030": "20.00", "3400": "-90.00"}
    (change,) = (await last_change(house))["changes"]
    assert (change["kind"], change["amount"]["amount"], change["credit_note_id"]) == (
        "credit_note_settled",
        "30.00",
        str(note.credit_note_id),
    )
    await house.receive(await house.order_confirmed([("2026-000001", "70.00", True)]))
    assert await house.position("2026-000001") == "D 70.00 P 70.00 *"
    await house.assert_books_hold()


@pytest.mark.parametrize("cancelled_first", [True, False])
async def test_a_cancellation_takes_what_a_released_credit_note_left_in_whatever_order(
    house: House, cancelled_first: bool
) -> None:
    await house.open()
    await house.receive(house.invoice_issued("2026-000001", "100.00", deposit="20.00"))
    events = [cancelled(house, "2026-000001"), released(house, "2026-000001", "30.00")]
    for event in events if cancelled_first else reversed(events):
        await house.receive(event)
    assert await house.balances() == {}
    assert await house.position("2026-000001") == "D 0.00 P 0.00"
    await house.assert_books_hold()


async def test_a_released_credit_note_beyond_what_is_open_is_refused(house: House) -> None:
    await house.acquitted_invoices("120.00")
    await house.receive(house.invoice_issued("2026-000009", "10.00"))
    for number, amount in (("2026-000001", "1.00"), ("2026-000009", "10.01")):
        with pytest.raises(PermanentError, match="cannot be settled here"):
            await house.receive(released(house, number, amount))


async def test_a_correction_of_an_unknown_invoice_waits(house: House) -> None:
    await house.open()
    for event in (cancelled(house, "2026-000001"), credited(house, "2026-000001", "1.00")):
        with pytest.raises(TooEarlyError) as waits:
            await house.receive(event)
        assert waits.value.waits_for == str(house.invoice_id("2026-000001"))


async def test_a_credit_note_that_comes_before_the_acquittal_leads_to_the_same(
    house: House,
) -> None:
    await house.open()
    await house.receive(house.invoice_issued("2026-000001", "120.00"))
    event = credited(house, "2026-000001", "20.05")
    await house.receive(event)
    await house.receive(event)
    assert await house.position("2026-000001") == "D 120.00 P 0.00"
    await house.receive(await house.order_confirmed([("2026-000001", "120.00", True)]))
    assert await house.position("2026-000001") == "D 120.00 P 120.00 *"
    facts = await house.rows("SELECT kind FROM position_fact ORDER BY place")
    assert [fact["kind"] for fact in facts] == [
        "invoice_issued",
        "credit_note_issued",
        "acquittal",
    ]
    await house.assert_books_hold()


async def test_a_credit_note_after_the_acquittal_is_information(house: House) -> None:
    await house.acquitted_invoices("120.00")
    before = await house.balances()
    await house.receive(credited(house, "2026-000001", "20.00"))
    assert await house.balances() == before
    assert await house.position("2026-000001") == "D 120.00 P 120.00 *"
    changed = await last_change(house)
    assert [(one["kind"], one["amount"]) for one in changed["changes"]] == [
        ("credit_note_issued", None)
    ]
    (fact,) = await house.rows("SELECT note FROM position_fact WHERE kind = 'credit_note_issued'")
    assert fact["note"] == "credit note CN-2026-000001, 20.00"
    await house.assert_books_hold()
