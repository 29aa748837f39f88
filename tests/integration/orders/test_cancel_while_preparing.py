"""Preparing an order and cancelling one of its invoices at the same time, in both interleavings."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.orders.adapters.correction_repository import SqlCorrectionRepository
from services.orders.adapters.document_archive import ObjectStoreDocumentArchive
from services.orders.adapters.repositories import SqlInvoiceRepository
from tests.integration.orders.house import House
from tests.integration.orders.test_corrections import cancelled, invoice_id_of, listed
from tests.integration.orders.test_gate import someone_waits_for_a_lock
from tests.integration.orders.test_queue import MANY
from tests.support.waiting import eventually
from tests.support.web import ApiClient


class Pause:
    """Stops whoever comes by until it is lifted."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.lifted = asyncio.Event()

    async def here(self) -> None:
        """Wait."""
        self.reached.set()
        await self.lifted.wait()


def pause_after(patch: pytest.MonkeyPatch, owner: type, name: str) -> Pause:
    """Stop whoever has just been through this method, its transaction open."""
    pause, method = Pause(), getattr(owner, name)

    async def stopped(*given: Any, **named: Any) -> Any:
        done = await method(*given, **named)
        await pause.here()
        return done

    patch.setattr(owner, name, stopped)
    return pause


async def orders_with(house: House, invoice_id: UUID) -> list[Any]:
    """Return the live lines of an invoice, with the facts of their orders."""
    return await house.rows(
        "SELECT order_line.order_id, array_agg(order_fact.kind) AS facts"
        " FROM order_line JOIN order_fact ON order_fact.order_id = order_line.order_id"
        " WHERE invoice_id = :invoice_id AND live GROUP BY order_line.order_id",
        invoice_id=invoice_id,
    )


@pytest.mark.parametrize("how", ["cancelled", "paid"])
async def test_what_changes_while_the_package_is_frozen_keeps_the_order_from_being(
    house: House, api: ApiClient, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    await house.open()
    await house.issue("N-1")
    await house.issue("N-2")
    invoice_id = await invoice_id_of(house, "N-1")
    body = {"contract_id": str(house.contract_id)}
    with monkeypatch.context() as patched:
        pause = pause_after(patched, ObjectStoreDocumentArchive, "store_lines")
        preparing = asyncio.create_task(api.post(f"{house.path}/orders", body))
        await pause.reached.wait()
        if how == "cancelled":
            await house.receive(cancelled(house, invoice_id))
        else:
            await house.change_balance(invoice_id, "20.00")
        pause.lifted.set()
        status, problem = await preparing
    assert (status, problem["code"]) == (503, "temporarily-unavailable")
    assert await house.rows("SELECT 1 FROM orders") == []
    assert "order-prepared" not in [one["type"] for one in await house.told()]
    status, order = await api.post(f"{house.path}/orders", body)
    assert (status, order["order_number"]) == (201, "CMD-2026-0001")
    assert order["total"]["amount"] == ("120.00" if how == "cancelled" else "140.00")


async def test_a_cancellation_waits_for_the_order_that_holds_the_invoice_and_wants_it_back(
    house: House, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.open()
    await house.issue("N-1")
    await house.issue("N-2")
    invoice_id = await invoice_id_of(house, "N-1")
    body = {"contract_id": str(house.contract_id)}
    with monkeypatch.context() as patched:
        pause = pause_after(patched, SqlInvoiceRepository, "hold")
        preparing = asyncio.create_task(api.post(f"{house.path}/orders", body))
        await pause.reached.wait()
        cancelling = asyncio.create_task(house.receive(cancelled(house, invoice_id)))
        await eventually(lambda: someone_waits_for_a_lock(house), because="the cancellation waits")
        pause.lifted.set()
        status, order = await preparing
        await cancelling
    assert status == 201, order
    (line,) = await orders_with(house, invoice_id)
    assert str(line.order_id) == order["order_id"]
    assert sorted(line.facts) == ["prepared", "withdrawal-asked"]
    await house.receive(house.order_withheld(order))
    assert await orders_with(house, invoice_id) == []
    assert await listed(house, api) == ["N-2"]


async def test_preparing_waits_for_a_cancellation_that_is_being_worked(
    house: House, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.open()
    await house.issue("N-1")
    invoice_id = await invoice_id_of(house, "N-1")
    body = {"contract_id": str(house.contract_id), "invoice_ids": [str(invoice_id)]}
    with monkeypatch.context() as patched:
        pause = pause_after(patched, SqlCorrectionRepository, "mark_cancelled")
        cancelling = asyncio.create_task(house.receive(cancelled(house, invoice_id)))
        await pause.reached.wait()
        preparing = asyncio.create_task(api.post(f"{house.path}/orders", body))
        await eventually(lambda: someone_waits_for_a_lock(house), because="preparing waits")
        pause.lifted.set()
        await cancelling
        status, problem = await preparing
    assert (status, problem["code"]) == (503, "temporarily-unavailable")
    assert await orders_with(house, invoice_id) == []
    status, problem = await api.post(f"{house.path}/orders", body)
    assert (status, problem["code"]) == (422, "invoices-not-orderable")


async def test_the_queue_tries_again_when_an_invoice_changed_under_its_hands(
    house: House, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.open()
    await house.issue("N-1")
    await house.issue("N-2")
    names = {"practice_id": str(house.practice_id), "contract_id": str(house.contract_id)}
    status, answer = await api.post(MANY, {"contracts": [names]})
    assert status == 202, answer
    with monkeypatch.context() as patched:
        pause = pause_after(patched, ObjectStoreDocumentArchive, "store_lines")
        working = asyncio.create_task(house.ticks.work_tasks())
        await pause.reached.wait()
        await house.receive(cancelled(house, await invoice_id_of(house, "N-1")))
        pause.lifted.set()
        await working
    assert await house.rows("SELECT 1 FROM orders") == []
    house.clock.advance(timedelta(minutes=5))
    await house.ticks.work_tasks()
    (order,) = await house.rows("SELECT invoice_count FROM orders")
    assert order.invoice_count == 1
