"""What invoicing corrects: a cancelled invoice is not ordered, a credit note waits."""

from __future__ import annotations

import logging
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts.envelope import ContentRef
from shared.contracts.invoicing.v1 import (
    CreditNoteIssued,
    InvoiceCancelled,
    InvoiceWithdrawalWished,
)
from shared.kernel.errors import TooEarlyError
from tests.integration.orders.house import House, chf
from tests.support.web import ApiClient
from tests.unit.orders.builders import NOON


def cancelled(house: House, invoice_id: UUID) -> InvoiceCancelled:
    """Return the event of a cancelled invoice."""
    return InvoiceCancelled(
        practice_id=house.practice_id,
        invoice_id=invoice_id,
        invoice_number="N-1",
        contract_id=house.contract_id,
        reason_code="wrong-address",
        replaced_by=None,
        cancelled_on=date(2026, 3, 9),
    )


def credited(house: House, invoice_id: UUID) -> CreditNoteIssued:
    """Return the event of a credit note."""
    return CreditNoteIssued(
        practice_id=house.practice_id,
        credit_note_id=uuid4(),
        credit_note_number="CN-2026-000001",
        invoice_id=invoice_id,
        invoice_number="N-1",
        contract_id=house.contract_id,
        debtor_number="D-1",
        amount=chf("20.00"),
        reason_code="goodwill",
        document=ContentRef(key="x/y/z", sha256="0" * 64, size_bytes=1, media_type="text/xml"),
        issued_on=date(2026, 3, 9),
    )


async def listed(house: House, api: ApiClient) -> list[Any]:
    """Return what the list calls orderable."""
    _, page = await api.get(f"{house.path}/orderable-invoices", only_orderable="true")
    return [each["invoice_number"] for each in page["items"]]


async def invoice_id_of(house: House, number: str) -> UUID:
    """Return the id of an issued invoice."""
    (row,) = await house.rows(
        "SELECT invoice_id FROM invoice WHERE invoice_number = :number", number=number
    )
    return UUID(str(row.invoice_id))


async def test_a_cancelled_invoice_leaves_the_list_of_what_may_be_ordered(
    house: House, api: ApiClient
) -> None:
    await house.open()
    await house.issue("N-1")
    await house.issue("N-2")
    assert await listed(house, api) == ["N-1", "N-2"]
    event = cancelled(house, await invoice_id_of(house, "N-1"))
    await house.receive(event)
    await house.receive(event)
    assert await listed(house, api) == ["N-2"]
    body = {"contract_id": str(house.contract_id), "invoice_ids": [str(event.invoice_id)]}
    status, problem = await api.post(f"{house.path}/orders", body)
    assert (status, problem["code"]) == (422, "invoices-not-orderable")
    assert problem["facts"]["invoices"][0]["unfit_codes"] == ["cancelled"]


async def test_an_order_that_holds_a_cancelled_invoice_is_wanted_back(
    house: House, api: ApiClient
) -> None:
    order = await house.ordered(api, "N-1", "N-2")
    event = cancelled(house, await invoice_id_of(house, "N-1"))
    await house.receive(event)
    await house.receive(event)
    _, shown = await api.get(f"{house.path}/orders/{order['order_id']}")
    assert shown["withdrawal_pending"] is True
    asked = [one for one in await house.told() if one["type"] == "order-withdrawal-requested"]
    assert len(asked) == 1
    await house.receive(house.order_withheld(order))
    _, shown = await api.get(f"{house.path}/orders/{order['order_id']}")
    assert shown["state"] == "withdrawn"
    assert await listed(house, api) == ["N-2"]


async def test_a_cancelled_invoice_in_an_order_that_has_left_is_warned_of(
    house: House, api: ApiClient, caplog: pytest.LogCaptureFixture
) -> None:
    order = await house.ordered(api, "N-1")
    await house.receive(house.order_sent(order))
    with caplog.at_level(logging.WARNING):
        await house.receive(cancelled(house, await invoice_id_of(house, "N-1")))
    (warning,) = [one for one in caplog.records if "cancelled invoice" in one.message]
    assert warning.__dict__["order_number"] == order["order_number"]
    assert "order-withdrawal-requested" not in [one["type"] for one in await house.told()]


def wished(house: House, invoice_id: UUID, order_id: str) -> InvoiceWithdrawalWished:
    """Return the event of an invoice that is to be cancelled."""
    return InvoiceWithdrawalWished(
        practice_id=house.practice_id,
        invoice_id=invoice_id,
        invoice_number="N-1",
        order_id=UUID(order_id),
        wished_at=NOON,
    )


async def test_an_order_is_wanted_back_for_an_invoice_that_is_to_be_cancelled(
    house: House, api: ApiClient
) -> None:
    order = await house.ordered(api, "N-1", "N-2")
    event = wished(house, await invoice_id_of(house, "N-1"), order["order_id"])
    await house.receive(event)
    await house.receive(event)
    asked = [one for one in await house.told() if one["type"] == "order-withdrawal-requested"]
    assert len(asked) == 1
    _, shown = await api.get(f"{house.path}/orders/{order['order_id']}")
    assert shown["withdrawal_pending"] is True
    await house.receive(house.order_withheld(order))
    assert await listed(house, api) == ["N-1", "N-2"]


async def test_an_order_that_has_left_is_not_wanted_back_for_that(
    house: House, api: ApiClient
) -> None:
    order = await house.ordered(api, "N-1")
    await house.receive(house.order_sent(order))
    await house.receive(wished(house, await invoice_id_of(house, "N-1"), order["order_id"]))
    _, shown = await api.get(f"{house.path}/orders/{order['order_id']}")
    assert (shown["state"], shown["withdrawal_pending"]) == ("sent", False)
    assert "order-withdrawal-requested" not in [one["type"] for one in await house.told()]


async def test_a_credit_note_waits_for_the_next_order_once(house: House) -> None:
    await house.open()
    await house.issue("N-1")
    event = credited(house, await invoice_id_of(house, "N-1"))
    await house.receive(event)
    await house.receive(event)
    (row,) = await house.rows("SELECT * FROM credit_note")
    assert (row.credit_note_number, row.amount_rappen) == ("CN-2026-000001", 2000)
    assert row.order_id is None


async def test_a_correction_of_an_unknown_invoice_waits(house: House) -> None:
    await house.open()
    unknown = uuid4()
    for event in (cancelled(house, unknown), credited(house, unknown)):
        with pytest.raises(TooEarlyError) as waits:
            await house.receive(event)
        assert waits.value.waits_for == str(unknown)
