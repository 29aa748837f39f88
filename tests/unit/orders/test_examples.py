"""Every example of every event that orders listens to is worked to its end."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

import shared.contracts
from services.orders.domain.model import Arrival, ArrivalAnswer, OrderLine
from services.orders.domain.order import Order, OrderState
from services.orders.entrypoints.events import subscriptions
from services.orders.entrypoints.workshop import Pace, Workshop
from services.orders.ports import Holidays, UnitOfWork, UnitsOfWork
from services.orders.translate import arrival_of, invoice_of
from shared.contracts.debident.v1 import (
    ArrivalDocument,
    OrderArrived,
    OrderRefused,
    OrderSent,
    OrderWithheld,
)
from shared.contracts.envelope import EventPayload, WireMoney
from shared.contracts.invoicing.v1 import (
    ContractChanged,
    CreditNoteIssued,
    InvoiceCancelled,
    InvoiceDocumentRendered,
    InvoiceIssued,
)
from shared.contracts.reconciliation.v1 import InvoicePositionChanged, OrderAcquitted
from shared.kernel.errors import PermanentError
from shared.kernel.money import Money
from shared.messaging.events import ReceivedEvent
from shared.testing import FrozenClock
from tests.unit.orders.builders import (
    CONTRACT,
    NOON,
    a_confirmation,
    a_contract,
    a_line,
    a_practice,
    an_invoice,
    an_order,
    evidence,
)
from tests.unit.orders.fakes import FakeArchive, FakeUnitOfWork

EXAMPLES = Path(shared.contracts.__file__).parent / "examples"

_ABOUT_AN_INVOICE = (
    InvoicePositionChanged,
    InvoiceCancelled,
    InvoiceDocumentRendered,
    CreditNoteIssued,
)


class Desk:
    """Orders on fakes, prepared so that the event finds what it needs."""

    def __init__(self) -> None:
        self.uow = FakeUnitOfWork()
        self.archive = FakeArchive()
        workshop = Workshop(
            unit_of_work=self._open,
            units=cast("UnitsOfWork", None),
            archive=self.archive,
            holidays=cast("Holidays", None),
            clock=FrozenClock(NOON),
            pace=Pace(),
        )
        self.table = {each.payload_type: each for each in subscriptions(workshop)}

    def _open(self, _: AsyncConnection) -> AbstractAsyncContextManager[UnitOfWork]:
        return nullcontext(cast("UnitOfWork", self.uow))

    async def work(self, payload: EventPayload) -> None:
        """Work an event."""
        event: ReceivedEvent[Any] = ReceivedEvent(
            event_id=uuid4(),
            source=payload.PRODUCER,
            subject=getattr(payload, payload.SUBJECT),
            sequence=1,
            practice_id=payload.practice_id,
            occurred_at=NOON,
            correlation_id="test",
            causation_id=None,
            traceparent=None,
            payload=payload,
        )
        await self.table[type(payload)].handler(event, cast("AsyncConnection", None))

    def make_ready_for(self, payload: EventPayload) -> None:
        """Put there what the event needs."""
        uow = self.uow
        if isinstance(payload, ContractChanged | InvoiceIssued):
            uow.practices.known[payload.practice_id] = a_practice(payload.practice_id)
        if isinstance(payload, InvoiceIssued) and payload.contract_id is not None:
            uow.contracts.known[payload.contract_id] = a_contract(
                payload.contract_id, practice_id=payload.practice_id
            )
        if isinstance(payload, _ABOUT_AN_INVOICE):
            uow.invoices.known[payload.invoice_id] = an_invoice(
                invoice_id=payload.invoice_id, practice_id=payload.practice_id
            )
        if hasattr(payload, "order_id"):
            self._order_for(payload)

    def _order_for(self, payload: Any) -> None:
        order = an_order(
            payload.order_id,
            practice_id=payload.practice_id,
            contract_id=getattr(payload, "contract_id", CONTRACT),
        )
        lines: list[OrderLine] = [a_line(1), a_line(2)]
        if isinstance(payload, OrderSent):
            package = replace(order.package, sha256=payload.package_sha256)
            order = replace(order, package=package)
        if isinstance(payload, OrderWithheld):
            order = order.ask_withdrawal(at=NOON, by="user-1").order
        if isinstance(payload, OrderAcquitted):
            order = self._confirmed(order, payload)
        if isinstance(payload, OrderArrived):
            lines = self._answered(payload)
        self.uow.orders.known[order.order_id] = order
        self.uow.orders.order_lines[order.order_id] = lines

    def _confirmed(self, order: Order, payload: OrderAcquitted) -> Order:
        confirmation = replace(
            a_confirmation(accepted=payload.invoice_count + payload.set_aside_count),
            accepted_total=payload.total.to_money()
            + (payload.set_aside_total or WireMoney(amount="0.00")).to_money(),
        )
        arrived = order.arrived(at=NOON, evidence=evidence()).order
        return arrived.confirmed(at=NOON, confirmation=confirmation).order

    def _answered(self, payload: OrderArrived) -> list[OrderLine]:
        count = payload.accepted_count + payload.refused_count
        lines = [a_line(place) for place in range(1, count + 1)]
        answers = tuple(
            ArrivalAnswer(line.invoice_number, line.place <= payload.accepted_count, None)
            for line in lines
        )
        self.archive.arrivals[payload.lines.sha256] = Arrival(
            payload.order_id, payload.practice_id, answers
        )
        return lines


def _examples() -> list[Any]:
    found = []
    for payload_type in Desk().table:
        folder = EXAMPLES / payload_type.TYPE / f"v{payload_type.VERSION}"
        files = sorted(folder.glob("*.json"))
        assert files, f"{payload_type.TYPE} has no examples"
        found += [
            pytest.param(payload_type, file.read_bytes(), id=f"{payload_type.TYPE}-{file.stem}")
            for file in files
        ]
    return found


@pytest.mark.parametrize(("payload_type", "raw"), _examples())
async def test_an_example_is_worked_and_worked_again(
    payload_type: type[EventPayload], raw: bytes
) -> None:
    desk = Desk()
    payload = payload_type.model_validate_json(raw)
    desk.make_ready_for(payload)
    await desk.work(payload)
    told = len(desk.uow.recorded)
    await desk.work(payload)
    assert len(desk.uow.recorded) == told
    if isinstance(payload, OrderArrived):
        assert desk.uow.orders.known[payload.order_id].state is OrderState.CONFIRMED
        assert told == 1
    if isinstance(payload, OrderWithheld):
        assert desk.uow.orders.known[payload.order_id].state is OrderState.WITHDRAWN
        assert told == 1
    if isinstance(payload, InvoiceIssued):
        assert desk.uow.invoices.known[payload.invoice_id] == invoice_of(payload)
    if isinstance(payload, InvoiceCancelled):
        assert desk.uow.corrections.cancelled == {payload.invoice_id}
    if isinstance(payload, CreditNoteIssued):
        (note,) = desk.uow.corrections.notes.values()
        assert (note.number, note.amount) == (payload.credit_note_number, payload.amount.to_money())
    if isinstance(payload, InvoicePositionChanged):
        balance: Money = payload.debtor_owes.total.to_money()
        assert desk.uow.invoices.known[payload.invoice_id].balance == balance


@pytest.mark.parametrize("file", sorted((EXAMPLES / "order-arrival" / "v1").glob("*.json")))
def test_an_example_of_an_arrival_is_read_whole(file: Path) -> None:
    document = ArrivalDocument.model_validate_json(file.read_bytes())
    arrival = arrival_of(file.read_bytes())
    assert [answer.invoice_number for answer in arrival.answers] == [
        line.invoice_number for line in document.lines
    ]
    assert (arrival.order_id, arrival.practice_id) == (document.order_id, document.practice_id)


async def test_a_broken_rule_becomes_a_dead_letter_with_its_code() -> None:
    desk = Desk()
    file = next((EXAMPLES / "order-refused" / "v1").glob("*.json"))
    payload = OrderRefused.model_validate_json(file.read_bytes())
    desk.make_ready_for(payload)
    order = desk.uow.orders.known[payload.order_id]
    arrived = order.arrived(at=NOON, evidence=evidence()).order
    desk.uow.orders.known[payload.order_id] = arrived
    with pytest.raises(PermanentError, match="illegal-order-move"):
        await desk.work(payload)
