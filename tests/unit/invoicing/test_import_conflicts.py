"""Another content under a known number: a person decides, and the numbers stay explainable."""

from __future__ import annotations

from uuid import uuid4

import pytest

from services.invoicing.domain.events import InvoiceWasCancelled, InvoiceWasIssued
from services.invoicing.domain.incoming import ImportOutcome
from services.invoicing.domain.invoice import Invoice, InvoiceState, Outcome
from services.invoicing.domain.order import OrderedLine
from services.invoicing.handlers.cancel_invoice import CancelInvoice, cancel_invoice
from shared.kernel.errors import ConflictError, NotFoundError
from tests.unit.invoicing.builders import (
    an_order,
)
from tests.unit.invoicing.import_desk import Desk, conflicting
from tests.unit.invoicing.requests import (
    NUMBER,
    REFERENCE,
    a_request,
)


@pytest.fixture
def desk() -> Desk:
    """A practice with a contract and nothing else."""
    return Desk()


async def test_another_content_under_a_known_number_waits_for_a_person(desk: Desk) -> None:
    first = await desk.one(a_request())
    report = await desk.one(conflicting())
    assert (report.outcome, report.invoice_id) == (ImportOutcome.CONFLICT, first.invoice_id)
    again = await desk.one(conflicting())
    assert (again.outcome, again.conflict_id) == (ImportOutcome.CONFLICT, report.conflict_id)
    assert len(desk.uow.imports.conflicts) == len(desk.uow.invoices.by_id) == 1


async def test_keeping_the_known_invoice_settles_the_file_for_good(desk: Desk) -> None:
    await desk.one(a_request())
    report = await desk.one(conflicting())
    assert await desk.decide(report.conflict_id, "keep") is Outcome.DONE
    assert await desk.decide(report.conflict_id, "keep") is Outcome.ALREADY_DONE
    with pytest.raises(ConflictError) as caught:
        await desk.decide(report.conflict_id, "replace")
    assert caught.value.code == "conflict-decided"
    assert (await desk.one(conflicting())).outcome is ImportOutcome.ALREADY_KNOWN
    assert len(desk.uow.invoices.by_id) == 1


async def test_replacing_cancels_the_known_invoice_and_links_the_two(desk: Desk) -> None:
    first = desk.invoice(await desk.one(a_request()))
    report = await desk.one(conflicting())
    assert await desk.decide(report.conflict_id, "replace") is Outcome.DONE
    (new,) = [one for one in desk.uow.invoices.by_id.values() if one is not first]
    assert (new.number, new.qr_reference) == (f"{NUMBER}.2", REFERENCE)
    assert desk.documents.data[new.document.key] == conflicting()
    assert desk.uow.invoices.standings[first.invoice_id].state is InvoiceState.CANCELLED
    assert desk.uow.corrections.links == {first.invoice_id: new.invoice_id}
    cancelled, issued = desk.uow.events[-2:]
    assert isinstance(cancelled, InvoiceWasCancelled)
    assert issued == InvoiceWasIssued(new, NUMBER)
    assert (await desk.one(conflicting())).outcome is ImportOutcome.ALREADY_KNOWN
    third = await desk.one(a_request(note="Encore autre chose"))
    assert third.outcome is ImportOutcome.CONFLICT
    await desk.decide(third.conflict_id, "replace")
    assert f"{NUMBER}.3" in {one.number for one in desk.uow.invoices.by_id.values()}


async def cancelled(desk: Desk, invoice: Invoice) -> None:
    """Cancel an invoice by hand."""
    command = CancelInvoice(desk.practice.practice_id, invoice.invoice_id, "mistake", "somebody")
    await cancel_invoice(command, desk.uow, clock=desk.clock)


@pytest.mark.parametrize("same_file", [True, False])
async def test_the_number_of_a_cancelled_invoice_is_taken_over_by_a_successor(
    desk: Desk, same_file: bool
) -> None:
    first = desk.invoice(await desk.one(a_request()))
    await cancelled(desk, first)
    data = a_request() if same_file else conflicting()
    report = await desk.one(data)
    assert report.outcome is ImportOutcome.CONFLICT
    assert (await desk.one(data)).conflict_id == report.conflict_id
    assert await desk.decide(report.conflict_id, "replace") is Outcome.DONE
    (new,) = [one for one in desk.uow.invoices.by_id.values() if one is not first]
    assert desk.uow.events[-1] == InvoiceWasIssued(new, NUMBER)
    assert desk.uow.corrections.links == {first.invoice_id: new.invoice_id}
    assert sum(isinstance(event, InvoiceWasCancelled) for event in desk.uow.events) == 1
    assert (await desk.one(data)).outcome is ImportOutcome.ALREADY_KNOWN


async def test_a_file_that_was_refused_while_the_invoice_lived_is_asked_of_again_once_cancelled(
    desk: Desk,
) -> None:
    first = desk.invoice(await desk.one(a_request()))
    report = await desk.one(conflicting())
    await desk.decide(report.conflict_id, "keep")
    await cancelled(desk, first)
    again = await desk.one(conflicting())
    assert again.outcome is ImportOutcome.CONFLICT
    assert again.conflict_id != report.conflict_id
    await desk.decide(again.conflict_id, "keep")
    assert (await desk.one(conflicting())).outcome is ImportOutcome.ALREADY_KNOWN
    assert list(desk.uow.invoices.by_id.values()) == [first]


async def test_a_conflict_decided_late_replaces_what_has_the_number_then(desk: Desk) -> None:
    await desk.one(a_request())
    early = await desk.one(conflicting())
    other = await desk.one(a_request(note="Encore autre chose"))
    await desk.decide(early.conflict_id, "replace")
    await desk.decide(other.conflict_id, "replace")
    living = [
        desk.uow.invoices.by_id[one.invoice_id].number
        for one in desk.uow.invoices.standings.values()
        if one.state is not InvoiceState.CANCELLED
    ]
    assert living == [f"{NUMBER}.3"]


async def test_an_invoice_in_an_order_is_not_replaced(desk: Desk) -> None:
    first = desk.invoice(await desk.one(a_request()))
    report = await desk.one(conflicting())
    order = an_order(desk.practice.practice_id)
    await desk.uow.orders.add(order, [OrderedLine(first.invoice_id, first.open_amount)])
    with pytest.raises(ConflictError):
        await desk.decide(report.conflict_id, "replace")
    (conflict,) = desk.uow.imports.conflicts.values()
    assert conflict.decision is None


async def test_an_unknown_conflict_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFoundError):
        await desk.decide(uuid4(), "keep")
