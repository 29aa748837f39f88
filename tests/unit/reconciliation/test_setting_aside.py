"""What the books cannot acquit is set aside line by line, and settled by a person once."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from services.reconciliation.domain.events import InvoicePositionChanged, OrderAcquitted
from services.reconciliation.domain.model import AcquittalMode, Debt
from services.reconciliation.domain.setting_aside import ExceptionReason, Settlement
from services.reconciliation.handlers.acquit_order import AcquitOrder, acquit_order
from services.reconciliation.handlers.cancel_invoice import CancelInvoice, cancel_invoice
from services.reconciliation.handlers.confirm_order import confirm_order
from services.reconciliation.handlers.settle_exception import SettleException, settle_exception
from shared.kernel.errors import ConflictError, NotFoundError
from shared.kernel.money import Money
from tests.unit.reconciliation.builders import ORDER, PRACTICE, a_contract
from tests.unit.reconciliation.fakes import MemoryUnitOfWork
from tests.unit.reconciliation.test_event_handlers import (
    ANOTHER_ORDER,
    CLOCK,
    FIRST,
    SECOND,
    _books,
    _confirm,
)


def _settle(uow: MemoryUnitOfWork, settlement: Settlement) -> SettleException:
    (exception,) = uow.exceptions.kept
    return SettleException(PRACTICE, exception, settlement, "agreed", "user-1")


async def test_another_amount_sets_its_line_aside_and_acquits_the_others() -> None:
    uow = await _books(None, FIRST, SECOND)
    await confirm_order(_confirm(SECOND, replace(FIRST, balance=Money(11_999))), uow, CLOCK)
    (one,) = uow.exceptions.kept.values()
    assert (one.reason, one.confirmed, one.open_amount) == (
        ExceptionReason.AMOUNT_DIFFERS,
        Money(11_999),
        Money(12_000),
    )
    assert [acquittal.invoice_id for acquittal in uow.books.acquittals] == [SECOND.invoice_id]
    told = uow.recorded[-1]
    assert isinstance(told, OrderAcquitted)
    assert (told.invoice_count, told.total) == (1, Money(8_000))
    assert (told.set_aside_count, told.set_aside_total) == (1, Money(11_999))
    assert uow.confirmations.known[ORDER].acquitted_on == CLOCK.today()


async def test_a_cancelled_invoice_is_set_aside_even_if_nothing_was_confirmed_of_it() -> None:
    uow = await _books(None, FIRST)
    await cancel_invoice(CancelInvoice(PRACTICE, FIRST.invoice_id, "x", CLOCK.today()), uow, CLOCK)
    await confirm_order(_confirm(replace(FIRST, balance=Money(0))), uow, CLOCK)
    assert [one.reason for one in uow.exceptions.kept.values()] == [ExceptionReason.CANCELLED]
    assert uow.books.acquittals == []


async def test_of_two_confirmed_orders_with_the_same_invoice_the_second_sets_it_aside() -> None:
    uow = await _books(a_contract(acquittal=AcquittalMode.MANUAL), FIRST)
    await confirm_order(_confirm(FIRST), uow, CLOCK)
    other = _confirm(FIRST, order_id=ANOTHER_ORDER, order_number="CMD-2026-0002")
    await confirm_order(other, uow, CLOCK)
    await acquit_order(AcquitOrder(PRACTICE, ORDER, by="user-1"), uow, CLOCK)
    done = await acquit_order(AcquitOrder(PRACTICE, ANOTHER_ORDER, by="user-1"), uow, CLOCK)
    assert (done.invoice_count, done.set_aside, len(uow.books.acquittals)) == (0, 1, 1)
    (one,) = uow.exceptions.kept.values()
    assert one.reason is ExceptionReason.ALREADY_ACQUITTED


async def test_a_line_is_acquitted_for_the_confirmed_amount_when_the_books_agree_again() -> None:
    uow = await _books(None, FIRST)
    await confirm_order(_confirm(replace(FIRST, balance=Money(11_999))), uow, CLOCK)
    with pytest.raises(ConflictError) as conflict:
        await settle_exception(_settle(uow, Settlement.ACQUIT), uow, CLOCK)
    assert conflict.value.code == "books-disagree-still"
    agreeing = replace(uow.books.current[FIRST.invoice_id], debt=Debt(Money(11_999)))
    uow.books.current[FIRST.invoice_id] = agreeing
    await settle_exception(_settle(uow, Settlement.ACQUIT), uow, CLOCK)
    assert [(one.order_id, one.amount) for one in uow.books.acquittals] == [(ORDER, Money(11_999))]
    assert uow.told.count("OrderAcquitted") == 1
    with pytest.raises(ConflictError) as settled:
        await settle_exception(_settle(uow, Settlement.LEAVE), uow, CLOCK)
    assert settled.value.code == "exception-already-settled"


async def test_a_line_that_is_left_books_nothing_and_tells_of_itself() -> None:
    uow = await _books(None, FIRST)
    await confirm_order(_confirm(replace(FIRST, balance=Money(11_999))), uow, CLOCK)
    journal = list(uow.books.journal)
    await settle_exception(_settle(uow, Settlement.LEAVE), uow, CLOCK)
    assert uow.books.journal == journal
    assert (
        uow.books.facts[-1].note == "confirmed-amount-differs, left by decision of user-1: agreed"
    )
    told = uow.recorded[-1]
    assert isinstance(told, InvoicePositionChanged)
    assert [change.kind for change in told.changes] == ["acquittal_left"]


async def test_a_line_that_nobody_set_aside_cannot_be_settled() -> None:
    uow = await _books(None, FIRST)
    command = SettleException(PRACTICE, UUID(int=7), Settlement.LEAVE, "agreed", "user-1")
    with pytest.raises(NotFoundError) as unknown:
        await settle_exception(command, uow, CLOCK)
    assert unknown.value.code == "acquittal-exception-not-found"
