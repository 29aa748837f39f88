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
)
from services.reconciliation.domain.events import (
    Change,
    InvoiceAcquitted,
    InvoicePositionChanged,
    OrderAcquitted,
)
from services.reconciliation.domain.model import Confirmation, Contract, Decided
from services.reconciliation.domain.resuming import UNTIL_ACQUITTED
from services.reconciliation.domain.rules import ACQUITTAL_SET_ASIDE, ACQUITTED
from services.reconciliation.domain.setting_aside import (
    ExceptionReason,
    is_doubtful,
    parted,
    set_aside,
    told_of,
)
from services.reconciliation.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError, NotFoundError
from shared.kernel.money import Money

_INVOICES_PER_WRITE = 1000


@dataclass(frozen=True, slots=True)
class AcquitOrder:
    """Acquit what this order's confirmation accepted.

    Attributes:
        by: who decides it; it is kept with each acquittal.
    """

    practice_id: UUID
    order_id: UUID
    by: str


@dataclass(frozen=True, slots=True)
class OrderAcquittal:
    """What acquitting an order led to.

    Attributes:
        invoice_count, total: of what is acquitted.
        already: whether it had been acquitted before; then nothing was changed now.
        set_aside: how many accepted lines are not acquitted, for the books do not agree.
    """

    order_id: UUID
    invoice_count: int
    total: Money
    acquitted_on: date
    already: bool
    set_aside: int


async def acquit_order(command: AcquitOrder, uow: UnitOfWork, clock: Clock) -> OrderAcquittal:
    """Acquit a confirmed order; a second call changes nothing and says so.

    Lines on which confirmation and books disagree are set aside, each for a person to decide.

    Raises:
        NotFoundError: the practice has no such order.
        ConflictError: its arrival is not confirmed.
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
        count, total = await uow.books.acquitted_sums(confirmation.order_id)
        aside = await uow.exceptions.count_open(confirmation.order_id)
        day = confirmation.acquitted_on
        return OrderAcquittal(command.order_id, count, total, day, already=True, set_aside=aside)
    contract = await uow.practices.contract(confirmation.contract_id)
    assert contract is not None  # noqa: S101 - a confirmation is stored only under a known contract
    confirmed = await uow.confirmations.accepted_invoices(confirmation.order_id)
    positions = await uow.books.positions(confirmed)
    accepted = [AcceptedInvoice(positions[one], amount) for one, amount in confirmed.items()]
    decided = Decided(command.by, clock.now())
    return await acquit_accepted(confirmation, contract, accepted, uow, clock, decided=decided)


async def acquit_accepted(
    confirmation: Confirmation,
    contract: Contract,
    accepted: Sequence[AcceptedInvoice],
    uow: UnitOfWork,
    clock: Clock,
    *,
    decided: Decided | None = None,
) -> OrderAcquittal:
    """Acquit the accepted invoices of a stored confirmation, under the practice's lock.

    Those that the books do not bear out are set aside; the order has come to its end all the same.
    Rows of DEB files that came before the acquittal are then decided again.

    Args:
        accepted: all invoices that the confirmation accepted, positions read under that lock.
        decided: the person who has them acquitted; None: the contract wants none.
    """
    doubtful = [one.position.invoice_id for one in accepted if is_doubtful(one)]
    cancelled = await uow.books.cancelled_among(doubtful) if doubtful else ()
    fitting, others = parted(accepted, cancelled=cancelled)
    total = await write_acquittals(confirmation, contract, fitting, uow, clock, decided=decided)
    await _set_aside(confirmation, others, uow, clock)
    today = clock.today()
    await uow.confirmations.mark_acquitted(confirmation.order_id, on=today, at=clock.now())
    uow.record(
        OrderAcquitted(
            practice_id=confirmation.practice_id,
            order_id=confirmation.order_id,
            contract_id=confirmation.contract_id,
            invoice_count=len(fitting),
            total=total,
            acquitted_on=today,
            set_aside_count=len(others),
            set_aside_total=Money.total(line.confirmed for line, _ in others),
        )
    )
    return OrderAcquittal(
        confirmation.order_id, len(fitting), total, today, already=False, set_aside=len(others)
    )


async def write_acquittals(
    confirmation: Confirmation,
    contract: Contract,
    fitting: Sequence[AcceptedInvoice],
    uow: UnitOfWork,
    clock: Clock,
    *,
    decided: Decided | None,
) -> Money:
    """Acquit lines of a stored confirmation that the books bear out; return their sum."""
    chart, today = await uow.practices.chart(confirmation.practice_id), clock.today()
    total = Money.zero()
    # In slices: what one slice needed is gone before the next, however long the order.
    for start in range(0, len(fitting), _INVOICES_PER_WRITE):
        done = [
            acquitted(
                confirmation, contract, one.position, chart=chart, today=today, decided=decided
            )
            for one in fitting[start : start + _INVOICES_PER_WRITE]
        ]
        await _write(confirmation, done, uow)
        for one in done:
            uow.record(_invoice_acquitted(one))
            uow.record(_position_changed(one, clock))
        total += Money.total(one.acquittal.amount for one in done)
    return total


async def _set_aside(
    confirmation: Confirmation,
    lines: Sequence[tuple[AcceptedInvoice, ExceptionReason]],
    uow: UnitOfWork,
    clock: Clock,
) -> None:
    """Keep each line for a person, and show it in its invoice's history."""
    practice_id, now, today = confirmation.practice_id, clock.now(), clock.today()
    exceptions, facts = [], []
    for line, reason in lines:
        exception = set_aside(practice_id, confirmation.order_id, line, reason, at=now)
        note = (
            f"order {confirmation.order_number}: confirmed for {exception.confirmed},"
            f" {exception.open_amount} open; {reason.value}"
        )
        exceptions.append(exception)
        facts.append(told_of(exception, line.position, ACQUITTAL_SET_ASIDE, on=today, note=note))
        change = Change(ACQUITTAL_SET_ASIDE, None, today)
        uow.record(InvoicePositionChanged.of_fact(practice_id, line.position, change, at=now))
    if exceptions:
        await uow.exceptions.add(exceptions)
        await uow.books.book(practice_id, entries=[], facts=facts, positions=[])


async def _write(
    confirmation: Confirmation, done: Sequence[AcquittedInvoice], uow: UnitOfWork
) -> None:
    await uow.books.book(
        confirmation.practice_id,
        entries=[one.entry for one in done],
        facts=[one.fact for one in done],
        positions=[one.position for one in done],
        acquittals=[one.acquittal for one in done],
    )
    await uow.deb_files.resume_rows(
        confirmation.practice_id, [one.position for one in done], reasons=UNTIL_ACQUITTED
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
    acquittal = one.acquittal
    change = Change(ACQUITTED, acquittal.amount, acquittal.acquitted_on)
    return InvoicePositionChanged.of_fact(
        acquittal.practice_id, one.position, change, at=clock.now()
    )
