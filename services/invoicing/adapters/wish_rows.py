"""Cancellations that wait for an order to be taken back, in PostgreSQL."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.adapters.insurance_rows import insurance_columns, to_insurance
from services.invoicing.domain.cancellation_wish import CancellationWish, Intent, WishState
from services.invoicing.domain.correction import NewContent
from shared.kernel.money import Money

_OF_INVOICE = text("SELECT * FROM cancellation_wish WHERE invoice_id = :invoice_id")
_PENDING = text(
    """
    SELECT * FROM cancellation_wish WHERE order_id = :order_id AND state = 'pending'
    ORDER BY invoice_id
    """
)
_SAVE = text(
    """
    INSERT INTO cancellation_wish (practice_id, invoice_id, order_id, reason_code, asked_at,
      asked_by, state, settled_at, intent, content, corrected_id, conflict_id, refusal_code,
      refusal)
    VALUES (:practice_id, :invoice_id, :order_id, :reason_code, :asked_at,
      :asked_by, :state, :settled_at, :intent, CAST(:content AS jsonb), :corrected_id,
      :conflict_id, :refusal_code, :refusal)
    ON CONFLICT (practice_id, invoice_id) DO UPDATE
      SET order_id = excluded.order_id, reason_code = excluded.reason_code,
          asked_at = excluded.asked_at, asked_by = excluded.asked_by,
          state = excluded.state, settled_at = excluded.settled_at, intent = excluded.intent,
          content = excluded.content, corrected_id = excluded.corrected_id,
          conflict_id = excluded.conflict_id, refusal_code = excluded.refusal_code,
          refusal = excluded.refusal
    """
)


class SqlWishRepository:
    """See services.invoicing.ports.WishRepository."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of_invoice(self, invoice_id: UUID) -> CancellationWish | None:
        """Return the last wish about an invoice, settled or not, or None."""
        rows = await self._connection.execute(_OF_INVOICE, {"invoice_id": invoice_id})
        row = rows.mappings().one_or_none()
        return None if row is None else _wish(row)

    async def pending(self, order_id: UUID) -> list[CancellationWish]:
        """Return the wishes that wait for this order."""
        rows = await self._connection.execute(_PENDING, {"order_id": order_id})
        return [_wish(row) for row in rows.mappings()]

    async def save(self, wish: CancellationWish) -> None:
        """Write a wish, in the place of an earlier one about the invoice."""
        await self._connection.execute(
            _SAVE,
            {
                "practice_id": wish.practice_id,
                "invoice_id": wish.invoice_id,
                "order_id": wish.order_id,
                "reason_code": wish.reason_code,
                "asked_at": wish.asked_at,
                "asked_by": wish.asked_by,
                "state": wish.state.value,
                "settled_at": wish.settled_at,
                "intent": wish.intent.value,
                "content": None if wish.content is None else _text(wish.content),
                "corrected_id": wish.corrected_id,
                "conflict_id": wish.conflict_id,
                "refusal_code": wish.refusal_code,
                "refusal": wish.refusal,
            },
        )


def _wish(row: RowMapping) -> CancellationWish:
    words = {"state": WishState(row["state"]), "intent": Intent(row["intent"])}
    content = None if row["content"] is None else _content(row["content"])
    return CancellationWish(**{**row, **words, "content": content})


def _text(content: NewContent) -> str:
    return json.dumps(
        {
            "treatment_ids": [str(one) for one in content.treatment_ids],
            "contract_id": None if content.contract_id is None else str(content.contract_id),
            "deposit_rappen": content.deposit.rappen,
            "payment_period_days": content.payment_period_days,
            "discount_percent": str(content.discount_percent),
            **insurance_columns(content.insurance),
            "keeps_insurance": content.keeps_insurance,
        },
        default=str,
    )


def _content(kept: dict[str, Any]) -> NewContent:
    contract_id = kept["contract_id"]
    return NewContent(
        treatment_ids=tuple(UUID(one) for one in kept["treatment_ids"]),
        contract_id=None if contract_id is None else UUID(contract_id),
        deposit=Money(kept["deposit_rappen"]),
        payment_period_days=kept["payment_period_days"],
        discount_percent=Decimal(kept["discount_percent"]),
        # A wish that was kept before there were insurers bills tiers garant.
        insurance=to_insurance(kept) if "tiers" in kept else None,
        keeps_insurance=kept.get("keeps_insurance", False),
    )
