"""Ends of processes: reconciliation dies between commit and acknowledgement; SIGTERM is clean."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from sandbox.blocking import run_blocking
from sandbox.demo.readback import read_figures
from sandbox.demo.stack import SERVICE_PORTS
from sandbox.processes import ProcessError
from shared.contracts import topics
from shared.contracts.orders.v1 import OrderConfirmed
from tests.e2e.conftest import House
from tests.e2e.topics import unacknowledged
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
    assert stack.runner.stop("reconciliation") == 0
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
    assert _unacknowledged(house) > 0, "it was killed before it acknowledged"
    assert _deliveries(house, order["order_id"]) == 1, "it was killed after it had committed"

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
    eventually_blocking(
        lambda: _deliveries(house, order["order_id"]) == 2,
        within_seconds=60,
        because="the unacknowledged confirmation is delivered again and recognised",
    )
    assert len(_acquittals(house, order["order_id"])) == 1
    assert read_figures(api).invoices_acquitted == after.invoices_acquitted


def test_sigterm_ends_every_service_cleanly_and_it_starts_again(house: House) -> None:
    statuses = {name: house.stack.runner.stop(name) for name in SERVICE_PORTS}
    assert statuses == dict.fromkeys(SERVICE_PORTS, 0)
    for name in SERVICE_PORTS:
        house.stack.start_service(name)
    house.stack.wait_until_ready(*SERVICE_PORTS)
    assert read_figures(house.api).journal_balanced


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


def _unacknowledged(house: House) -> int:
    return run_blocking(unacknowledged(house.stack.broker.bootstrap, topics.ORDER_EVENTS.name))


def _deliveries(house: House, order_id: str) -> int:
    """How often Kafka has delivered the order's confirmation; only the inbox itself knows."""
    url = house.stack.settings["reconciliation"]["RECONCILIATION_DATABASE_OWNER_URL"]

    async def ask() -> int:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            await connection.execute("SET quittance.system = 'on'")
            return int(
                await connection.fetchval(
                    "SELECT coalesce(sum(deliveries), 0) FROM inbox"
                    " WHERE type = $1 AND subject = $2",
                    OrderConfirmed.TYPE,
                    order_id,
                )
            )
        finally:
            await connection.close()

    return run_blocking(ask())


def _figures_if(house: House, *, orders_confirmed: int) -> Any:
    figures = read_figures(house.api)
    return figures if figures.orders_confirmed == orders_confirmed else None
