"""Wishes about invoices in unsent orders: tried out, kept, and answered, through the handlers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from services.invoicing.domain.cancellation_wish import Intent, WishState
from services.invoicing.domain.correction import NewContent
from services.invoicing.domain.events import WithdrawalWasWished
from services.invoicing.domain.invoice import Invoice, InvoiceState
from services.invoicing.domain.order import KnownOrder, OrderedLine, Placement
from services.invoicing.handlers.cancel_invoice import CancelInvoice
from services.invoicing.handlers.correct_invoice import CorrectInvoice
from services.invoicing.handlers.settle_wishes import settle_wishes
from services.invoicing.handlers.wish_cancellation import wish_cancellation
from services.invoicing.handlers.wish_correction import wish_correction
from services.invoicing.handlers.wishing import Tools
from shared.kernel.errors import ConflictError, DomainError, NotFoundError
from shared.kernel.money import Money
from tests.unit.invoicing.builders import an_order
from tests.unit.invoicing.test_issuing import Office


class Desk:
    """An office with one invoice in an order that has not left."""

    def __init__(self) -> None:
        self.office = Office()

    async def opened(self) -> Desk:
        await self.office.opened()
        treatment = await self.office.treated()
        self.treatment_id = treatment.treatment_id
        self.invoice: Invoice = await self.office.issue(treatment.treatment_id)
        self.order: KnownOrder = an_order(self.office.practice.practice_id)
        line = OrderedLine(self.invoice.invoice_id, self.invoice.total)
        await self.office.uow.orders.add(self.order, [line])
        await self._place()
        self.office.uow.events.clear()
        return self

    @property
    def tools(self) -> Tools:
        office, no_files = self.office, cast("Any", None)
        return Tools(office.renderer, office.documents, no_files, office.clock)

    async def correct(self, *treatments: UUID, **changes: Any) -> bool:
        office = self.office
        content = NewContent(
            treatments or (self.treatment_id,), office.contract.contract_id, Money.zero(), 30
        )
        command = CorrectInvoice(
            practice_id=office.practice.practice_id,
            invoice_id=self.invoice.invoice_id,
            corrected_id=uuid4(),
            reason_code="wrong-address",
            by="me",
            content=replace(content, **changes),
        )
        return await wish_correction(command, office.uow, tools=self.tools)

    async def cancel(self) -> bool:
        practice_id = self.office.practice.practice_id
        command = CancelInvoice(practice_id, self.invoice.invoice_id, "wrong-address", "me")
        return await wish_cancellation(command, self.office.uow, clock=self.office.clock)

    async def taken_back(self) -> None:
        await self._place(lambda one: one.withdrawn())
        await settle_wishes(self.order.order_id, self.office.uow, tools=self.tools)

    async def _place(self, move: Any = lambda one: one) -> None:
        uow, invoice_id = self.office.uow, self.invoice.invoice_id
        places = (await uow.orders.placements([invoice_id]))[invoice_id]
        moved: list[Placement] = [move(one) for one in places]
        await uow.orders.save_placements(moved)
        await uow.invoices.save_standings([uow.invoices.standings[invoice_id].placed(moved)])

    @property
    def wish(self) -> Any:
        return self.office.uow.wishes.by_invoice[self.invoice.invoice_id]

    @property
    def state(self) -> InvoiceState:
        return self.office.uow.invoices.standings[self.invoice.invoice_id].state


@pytest.fixture
async def desk() -> Desk:
    """A desk with everything on it."""
    return await Desk().opened()


async def test_a_trial_leaves_no_trace_but_the_wish_and_the_question(desk: Desk) -> None:
    uow = desk.office.uow
    documents = dict(desk.office.documents.data)
    assert await desk.correct()
    assert (desk.wish.intent, desk.wish.state) == (Intent.CORRECT, WishState.PENDING)
    assert desk.state is InvoiceState.ORDERED
    assert [type(event) for event in uow.events] == [WithdrawalWasWished]
    assert list(uow.invoices.by_id) == [desk.invoice.invoice_id]
    assert uow.corrections.cancelled == {}
    assert await uow.invoices.probable_serial(desk.office.practice.practice_id, 2026) == 2
    assert desk.office.documents.data == documents


async def test_the_wish_is_carried_out_once_the_order_is_back(desk: Desk) -> None:
    await desk.correct()
    await desk.taken_back()
    await desk.taken_back()
    assert (desk.wish.state, desk.state) == (WishState.DONE, InvoiceState.CANCELLED)
    uow = desk.office.uow
    cancelled = uow.corrections.cancelled[desk.invoice.invoice_id]
    assert cancelled.replaced_by == desk.wish.corrected_id
    assert uow.invoices.by_id[desk.wish.corrected_id].number == "2026-000002"
    assert len(uow.invoices.by_id) == 2


async def test_what_cannot_be_issued_is_no_wish(desk: Desk) -> None:
    with pytest.raises(DomainError) as refused:
        await desk.correct(deposit=Money.parse("500.00"))
    assert refused.value.code == "deposit-too-large"
    assert (desk.office.uow.wishes.by_invoice, desk.office.uow.events) == ({}, [])
    assert desk.state is InvoiceState.ORDERED


async def test_what_changed_meanwhile_fails_as_a_whole_and_says_why(desk: Desk) -> None:
    other = await desk.office.treated()
    await desk.correct(other.treatment_id)
    await desk.office.issue(other.treatment_id)
    desk.office.uow.events.clear()
    await desk.taken_back()
    assert (desk.wish.state, desk.wish.refusal_code) == (WishState.FAILED, "treatment-billed")
    assert desk.state is InvoiceState.ISSUED
    assert (desk.office.uow.events, desk.office.uow.corrections.cancelled) == ([], {})
    assert await desk.correct() is False, "in no order it is corrected at once"


async def test_one_wish_at_a_time(desk: Desk) -> None:
    await desk.correct()
    for again in (desk.correct, desk.cancel):
        with pytest.raises(ConflictError) as refused:
            await again()
        assert refused.value.code == "correction-pending"
    other = await Desk().opened()
    assert await other.cancel()
    assert await other.cancel(), "a cancellation is repeated as often as one likes"
    with pytest.raises(ConflictError) as refused:
        await other.correct()
    assert refused.value.code == "cancellation-pending"
    assert len(other.office.uow.events) == 1


async def test_an_unknown_invoice_is_not_corrected(desk: Desk) -> None:
    desk.invoice = replace(desk.invoice, invoice_id=uuid4())
    with pytest.raises(NotFoundError):
        await desk.correct()
