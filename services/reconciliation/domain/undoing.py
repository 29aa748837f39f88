"""Undoes booked rows of a DEB file by their exact opposite, or says why a row has to stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeAlias
from uuid import UUID

from services.reconciliation.domain.journal import Entry
from services.reconciliation.domain.model import PAYMENT_ORDER, Component, Debt, Fact, Position
from services.reconciliation.domain.owing import opposite
from services.reconciliation.domain.posting import rule_for
from services.reconciliation.domain.reversing import Original, refusal_by_position, restored
from services.reconciliation.domain.rules import RECOURSE, REVERSAL, UNDO
from shared.kernel.ids import derived_id

KEPT_BECAUSE = {
    "reversed-later": "a later row reversed it",
    "ended-since": "a later row was about all that was left of the claim",
    "acquitted-again": "the invoice has gone back to the factor since",
    "not-acquitted": "the factor gave the invoice back since",
    "open-amount-differs": "what the debtor owes has changed since, so that the opposite cannot be",
}
"""Why a booked row cannot be undone, and stays booked: reason code, and the reason in words."""


@dataclass(frozen=True, slots=True)
class Undoable:
    """A booked row, as its undoing needs it.

    Attributes:
        record_id, content_sha256, occurrence: what makes the row the same as another.
        reversed_kind: of a reversal, the kind of what it undid.
        reversed_id, reversed_record: of a reversal, the fact that it undid, and its record id.
        endings: later facts about all that was left of the claim, that hold still.
    """

    line: int
    original: Original
    record_id: str | None
    content_sha256: str
    occurrence: int | None
    reversed_kind: str | None = None
    reversed_id: UUID | None = None
    reversed_record: str | None = None
    endings: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Undone:
    """The row is undone; `position` is the invoice's after it, None for a movement."""

    undoable: Undoable
    fact: Fact
    entry: Entry | None
    before: Position | None
    position: Position | None

    @property
    def changes_the_asterisk(self) -> bool:
        """Whether it puts the invoice with the factor again, or ends that."""
        return self.before is not None and (
            self.position is not None and self.before.with_factor != self.position.with_factor
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """The row stays booked, for one of the reasons in KEPT_BECAUSE."""

    undoable: Undoable
    reason: str
    detail: str


Undoing: TypeAlias = Undone | Kept


@dataclass(slots=True)
class UndoBook:
    """The part of the books that a batch of rows to undo touches; last booked, first undone.

    Attributes:
        today: the day of the compensating entries; balances of earlier days stay as they were.
        why: who undoes the file, and the reason; it is kept with each fact.
        positions: of the batch's invoices; undoing moves them on.
        order: in which a payment settles the components, where the exact opposite cannot be.
    """

    practice_id: UUID
    deb_file_id: UUID
    today: date
    why: str
    positions: dict[UUID, Position]
    order: Sequence[Component] = PAYMENT_ORDER
    _undone: set[UUID] = field(default_factory=set)
    _free_again: set[UUID] = field(default_factory=set)

    def decide(self, one: Undoable) -> Undoing:
        """Undo one row, in the knowledge of all that were undone before it."""
        original = one.original
        before = None if original.invoice_id is None else self.positions[original.invoice_id]
        reason = self._obstacle(one, before)
        if reason is not None:
            return Kept(one, reason, KEPT_BECAUSE[reason])
        change, after = Debt(), None
        if before is not None:
            undone = opposite(original.debt_change, before=before.debt, order=self.order)
            if undone is None:
                return Kept(one, "open-amount-differs", KEPT_BECAUSE["open-amount-differs"])
            change = undone
            after = _turned(one, before.moved(change, -original.factor_change), before)
            self.positions[after.invoice_id] = after
        self._undone.add(original.fact_id)
        if one.reversed_id is not None:
            self._free_again.add(one.reversed_id)
        entry = self._entry(one, before)
        return Undone(one, self._fact(one, change, entry), entry, before, after)

    def _obstacle(self, one: Undoable, before: Position | None) -> str | None:
        original = one.original
        if original.is_reversed and original.fact_id not in self._free_again:
            return "reversed-later"
        if before is None:
            return None
        if original.debt_change != Debt() and not self._undone.issuperset(one.endings):
            return "ended-since"
        if one.reversed_kind == RECOURSE:
            return _obstacle_to_recourse_again(original, before, self.order)
        refused = refusal_by_position(original, before)
        return None if refused is None else refused[0]

    def _entry(self, one: Undoable, before: Position | None) -> Entry | None:
        original = one.original
        if not original.postings:
            return None
        number = f" {before.invoice_number}" if before else ""
        return Entry(
            entry_id=_cause(original),
            practice_id=self.practice_id,
            entry_date=self.today,
            kind=UNDO,
            label=f"{rule_for(UNDO).label}: {original.kind}{number}",
            postings=original.opposite_postings(),
            order_id=original.order_id,
            deb_file_id=self.deb_file_id,
            deb_line=one.line,
        )

    def _fact(self, one: Undoable, change: Debt, entry: Entry | None) -> Fact:
        original = one.original
        return Fact(
            fact_id=_cause(original),
            practice_id=self.practice_id,
            invoice_id=original.invoice_id,
            kind=UNDO,
            fact_date=self.today,
            amount=original.amount,
            debt_change=change,
            factor_change=-original.factor_change,
            entry_id=None if entry is None else entry.entry_id,
            order_id=original.order_id,
            deb_file_id=self.deb_file_id,
            deb_line=one.line,
            note=self.why,
            reverses=original.fact_id,
            # The reversal that this batch has just undone has had its round.
            reversal_round=original.reversal_round + (original.fact_id in self._free_again),
        )


def _cause(original: Original) -> UUID:
    return derived_id("deb-row-undone", original.fact_id)


def _obstacle_to_recourse_again(
    reversal: Original, before: Position, order: Sequence[Component]
) -> str | None:
    """Return why the recourse that this reversal undid cannot hold again."""
    live = before.acquittal
    if live is None or live.order_id != reversal.order_id:
        return "acquitted-again"
    again = opposite(reversal.debt_change, before=before.debt, order=order)
    if again is None or (before.debt + again).total != reversal.amount:
        return "open-amount-differs"
    return None


def _turned(one: Undoable, after: Position, before: Position) -> Position:
    """Return the position with the acquittal as it was before the row."""
    if one.original.kind == REVERSAL and one.reversed_kind == RECOURSE:
        return replace(after, acquittal=None, ended=before.acquittal)
    return restored(one.original, after)
