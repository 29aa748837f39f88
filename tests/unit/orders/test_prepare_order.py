"""Preparing an order: one at a time, all or nothing, frozen bytes, one event."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import pytest

from services.orders.domain.events import OrderPrepared
from services.orders.domain.order import OrderState
from services.orders.domain.selection import Reason
from services.orders.handlers import prepare_order as preparing
from services.orders.handlers.prepare_order import PreparedOrder, PrepareOrder, prepare_order
from shared.kernel.errors import ConflictError, DomainError, NotFoundError, TransientError
from shared.kernel.ids import OrderId
from shared.kernel.money import Money
from shared.testing import FrozenClock
from tests.unit.orders.builders import (
    CONTRACT,
    NOON,
    ORDER,
    PRACTICE,
    a_confirmation,
    a_contract,
    a_credit_note,
    a_practice,
    an_invoice,
    chf,
    credit_note_bytes,
    document_bytes,
    evidence,
    other_id,
)
from tests.unit.orders.fakes import FakeArchive, FakeUnitOfWork


class Desk:
    """A practice with a contract, and whoever prepares orders there."""

    def __init__(self) -> None:
        self.uow = FakeUnitOfWork()
        self.archive = FakeArchive()
        self.clock = FrozenClock(NOON)
        self.uow.practices.known[PRACTICE] = a_practice()
        self.uow.contracts.known[CONTRACT] = a_contract()

    def issue(self, *numbers: str, balance: Money | None = None) -> list[UUID]:
        """List invoices and hold their documents; return their ids."""
        ids: list[UUID] = []
        for number in numbers:
            invoice = an_invoice(number, balance=chf(120) if balance is None else balance)
            self.uow.invoices.known[invoice.invoice_id] = invoice
            self.archive.hold(document_bytes(number))
            ids.append(invoice.invoice_id)
        return ids

    async def hand_over(self, *numbers: str) -> None:
        """List invoices and let an order of them arrive."""
        order = (await self.prepare(self.issue(*numbers), order_id=other_id())).order
        arrived = order.arrived(at=NOON, evidence=evidence()).order
        confirmation = a_confirmation(accepted=len(numbers))
        await self.uow.orders.save(arrived.confirmed(at=NOON, confirmation=confirmation))

    def credit(self, *numbers: str, invoice_number: str = "A-1") -> None:
        """Issue credit notes on an invoice and hold their documents."""
        for number in numbers:
            note = a_credit_note(number, invoice_number=invoice_number)
            self.uow.corrections.notes[note.credit_note_id] = note
            self.archive.hold(credit_note_bytes(number))

    def manifest(self, prepared: PreparedOrder) -> dict[str, Any]:
        """Return the manifest of an order's package."""
        with ZipFile(BytesIO(self.archive.held[prepared.order.package.sha256])) as package:
            return dict(json.loads(package.read("manifest.json")))

    async def prepare(
        self,
        ids: list[UUID] | None = None,
        *,
        communication: str = "",
        order_id: UUID = ORDER,
        contract_id: UUID = CONTRACT,
        practice_id: UUID = PRACTICE,
    ) -> PreparedOrder:
        """Prepare an order."""
        command = PrepareOrder(
            order_id=OrderId(order_id),
            practice_id=practice_id,  # type: ignore[arg-type]
            contract_id=contract_id,  # type: ignore[arg-type]
            invoice_ids=None if ids is None else tuple(ids),
            communication=communication,
        )
        return await prepare_order(command, self.uow, self.archive, self.clock)


async def test_an_order_is_frozen_stored_and_told_once() -> None:
    desk = Desk()
    desk.issue("2026-000002", "2026-000001")
    prepared = await desk.prepare(communication="Ratenzahlung\r\nbitte")
    order = prepared.order
    assert (order.number, order.state) == ("CMD-2026-0001", OrderState.PREPARED)
    assert (order.invoice_count, order.total) == (2, chf(240))
    assert order.communication == "Ratenzahlung\nbitte"
    assert desk.uow.recorded == [
        OrderPrepared(
            order_id=ORDER,
            practice_id=PRACTICE,
            contract_id=CONTRACT,
            number="CMD-2026-0001",
            invoice_count=2,
            total=chf(240),
            package=order.package,
            lines=order.lines,
            prepared_at=NOON,
        )
    ]
    with ZipFile(BytesIO(desk.archive.held[order.package.sha256])) as package:
        manifest = json.loads(package.read("manifest.json"))
        assert package.read("invoices/000001.xml") == document_bytes("2026-000001")
    assert manifest["order_id"] == str(ORDER)
    assert manifest["communication"] == "Ratenzahlung\nbitte"
    lines = json.loads(desk.archive.held[order.lines.sha256])
    assert [line["invoice_number"] for line in lines["lines"]] == ["2026-000001", "2026-000002"]


async def test_more_documents_than_are_read_at_once_all_get_in() -> None:
    desk = Desk()
    desk.issue(*(f"N-{place:03d}" for place in range(70)))
    order = (await desk.prepare()).order
    with ZipFile(BytesIO(desk.archive.held[order.package.sha256])) as package:
        assert len(package.namelist()) == 71
        assert package.read("invoices/000070.xml") == document_bytes("N-069")


async def test_a_second_order_waits_for_the_arrival_of_the_first() -> None:
    desk = Desk()
    desk.issue("N-1")
    await desk.prepare()
    desk.issue("N-2")
    with pytest.raises(DomainError) as refused:
        await desk.prepare(order_id=other_id())
    assert refused.value.code == "order-in-flight"
    assert refused.value.facts["order_number"] == "CMD-2026-0001"
    assert len(desk.uow.recorded) == 1


async def test_the_gate_is_told_before_the_choice_is_judged() -> None:
    desk = Desk()
    ids = desk.issue("N-1")
    await desk.prepare()
    with pytest.raises(DomainError) as refused:
        await desk.prepare(ids, order_id=other_id())
    assert refused.value.code == "order-in-flight"


async def test_zero_balances_stay_behind_and_are_reported() -> None:
    desk = Desk()
    desk.issue("N-1")
    desk.issue("N-2", balance=Money(0))
    prepared = await desk.prepare()
    assert [(each.invoice.number, each.reason) for each in prepared.left_out] == [
        ("N-2", Reason.ZERO_BALANCE)
    ]


@pytest.mark.parametrize(
    "change", [{"balance": chf(20)}, {"unfit_codes": ("cancelled",)}], ids=["paid", "cancelled"]
)
async def test_an_invoice_that_changes_while_the_package_is_frozen_leaves_no_order(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    desk = Desk()
    (invoice_id, _) = desk.issue("N-1", "N-2")
    store = desk.archive.store_lines

    async def changed_meanwhile(*given: Any) -> Any:
        known = desk.uow.invoices.known
        known[invoice_id] = replace(known[invoice_id], **change)
        return await store(*given)

    monkeypatch.setattr(desk.archive, "store_lines", changed_meanwhile)
    with pytest.raises(TransientError):
        await desk.prepare()
    assert (desk.uow.orders.known, desk.uow.recorded) == ({}, [])


async def test_the_number_counts_in_the_swiss_year() -> None:
    desk = Desk()
    desk.clock.move_to(datetime(2026, 12, 31, 23, 30, tzinfo=UTC))
    desk.issue("N-1")
    assert (await desk.prepare()).order.number == "CMD-2027-0001"


@pytest.mark.parametrize(
    ("contract_id", "active", "code"),
    [(other_id(), True, "contract-unknown"), (CONTRACT, False, "contract-inactive")],
)
async def test_a_contract_that_cannot_be_used_is_named(
    contract_id: UUID, active: bool, code: str
) -> None:
    desk = Desk()
    desk.uow.contracts.known[CONTRACT] = a_contract(active=active)
    desk.issue("N-1")
    with pytest.raises(DomainError) as refused:
        await desk.prepare(contract_id=contract_id)
    assert (refused.value.code, refused.value.field) == (code, "contract_id")


async def test_an_unknown_practice_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        await Desk().prepare(practice_id=other_id())


async def test_a_document_that_cannot_be_read_leaves_no_order_and_no_event() -> None:
    desk = Desk()
    desk.issue("N-1")
    desk.archive.held.clear()
    with pytest.raises(TransientError):
        await desk.prepare()
    assert desk.uow.orders.known == {}
    assert desk.uow.recorded == []


async def test_a_damaged_document_is_named_and_leaves_no_order_and_no_event() -> None:
    desk = Desk()
    desk.issue("N-1", "N-2")
    desk.archive.damaged.add(hashlib.sha256(document_bytes("N-2")).hexdigest())
    held = dict(desk.archive.held)
    with pytest.raises(ConflictError, match="invoice N-2 is damaged or missing") as refused:
        await desk.prepare()
    assert (refused.value.code, refused.value.field) == ("document-damaged", "invoice_ids")
    assert refused.value.facts == {"invoice_number": "N-2"}
    assert desk.uow.orders.known == {}
    assert desk.uow.recorded == []
    assert desk.archive.held == held


async def test_waiting_credit_notes_go_along_by_number_and_are_no_part_of_the_total() -> None:
    desk = Desk()
    await desk.hand_over("A-1")
    desk.credit("CN-2", "CN-1")
    desk.issue("B-1")
    prepared = await desk.prepare()
    assert [note.number for note in prepared.credit_notes] == ["CN-1", "CN-2"]
    assert (prepared.order.invoice_count, prepared.order.total) == (1, chf(120))
    manifest = desk.manifest(prepared)
    assert [note["credit_note_number"] for note in manifest["credit_notes"]] == ["CN-1", "CN-2"]
    assert manifest["credit_notes"][0]["invoice_number"] == "A-1"
    assert set(desk.uow.corrections.held.values()) == {ORDER}


async def test_more_credit_notes_than_an_order_takes_wait_for_the_one_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preparing, "CREDIT_NOTES_PER_ORDER_MAX", 2)
    desk = Desk()
    await desk.hand_over("A-1")
    desk.credit("CN-3", "CN-1", "CN-2")
    desk.issue("B-1")
    prepared = await desk.prepare()
    assert [note.number for note in prepared.credit_notes] == ["CN-1", "CN-2"]


async def test_a_credit_note_on_an_invoice_of_this_very_order_waits_for_the_next() -> None:
    desk = Desk()
    desk.issue("A-1")
    desk.credit("CN-1")
    prepared = await desk.prepare()
    assert prepared.credit_notes == ()
    assert "credit_notes" not in desk.manifest(prepared)


async def test_credit_notes_alone_make_no_order() -> None:
    desk = Desk()
    await desk.hand_over("A-1")
    desk.credit("CN-1")
    with pytest.raises(DomainError) as refused:
        await desk.prepare()
    assert refused.value.code == "nothing-to-order"
    assert desk.uow.corrections.held == {}


async def test_a_damaged_credit_note_is_named_and_leaves_no_order_and_no_event() -> None:
    desk = Desk()
    await desk.hand_over("A-1")
    told = list(desk.uow.recorded)
    desk.credit("CN-1", "CN-2")
    desk.issue("B-1")
    desk.archive.damaged.add(hashlib.sha256(credit_note_bytes("CN-2")).hexdigest())
    with pytest.raises(ConflictError, match="credit note CN-2 is damaged or missing") as refused:
        await desk.prepare()
    assert refused.value.code == "document-damaged"
    assert refused.value.facts == {"credit_note_number": "CN-2"}
    assert ORDER not in desk.uow.orders.known
    assert desk.uow.corrections.held == {}
    assert desk.uow.recorded == told
