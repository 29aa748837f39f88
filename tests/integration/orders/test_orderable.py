"""What may be ordered: the SQL of the list and the rule of the domain never disagree."""

from __future__ import annotations

from itertools import product
from uuid import UUID, uuid4

import pytest

from services.orders.domain.order import OrderState
from tests.integration.orders.house import House
from tests.support.web import ApiClient

_BALANCES = ("120.00", "0.00", "-1.00")
_UNFIT: tuple[tuple[str, ...], ...] = ((), ("missing-address",))


async def _every_kind_of_invoice(house: House, other: UUID) -> None:
    kinds = product(_BALANCES, _UNFIT, (house.contract_id, other, None))
    for place, (balance, unfit, contract_id) in enumerate(kinds):
        await house.issue(
            f"N-{place:03d}",
            balance,
            contract_id=contract_id,
            without_contract=contract_id is None,
            unfit_codes=unfit,
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
    assert everything["totals"]["count"] == len(everything["items"]) == 19
    assert everything["totals"]["orderable_count"] == only["totals"]["count"] == len(orderable)
    assert len(orderable) == (1 if with_contract else 2)


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
