"""Carries out what a person does with an item of the queue: assign it, note, close.

Closing is for what nothing else can end. Everything else leaves the queue only by being dealt with,
so that no click hides money that is still missing.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.reconciliation.domain.exceptions import HistoryEvent, ItemId, KnownItem
from services.reconciliation.ports.exceptions import ExceptionDesk
from shared.kernel.clock import Clock
from shared.kernel.errors import ConflictError, NotFoundError


@dataclass(frozen=True, slots=True)
class AssignException:
    """Give this item to a person, or to nobody.

    Attributes:
        assignee: the subject of a token; None: it is nobody's again.
        why: may be empty.
    """

    item: ItemId
    assignee: str | None
    why: str
    by: str


@dataclass(frozen=True, slots=True)
class NoteException:
    """Write this note to an item; the item may have ended."""

    item: ItemId
    note: str
    by: str


@dataclass(frozen=True, slots=True)
class CloseException:
    """Take this item out of the queue for this reason."""

    item: ItemId
    reason: str
    by: str


async def assign_exception(command: AssignException, desk: ExceptionDesk, clock: Clock) -> None:
    """Assign an item; the last one counts.

    Raises:
        NotFoundError: there is no such item in scope.
        ConflictError: it is not in the queue.
    """
    known = await _open_item(command.item, desk)
    event = HistoryEvent(
        "assigned", clock.now(), command.by, command.why, assignee=command.assignee
    )
    await desk.assign(known, event)


async def note_exception(command: NoteException, desk: ExceptionDesk, clock: Clock) -> None:
    """Add a note.

    Raises:
        NotFoundError: there is no such item in scope.
    """
    known = await _item(command.item, desk)
    await desk.note(known, HistoryEvent("noted", clock.now(), command.by, command.note))


async def close_exception(command: CloseException, desk: ExceptionDesk, clock: Clock) -> None:
    """Close an item that a person may close; it opens again if it happens again.

    Raises:
        NotFoundError: there is no such item in scope.
        ConflictError: it is not in the queue, or it ends only by being dealt with.
    """
    known = await _open_item(command.item, desk)
    if not known.may_be_closed:
        raise ConflictError(
            "This leaves the queue only when it is dealt with; see its actions.",
            code="exception-not-closable",
        )
    now = clock.now()
    await desk.close(known, HistoryEvent("closed", now, command.by, command.reason), at=now)


async def _open_item(item: ItemId, desk: ExceptionDesk) -> KnownItem:
    known = await _item(item, desk)
    if not known.is_open:
        raise ConflictError("This is not in the queue any more.", code="exception-not-open")
    return known


async def _item(item: ItemId, desk: ExceptionDesk) -> KnownItem:
    known = await desk.find(item)
    if known is None:
        raise exception_not_found()
    return known


def exception_not_found() -> NotFoundError:
    """Return the error for an item that does not exist, or is not open to the caller."""
    return NotFoundError("There is no such item.", code="exception-not-found")
