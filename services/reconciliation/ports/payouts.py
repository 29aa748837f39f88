"""What the handler about payouts that are not paid as announced needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class KnownPayout:
    """A payout as DEB rows announce it and the bank shows it on one account.

    Attributes:
        is_open: whether the two differ, and no person has accepted by how much.
    """

    payout_id: UUID
    payout_reference: str
    announced: Money
    received: Money
    is_open: bool


@dataclass(frozen=True, slots=True)
class PayoutDecision:
    """What a person says of a difference.

    Attributes:
        payout: with the sums that were decided on; another sum opens it again.
        wait_until: the last day on which it is waited for; None: the difference is accepted.
    """

    payout: KnownPayout
    wait_until: date | None
    reason: str
    decided_by: str
    decided_at: datetime


class PayoutRepository(Protocol):
    """Payouts on bank accounts; each is seen by who may see all practices of the account."""

    async def find(self, payout_id: UUID) -> KnownPayout | None:
        """Return a payout in scope, its sums locked for this transaction; or None."""

    async def decide(self, decision: PayoutDecision) -> None:
        """Keep a decision; the latest counts."""
