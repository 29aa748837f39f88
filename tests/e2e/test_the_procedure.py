"""The happy flow over real processes, and events that come again from the broker."""

from __future__ import annotations

from typing import Any

import psutil
import pytest
from aiokafka import AIOKafkaProducer

from sandbox.demo.readback import read_figures
from sandbox.demo.stack import SERVICE_PORTS
from shared.contracts import topics
from shared.contracts.debident.v1 import DebFileFetched
from shared.contracts.orders.v1 import OrderConfirmed
from tests.e2e.conftest import House
from tests.e2e.topics import records, unacknowledged
from tests.support.waiting import eventually

_MEMORY_MIB_MAX = 200
pytestmark = pytest.mark.timeout(480)  # the first one starts the house


def test_the_procedure_completes_and_the_services_figures_add_up(house: House) -> None:
    figures = house.figures
    orders = [
        house.api.get("orders", office.path(f"orders/{office.order['order_id']}"))
        for office in house.procedure.offices
    ]
    assert house.procedure.step == "complete"
    assert figures.journal_balanced
    assert figures.orders_confirmed == len(orders)
    acquitted = figures.invoices_acquitted + figures.invoices_given_back
    assert acquitted == sum(order["accepted_count"] for order in orders)
    assert figures.invoices_given_back == 1, "one invoice comes back by recourse"
    assert figures.deb_rows == figures.deb_booked + figures.deb_repeats + figures.deb_parked
    assert figures.deb_booked > 0
    assert figures.deb_repeats > 0, "the second files overlap the first ones"
    assert figures.deb_parked == figures.rows_decided - 1, "a person booked one, and left the rest"


def test_the_demo_tells_every_step_with_amounts_and_the_asterisk(house: House) -> None:
    told = house.told.read_text()
    for step in (
        "1. Bill",
        "2. Prepare",
        "3. Wait",
        "4. The invoices",
        "5. Import",
        "6. A person",
        "7. The",
    ):
        assert step in told
    assert "CHF 1'" in told
    assert " *" in told
    assert "Transmis CMD" in told
    assert "a second order is refused" in told


def test_each_service_stays_under_its_share_of_memory(house: House) -> None:
    sizes = {
        name: psutil.Process(house.stack.runner.pid(name)).memory_info().rss / 2**20
        for name in SERVICE_PORTS
    }
    assert all(size < _MEMORY_MIB_MAX for size in sizes.values()), sizes


def test_every_kind_that_the_procedure_needs_was_booked(house: House) -> None:
    kinds = {
        fact["kind"]
        for office in house.procedure.offices
        for invoice_id in office.invoices.values()
        for fact in house.api.get("reconciliation", office.path(f"positions/{invoice_id}"))[
            "history"
        ]
    }
    assert {"sent", "payout", "reminder_fee", "debtor_payment", "recourse"} <= kinds


async def test_events_published_again_change_no_balance(house: House) -> None:
    before = _books(house)
    again = await _republish(house, topics.ORDER_EVENTS.name, OrderConfirmed.TYPE)
    again += await _republish(house, topics.DEB_FILE_EVENTS.name, DebFileFetched.TYPE)
    assert again >= len(house.procedure.offices) * 3
    for topic in (topics.ORDER_EVENTS.name, topics.DEB_FILE_EVENTS.name):
        await eventually(
            lambda name=topic: _is_ingested(house, name),
            within_seconds=60,
            because=f"reconciliation has taken in everything of {topic}",
        )
    await eventually(lambda: _open_inbox(house) == 0, because="its inbox is worked")
    assert _books(house) == before
    assert read_figures(house.api).journal_balanced


def _books(house: House) -> list[Any]:
    """Everything about money that the services show, of every practice."""
    api = house.api
    return [
        [
            api.get("reconciliation", office.path("balances")),
            api.items("reconciliation", office.path("positions")),
            api.items("reconciliation", office.path("journal")),
            api.items("invoicing", office.path("invoices")),
        ]
        for office in house.procedure.offices
    ]


async def _republish(house: House, topic: str, event_type: str) -> int:
    """Write every record of this type to its topic again, to the byte; return how many."""
    wanted = [
        record
        for record in await records(house.stack.broker.bootstrap, topic)
        if dict(record.headers).get("ce_type") == event_type.encode()
    ]
    producer = AIOKafkaProducer(bootstrap_servers=house.stack.broker.bootstrap)
    await producer.start()
    try:
        for record in wanted:
            await producer.send_and_wait(
                topic, record.value, key=record.key, headers=list(record.headers)
            )
    finally:
        await producer.stop()
    return len(wanted)


async def _is_ingested(house: House, topic: str) -> bool:
    return await unacknowledged(house.stack.broker.bootstrap, topic) == 0


def _open_inbox(house: House) -> float:
    """Read the gauge of events that wait in reconciliation's inbox."""
    lines = house.api.text("reconciliation", "/metrics").splitlines()
    return next(
        float(line.split()[-1]) for line in lines if line.startswith("quittance_inbox_open")
    )
