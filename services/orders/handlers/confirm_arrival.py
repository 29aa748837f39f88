"""A person saw an order at the factor: confirm it on their word, with what they saw kept.

For contracts without machine access, and for days on which the portal cannot be asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.orders.domain.arrival import match_arrival
from services.orders.domain.communication import checked_text
from services.orders.domain.errors import OrderNotFoundError, WithdrawalPendingError, some_numbers
from services.orders.domain.model import (
    Arrival,
    ArrivalAnswer,
    ArrivalEvidence,
    Observation,
    OrderLine,
)
from services.orders.domain.order import Order
from services.orders.handlers.confirming import confirm_lines
from services.orders.handlers.outcome import Outcome
from services.orders.ports import UnitOfWork
from services.orders.ports.archive import DocumentArchive
from shared.kernel.clock import Clock
from shared.kernel.errors import DomainError
from shared.kernel.ids import OrderId, PracticeId

PERSON = "person"
SEEN_CHARACTERS_MAX = 1000


@dataclass(frozen=True, slots=True)
class ConfirmArrival:
    """Confirm an order's arrival.

    Attributes:
        by: who confirms.
        reference: what the factor calls it: its reference, the day of a telephone call.
        seen: what was seen, in the person's own words; stays in this house.
        refusals: invoice number → the factor's code, for each invoice that was refused.
    """

    order_id: OrderId
    practice_id: PracticeId
    by: str
    observed_at: datetime
    reference: str
    seen: str
    refusals: Mapping[str, str] = field(default_factory=dict)


async def confirm_arrival(
    command: ConfirmArrival, uow: UnitOfWork, archive: DocumentArchive, clock: Clock
) -> Outcome:
    """Confirm the order line by line and keep the evidence; the same again is already done.

    Raises:
        OrderNotFoundError: the practice has no such order.
        WithdrawalPendingError: somebody has asked for the order back.
        DomainError: a refusal names an invoice that is not in the order, or it was seen in the
            future or before it was prepared.
        ArrivalMismatchError: it contradicts what was confirmed before.
        IllegalMoveError: the order was refused or withdrawn.
        TransientError: the confirmation could not be stored.
    """
    order = await uow.orders.get_for_update(command.practice_id, command.order_id)
    if order is None:
        raise OrderNotFoundError(command.order_id)
    if order.withdrawal_pending:
        raise WithdrawalPendingError(order.number)
    now = clock.now()
    _refuse_impossible_time(order, command.observed_at, now)
    seen = checked_text(
        command.seen,
        what="What was seen",
        characters_max=SEEN_CHARACTERS_MAX,
        code="seen",
        field="seen",
    )
    lines = await uow.orders.lines(order.order_id)
    _refuse_strange_refusals(order, lines, command.refusals)
    outcome = await confirm_lines(
        order,
        match_arrival(
            order,
            lines,
            _answer(order, lines, command.refusals),
            accepted_count=len(lines) - len(command.refusals),
            refused_count=len(command.refusals),
        ),
        uow,
        archive,
        clock,
        evidence=ArrivalEvidence(PERSON, command.reference, command.observed_at),
        arrived_at=command.observed_at,
    )
    if outcome is Outcome.DONE:
        observation = Observation(command.by, command.observed_at, command.reference, seen)
        await uow.orders.add_observation(order, observation, recorded_at=now)
    return outcome


def _answer(order: Order, lines: list[OrderLine], refusals: Mapping[str, str]) -> Arrival:
    answers = (
        ArrivalAnswer(
            line.invoice_number,
            line.invoice_number not in refusals,
            refusals.get(line.invoice_number),
        )
        for line in lines
    )
    return Arrival(order.order_id, order.practice_id, tuple(answers))


def _refuse_strange_refusals(
    order: Order, lines: list[OrderLine], refusals: Mapping[str, str]
) -> None:
    strange = sorted(refusals.keys() - {line.invoice_number for line in lines})
    if strange:
        raise DomainError(
            f"Order {order.number} does not hold {some_numbers(strange)}. Nothing was confirmed.",
            code="refusal-without-invoice",
            field="refusals",
        )


def _refuse_impossible_time(order: Order, observed_at: datetime, now: datetime) -> None:
    if not order.prepared_at <= observed_at <= now:
        raise DomainError(
            f"Order {order.number} can only have been seen between its preparation and now.",
            code="observation-time-impossible",
            field="observed_at",
        )
