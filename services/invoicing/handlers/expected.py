"""Finds what an event is about, or says what the event must wait for."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from services.invoicing.domain.invoice import Standing
from services.invoicing.ports import UnitOfWork
from shared.kernel.errors import TooEarlyError


async def expected_standings(
    uow: UnitOfWork, invoice_ids: Collection[UUID]
) -> dict[UUID, Standing]:
    """Return the standings of all these invoices, locked.

    Raises:
        TooEarlyError: one of them is not known yet.
    """
    standings = await uow.invoices.lock_standings(invoice_ids)
    for invoice_id in invoice_ids:
        if invoice_id not in standings:
            raise TooEarlyError(f"invoice {invoice_id} is not known yet", waits_for=str(invoice_id))
    return standings


async def expect_order(uow: UnitOfWork, order_id: UUID) -> None:
    """Check that an order is known.

    Raises:
        TooEarlyError: it is not, yet.
    """
    if not await uow.orders.is_known(order_id):
        raise TooEarlyError(f"order {order_id} is not known yet", waits_for=str(order_id))
