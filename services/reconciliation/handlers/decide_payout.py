"""A person accepts that a payout is not paid as announced, or waits for the rest some days more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from services.reconciliation.ports.payouts import PayoutDecision, PayoutRepository
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError, DomainError, NotFoundError
from shared.kernel.money import Money

WAIT_DAYS_MAX = 90


@dataclass(frozen=True, slots=True)
class DecidePayout:
    """Accept this difference, or wait until a day.

    Attributes:
        difference: announced less received, as the person saw it.
        wait_until: the last day on which it is waited for; None: accept it.
    """

    payout_id: UUID
    difference: Money
    wait_until: date | None
    reason: str
    by: str


async def decide_payout(
    command: DecidePayout, payouts: PayoutRepository, clock: Clock
) -> PayoutDecision:
    """Keep the decision. An accepted payout opens again when one of its sums changes.

    Raises:
        NotFoundError: there is no such payout in scope.
        ConflictError: nothing differs any more, or by another sum than the person saw.
        DomainError: the day to wait until is past, or too far away.
    """
    payout = await payouts.find(command.payout_id)
    if payout is None:
        raise NotFoundError("There is no such payout.", code="payout-not-found")
    if not payout.is_open:
        raise ConflictError("This payout has no open difference.", code="payout-settled")
    if payout.announced - payout.received != command.difference:
        raise ConflictError(
            "The difference is another one by now; look at the payout again.",
            code="payout-changed",
        )
    if command.wait_until is not None:
        today = clock.today()
        if not today <= command.wait_until <= today + timedelta(days=WAIT_DAYS_MAX):
            raise DomainError(
                f"Wait until a day between today and {WAIT_DAYS_MAX} days from now.",
                code="wait-until-out-of-range",
                field="wait_until",
            )
    decision = PayoutDecision(payout, command.wait_until, command.reason, command.by, clock.now())
    await payouts.decide(decision)
    return decision
