"""Lines of a confirmed order that the books cannot acquit; each is set aside for a person.

Cancellations, preparations and confirmations cross on their way here. Whatever the factor accepted
and the books do not bear out stays behind alone: the other lines of its order are acquitted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from services.reconciliation.domain.acquittal import AcceptedInvoice
from services.reconciliation.domain.model import Debt, Fact, Position
from shared.kernel.ids import derived_id
from shared.kernel.money import Money


class ExceptionReason(StrEnum):
    """Why a line waits for a person."""

    CANCELLED = "invoice-cancelled"
    ALREADY_ACQUITTED = "invoice-already-acquitted"
    AMOUNT_DIFFERS = "confirmed-amount-differs"
    CANCELLED_WITH_FACTOR = "cancelled-with-factor"


class Settlement(StrEnum):
    """What a person may do about such a line."""

    ACQUIT = "acquit"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class AcquittalException:
    """One line set aside.

    Attributes:
        confirmed: the amount for which the factor accepted the invoice.
        open_amount: what the books had open when it was set aside.
        is_settled: whether a person has settled it.
    """

    exception_id: UUID
    practice_id: UUID
    order_id: UUID
    invoice_id: UUID
    reason: ExceptionReason
    confirmed: Money
    open_amount: Money
    found_at: datetime
    is_settled: bool = False


@dataclass(frozen=True, slots=True)
class ExceptionDecision:
    """How a person settled a line, and why."""

    exception: AcquittalException
    settlement: Settlement
    reason: str
    decided_by: str
    decided_at: datetime


def set_aside(
    practice_id: UUID,
    order_id: UUID,
    line: AcceptedInvoice,
    reason: ExceptionReason,
    *,
    at: datetime,
) -> AcquittalException:
    """Return the exception of a line; the same line and reason always give the same id."""
    invoice_id = line.position.invoice_id
    return AcquittalException(
        exception_id=derived_id("acquittal-exception", order_id, invoice_id, reason.value),
        practice_id=practice_id,
        order_id=order_id,
        invoice_id=invoice_id,
        reason=reason,
        confirmed=line.confirmed,
        open_amount=line.position.debt.total,
        found_at=at,
    )


def is_doubtful(line: AcceptedInvoice) -> bool:
    """Whether it must be asked if a line was cancelled: a cancelled invoice has nothing open."""
    return line.position.debt.total.is_zero or reason_against(line, cancelled=False) is not None


def reason_against(line: AcceptedInvoice, *, cancelled: bool) -> ExceptionReason | None:
    """Return why the books cannot acquit an accepted line, or None if they can."""
    if line.position.with_factor:
        return ExceptionReason.ALREADY_ACQUITTED
    if cancelled:
        return ExceptionReason.CANCELLED
    if line.confirmed != line.position.debt.total:
        return ExceptionReason.AMOUNT_DIFFERS
    return None


def parted(
    lines: Sequence[AcceptedInvoice], *, cancelled: Collection[UUID]
) -> tuple[list[AcceptedInvoice], list[tuple[AcceptedInvoice, ExceptionReason]]]:
    """Part accepted lines into those that are acquitted and those that are set aside."""
    fitting: list[AcceptedInvoice] = []
    others: list[tuple[AcceptedInvoice, ExceptionReason]] = []
    for line in lines:
        reason = reason_against(line, cancelled=line.position.invoice_id in cancelled)
        if reason is None:
            fitting.append(line)
        else:
            others.append((line, reason))
    return fitting, others


def told_of(
    exception: AcquittalException, before: Position, kind: str, *, on: date, note: str
) -> Fact:
    """Return the line of the invoice's history that tells of an exception; it moves nothing."""
    return Fact(
        fact_id=derived_id(kind, exception.exception_id),
        practice_id=exception.practice_id,
        invoice_id=before.invoice_id,
        kind=kind,
        fact_date=on,
        amount=None,
        debt_change=Debt(),
        factor_change=Money.zero(),
        entry_id=None,
        order_id=exception.order_id,
        note=note,
    )
