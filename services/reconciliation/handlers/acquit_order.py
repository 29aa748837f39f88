"""Acquits a confirmed order, by a person's decision where the contract wants one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.reconciliation.domain.acquittal import (
    AcceptedInvoice,
    AcquittedInvoice,
    acquitted,
    check_acquittable,
)
from services.reconciliation.domain.events import (
    Change,
    InvoiceAcquitted,
    InvoicePositionChanged,
    OrderAcquitted,
)
from services.reconciliation.domain.model import Confirmation, Contract
from services.reconciliation.domain.posting import ACQUITTED
from services.reconciliation.domain.resuming import UNTIL_ACQUITTED
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError, NotFoundError
from shared.kernel.money import Money

_INVOICES_PER_WRITE = 1000


@dataclass(frozen=True, slots=True)
class AcquitOrder:
    """Acquit every accepted invoice of this order."""

    practice_id: UUID
    order_id: UUID


@dataclass(frozen=True, slots=True)
class OrderAcquittal:
    """What acquitting an order led to.

    Attributes:
        already: whether it had been acquitted before; then nothing was changed now.
    """

    order_id: UUID
    invoice_count: int
    total: Money
    acquitted_on: date
    already: bool


async def acquit_order(command: AcquitOrder, uow: UnitOfWork, clock: Clock) -> OrderAcquittal:
    """Acquit a confirmed order; a second call changes nothing and says so.

    Raises:
        NotFoundError: the practice has no such order.
        ConflictError: its arrival is not confirmed.
        NotAcquittableError: an invoice is acquitted elsewhere, or confirmed for another amount.
    """
    await uow.books.lock(command.practice_id)
    confirmation = await uow.confirmations.find(command.order_id)
    if confirmation is None:
        if await uow.confirmations.is_order_known(command.order_id):
            raise ConflictError(
                "the arrival of this order is not confirmed; nothing may be acquitted yet",
                code="order-not-confirmed",
            )
        raise NotFoundError("this practice has no such order", code="order-not-found")
    if confirmation.acquitted_on is not None:
        return OrderAcquittal(
            confirmation.order_id,
            confirmation.accepted_count,
            await uow.books.acquitted_total(confirmation.order_id),
            confirmation.acquitted_on,
            already=True,
        )
    contract = await uow.practices.contract(confirmation.contract_id)
    assert contract is not None  # noqa: S101 - a confirmation is stored only under a known contract
    confirmed = await uow.confirmations.accepted_invoices(confirmation.order_id)
    positions = await uow.books.positions(confirmed)
    accepted = [AcceptedInvoice(positions[one], amount) for one, amount in confirmed.items()]
    return await acquit_accepted(confirmation, contract, accepted, uow, clock)


async def acquit_accepted(
    confirmation: Confirmation,
    contract: Contract,
    accepted: Sequence[AcceptedInvoice],
    uow: UnitOfWork,
    clock: Clock,
) -> OrderAcquittal:
    """Acquit the accepted invoices of a stored confirmation, under the practice's lock.

    Rows of DEB files that came before the acquittal are then decided again.

    Args:
        accepted: all invoices that the confirmation accepted, positions read under that lock.

    Raises:
        NotAcquittableError: an invoice is acquitted elsewhere, or confirmed for another amount.
    """
    check_acquittable(accepted)
    chart, today = await uow.practices.chart(confirmation.practice_id), clock.today()
    total = Money.zero()
    # In slices: what one slice needed is gone before the next, however long the order.
    for start in range(0, len(accepted), _INVOICES_PER_WRITE):
        done = [
            acquitted(confirmation, contract, one.position, chart=chart, today=today)
            for one in accepted[start : start + _INVOICES_PER_WRITE]
        ]
        await _write(confirmation, done, uow)
        for one in done:
            uow.record(_invoice_acquitted(one))
            uow.record(_position_changed(one, clock))
        total += Money.total(one.acquittal.amount for one in done)
    await uow.confirmations.mark_acquitted(confirmation.order_id, on=today)
    uow.record(_order_acquitted(confirmation, len(accepted), total, today))
    return OrderAcquittal(confirmation.order_id, len(accepted), total, today, already=False)


async def _write(
    confirmation: Confirmation, done: Sequence[AcquittedInvoice], uow: UnitOfWork
) -> None:
    await uow.books.book(
        confirmation.practice_id,
        entries=[one.entry for one in done],
        facts=[one.fact for one in done],
        positions=[one.position for one in done],
    )
    await uow.books.acquit([one.acquittal for one in done])
    await uow.deb_files.resume_rows(
        confirmation.practice_id, [one.position for one in done], reasons=UNTIL_ACQUITTED
    )


def _order_acquitted(
    confirmation: Confirmation, invoice_count: int, total: Money, today: date
) -> OrderAcquitted:
    return OrderAcquitted(
        practice_id=confirmation.practice_id,
        order_id=confirmation.order_id,
        contract_id=confirmation.contract_id,
        invoice_count=invoice_count,
        total=total,
        acquitted_on=today,
    )


def _invoice_acquitted(one: AcquittedInvoice) -> InvoiceAcquitted:
    acquittal = one.acquittal
    return InvoiceAcquitted(
        practice_id=acquittal.practice_id,
        invoice_id=acquittal.invoice_id,
        contract_id=acquittal.contract_id,
        order_id=acquittal.order_id,
        amount=acquittal.amount,
        ledger_account=acquittal.ledger_account,
        label=acquittal.label,
        acquitted_on=acquittal.acquitted_on,
        journal_entry_id=acquittal.entry_id,
    )


def _position_changed(one: AcquittedInvoice, clock: Clock) -> InvoicePositionChanged:
    return InvoicePositionChanged(
        practice_id=one.acquittal.practice_id,
        invoice_id=one.acquittal.invoice_id,
        contract_id=one.acquittal.contract_id,
        debt=one.position.debt,
        factor_owes=one.position.factor_owes,
        with_factor=True,
        deb_file_id=None,
        changes=(Change(ACQUITTED, one.acquittal.amount, one.acquittal.acquitted_on),),
        changed_at=clock.now(),
    )
