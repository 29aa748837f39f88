"""What events and requests set in motion in the books: done, done again, not possible, unknown."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from services.reconciliation.domain.accounts import AccountTakenError
from services.reconciliation.domain.journal import as_text
from services.reconciliation.domain.model import (
    AcquittalMode,
    Contract,
    NewInvoice,
    PreparedOrder,
)
from services.reconciliation.domain.resuming import (
    UNTIL_ACQUITTED,
    UNTIL_CONFIRMED,
    UNTIL_ISSUED,
)
from services.reconciliation.handlers.acquit_order import AcquitOrder, acquit_order
from services.reconciliation.handlers.change_contract import ChangeContract, change_contract
from services.reconciliation.handlers.confirm_order import (
    ConfirmOrder,
    ConfirmResult,
    confirm_order,
)
from services.reconciliation.handlers.note_order import NoteOrder, note_order
from services.reconciliation.handlers.open_position import OpenPosition, open_position
from services.reconciliation.handlers.register_deb_file import RegisterDebFile, register_deb_file
from services.reconciliation.handlers.register_practice import (
    RegisterPractice,
    register_practice,
)
from shared.kernel.errors import ConflictError, NotFoundError, PermanentError, TooEarlyError
from shared.kernel.money import Money
from shared.testing import FrozenClock
from tests.unit.reconciliation.builders import (
    CONTRACT,
    NOON,
    ORDER,
    ORDER_NUMBER,
    PRACTICE,
    a_confirmation,
    a_contract,
    a_fetched_file,
    a_new_invoice,
    a_practice,
    confirmation_lines,
)
from tests.unit.reconciliation.builders import (
    as_text as position_text,
)
from tests.unit.reconciliation.fakes import MemoryUnitOfWork

CLOCK = FrozenClock(NOON)
FIRST = a_new_invoice("2026-000001", 12_000)
SECOND = a_new_invoice("2026-000002", 8_000)
ANOTHER_ORDER = UUID(int=99)


async def _books(contract: Contract | None = None, *invoices: NewInvoice) -> MemoryUnitOfWork:
    """Open books with a contract and these invoices."""
    uow = MemoryUnitOfWork()
    await register_practice(RegisterPractice(a_practice()), uow)
    await change_contract(ChangeContract(contract or a_contract()), uow)
    for invoice in invoices:
        await open_position(OpenPosition(invoice), uow)
    return uow


def _confirm(*invoices: NewInvoice, refused: int = 0, **values: object) -> ConfirmOrder:
    lines = confirmation_lines(*invoices, refused=refused)
    return ConfirmOrder(a_confirmation(lines, **values), lines)


def _postings(uow: MemoryUnitOfWork) -> list[str]:
    return [f"{link.entry.label}: {as_text(link.entry.postings)}" for link in uow.books.journal]


async def test_a_practice_is_registered_once() -> None:
    uow = MemoryUnitOfWork()
    assert await register_practice(RegisterPractice(a_practice()), uow)
    assert not await register_practice(RegisterPractice(a_practice()), uow)
    assert [account.number for account in uow.practices.accounts[PRACTICE]] == [
        "1020",
        "1100",
        "2009",
        "2030",
        "3400",
        "3409",
        "3805",
        "6940",
    ]


async def test_a_contract_opens_its_account_once_and_older_terms_change_nothing() -> None:
    uow = await _books(a_contract(version=2))
    assert not await change_contract(ChangeContract(a_contract(version=2)), uow)
    assert not await change_contract(ChangeContract(a_contract(version=1, active=False)), uow)
    newer = a_contract(version=3, acquittal_label="New")
    assert await change_contract(ChangeContract(newer), uow)
    assert uow.practices.contracts == {CONTRACT: newer}
    accounts = [account.number for account in uow.practices.accounts[PRACTICE]]
    assert accounts.count("1088") == 1


async def test_a_contract_may_neither_take_another_account_nor_precede_its_practice() -> None:
    uow = await _books()
    with pytest.raises(AccountTakenError):
        await change_contract(ChangeContract(a_contract(version=2, ledger_account="1100")), uow)
    with pytest.raises(TooEarlyError) as early:
        await change_contract(ChangeContract(a_contract()), MemoryUnitOfWork())
    assert early.value.waits_for == str(PRACTICE)


async def test_an_invoice_is_booked_once_with_its_deposit() -> None:
    uow = await _books()
    invoice = replace(FIRST, total=Money(14_000), deposit=Money(2_000))
    assert await open_position(OpenPosition(invoice), uow)
    assert not await open_position(OpenPosition(invoice), uow)
    assert _postings(uow) == ["Invoice 2026-000001: 1100 D 120.00, 2030 D 20.00, 3400 C 140.00"]
    assert position_text(uow.books.current[FIRST.invoice_id]) == "D 120.00 P 0.00"


@pytest.mark.parametrize(
    ("invoice", "words"),
    [
        (replace(FIRST, deposit=Money(1)), "is not"),
        (replace(SECOND, invoice_number=FIRST.invoice_number), FIRST.invoice_number),
    ],
)
async def test_an_invoice_that_cannot_be_is_never_booked(invoice: NewInvoice, words: str) -> None:
    uow = await _books(None, FIRST)
    with pytest.raises(PermanentError, match=words):
        await open_position(OpenPosition(invoice), uow)
    assert len(uow.books.journal) == 1


async def test_an_invoice_waits_for_its_practice() -> None:
    with pytest.raises(TooEarlyError) as early:
        await open_position(OpenPosition(FIRST), MemoryUnitOfWork())
    assert early.value.waits_for == str(PRACTICE)


async def test_a_confirmed_order_is_acquitted_line_by_line_and_only_once() -> None:
    uow = await _books(None, FIRST, SECOND)
    command = _confirm(FIRST, SECOND, refused=1)
    assert await confirm_order(command, uow, CLOCK) is ConfirmResult.ACQUITTED
    assert await confirm_order(command, uow, CLOCK) is ConfirmResult.ALREADY_KNOWN
    assert _postings(uow)[2:] == ["Transmis CMD: 1088 D 120.00, 1100 C 120.00"]
    assert uow.books.current[FIRST.invoice_id].with_factor
    assert not uow.books.current[SECOND.invoice_id].with_factor
    assert uow.told == ["InvoiceAcquitted", "InvoicePositionChanged", "OrderAcquitted"]


@pytest.mark.parametrize(
    ("invoices", "waits_for"),
    [((), PRACTICE), ((FIRST,), SECOND.invoice_id)],
    ids=["practice and contract", "an invoice"],
)
async def test_a_confirmation_that_comes_too_early_waits_and_leaves_nothing(
    invoices: tuple[NewInvoice, ...], waits_for: UUID
) -> None:
    uow = await _books(None, *invoices) if invoices else MemoryUnitOfWork()
    with pytest.raises(TooEarlyError) as early:
        await confirm_order(_confirm(FIRST, SECOND), uow, CLOCK)
    assert early.value.waits_for == str(waits_for)
    assert (uow.confirmations.known, uow.books.acquittals, uow.told) == ({}, [], [])


async def test_a_confirmation_waits_for_its_contract() -> None:
    uow = MemoryUnitOfWork()
    await register_practice(RegisterPractice(a_practice()), uow)
    with pytest.raises(TooEarlyError, match="contract") as early:
        await confirm_order(_confirm(FIRST), uow, CLOCK)
    assert early.value.waits_for == str(PRACTICE)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (_confirm(FIRST, accepted_count=2), "its lines"),
        (_confirm(FIRST, accepted_total=Money(1)), "its lines"),
        (_confirm(FIRST, FIRST), "names an invoice twice"),
        (_confirm(replace(FIRST, invoice_number="2026-000009")), "the confirmation calls"),
        (_confirm(SECOND, content_sha256="e" * 64), "other content"),
        (_confirm(SECOND, order_id=ANOTHER_ORDER), f"order number {ORDER_NUMBER}"),
    ],
    ids=[
        "count",
        "total",
        "an invoice twice",
        "another number",
        "other content",
        "a number of another order",
    ],
)
async def test_a_confirmation_that_contradicts_anything_acquits_nothing(
    command: ConfirmOrder, words: str
) -> None:
    uow = await _books(None, FIRST, SECOND)
    confirmed = words in {"other content", f"order number {ORDER_NUMBER}"}
    if confirmed:
        await confirm_order(_confirm(FIRST), uow, CLOCK)
    with pytest.raises(PermanentError, match=words):
        await confirm_order(command, uow, CLOCK)
    assert len(uow.books.acquittals) == int(confirmed)
    assert len(uow.confirmations.known) == int(confirmed)


async def test_what_waited_for_an_invoice_its_order_and_its_acquittal_is_asked_back() -> None:
    uow = await _books(None, FIRST, SECOND)
    await confirm_order(_confirm(FIRST, SECOND, refused=1), uow, CLOCK)
    first = (FIRST.invoice_number,)
    assert uow.deb_files.resumed == [
        (first, UNTIL_ISSUED, None),
        ((SECOND.invoice_number,), UNTIL_ISSUED, None),
        (first, UNTIL_CONFIRMED, ORDER_NUMBER),
        (first, UNTIL_ACQUITTED, None),
    ]


async def test_under_a_manual_contract_a_person_acquits_and_the_second_time_changes_nothing() -> (
    None
):
    uow = await _books(a_contract(acquittal=AcquittalMode.MANUAL), FIRST, SECOND)
    result = await confirm_order(_confirm(FIRST, SECOND), uow, CLOCK)
    assert (result, uow.told) == (ConfirmResult.WAITS_FOR_A_PERSON, [])
    done = await acquit_order(AcquitOrder(PRACTICE, ORDER, by="user-1"), uow, CLOCK)
    assert (done.invoice_count, done.total, done.acquitted_on, done.already) == (
        2,
        Money(20_000),
        CLOCK.today(),
        False,
    )
    told = list(uow.told)
    again = await acquit_order(AcquitOrder(PRACTICE, ORDER, by="user-1"), uow, CLOCK)
    assert again == replace(done, already=True)
    assert (
        uow.told == told == ["InvoiceAcquitted", "InvoicePositionChanged"] * 2 + ["OrderAcquitted"]
    )


async def test_an_order_longer_than_one_write_is_acquitted_whole_and_in_its_order() -> None:
    invoices = [a_new_invoice(f"2026-{place:06d}", place) for place in range(1, 2_002)]
    uow = await _books(None, *invoices)
    assert await confirm_order(_confirm(*invoices), uow, CLOCK) is ConfirmResult.ACQUITTED
    assert [one.amount.rappen for one in uow.books.acquittals] == list(range(1, 2_002))
    assert uow.recorded[-1].total == Money(sum(range(1, 2_002)))
    assert uow.books.head.number == 2 * 2_001


async def test_an_order_whose_arrival_is_not_confirmed_cannot_be_acquitted() -> None:
    uow = await _books(None, FIRST)
    order = PreparedOrder(ORDER, PRACTICE, ORDER_NUMBER, CONTRACT)
    assert [await note_order(NoteOrder(order), uow) for _ in range(2)] == [True, False]
    with pytest.raises(ConflictError) as conflict:
        await acquit_order(AcquitOrder(PRACTICE, ORDER, by="user-1"), uow, CLOCK)
    assert conflict.value.code == "order-not-confirmed"
    with pytest.raises(NotFoundError) as unknown:
        await acquit_order(AcquitOrder(PRACTICE, ANOTHER_ORDER, by="user-1"), uow, CLOCK)
    assert unknown.value.code == "order-not-found"
    assert uow.books.acquittals == []


async def test_a_deb_file_is_registered_once_per_content_and_each_delivery_is_recorded() -> None:
    uow = await _books()
    assert await register_deb_file(RegisterDebFile(a_fetched_file()), uow, CLOCK)
    again = a_fetched_file(portal_file_id="f2")
    assert not await register_deb_file(RegisterDebFile(again), uow, CLOCK)
    assert [received_at for _, received_at in uow.deb_files.deliveries] == [CLOCK.now()] * 2


async def test_a_deb_file_waits_for_its_contract() -> None:
    with pytest.raises(TooEarlyError) as early:
        await register_deb_file(RegisterDebFile(a_fetched_file()), MemoryUnitOfWork(), CLOCK)
    assert early.value.waits_for == str(PRACTICE)
