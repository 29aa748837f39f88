"""The factor's recourse, written into books that are kept in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from services.reconciliation.domain.events import Change, InvoicePositionChanged
from services.reconciliation.domain.journal import Entry
from services.reconciliation.domain.model import Fact
from services.reconciliation.domain.owing import debt_change
from services.reconciliation.domain.posting import factor_change, posted_for, rule_for
from services.reconciliation.domain.rules import RECOURSE
from shared.kernel.clock import Clock


async def write_recourse(practice_id: UUID, invoice_id: UUID, uow: Any, *, clock: Clock) -> None:
    """Book that the factor gave an invoice back for its principal, and tell of it."""
    await uow.books.lock(practice_id)
    before = uow.books.current[invoice_id]
    rule, amount, cause = rule_for(RECOURSE), before.debt.principal, uuid4()
    change, moved = debt_change(rule, amount, before=before.debt), factor_change(rule, amount)
    assert change is not None
    after = replace(before.moved(change, moved), acquittal=None, ended=before.acquittal)
    chart = await uow.practices.chart(practice_id)
    entry = Entry(
        entry_id=cause,
        practice_id=practice_id,
        entry_date=clock.today(),
        kind=RECOURSE,
        label="Given back",
        postings=posted_for(rule, amount, chart=chart, position=before),
    )
    fact = Fact(
        fact_id=cause,
        practice_id=practice_id,
        invoice_id=invoice_id,
        kind=RECOURSE,
        fact_date=clock.today(),
        amount=amount,
        debt_change=change,
        factor_change=moved,
        entry_id=cause,
    )
    await uow.books.book(practice_id, entries=[entry], facts=[fact], positions=[after])
    uow.books.current[invoice_id] = after
    told = Change(RECOURSE, amount, clock.today())
    uow.record(InvoicePositionChanged.of_fact(practice_id, after, told, at=clock.now()))
