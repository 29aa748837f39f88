"""Writes what became of an order's lines into its invoices; shared by the two ways to learn it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.invoicing.domain.invoice import HistoryEntry, Outcome
from services.invoicing.domain.order import LineOutcome, Placement
from services.invoicing.handlers.expected import expected_standings
from services.invoicing.ports import UnitOfWork
from shared.kernel.clock import SWISS_TIME
from shared.kernel.errors import DomainError


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of lines of one order.

    Attributes:
        refusals: invoice id → reason of its refusal, or None if it was accepted.
        event_id: the event that told of it.
    """

    practice_id: UUID
    order_id: UUID
    refusals: Mapping[UUID, str | None]
    decided_at: datetime
    event_id: UUID


async def decide_lines(decision: Decision, uow: UnitOfWork) -> Outcome:
    """Note accepted and refused lines; refused invoices are free unless a newer order has them.

    Lines that were decided the same way before change nothing.

    Raises:
        TooEarlyError: an invoice is not known yet.
        DomainError: a line is not in the order, was decided otherwise, or is acquitted.
    """
    standings = await expected_standings(uow, decision.refusals)
    placements = await uow.orders.placements(decision.refusals)
    decided: list[Placement] = []
    for invoice_id, refusal_code in decision.refusals.items():
        before = _placement_in(decision.order_id, placements[invoice_id])
        after = before.accepted() if refusal_code is None else before.refused(refusal_code)
        if after == before:
            continue
        if not after.is_live:
            standings[invoice_id].check_refusable(decision.order_id)
        places = placements[invoice_id]
        places[places.index(before)] = after
        decided.append(after)
    if not decided:
        return Outcome.ALREADY_DONE
    await uow.orders.save_placements(decided)
    await uow.invoices.save_standings(
        [standings[one.invoice_id].placed(placements[one.invoice_id]) for one in decided]
    )
    await uow.invoices.add_history(
        decision.practice_id, [_entry(decision, placement) for placement in decided]
    )
    return Outcome.DONE


def _placement_in(order_id: UUID, placements: list[Placement]) -> Placement:
    for placement in placements:
        if placement.order_id == order_id:
            return placement
    raise DomainError("The invoice was never in this order.", code="not-in-order")


def _entry(decision: Decision, placement: Placement) -> HistoryEntry:
    accepted = placement.outcome is LineOutcome.ACCEPTED
    return HistoryEntry(
        placement.invoice_id,
        "arrived" if accepted else "refused",
        decision.decided_at.astimezone(SWISS_TIME).date(),
        cause_id=decision.event_id,
        order_id=decision.order_id,
        code=placement.refusal_code,
    )
