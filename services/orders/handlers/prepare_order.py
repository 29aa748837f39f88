"""A person hands invoices over: choose, take the gate, freeze the bytes, tell the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from uuid import UUID

from services.orders.domain.credit_note import (
    CREDIT_NOTES_PER_ORDER_MAX,
    PackedCreditNote,
    with_room,
)
from services.orders.domain.errors import (
    CreditNoteDamagedError,
    DocumentDamagedError,
    InvoicesMovedError,
    OrderInFlightError,
)
from services.orders.domain.events import OrderPrepared
from services.orders.domain.model import Contract, OrderLine, StoredContent
from services.orders.domain.notices import Notice
from services.orders.domain.order import Fact, FactKind, Order, order_number
from services.orders.domain.package import PackageBuilder, PackageHead
from services.orders.domain.room import how_many_fit
from services.orders.domain.selection import (
    Candidate,
    LeftOut,
    Rule,
    Selection,
    Wish,
    foresee,
    refuse_small,
    select_chosen,
    select_everything,
)
from services.orders.domain.telling import with_notices, with_notices_of_order
from services.orders.handlers.choosing import Message, checked_message, parties, refuse_inactive
from services.orders.ports import UnitOfWork
from services.orders.ports.archive import DocumentArchive
from shared.kernel.clock import Clock
from shared.kernel.errors import PermanentError
from shared.kernel.ids import ContractId, OrderId, PracticeId
from shared.kernel.money import Money
from shared.kernel.staying_awake import kept_awake

_DOCUMENTS_AT_ONCE = 32
_BYTES_AT_ONCE = 16_777_216


@dataclass(frozen=True, slots=True)
class PrepareOrder:
    """Prepare an order of a contract.

    Attributes:
        order_id: id of the order to be, chosen before any work is done.
        invoice_ids: the chosen invoices; None: everything of the contract that may be ordered.
        rule: which of everything; only without chosen invoices.
        communication: free text for the factor.
        minimum_total: below this nothing is ordered.
        notices, invoice_notices: structured reasons, of the whole order and by invoice.
        kept: whether text and reasons were taken when somebody asked for the order earlier.
        among: of everything only these, with their reasons, whatever a person had to name; what
            may not be ordered any more stays behind.
    """

    order_id: OrderId
    practice_id: PracticeId
    contract_id: ContractId
    invoice_ids: tuple[UUID, ...] | None
    communication: str = ""
    rule: Rule | None = None
    minimum_total: Money | None = None
    notices: tuple[Notice, ...] = ()
    invoice_notices: Mapping[UUID, tuple[Notice, ...]] = field(default_factory=dict)
    among: Mapping[UUID, tuple[Notice, ...]] | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True)
class PreparedOrder:
    """The order as it was frozen, the credit notes that go along, and what stayed behind."""

    order: Order
    credit_notes: tuple[PackedCreditNote, ...]
    left_out: tuple[LeftOut, ...]


async def prepare_order(
    command: PrepareOrder, uow: UnitOfWork, archive: DocumentArchive, clock: Clock
) -> PreparedOrder:
    """Freeze an order's package and lines, and record that it may be sent.

    The contract's waiting credit notes go along; they do not count in the order's total
    (docs/decisions/0010).
    All or nothing: whatever is raised, the order number is not used up. The count of the year is
    taken first, which makes two concurrent orders of a practice wait for each other; that only one
    of them passes is enforced by the database all the same.

    Raises:
        DomainError: the text, the contract or the choice is not usable, or nothing remains.
        OrderInFlightError: an order of this practice and contract has not arrived yet (P2).
        DocumentDamagedError: the stored document of an invoice is not the announced one.
        CreditNoteDamagedError: that of a credit note is not.
        InvoiceInLiveOrderError: another live order took one of the invoices meanwhile (P3).
        CreditNoteInLiveOrderError: another live order took one of the credit notes meanwhile.
        TransientError: a document could not be read or stored, or an invoice was cancelled or
            changed its balance meanwhile.
    """
    message = checked_message(
        command.communication, command.notices, command.invoice_notices, kept=command.kept
    )
    practice, contract = await parties(uow, command.practice_id, command.contract_id)
    refuse_inactive(contract)
    year = clock.today().year
    count = await uow.orders.next_count(practice.practice_id, factor=contract.factor, year=year)
    in_flight = await uow.orders.in_flight(practice.practice_id, contract.contract_id)
    if in_flight is not None:
        raise OrderInFlightError(in_flight)
    wish = Wish(
        contract.contract_id,
        clock.today(),
        command.rule,
        by_name=command.invoice_ids is not None or command.among is not None,
        invoice_format=contract.invoice_format,
    )
    selection = await _select(command, wish, uow)
    refuse_small(selection, command.minimum_total)
    chosen = with_notices(selection.lines, _reasons(command, message, selection))
    credit_notes = await _claimed(contract, uow)
    number = order_number(factor=contract.factor, year=year, count=count)
    head = PackageHead(
        str(command.order_id), number, practice, contract, message.communication, message.notices
    )
    package = await kept_awake(uow, _freeze(head, chosen, credit_notes, archive))
    told = with_notices_of_order(chosen, message.notices)
    lines = await archive.store_lines(practice.practice_id, command.order_id, told)
    await _hold(selection, wish, practice.practice_id, uow)
    now = clock.now()
    order = Order(
        order_id=command.order_id,
        practice_id=practice.practice_id,
        contract_id=contract.contract_id,
        number=number,
        communication=message.communication,
        invoice_count=len(chosen),
        total=selection.total,
        package=package,
        lines=lines,
        prepared_at=now,
        facts=(Fact(FactKind.PREPARED, now),),
        notices=message.notices,
    )
    await uow.orders.add(order, chosen)
    if credit_notes:
        await uow.corrections.put_into_order(order, credit_notes)
    uow.record(_prepared(order))
    return PreparedOrder(order, tuple(credit_notes), selection.left_out)


async def _select(command: PrepareOrder, wish: Wish, uow: UnitOfWork) -> Selection:
    if command.invoice_ids is None:
        open_ones = await uow.invoices.not_in_live_order(command.practice_id, command.contract_id)
        if command.among is not None:
            open_ones = [one for one in open_ones if one.invoice.invoice_id in command.among]
        return select_everything(open_ones, wish)
    chosen = await uow.invoices.chosen(command.practice_id, command.invoice_ids)
    return select_chosen(command.invoice_ids, chosen, wish)


def _reasons(
    command: PrepareOrder, message: Message, selection: Selection
) -> Mapping[UUID, tuple[Notice, ...]]:
    if command.among is None:
        return message.by_invoice
    return {line.invoice_id: command.among[line.invoice_id] for line in selection.lines}


async def _claimed(contract: Contract, uow: UnitOfWork) -> list[PackedCreditNote]:
    waiting = await uow.corrections.claim_waiting_credit_notes(
        contract.practice_id, contract.contract_id, limit=CREDIT_NOTES_PER_ORDER_MAX
    )
    return with_room(waiting)


async def _hold(selection: Selection, wish: Wish, practice_id: PracticeId, uow: UnitOfWork) -> None:
    """Hold the chosen invoices until the order is there, and see that they are as they were.

    Freezing takes its time. Who cancels an invoice waits from here on, and finds the order then;
    who was faster is found here.

    Raises:
        InvoicesMovedError: at least one would be ordered otherwise, or not at all, by now.
    """
    held = await uow.invoices.hold(practice_id, [line.invoice_id for line in selection.lines])
    now = foresee([Candidate(invoice) for invoice in held], wish)
    if now.lines != selection.lines:
        raise InvoicesMovedError


async def _freeze(
    head: PackageHead,
    lines: Sequence[OrderLine],
    credit_notes: Sequence[PackedCreditNote],
    archive: DocumentArchive,
) -> StoredContent:
    """Pack the documents a few at a time; compressing runs beside the event loop."""
    practice_id = head.practice.practice_id
    contents: list[OrderLine | PackedCreditNote] = [*lines, *credit_notes]
    with closing(PackageBuilder(head, lines, credit_notes)) as builder:
        for some in _batches(contents):
            reads = [_document(each, archive, practice_id) for each in some]
            documents = await asyncio.gather(*reads)
            await asyncio.to_thread(builder.add_all, documents)
        return await archive.store_package(practice_id, builder.finish())


def _batches(
    contents: Sequence[OrderLine | PackedCreditNote],
) -> Iterator[Sequence[OrderLine | PackedCreditNote]]:
    """Cut into what is in memory at once: so many documents, and no more bytes than that."""
    start = 0
    while start < len(contents):
        some = contents[start : start + _DOCUMENTS_AT_ONCE]
        sizes = (each.document.size_bytes for each in some)
        count = how_many_fit(sizes, count_max=_DOCUMENTS_AT_ONCE, bytes_max=_BYTES_AT_ONCE)
        yield some[:count]
        start += count


async def _document(
    packed: OrderLine | PackedCreditNote, archive: DocumentArchive, practice_id: PracticeId
) -> bytes:
    try:
        return await archive.issued_document(practice_id, packed.document)
    except PermanentError as error:
        if isinstance(packed, PackedCreditNote):
            raise CreditNoteDamagedError(packed.number) from error
        # A person is waiting for the answer, and can order the others.
        raise DocumentDamagedError(packed.invoice_number) from error


def _prepared(order: Order) -> OrderPrepared:
    return OrderPrepared(
        order_id=order.order_id,
        practice_id=order.practice_id,
        contract_id=order.contract_id,
        number=order.number,
        invoice_count=order.invoice_count,
        total=order.total,
        package=order.package,
        lines=order.lines,
        prepared_at=order.prepared_at,
    )
