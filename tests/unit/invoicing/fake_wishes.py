"""Cancellations that wait, in memory."""

from __future__ import annotations

from uuid import UUID

from services.invoicing.domain.cancellation_wish import CancellationWish, WishState


class FakeWishes:
    """The last wish of each invoice."""

    def __init__(self) -> None:
        self.by_invoice: dict[UUID, CancellationWish] = {}

    async def of_invoice(self, invoice_id: UUID) -> CancellationWish | None:
        return self.by_invoice.get(invoice_id)

    async def pending(self, order_id: UUID) -> list[CancellationWish]:
        return [
            wish
            for wish in self.by_invoice.values()
            if (wish.order_id, wish.state) == (order_id, WishState.PENDING)
        ]

    async def save(self, wish: CancellationWish) -> None:
        self.by_invoice[wish.invoice_id] = wish
