"""The collection stage: how far collecting has come with an invoice, folded from what is known.

Facts are sorted by the day on which they happened, and by arrival within a day, before any is
looked at: a reminder that is learnt after the recourse that followed it does not bring the invoice
back to the factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from uuid import UUID

from services.invoicing.domain.invoice import InvoiceState
from shared.kernel.money import Money


class CollectionStage(StrEnum):
    """Where collecting stands; from "with-factor" on, as the factor's DEB files tell."""

    NOT_ORDERED = "not-ordered"
    IN_ORDER = "in-order"
    WITH_FACTOR = "with-factor"
    REMINDED = "reminded"
    INSTALMENTS = "instalments"
    DEFERRED = "deferred"
    DISPUTED = "disputed"
    DEBT_ENFORCEMENT = "debt-enforcement"
    GIVEN_BACK = "given-back"
    WRITTEN_OFF = "written-off"
    CLOSED = "closed"
    CANCELLED = "cancelled"


_REMINDER = "reminder"
_RECOURSE = "recourse"
_CLOSED = "closed"
_UNDO = "undo"
_STEPS = {
    _REMINDER: CollectionStage.REMINDED,
    "instalment_plan": CollectionStage.INSTALMENTS,
    "deferral": CollectionStage.DEFERRED,
    "dispute": CollectionStage.DISPUTED,
    "debt_enforcement": CollectionStage.DEBT_ENFORCEMENT,
}
_ENDINGS = {
    _RECOURSE: CollectionStage.GIVEN_BACK,
    "write_off": CollectionStage.WRITTEN_OFF,
    _CLOSED: CollectionStage.CLOSED,
}
_ENDED = frozenset(_ENDINGS.values())
_TOLD = _STEPS.keys() | _ENDINGS.keys()
# Which lines of history say since when an invoice is where its state says.
_BEGINNINGS: dict[InvoiceState, tuple[CollectionStage, frozenset[str]]] = {
    InvoiceState.ISSUED: (
        CollectionStage.NOT_ORDERED,
        frozenset({"issued", "withdrawn", "refused"}),
    ),
    InvoiceState.ORDERED: (CollectionStage.IN_ORDER, frozenset({"ordered"})),
    InvoiceState.ACQUITTED: (CollectionStage.WITH_FACTOR, frozenset({"acquitted"})),
    InvoiceState.CLOSED: (CollectionStage.WITH_FACTOR, frozenset({"acquitted"})),
    InvoiceState.CANCELLED: (CollectionStage.CANCELLED, frozenset({"cancelled"})),
}
_BEGINS = frozenset(kind for _, kinds in _BEGINNINGS.values() for kind in kinds)
# An invoice is kept as one that is in no order since its issue; that line of history moves nothing.
_AT_ISSUE = "issued"


@dataclass(frozen=True, slots=True)
class CollectionFact:
    """One line of an invoice's history, as the stage needs it.

    Attributes:
        arrival: place among all lines, in the order in which they were learnt.
        level, reverses: as in `HistoryEntry`.
    """

    kind: str
    occurred_on: date
    arrival: int
    amount: Money | None = None
    level: int | None = None
    reverses: str | None = None
    order_id: UUID | None = None
    deb_file_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Collection:
    """How far collecting has come with an invoice.

    Attributes:
        since: first day of the stage and of the reminder level.
        reminder_level: of the factor's last reminder, 0 without one.
    """

    stage: CollectionStage
    since: date
    reminder_level: int = 0


def bears_on_collection(kind: str, reverses: str | None) -> bool:
    """Whether a new line of history can move the stage of an invoice that is known already."""
    return kind in _TOLD or reverses in _TOLD or (kind in _BEGINS and kind != _AT_ISSUE)


def collection_of(
    state: InvoiceState,
    *,
    order_id: UUID | None,
    with_factor: bool,
    facts: Sequence[CollectionFact],
) -> Collection:
    """Return the collection stage that follows from an invoice's state and its whole history.

    The order of `facts` does not matter. A reminder without level counts on from the one before.
    Recourse and loss end collecting however often the factor writes afterwards, and say more than
    that it closed the invoice. A recourse does not hold while the books have the invoice with the
    factor; one before the acquittal that counts says that all before it is of an earlier time.

    Args:
        order_id: the order that the invoice is in, or was acquitted with.
        with_factor: the asterisk.
        facts: all lines of the history; the invoice's issue is one.
    """
    in_order = sorted(facts, key=_when)
    stage, kinds = _BEGINNINGS[state]
    begun = [
        fact
        for fact in in_order
        if fact.kind in kinds and (order_id is None or fact.order_id == order_id)
    ]
    beginning = begun[-1] if begun else in_order[0]
    collection = Collection(stage, beginning.occurred_on)
    if stage is not CollectionStage.WITH_FACTOR:
        return collection
    for fact in _in_force(in_order):
        if fact.kind == _RECOURSE and fact.arrival < beginning.arrival:
            collection = Collection(stage, beginning.occurred_on)
        elif not (fact.kind == _RECOURSE and with_factor):
            collection = _after(collection, fact)
    return collection


def _when(fact: CollectionFact) -> tuple[date, int]:
    return fact.occurred_on, fact.arrival


def _in_force(facts: Sequence[CollectionFact]) -> list[CollectionFact]:
    """Take away what was reversed or undone: of its kind, what comes nearest to it."""
    holding = [fact for fact in facts if fact.kind in _TOLD]
    # An undoing takes what its own file told; what is left then is free for the reversals.
    undoings = [fact for fact in facts if fact.reverses in _TOLD]
    for undoing in sorted(undoings, key=lambda fact: fact.kind != _UNDO):
        of_kind = [fact for fact in holding if fact.kind == undoing.reverses]
        if of_kind:
            holding.remove(max(of_kind, key=lambda fact: _nearness(fact, undoing)))
    return holding


def _nearness(fact: CollectionFact, undoing: CollectionFact) -> tuple[bool, bool, date, int]:
    same_file = undoing.kind == _UNDO and fact.deb_file_id == undoing.deb_file_id
    return same_file, fact.amount == undoing.amount, fact.occurred_on, fact.arrival


def _after(before: Collection, fact: CollectionFact) -> Collection:
    after = before
    if fact.kind == _CLOSED:
        if before.stage not in _ENDED:
            after = replace(before, stage=CollectionStage.CLOSED)
    elif fact.kind in _ENDINGS:
        after = replace(before, stage=_ENDINGS[fact.kind])
    elif before.stage not in _ENDED:
        level = before.reminder_level
        if fact.kind == _REMINDER:
            level = fact.level if fact.level is not None else level + 1
        after = replace(before, stage=_STEPS[fact.kind], reminder_level=level)
    return before if after == before else replace(after, since=fact.occurred_on)
