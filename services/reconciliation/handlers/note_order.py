"""Remembers that an order exists, so that an unconfirmed order can be told from an unknown one."""

from __future__ import annotations

from dataclasses import dataclass

from services.reconciliation.domain.model import PreparedOrder
from services.reconciliation.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class NoteOrder:
    """Remember this order."""

    order: PreparedOrder


async def note_order(command: NoteOrder, uow: UnitOfWork) -> bool:
    """Remember the order; return False, and change nothing, if it is known."""
    return await uow.confirmations.note_order(command.order)
