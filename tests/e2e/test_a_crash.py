"""The failure flow over real processes: reconciliation dies between commit and acknowledgement."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.demo.readback import read_figures
from sandbox.processes import ProcessError
from tests.e2e.conftest import House
from tests.support.waiting import eventually_blocking

pytestmark = pytest.mark.timeout(480)
_LEFT_OUT = "10004"
"""The patient whose invoice the first order left behind."""


def test_sigkill_between_commit_and_acknowledgement_loses_and_doubles_nothing(
    house: House,
) -> None:
    office, api, stack = house.procedure.offices[0], house.api, house.stack
    before = read_figures(api)
    invoice_id = office.invoices[_LEFT_OUT]
    stack.runner.stop("reconciliation")
    stack.start_service("reconciliation", module="tests.e2e.reconciliation_killed_after_commit")
    stack.wait_until_ready("reconciliation")

    order = api.post(
        "orders",
        office.path("orders"),
        {"contract_id": office.contract_id, "invoice_ids": [invoice_id], "communication": ""},
    )
    eventually_blocking(
        lambda: _has_died(house), within_seconds=60, because="it dies on the confirmation"
    )
    assert api.get("orders", office.path(f"orders/{order['order_id']}"))["state"] == "confirmed"

    stack.start_service("reconciliation")
    stack.wait_until_ready("reconciliation")
    acquittals = eventually_blocking(
        lambda: _acquittals(house, order["order_id"]),
        within_seconds=60,
        because="the confirmation that was committed before the crash is worked",
    )
    assert [row["invoice_id"] for row in acquittals] == [invoice_id]
    position = api.get("reconciliation", office.path(f"positions/{invoice_id}"))
    assert position["factor_owes"] == order["total"]
    after = eventually_blocking(
        lambda: _figures_if(house, orders_confirmed=before.orders_confirmed + 1),
        because="the figures follow",
    )
    assert after.invoices_acquitted == before.invoices_acquitted + 1
    assert after.journal_balanced


def _has_died(house: House) -> bool:
    try:
        house.stack.runner.check("reconciliation")
    except ProcessError as ended:
        if "-9" not in str(ended):
            raise
        return True
    return False


def _acquittals(house: House, order_id: str) -> list[dict[str, Any]]:
    office = house.procedure.offices[0]
    return house.api.items("reconciliation", office.path("acquittals"), order_id=order_id)


def _figures_if(house: House, *, orders_confirmed: int) -> Any:
    figures = read_figures(house.api)
    return figures if figures.orders_confirmed == orders_confirmed else None
