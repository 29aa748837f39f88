"""Puts a parked row back that a person left: it waits again, and can be decided anew."""

from __future__ import annotations

from services.reconciliation.domain.handing import RowDecision
from services.reconciliation.domain.rules import ROW_REOPENED
from services.reconciliation.handlers.decide_parked_row import (
    LEAVE,
    DecideParkedRow,
    tell_decision,
)
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError, DomainError, NotFoundError

REOPEN = "reopen"


async def reopen_left_row(command: DecideParkedRow, uow: UnitOfWork, clock: Clock) -> None:
    """Take back that a row was left; that decision and this one are both kept.

    Raises:
        NotFoundError: the practice has no such row.
        ConflictError: it is not left, or its file is undone.
        DomainError: an invoice is named, on which nothing is booked.
    """
    if command.invoice_id is not None:
        raise DomainError(
            "name an invoice to book on it, and only then",
            code="decision-incomplete",
            field="invoice_id",
        )
    await uow.books.lock(command.practice_id)
    parked = await uow.row_decisions.find(command.row_id)
    if parked is None:
        raise NotFoundError("this practice has no such parked row", code="row-not-found")
    if parked.decision != LEAVE:
        raise ConflictError("nobody left this row", code="row-not-left")
    if not parked.is_parked:
        raise ConflictError("the file of this row is undone", code="row-not-parked")
    decision = RowDecision(
        row_id=command.row_id,
        decision=REOPEN,
        invoice_id=None,
        reason=command.reason,
        decided_by=command.by,
        decided_at=clock.now(),
    )
    await uow.row_decisions.store(decision)
    await tell_decision(parked, decision, ROW_REOPENED, uow, clock)
