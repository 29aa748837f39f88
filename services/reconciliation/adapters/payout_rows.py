"""Payouts on bank accounts in PostgreSQL, and what persons decided of their differences."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.ports.payouts import KnownPayout, PayoutDecision
from shared.kernel.money import Money

_FIND = text(
    """
    SELECT payout_id, coalesce(payout_reference, payout_token) AS payout_reference,
      announced_rappen, received_rappen, is_open
    FROM payout WHERE payout_id = :payout_id FOR UPDATE
    """
)
_DECIDE = text(
    """
    INSERT INTO payout_decision (payout_id, practice_ids, decision, announced_rappen,
      received_rappen, wait_until, reason, decided_by, decided_at)
    SELECT payout_id, practice_ids, :decision, :announced, :received, :wait_until, :reason,
      :decided_by, :decided_at
    FROM payout WHERE payout_id = :payout_id
    """
)
_ACCEPT = text(
    """
    UPDATE payout SET accepted_announced_rappen = :announced, accepted_received_rappen = :received
    WHERE payout_id = :payout_id
    """
)
_WAIT = text("UPDATE payout SET wait_until = :wait_until WHERE payout_id = :payout_id")


class PostgresPayouts:
    """`PayoutRepository` on an open, scoped transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, payout_id: UUID) -> KnownPayout | None:
        """Return a payout in scope, locked; or None."""
        found = await self._connection.execute(_FIND, {"payout_id": payout_id})
        row = found.one_or_none()
        if row is None:
            return None
        return KnownPayout(
            payout_id=row.payout_id,
            payout_reference=row.payout_reference,
            announced=Money(row.announced_rappen),
            received=Money(row.received_rappen),
            is_open=row.is_open,
        )

    async def decide(self, decision: PayoutDecision) -> None:
        """Keep a decision; the latest counts."""
        payout = decision.payout
        values = {
            "payout_id": payout.payout_id,
            "decision": "accept" if decision.wait_until is None else "wait",
            "announced": payout.announced.rappen,
            "received": payout.received.rappen,
            "wait_until": decision.wait_until,
            "reason": decision.reason,
            "decided_by": decision.decided_by,
            "decided_at": decision.decided_at,
        }
        await self._connection.execute(_DECIDE, values)
        await self._connection.execute(
            _ACCEPT if decision.wait_until is None else _WAIT,
            {name: values[name] for name in ("payout_id", "announced", "received", "wait_until")},
        )
