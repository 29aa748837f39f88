"""Correcting or replacing an invoice in an order that has not left: checked now, done later."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from services.invoicing.domain.cancellation_wish import CancellationWish, Intent, refuse_another
from services.invoicing.domain.invoice import Invoice, StoredDocument
from services.invoicing.handlers.correct_invoice import CorrectInvoice
from services.invoicing.handlers.decide_conflict import (
    REASON_OF_REPLACEMENT,
    REPLACE,
    DecideConflict,
)
from services.invoicing.handlers.known import known_invoice
from services.invoicing.handlers.settle_wishes import carry_out
from services.invoicing.handlers.wishing import Tools, ask, holding_order, open_wish
from services.invoicing.ports import UnitOfWork
from services.invoicing.ports.documents import InvoiceDocuments
from shared.kernel.errors import NotFoundError


async def wish_correction(command: CorrectInvoice, uow: UnitOfWork, *, tools: Tools) -> bool:
    """Ask for the order that holds the invoice; return False if none has to be asked for.

    The correction is carried out for trial first, as if the order had let go, so that what is kept
    with the wish can be issued later unless something else changes meanwhile.

    Raises:
        NotFoundError: the practice has no such invoice.
        ConflictError: a wish about it waits already, or the correction is not possible.
        DomainError: the corrected invoice cannot be issued.
    """
    invoice = await known_invoice(uow, command.practice_id, command.invoice_id)
    order_id = await holding_order(invoice, uow)
    waiting = await open_wish(command.invoice_id, uow)
    if waiting is not None:
        raise refuse_another(waiting, invoice)
    if order_id is None:
        return False
    wish = CancellationWish(
        practice_id=command.practice_id,
        invoice_id=command.invoice_id,
        order_id=order_id,
        reason_code=command.reason_code,
        asked_at=tools.clock.now(),
        asked_by=command.by,
        intent=Intent.CORRECT,
        content=command.content,
        corrected_id=command.corrected_id,
    )
    await _try_out(wish, invoice, uow, tools)
    await ask(wish, invoice, uow)
    return True


async def wish_replacement(command: DecideConflict, uow: UnitOfWork, *, tools: Tools) -> bool:
    """Ask for the order of the invoice that a file shall replace; False if none must be asked for.

    The same decision once more while the wish waits changes nothing.

    Raises:
        ConflictError: another wish about the invoice waits, or this one and the decision is "keep".
        DomainError: the file breaks a rule today.
        TransientError: the object store did not answer.
    """
    await uow.imports.lock(command.practice_id)
    conflict = await uow.imports.lock_conflict(command.practice_id, command.conflict_id)
    if conflict is None:
        raise NotFoundError("There is no such conflict.", code="import-conflict-not-found")
    if conflict.decision is not None:
        return False
    number = conflict.invoice_number
    known = (await uow.imports.known(command.practice_id, {number}))[number]
    invoice = await known_invoice(uow, command.practice_id, known.invoice_id)
    order_id = await holding_order(invoice, uow)
    waiting = await open_wish(invoice.invoice_id, uow)
    if waiting is not None:
        mine = waiting.conflict_id == command.conflict_id
        if mine and command.decision == REPLACE:
            return True
        if mine or command.decision == REPLACE:
            raise refuse_another(waiting, invoice)
    if order_id is None or command.decision != REPLACE:
        return False
    wish = CancellationWish(
        practice_id=command.practice_id,
        invoice_id=invoice.invoice_id,
        order_id=order_id,
        reason_code=REASON_OF_REPLACEMENT,
        asked_at=tools.clock.now(),
        asked_by=command.by,
        intent=Intent.REPLACE,
        conflict_id=command.conflict_id,
    )
    await _try_out(wish, invoice, uow, tools)
    await ask(wish, invoice, uow)
    return True


async def _try_out(wish: CancellationWish, invoice: Invoice, uow: UnitOfWork, tools: Tools) -> None:
    """Carry the wish out as if its order had let go, and undo that.

    Raises:
        DomainError: it is not possible.
    """
    tried = replace(tools, documents=_Weighed(tools.documents))
    async with uow.part(trial=True):
        await _let_go(wish.invoice_id, uow)
        await carry_out(wish, invoice, uow, tried)


async def _let_go(invoice_id: UUID, uow: UnitOfWork) -> None:
    standing = (await uow.invoices.lock_standings([invoice_id]))[invoice_id]
    placements = (await uow.orders.placements([invoice_id]))[invoice_id]
    free = [one.withdrawn() if one.is_live else one for one in placements]
    await uow.orders.save_placements(free)
    await uow.invoices.save_standings([standing.placed(free)])


@dataclass(frozen=True, slots=True)
class _Weighed:
    """Documents that are measured and not kept: see InvoiceDocuments."""

    kept: InvoiceDocuments

    async def put(self, practice_id: UUID, data: bytes) -> StoredDocument:
        """Return what storing the document would."""
        digest = hashlib.sha256(data).hexdigest()
        return StoredDocument(f"{practice_id}/tried/{digest}", digest, len(data), "application/xml")

    async def put_all(self, practice_id: UUID, items: Sequence[bytes]) -> list[StoredDocument]:
        """Return what storing the documents would."""
        return [await self.put(practice_id, data) for data in items]

    async def get(self, practice_id: UUID, document: StoredDocument) -> bytes:
        """Return a kept document's bytes."""
        return await self.kept.get(practice_id, document)
