"""A dry run: what would go into an order, what would stay behind and why. Nothing is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from services.orders.domain.credit_note import (
    CREDIT_NOTES_PER_ORDER_MAX,
    PackedCreditNote,
    with_room,
)
from services.orders.domain.errors import OrderInFlightError
from services.orders.domain.model import InFlight
from services.orders.domain.notices import Notice
from services.orders.domain.selection import (
    Candidate,
    Reason,
    Rule,
    Selection,
    Wish,
    foresee,
    refuse_not_orderable,
    refuse_nothing,
    refuse_strange,
)
from services.orders.domain.telling import with_notices
from services.orders.handlers.choosing import checked_message, parties, refuse_inactive
from services.orders.ports import UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.errors import DomainError
from shared.kernel.ids import ContractId, PracticeId


@dataclass(frozen=True, slots=True)
class PreviewOrder:
    """Foresee an order; the same words as for preparing it.

    Attributes:
        told: reasons of which each invoice is wanted. Of a whole contract, what was cancelled or
            paid is counted only, unless its reason is among them.
    """

    practice_id: PracticeId
    contract_id: ContractId
    invoice_ids: tuple[UUID, ...] | None = None
    rule: Rule | None = None
    communication: str = ""
    notices: tuple[Notice, ...] = ()
    invoice_notices: Mapping[UUID, tuple[Notice, ...]] = field(default_factory=dict)
    told: frozenset[Reason] = frozenset()


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would happen now.

    Attributes:
        credit_notes: what would go along.
        counted_only: by reason, how many more stay behind than the selection names.
        obstacles: what preparing would be refused with, the first one first; empty: nothing.
    """

    selection: Selection
    credit_notes: tuple[PackedCreditNote, ...]
    obstacles: tuple[DomainError, ...]
    counted_only: Mapping[Reason, int] = field(default_factory=dict)

    @property
    def left_out_counts(self) -> Counter[Reason]:
        """How many invoices stay behind, by reason."""
        return Counter(each.reason for each in self.selection.left_out) + Counter(self.counted_only)


async def preview_order(command: PreviewOrder, uow: UnitOfWork, clock: Clock) -> Foreseen:
    """Return what preparing this order would do at this moment.

    Whether the stored documents can be read is not looked at. Of a whole contract, invoices that
    were handed over and acquitted long ago are not named.

    Raises:
        NotFoundError, DomainError: practice, contract or a chosen invoice is unknown.
    """
    _, contract = await parties(uow, command.practice_id, command.contract_id)
    by_name = command.invoice_ids is not None
    wish = Wish(
        command.contract_id,
        clock.today(),
        command.rule,
        by_name=by_name,
        invoice_format=contract.invoice_format,
    )
    candidates = await _candidates(command, uow)
    selection = foresee(candidates, wish)
    in_flight = await uow.orders.in_flight(command.practice_id, command.contract_id)
    checks: list[Callable[[], object]] = [
        partial(checked_message, command.communication, command.notices, command.invoice_notices),
        partial(refuse_inactive, contract),
        partial(_refuse_in_flight, in_flight),
    ]
    if command.invoice_ids is not None:
        checks.append(partial(refuse_not_orderable, command.invoice_ids, candidates, wish))
    checks.append(partial(refuse_nothing, selection))
    checks.append(partial(with_notices, selection.lines, command.invoice_notices))
    obstacles = [error for check in checks if (error := _refusal(check)) is not None]
    credit_notes = await uow.corrections.waiting_credit_notes(
        command.practice_id, command.contract_id, limit=CREDIT_NOTES_PER_ORDER_MAX
    )
    counted = await _counted_only(command, uow)
    return Foreseen(selection, tuple(with_room(credit_notes)), tuple(obstacles), counted)


async def _candidates(command: PreviewOrder, uow: UnitOfWork) -> list[Candidate]:
    if command.invoice_ids is None:
        return await uow.invoices.not_acquitted(
            command.practice_id, command.contract_id, told=command.told
        )
    chosen = await uow.invoices.chosen(command.practice_id, command.invoice_ids)
    refuse_strange(command.invoice_ids, chosen)
    return chosen


async def _counted_only(command: PreviewOrder, uow: UnitOfWork) -> Mapping[Reason, int]:
    if command.invoice_ids is not None:
        return {}
    return await uow.invoices.counted_only(
        command.practice_id, command.contract_id, told=command.told
    )


def _refuse_in_flight(order: InFlight | None) -> None:
    if order is not None:
        raise OrderInFlightError(order)


def _refusal(check: Callable[[], object]) -> DomainError | None:
    try:
        check()
    except DomainError as error:
        return error
    return None
