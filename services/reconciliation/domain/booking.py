"""Decides what becomes of each DEB row: booked, a repeat, or parked with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias
from uuid import UUID

from services.reconciliation.domain.accounts import Chart
from services.reconciliation.domain.deb.records import DebRow
from services.reconciliation.domain.journal import Entry, Posting
from services.reconciliation.domain.judging import (
    FileInHand,
    movement_objection,
    objection_to,
    readable,
    unbookable,
)
from services.reconciliation.domain.matching import Known, Mismatch, match
from services.reconciliation.domain.model import Debt, Fact, Position
from services.reconciliation.domain.owing import debt_change, opposite
from services.reconciliation.domain.posting import (
    ENDINGS,
    factor_change,
    has_beneficiary,
    posted_for,
    postings,
    raises_debt,
    rule_for,
)
from services.reconciliation.domain.reversing import (
    Original,
    refusal,
    refusal_by_position,
    restored,
)
from services.reconciliation.domain.rules import (
    MOVEMENT,
    PAYMENT,
    RECOURSE,
    REVERSAL,
    WRITE_OFF,
    Case,
    Measure,
    Rule,
)
from shared.kernel.ids import derived_id
from shared.kernel.money import Money

_NO_CHANGE, _NOTHING = Debt(), Money.zero()


@dataclass(frozen=True, slots=True)
class RowPlace:
    """Where a row stands."""

    deb_file_id: UUID
    line: int


@dataclass(frozen=True, slots=True)
class BookedRow:
    """A row that is booked already under its identity, or that a person left."""

    place: RowPlace
    content_sha256: str
    is_left: bool = False


@dataclass(frozen=True, slots=True)
class Booked:
    """The row moves the books.

    Attributes:
        before, position: of the invoice, before and after; None for a movement of the account.
        original: what a reversal undoes.
    """

    row: DebRow
    fact: Fact
    entry: Entry | None
    before: Position | None
    position: Position | None
    original: Original | None = None

    @property
    def changes_the_asterisk(self) -> bool:
        """Whether the row puts the invoice with the factor, or ends that."""
        return self.before is not None and (
            self.position is not None and self.before.with_factor != self.position.with_factor
        )

    def as_original(self) -> Original:
        """Return the row as a later reversal sees it."""
        fact = self.fact
        return Original(
            fact_id=fact.fact_id,
            kind=fact.kind,
            invoice_id=fact.invoice_id,
            amount=fact.amount,
            debt_change=fact.debt_change,
            factor_change=fact.factor_change,
            order_id=fact.order_id,
            postings=self.entry.postings if self.entry else (),
        )


@dataclass(frozen=True, slots=True)
class Repeat:
    """The very same row was booked before; it has no effect."""

    row: DebRow
    first: RowPlace


@dataclass(frozen=True, slots=True)
class Parked:
    """The row waits for a person."""

    row: DebRow
    reason: str
    detail: str
    invoice_id: UUID | None = None


Decision: TypeAlias = Booked | Repeat | Parked


@dataclass(slots=True)
class BatchBook:
    """The part of the books that a batch of rows touches; decisions move it on row by row.

    Attributes:
        booked: rows booked before, by identity.
        originals: of them, those that the batch's reversals name, by record id.
        undone: how often a row was undone before, by identity.
    """

    file: FileInHand
    chart: Chart
    known: Known
    booked: dict[str, BookedRow] = field(default_factory=dict)
    originals: dict[str, Original] = field(default_factory=dict)
    undone: Mapping[str, int] = field(default_factory=dict)

    def decide(self, row: DebRow, *, chosen: Position | None = None) -> Decision:
        """Decide one row, in the knowledge of all rows decided before it.

        Args:
            chosen: the invoice that a person says the row is about; every other rule holds.
        """
        if row.problem is not None:
            where = f"column {row.problem.column} ({row.problem.field})"
            return Parked(row, row.problem.reason, f"{where} cannot be read")
        earlier = self.booked.get(row.identity)
        if earlier is not None and not _corrects(row, earlier):
            return _again(row, earlier)
        decision = self._first_time(row, chosen)
        if isinstance(decision, Booked):
            self._remember(decision)
        return decision

    def _remember(self, decision: Booked) -> None:
        row, place = decision.row, RowPlace(self.file.deb_file_id, decision.row.line)
        self.booked[row.identity] = BookedRow(place, row.content_sha256)
        if row.record_id is not None:
            self.originals[row.record_id] = decision.as_original()
        if decision.original is not None and row.reverses is not None:
            self.originals[row.reverses] = replace(decision.original, is_reversed=True)
        if decision.position is not None:
            self.known.move_on(decision.position)

    def _first_time(self, row: DebRow, chosen: Position | None) -> Decision:
        refused = unbookable(row)
        if refused is not None:
            return Parked(row, *refused)
        if row.kind == MOVEMENT:
            return self._movement(row)
        original = None
        if row.kind == REVERSAL:
            original = self.originals.get(row.reverses or "")
            nothing = refusal(row, original)
            if nothing is not None:
                return Parked(row, *nothing)
            if original is not None and original.invoice_id is None:
                return self._reversed(row, original, None)
        position = chosen or match(row, self.known)
        if isinstance(position, Mismatch):
            return Parked(row, position.reason, position.detail)
        return self._on_invoice(row, position, original)

    def _on_invoice(self, row: DebRow, position: Position, original: Original | None) -> Decision:
        rule = self._rule(row, position)
        objection = objection_to(row, rule, position, self.file)
        if objection is None and original is not None:
            objection = refusal_by_position(original, position)
        if objection is not None:
            return Parked(row, *objection, invoice_id=position.invoice_id)
        if original is not None:
            return self._reversed(row, original, position)
        return self._booked(row, rule, position)

    def _rule(self, row: DebRow, position: Position) -> Rule:
        case = None
        if row.kind == WRITE_OFF:
            covered = self.file.contract.loss_cover
            case = Case.LOSS_COVER if covered else Case.NO_LOSS_COVER
            case = case if position.with_factor else Case.GIVEN_BACK
        return rule_for(
            readable(row.kind),
            stated=row.beneficiary,
            agreed=self.file.contract.reminder_fee_beneficiary,
            case=case,
        )

    def _booked(self, row: DebRow, rule: Rule, before: Position) -> Decision:
        amount = readable(row.amount)
        order = self.file.contract.payment_order
        change = debt_change(rule, amount, before=before.debt, order=order)
        if change is None:
            return _unfitting(row, before)
        moved = factor_change(rule, amount)
        after = before.moved(change, moved)
        if rule.kind == RECOURSE:
            after = replace(after, acquittal=None, ended=before.acquittal)
        lines = posted_for(rule, amount, chart=self.chart, position=before) if rule.legs else ()
        entry = self._entry(row, rule, before, lines)
        fact = self._fact(row, rule, before, entry, debt_change=change, factor_change=moved)
        return Booked(row, fact, entry, before, after)

    def _reversed(self, row: DebRow, original: Original, before: Position | None) -> Decision:
        """Undo a row, once it is known that it may be undone."""
        rule = rule_for(REVERSAL)
        change, after = Debt(), None
        if before is not None:
            order = self.file.contract.payment_order
            undone = opposite(original.debt_change, before=before.debt, order=order)
            if undone is None:
                return _unfitting(row, before)
            change = undone
            after = restored(original, before.moved(change, -original.factor_change))
        else:
            refused = movement_objection(row, rule, self.file)
            if refused is not None:
                return Parked(row, *refused)
        entry = self._entry(row, rule, before, original.opposite_postings())
        fact = replace(
            self._fact(
                row,
                rule,
                before,
                entry,
                debt_change=change,
                factor_change=-original.factor_change,
            ),
            amount=original.amount,
            order_id=original.order_id,
            reverses=original.fact_id,
            reversal_round=original.reversal_round,
        )
        return Booked(row, fact, entry, before, after, original)

    def _movement(self, row: DebRow) -> Decision:
        """Book a movement of the factor's current account, which is about no invoice."""
        case = Case.ON_ACCOUNT if row.payout_reference is None else Case.IN_A_PAYOUT
        rule, amount = rule_for(MOVEMENT, case=case), readable(row.amount)
        refused = movement_objection(row, rule, self.file)
        if refused is not None:
            return Parked(row, *refused)
        lines = postings(rule, {Measure.AMOUNT: amount}, chart=self.chart, invoice_id=None)
        entry = self._entry(row, rule, None, lines)
        return Booked(row, self._fact(row, rule, None, entry), entry, None, None)

    def _fact(
        self,
        row: DebRow,
        rule: Rule,
        position: Position | None,
        entry: Entry | None,
        *,
        debt_change: Debt = _NO_CHANGE,
        factor_change: Money = _NOTHING,
    ) -> Fact:
        file = self.file
        return Fact(
            fact_id=self._id(row) if entry is None else entry.entry_id,
            practice_id=file.practice_id,
            invoice_id=None if position is None else position.invoice_id,
            kind=rule.kind,
            fact_date=readable(row.event_date),
            amount=row.amount if rule.moves_money else None,
            debt_change=debt_change,
            factor_change=factor_change,
            entry_id=None if entry is None else entry.entry_id,
            order_id=_order(position),
            deb_file_id=file.deb_file_id,
            deb_line=row.line,
            note=_note(row),
        )

    def _entry(
        self, row: DebRow, rule: Rule, position: Position | None, lines: tuple[Posting, ...]
    ) -> Entry | None:
        if not lines:
            return None
        return Entry(
            entry_id=self._id(row),
            practice_id=self.file.practice_id,
            entry_date=row.value_date or readable(row.event_date),
            kind=rule.kind,
            label=_label(row, rule, position),
            postings=lines,
            order_id=_order(position),
            deb_file_id=self.file.deb_file_id,
            deb_line=row.line,
        )

    def _id(self, row: DebRow) -> UUID:
        parts = [self.file.practice_id, self.file.contract.contract_id]
        again = self.undone.get(row.identity, 0)
        times = () if again == 0 else (again,)
        if row.record_id is not None:
            return derived_id("deb-row", *parts, row.record_id, *times)
        return derived_id("deb-row-without-id", *parts, row.identity, *times)


def _order(position: Position | None) -> UUID | None:
    acquittal = position.latest_acquittal if position else None
    return acquittal.order_id if acquittal else None


def _unfitting(row: DebRow, position: Position) -> Parked:
    owed = position.debt
    if row.kind == PAYMENT:
        reason, detail = "overpayment", f"the debtor paid {row.amount}, but owes {owed.total}"
    else:
        reason = "open-amount-differs"
        detail = f"{row.amount} does not fit: {owed.principal} of {owed.total} is principal"
    return Parked(row, reason, detail, invoice_id=position.invoice_id)


def _corrects(row: DebRow, earlier: BookedRow) -> bool:
    """Whether the row has other content than one that a person left unbooked."""
    return earlier.is_left and earlier.content_sha256 != row.content_sha256


def _again(row: DebRow, earlier: BookedRow) -> Decision:
    if earlier.content_sha256 == row.content_sha256:
        return Repeat(row, earlier.place)
    return Parked(
        row,
        "conflicting-record",
        f"record {row.record_id} was booked with other content, from line {earlier.place.line} of"
        f" file {earlier.place.deb_file_id}",
    )


def _label(row: DebRow, rule: Rule, position: Position | None) -> str:
    number = f" {position.invoice_number}" if position else ""
    reference = f" ({row.payout_reference})" if row.payout_reference else ""
    return f"{rule.label}{number}{reference}"


def _note(row: DebRow) -> str:
    parts = [
        f"level {row.level}" if row.level is not None else "",
        f"payout {row.payout_reference}" if row.payout_reference else "",
        f"for the {row.beneficiary}" if row.beneficiary and has_beneficiary(row.kind or "") else "",
        f"reverses record {row.reverses}" if row.reverses else row.note or "",
    ]
    return "; ".join(part for part in parts if part)


def booking_rank(row: DebRow) -> int:
    """Return when a row is booked within its file.

    What the debtor is charged comes first, so that payments find it; then all else; then
    reversals, which may name any row of the file; and last what is about all that is left.
    """
    if raises_debt(row.kind):
        return 0
    if row.kind == REVERSAL:
        return 2
    return 3 if row.kind in ENDINGS else 1
