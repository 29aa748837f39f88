"""What the handlers rely on: the same expectations on the repositories in memory and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.reconciliation.adapters.unit_of_work import unit_opener
from services.reconciliation.domain.accounts import DEFAULT_CHART, AccountRole, LedgerAccount
from services.reconciliation.domain.acquittal import acquitted
from services.reconciliation.domain.model import Debt, NewInvoice, PreparedOrder
from services.reconciliation.handlers.open_position import OpenPosition, open_position
from shared.kernel.errors import PermanentError
from shared.kernel.money import Money
from tests.integration.reconciliation.house import House
from tests.unit.reconciliation.builders import (
    NOON,
    a_confirmation,
    a_contract,
    a_fetched_file,
    a_new_invoice,
    a_practice,
    confirmation_lines,
)
from tests.unit.reconciliation.fakes import MemoryUnitOfWork

FACTOR_ACCOUNT = LedgerAccount("1088", AccountRole.FACTOR, "Account with CMD")
Unit = Callable[[], AbstractAsyncContextManager[Any]]


@pytest.fixture(params=["memory", "postgresql"])
def unit(request: pytest.FixtureRequest, house: House) -> Unit:
    """Opens a unit of work; each is a transaction of its own where there are transactions."""
    memory = MemoryUnitOfWork()

    @asynccontextmanager
    async def in_memory() -> AsyncIterator[MemoryUnitOfWork]:
        yield memory

    if request.param == "memory":
        return in_memory
    open_unit = unit_opener(house.database, house.clock)
    return lambda: open_unit(house.practice_id)


def _contract(house: House, **terms: Any) -> Any:
    return a_contract(practice_id=house.practice_id, contract_id=house.contract_id, **terms)


def _invoice(house: House, number: str = "2026-000001", rappen: int = 12_000) -> NewInvoice:
    return a_new_invoice(
        number,
        rappen,
        practice_id=house.practice_id,
        contract_id=house.contract_id,
        invoice_id=house.invoice_id(number),
    )


async def _open(uow: Any, house: House, *invoices: NewInvoice) -> None:
    """Open the books with a contract, and book these invoices."""
    await uow.practices.register(a_practice(practice_id=house.practice_id), DEFAULT_CHART)
    await uow.practices.open_account(house.practice_id, FACTOR_ACCOUNT)
    await uow.practices.save_contract(_contract(house))
    for invoice in invoices:
        await open_position(OpenPosition(invoice), uow)


def _of(house: House, order_id: UUID, **values: Any) -> dict[str, Any]:
    given = {"order_id": order_id, "practice_id": house.practice_id}
    return given | {"contract_id": house.contract_id} | values


async def test_a_practice_is_registered_once_with_its_chart(unit: Unit, house: House) -> None:
    practice = a_practice(practice_id=house.practice_id)
    async with unit() as uow:
        assert not await uow.books.lock(house.practice_id)
        assert await uow.practices.register(practice, DEFAULT_CHART)
    async with unit() as uow:
        assert not await uow.practices.register(practice, DEFAULT_CHART)
        assert await uow.books.lock(house.practice_id)
        chart = await uow.practices.chart(house.practice_id)
    assert {chart.number(account.role) for account in DEFAULT_CHART} == {
        account.number for account in DEFAULT_CHART
    }


async def test_an_opened_account_is_in_the_chart_and_new_terms_replace_the_old(
    unit: Unit, house: House
) -> None:
    newer = _contract(house, version=2, acquittal_label="New", loss_cover=True)
    async with unit() as uow:
        await _open(uow, house)
        assert await uow.practices.contract(uuid4()) is None
    async with unit() as uow:
        chart = await uow.practices.chart(house.practice_id)
        assert chart.opening("1088", factor="CMD") is None
        assert await uow.practices.contract(house.contract_id) == _contract(house)
        await uow.practices.save_contract(newer)
        assert await uow.practices.contract(house.contract_id) == newer


async def test_a_position_opens_once_and_owes_nothing_until_it_is_booked(
    unit: Unit, house: House
) -> None:
    invoice = _invoice(house)
    async with unit() as uow:
        await _open(uow, house)
        assert await uow.books.open_position(invoice)
    async with unit() as uow:
        assert not await uow.books.open_position(invoice)
        found = await uow.books.positions([invoice.invoice_id, uuid4()])
    assert list(found) == [invoice.invoice_id]
    position = found[invoice.invoice_id]
    assert (position.debt, position.factor_owes, position.acquittal) == (Debt(), Money(0), None)
    assert (position.invoice_number, position.debtor_number) == ("2026-000001", "10001")


async def test_an_invoice_number_belongs_to_one_invoice_of_the_practice(
    unit: Unit, house: House
) -> None:
    async with unit() as uow:
        await _open(uow, house, _invoice(house))
    with pytest.raises(PermanentError, match="2026-000001"):
        async with unit() as uow:
            await uow.books.open_position(replace(_invoice(house), invoice_id=uuid4()))


async def test_booking_moves_positions_and_only_an_acquittal_gives_the_asterisk(
    unit: Unit, house: House
) -> None:
    invoice, order_id = _invoice(house), uuid4()
    lines = confirmation_lines(invoice)
    confirmation = a_confirmation(lines, **_of(house, order_id))
    async with unit() as uow:
        await _open(uow, house, invoice)
        await uow.confirmations.store(confirmation, lines)
        (before,) = (await uow.books.positions([invoice.invoice_id])).values()
        chart = await uow.practices.chart(house.practice_id)
        done = acquitted(
            confirmation, _contract(house), before, chart=chart, today=house.clock.today()
        )
        await uow.books.lock(house.practice_id)
        assert not before.with_factor
        assert await uow.books.acquitted_sums(order_id) == (0, Money(0))
        await uow.books.book(
            house.practice_id,
            entries=[done.entry],
            facts=[done.fact],
            positions=[replace(done.position, acquittal=None)],
            acquittals=[done.acquittal],
        )
    async with unit() as uow:
        assert await uow.books.positions([invoice.invoice_id]) == {
            invoice.invoice_id: done.position
        }
        assert await uow.books.acquitted_sums(order_id) == (1, Money(12_000))


async def test_an_order_is_noted_once(unit: Unit, house: House) -> None:
    order = PreparedOrder(uuid4(), house.practice_id, "CMD-2026-0001", house.contract_id)
    async with unit() as uow:
        assert await uow.confirmations.note_order(order)
    async with unit() as uow:
        assert not await uow.confirmations.note_order(order)
        assert await uow.confirmations.is_order_known(order.order_id)
        assert not await uow.confirmations.is_order_known(uuid4())


async def test_a_confirmation_is_found_as_stored_with_its_accepted_invoices_in_order(
    unit: Unit, house: House
) -> None:
    invoices = [_invoice(house, f"2026-{number:06d}") for number in (3, 1, 2)]
    lines = confirmation_lines(*invoices, refused=1)
    confirmation = a_confirmation(lines, **_of(house, uuid4()))
    async with unit() as uow:
        await _open(uow, house, *invoices)
        await uow.confirmations.store(confirmation, lines[::-1])
    async with unit() as uow:
        assert await uow.confirmations.find(uuid4()) is None
        assert await uow.confirmations.find(confirmation.order_id) == confirmation
        assert list(await uow.confirmations.accepted_invoices(confirmation.order_id)) == [
            house.invoice_id("2026-000003"),
            house.invoice_id("2026-000001"),
        ]
        await uow.confirmations.mark_acquitted(confirmation.order_id, on=NOON.date(), at=NOON)
    async with unit() as uow:
        found = await uow.confirmations.find(confirmation.order_id)
    assert found == replace(confirmation, acquitted_on=NOON.date())


async def test_an_order_number_is_confirmed_for_one_order_of_the_practice(
    unit: Unit, house: House
) -> None:
    invoice = _invoice(house)
    lines = confirmation_lines(invoice)
    async with unit() as uow:
        await _open(uow, house, invoice)
        await uow.confirmations.store(a_confirmation(lines, **_of(house, uuid4())), lines)
    with pytest.raises(PermanentError, match="CMD-2026-0001"):
        async with unit() as uow:
            await uow.confirmations.store(a_confirmation(lines, **_of(house, uuid4())), lines)


async def test_a_deb_file_is_registered_once_per_content_whatever_it_is_called(
    unit: Unit, house: House
) -> None:
    first = a_fetched_file(
        practice_id=house.practice_id, contract_id=house.contract_id, deb_file_id=uuid4()
    )
    mended = replace(first, deb_file_id=uuid4(), content=replace(first.content, sha256="e" * 64))
    async with unit() as uow:
        await _open(uow, house)
        assert await uow.deb_files.register(first, received_at=NOON)
    async with unit() as uow:
        again = replace(first, portal_file_id="f2")
        assert not await uow.deb_files.register(again, received_at=NOON)
        assert await uow.deb_files.register(mended, received_at=NOON)
