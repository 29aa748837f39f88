"""What may be ordered: the SQL of the list and the rule of the domain never disagree."""

from __future__ import annotations

from itertools import product
from typing import Literal
from uuid import UUID, uuid4

import pytest

from services.orders.domain.order import OrderState
from shared.contracts.envelope import ContentRef
from shared.contracts.invoicing.v1 import InvoiceDocumentRendered
from shared.kernel.errors import TooEarlyError
from tests.integration.orders.house import House
from tests.support.web import ApiClient

_BALANCES = ("120.00", "0.00", "-1.00")
_UNFIT: tuple[tuple[str, ...], ...] = ((), ("missing-address",))
_FORMATS: tuple[Literal["4.5", "5.0"] | None, ...] = (None, "5.0", "4.5")


async def _every_kind_of_invoice(house: House, other: UUID) -> None:
    contracts = (house.contract_id, other, None)
    kinds = product(_BALANCES, _UNFIT, contracts, _FORMATS)
    for place, (balance, unfit, contract_id, document_format) in enumerate(kinds):
        await house.issue(
            f"N-{place:03d}",
            balance,
            contract_id=contract_id,
            without_contract=contract_id is None,
            unfit_codes=unfit,
            document_format=document_format,
        )


@pytest.mark.parametrize("with_contract", [True, False])
async def test_list_figures_and_verdicts_agree_for_every_kind_of_invoice(
    house: House, api: ApiClient, *, with_contract: bool
) -> None:
    await house.open()
    other = uuid4()
    await house.receive(house.contract_changed(contract_id=other))
    await house.issue("HELD")
    body = {"contract_id": str(house.contract_id)}
    assert (await api.post(f"{house.path}/orders", body))[0] == 201
    await _every_kind_of_invoice(house, other)
    query = {"contract_id": str(house.contract_id)} if with_contract else {}
    path = f"{house.path}/orderable-invoices"
    _, everything = await api.get(path, exclude_zero_balance="false", **query)
    orderable = [each["invoice_id"] for each in everything["items"] if each["orderable"]]
    _, only = await api.get(path, only_orderable="true", **query)
    assert [each["invoice_id"] for each in only["items"]] == orderable
    assert everything["totals"]["count"] == len(everything["items"]) == 55
    assert everything["totals"]["orderable_count"] == only["totals"]["count"] == len(orderable)
    assert len(orderable) == (2 if with_contract else 4)


async def test_an_order_takes_exactly_what_the_list_calls_orderable(
    house: House, api: ApiClient
) -> None:
    await house.open()
    other = uuid4()
    await house.receive(house.contract_changed(contract_id=other))
    await _every_kind_of_invoice(house, other)
    _, listed = await api.get(
        f"{house.path}/orderable-invoices",
        contract_id=str(house.contract_id),
        only_orderable="true",
    )
    _, order = await api.post(f"{house.path}/orders", {"contract_id": str(house.contract_id)})
    assert order["invoice_count"] == listed["totals"]["count"]
    assert order["total"] == listed["totals"]["orderable"]
    assert order["state"] == OrderState.PREPARED


async def test_a_document_in_another_version_waits_until_it_is_written_anew(
    house: House, api: ApiClient
) -> None:
    await house.open()
    invoice_id = await house.issue("A-1", document_format="5.0")
    await house.receive(house.contract_changed(version=2, invoice_format="4.5"))
    path = f"{house.path}/orderable-invoices"
    (listed,) = (await api.get(path))[1]["items"]
    assert (listed["orderable"], listed["reason_code"]) == (False, "document-in-other-version")
    assert listed["remedy"]["operation_id"] == "renderInvoices"
    document = await house.store.put(
        practice_id=house.practice_id,
        kind="invoice-document",
        data=b"<invoice version='4.5'/>",
        media_type="application/xml",
    )
    rendered = InvoiceDocumentRendered(
        practice_id=house.practice_id,
        invoice_id=invoice_id,
        invoice_number="A-1",
        document=document,
        document_format="4.5",
        rendered_at=house.clock.now(),
    )
    for _ in range(2):
        await house.receive(rendered)
    (listed,) = (await api.get(path))[1]["items"]
    assert (listed["orderable"], listed["remedy"]) == (True, None)
    status, order = await api.post(f"{house.path}/orders", {"contract_id": str(house.contract_id)})
    assert status == 201
    (line,) = (await api.get(f"{house.path}/orders/{order['order_id']}/lines"))[1]["items"]
    assert line["document_sha256"] == document.sha256


async def test_a_document_of_an_invoice_that_is_not_known_yet_waits(house: House) -> None:
    await house.open()
    rendered = InvoiceDocumentRendered(
        practice_id=house.practice_id,
        invoice_id=uuid4(),
        invoice_number="A-1",
        document=ContentRef(key="k", sha256="0" * 64, size_bytes=1, media_type="text/xml"),
        document_format="4.5",
        rendered_at=house.clock.now(),
    )
    with pytest.raises(TooEarlyError):
        await house.receive(rendered)
