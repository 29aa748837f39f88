"""The part of the reconciliation API about payouts that are not paid as announced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.entrypoints.parked_rows import DECIDING_ROLES
from services.reconciliation.entrypoints.replies import money
from services.reconciliation.handlers.decide_payout import DecidePayout, decide_payout
from services.reconciliation.ports.payouts import PayoutRepository
from shared.contracts.envelope import WireMoney
from shared.kernel.clock import Clock
from shared.web.changes import Changed, changed
from shared.web.endpoints import ApiModel, Call, Endpoint, Reply

PayoutsOn = Callable[[AsyncConnection], PayoutRepository]


class PayoutDecisionRequest(ApiModel):
    """What is to become of the difference."""

    decision: Literal["accept", "wait"]
    difference: Annotated[
        WireMoney, Field(description="Announced less received, as it was shown to the person")
    ]
    wait_until: Annotated[
        date | None, Field(description="Last day on which it is waited for; at most 90 days away")
    ] = None
    reason: Annotated[str, Field(min_length=3, max_length=300, pattern=r"\S")]

    @model_validator(mode="after")
    def _waits_until_a_day(self) -> PayoutDecisionRequest:
        if (self.decision == "wait") != (self.wait_until is not None):
            raise ValueError("wait_until belongs to wait, and to nothing else")
        return self


class PayoutDecisionReply(ApiModel):
    """What was decided of which sums, by whom."""

    payout_id: UUID
    payout_reference: str
    decision: Literal["accept", "wait"]
    announced: WireMoney
    received: WireMoney
    wait_until: date | None
    reason: str
    decided_by: str
    decided_at: datetime


class PayoutOperations:
    """The operations, each on the open connection of its call."""

    def __init__(self, payouts_on: PayoutsOn, clock: Clock) -> None:
        self._payouts_on = payouts_on
        self._clock = clock

    async def decide(self, call: Call) -> Changed:
        """Keep what a person says of a difference."""
        body = call.body_as(PayoutDecisionRequest)
        command = DecidePayout(
            payout_id=call.path_id("payout_id"),
            difference=body.difference.to_money(),
            wait_until=body.wait_until,
            reason=body.reason.strip(),
            by=call.principal.subject,
        )
        decided = await decide_payout(command, self._payouts_on(call.connection), self._clock)
        answer = PayoutDecisionReply(
            payout_id=decided.payout.payout_id,
            payout_reference=decided.payout.payout_reference,
            decision=body.decision,
            announced=money(decided.payout.announced.rappen),
            received=money(decided.payout.received.rappen),
            wait_until=decided.wait_until,
            reason=decided.reason,
            decided_by=decided.decided_by,
            decided_at=decided.decided_at,
        )
        return changed(Reply(answer), None, answer)


def payout_endpoints(payouts_on: PayoutsOn, clock: Clock) -> list[Endpoint]:
    """Return the table of this part of the API."""
    operations = PayoutOperations(payouts_on, clock)
    return [
        Endpoint(
            method="POST",
            path="/v1/payouts/{payout_id}/decision",
            operation_id="decidePayout",
            summary="Accept that the bank paid otherwise than announced, or wait some days more",
            handler=operations.decide,
            roles=DECIDING_ROLES,
            request=PayoutDecisionRequest,
            response=PayoutDecisionReply,
            problem_codes=(
                "payout-changed",
                "payout-not-found",
                "payout-settled",
                "wait-until-out-of-range",
            ),
        )
    ]
