"""Carries out what a person decided about a line that an acquittal had set aside."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.reconciliation.domain.acquittal import AcceptedInvoice
from services.reconciliation.domain.events import Change, InvoicePositionChanged
from services.reconciliation.domain.model import Decided, Position
from services.reconciliation.domain.rules import ACQUITTAL_LEFT
from services.reconciliation.domain.setting_aside import (
    AcquittalException,
    ExceptionDecision,
    Settlement,
    reason_against,
    told_of,
)
from services.reconciliation.handlers.acquit_order import write_acquittals
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError, NotFoundError


@dataclass(frozen=True, slots=True)
class SettleException:
    """Acquit this line now that the books agree, or leave it for good.

    Attributes:
        reason, by: why, and who decides; both are kept.
    """

    practice_id: UUID
    exception_id: UUID
    settlement: Settlement
    reason: str
    by: str


async def settle_exception(command: SettleException, uow: UnitOfWork, clock: Clock) -> None:
    """Settle a line, once.

    Raises:
        NotFoundError: the practice has no such line set aside.
        ConflictError: it is settled, or is to be acquitted and the books do not agree yet.
    """
    await uow.books.lock(command.practice_id)
    exception = await uow.exceptions.find(command.practice_id, command.exception_id)
    if exception is None:
        raise NotFoundError(
            "this practice has no such line set aside", code="acquittal-exception-not-found"
        )
    if exception.is_settled:
        raise ConflictError("a person settled this line before", code="exception-already-settled")
    position = (await uow.books.positions([exception.invoice_id]))[exception.invoice_id]
    if command.settlement is Settlement.ACQUIT:
        decided = Decided(command.by, clock.now())
        await _acquit(exception, position, uow, clock, decided=decided)
    else:
        await _leave(command, exception, position, uow, clock)
    await uow.exceptions.settle(
        ExceptionDecision(
            exception=exception,
            settlement=command.settlement,
            reason=command.reason,
            decided_by=command.by,
            decided_at=clock.now(),
        )
    )


async def _acquit(
    exception: AcquittalException,
    position: Position,
    uow: UnitOfWork,
    clock: Clock,
    *,
    decided: Decided,
) -> None:
    line = AcceptedInvoice(position, exception.confirmed)
    cancelled = await uow.books.cancelled_among([position.invoice_id])
    reason = reason_against(line, cancelled=bool(cancelled))
    if reason is not None:
        raise ConflictError(
            f"invoice {position.invoice_number} was confirmed for {exception.confirmed} and"
            f" {position.debt.total} is open; the books do not agree, so it is not acquitted",
            code="books-disagree-still",
            reason_code=reason.value,
        )
    confirmation = await uow.confirmations.find(exception.order_id)
    assert confirmation is not None  # noqa: S101 - the exception references its line
    contract = await uow.practices.contract(confirmation.contract_id)
    assert contract is not None  # noqa: S101 - a confirmation is stored only under a known contract
    await write_acquittals(confirmation, contract, [line], uow, clock, decided=decided)


async def _leave(
    command: SettleException,
    exception: AcquittalException,
    position: Position,
    uow: UnitOfWork,
    clock: Clock,
) -> None:
    """Show the decision as information in the invoice's history."""
    note = f"{exception.reason.value}, left by decision of {command.by}: {command.reason}"
    fact = told_of(exception, position, ACQUITTAL_LEFT, on=clock.today(), note=note)
    await uow.books.book(command.practice_id, entries=[], facts=[fact], positions=[])
    uow.record(
        InvoicePositionChanged.of_fact(
            command.practice_id,
            position,
            Change(ACQUITTAL_LEFT, None, fact.fact_date),
            at=clock.now(),
        )
    )
