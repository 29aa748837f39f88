"""A credit note whose invoice the factor refused goes into no order: the books settle it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from shared.contracts.envelope import WireMoney
from shared.contracts.reconciliation.v1 import (
    DebtorBalance,
    InvoicePositionChanged,
    PositionChange,
)
from tests.integration.orders.house import ZERO, House, chf
from tests.integration.orders.test_credit_notes import credit, order
from tests.support.web import ApiClient


async def released(house: House) -> list[dict[str, Any]]:
    """The releases that were told of."""
    return [one for one in await house.told() if one["type"] == "credit-note-released"]


async def changed(house: House, invoice_id: UUID, balance: str, *facts: PositionChange) -> None:
    """Let the books say what is owed, and why."""
    house.clock.advance(timedelta(seconds=1))
    principal = chf(balance)
    owes = DebtorBalance(
        principal=principal, reminder_fees=ZERO, interest=ZERO, costs=ZERO, total=principal
    )
    await house.receive(
        InvoicePositionChanged(
            practice_id=house.practice_id,
            invoice_id=invoice_id,
            contract_id=house.contract_id,
            debtor_owes=owes,
            factor_owes=ZERO,
            with_factor=False,
            deb_file_id=None,
            changes=facts,
            changed_at=house.clock.now(),
        )
    )


def fact(house: House, kind: str, credit_note_id: Any = None) -> PositionChange:
    """One fact of the books."""
    amount = WireMoney(amount="20.00")
    return PositionChange(
        kind=kind, amount=amount, event_date=house.clock.today(), credit_note_id=credit_note_id
    )


@pytest.mark.parametrize("way", ["line refused", "order refused", "refused before it was heard of"])
async def test_a_note_whose_invoice_was_refused_is_released_once_with_the_refusing_order(
    house: House, api: ApiClient, way: str
) -> None:
    await house.open()
    invoice_id = await house.issue("A-1")
    first = await order(house, api, "B-1")
    await house.receive(house.order_sent(first))
    if way != "refused before it was heard of":
        await credit(house, invoice_id)
        assert await released(house) == []
    if way == "order refused":
        news: Any = house.order_refused(first)
    else:
        news = await house.order_arrived(first, {"A-1": "address-incomplete", "B-1": None})
    await house.receive(news)
    await house.receive(news)
    if way == "refused before it was heard of":
        await credit(house, invoice_id)
    (one,) = await released(house)
    assert (one["order_id"], one["invoice_id"], one["amount"]["amount"]) == (
        first["order_id"],
        str(invoice_id),
        "20.00",
    )


async def test_the_invoice_is_in_no_order_until_the_books_have_settled_every_note(
    house: House, api: ApiClient
) -> None:
    await house.open()
    invoice_id = await house.issue("A-1")
    first = await order(house, api)
    await credit(house, invoice_id, "CN-1")
    await credit(house, invoice_id, "CN-2")
    await house.receive(await house.order_arrived(first, {"A-1": "address-incomplete"}))
    one, two = [note["credit_note_id"] for note in await released(house)]
    await changed(house, invoice_id, "100.00", fact(house, "credit_note_settled", one))
    wish = {"contract_id": str(house.contract_id)}
    status, problem = await api.post(f"{house.path}/orders", wish)
    assert (status, problem["code"]) == (422, "nothing-to-order")
    await changed(house, invoice_id, "80.00", fact(house, "credit_note_settled", two))
    second = await order(house, api)
    assert second["total"]["amount"] == "80.00"
    assert second["credit_notes"] == []
    await house.receive(await house.order_arrived(second, {"A-1": None}))
    third = await order(house, api, "C-1")
    assert third["credit_notes"] == []


async def test_a_note_over_the_whole_invoice_leaves_nothing_to_order(
    house: House, api: ApiClient
) -> None:
    await house.open()
    invoice_id = await house.issue("A-1")
    first = await order(house, api)
    await credit(house, invoice_id)
    await house.receive(await house.order_arrived(first, {"A-1": "address-incomplete"}))
    (one,) = await released(house)
    settled = fact(house, "credit_note_settled", one["credit_note_id"])
    await changed(house, invoice_id, "0.00", settled)
    status, problem = await api.post(
        f"{house.path}/orders", {"contract_id": str(house.contract_id)}
    )
    assert (status, problem["code"]) == (422, "nothing-to-order")
    (left,) = await house.rows("SELECT unfit_codes FROM invoice")
    assert left.unfit_codes == []


async def test_a_note_on_an_accepted_invoice_waits_for_the_next_order(
    house: House, api: ApiClient
) -> None:
    await house.open()
    invoice_id = await house.issue("A-1")
    first = await order(house, api)
    await credit(house, invoice_id)
    await house.receive(await house.order_arrived(first, {"A-1": None}))
    assert await released(house) == []
    second = await order(house, api, "B-1")
    assert [note["credit_note_number"] for note in second["credit_notes"]] == ["CN-1"]


async def test_a_released_note_cannot_be_put_into_an_order_by_sql(
    house: House, api: ApiClient
) -> None:
    await house.open()
    invoice_id = await house.issue("A-1")
    first = await order(house, api)
    await credit(house, invoice_id)
    await house.receive(await house.order_arrived(first, {"A-1": "address-incomplete"}))
    with pytest.raises(DBAPIError, match="credit_note_released_from_orders"):
        await house.rows("UPDATE credit_note SET order_id = :id", id=first["order_id"])


async def test_a_line_that_the_books_set_aside_is_not_called_acquitted_until_it_is(
    house: House, api: ApiClient
) -> None:
    await house.open()
    invoice_id = await house.issue("A-1")
    first = await order(house, api)
    await house.receive(await house.order_arrived(first, {"A-1": None}))
    await changed(house, invoice_id, "120.00", fact(house, "acquittal_set_aside"))
    acquitted = house.order_acquitted(first, 0, "0.00")
    aside = {"set_aside_count": 1, "set_aside_total": chf("120.00")}
    await house.receive(acquitted.model_copy(update=aside))
    (state,) = await house.rows("SELECT state FROM orders")
    assert state.state == "acquitted"
    wish = {"contract_id": str(house.contract_id), "invoice_ids": [str(invoice_id)]}
    _, problem = await api.post(f"{house.path}/orders", wish)
    assert problem["facts"]["invoices"][0]["reason_code"] == "in-live-order"
    await changed(house, invoice_id, "120.00", fact(house, "acquittal"))
    _, problem = await api.post(f"{house.path}/orders", wish)
    assert problem["facts"]["invoices"][0]["reason_code"] == "already-acquitted"


async def test_an_imported_successor_goes_to_the_factor_under_the_number_of_its_document(
    house: House, api: ApiClient
) -> None:
    await house.open()
    invoice_id = await house.issue("RE-4711.2", document_number="RE-4711")
    first = await order(house, api)
    lines = await house.rows("SELECT invoice_number FROM order_line")
    assert [line.invoice_number for line in lines] == ["RE-4711"]
    await house.receive(await house.order_arrived(first, {"RE-4711": None}))
    await credit(house, invoice_id)
    second = await order(house, api, "B-1")
    assert [note["invoice_number"] for note in second["credit_notes"]] == ["RE-4711"]
