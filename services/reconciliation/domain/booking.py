"""Decides what becomes of each DEB row: booked, a repeat, or parked with a reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TypeAlias, TypeVar
from uuid import UUID

from services.reconciliation.domain.accounts import Chart
from services.reconciliation.domain.deb.records import DebRow
from services.reconciliation.domain.journal import Entry
from services.reconciliation.domain.matching import Known, Mismatch, match
from services.reconciliation.domain.model import Contract, Fact, Position
from services.reconciliation.domain.posting import (
    DEB_KINDS,
    KINDS_NOT_BOOKED_YET,
    AmountForm,
    Rule,
    debt_change,
    factor_change,
    has_beneficiary,
    posted_for,
    rule_for,
)
from shared.kernel.ids import derived_id
from shared.kernel.money import CURRENCY, Money

T = TypeVar("T")
AMOUNT_MAX = Money.parse("10000000.00")
"""No fact about one invoice moves more; a larger one is a mistake, and the sums stay writable."""
VALUE_DATE_AHEAD_DAYS = 31
"""How long after the file's own date the value date of a fact may lie."""


@dataclass(frozen=True, slots=True)
class RowPlace:
    """Where a row stands."""

    deb_file_id: UUID
    line: int


@dataclass(frozen=True, slots=True)
class BookedRow:
    """A row that is booked already, under its record id."""

    place: RowPlace
    content_sha256: str


@dataclass(frozen=True, slots=True)
class Booked:
    """The row moves the books."""

    row: DebRow
    fact: Fact
    entry: Entry | None
    position: Position


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


@dataclass(frozen=True, slots=True)
class FileInHand:
    """The file that is being booked.

    Attributes:
        created_on: the factor's date of the file; no event in it can be later.
    """

    deb_file_id: UUID
    practice_id: UUID
    contract: Contract
    created_on: date


@dataclass(slots=True)
class BatchBook:
    """The part of the books that a batch of rows touches; decisions move it on row by row."""

    file: FileInHand
    chart: Chart
    known: Known
    booked: dict[str, BookedRow] = field(default_factory=dict)

    def decide(self, row: DebRow) -> Decision:
        """Decide one row, in the knowledge of all rows decided before it."""
        if row.problem is not None:
            where = f"column {row.problem.column} ({row.problem.field})"
            return Parked(row, row.problem.reason, f"{where} cannot be read")
        assert row.record_id is not None  # noqa: S101 - a row without one has a problem
        earlier = self.booked.get(row.record_id)
        if earlier is not None:
            return _again(row, earlier)
        decision = self._first_time(row, row.record_id)
        if isinstance(decision, Booked):
            place = RowPlace(self.file.deb_file_id, row.line)
            self.booked[row.record_id] = BookedRow(place, row.content_sha256)
            self.known.by_number[decision.position.invoice_number] = decision.position
        return decision

    def _first_time(self, row: DebRow, record_id: str) -> Decision:
        refused = _unbookable_kind(row)
        if refused is not None:
            return refused
        position = match(row, self.known)
        if isinstance(position, Mismatch):
            return Parked(row, position.reason, position.detail)
        assert row.kind is not None  # noqa: S101 - checked by _unbookable_kind
        rule = rule_for(
            row.kind,
            stated=row.beneficiary,
            agreed=self.file.contract.reminder_fee_beneficiary,
        )
        objection = _objection(row, rule, position, self.file)
        if objection is not None:
            return Parked(row, *objection, invoice_id=position.invoice_id)
        return self._booked(row, record_id, rule, position)

    def _booked(self, row: DebRow, record_id: str, rule: Rule, position: Position) -> Decision:
        amount = _readable(row.amount)
        change = debt_change(rule, amount, before=position.debt)
        if change is None:
            return Parked(
                row,
                "overpayment",
                f"the debtor paid {amount}, but owes {position.debt.total}",
                invoice_id=position.invoice_id,
            )
        moved = position.moved(change, factor_change(rule, amount))
        fact_id = derived_id(
            "deb-row", self.file.practice_id, self.file.contract.contract_id, record_id
        )
        entry = self._entry(row, rule, position, fact_id)
        fact = Fact(
            fact_id=fact_id,
            practice_id=self.file.practice_id,
            invoice_id=position.invoice_id,
            kind=rule.kind,
            fact_date=_readable(row.event_date),
            amount=amount if rule.moves_money else None,
            debt_change=change,
            factor_change=factor_change(rule, amount),
            entry_id=None if entry is None else entry.entry_id,
            order_id=position.acquittal.order_id if position.acquittal else None,
            deb_file_id=self.file.deb_file_id,
            deb_line=row.line,
            note=_note(row),
        )
        return Booked(row, fact, entry, moved)

    def _entry(self, row: DebRow, rule: Rule, position: Position, entry_id: UUID) -> Entry | None:
        if not rule.legs:
            return None
        return Entry(
            entry_id=entry_id,
            practice_id=self.file.practice_id,
            entry_date=row.value_date or _readable(row.event_date),
            kind=rule.kind,
            label=_label(row, rule, position),
            postings=posted_for(rule, _readable(row.amount), chart=self.chart, position=position),
            order_id=position.acquittal.order_id if position.acquittal else None,
            deb_file_id=self.file.deb_file_id,
            deb_line=row.line,
        )


def _again(row: DebRow, earlier: BookedRow) -> Decision:
    if earlier.content_sha256 == row.content_sha256:
        return Repeat(row, earlier.place)
    return Parked(
        row,
        "conflicting-record",
        f"record {row.record_id} was booked with other content, from line {earlier.place.line} of"
        f" file {earlier.place.deb_file_id}",
    )


def _unbookable_kind(row: DebRow) -> Parked | None:
    if row.kind in KINDS_NOT_BOOKED_YET:
        return Parked(row, "kind-not-booked-yet", f"{row.kind} is decided by a person")
    if row.kind not in DEB_KINDS:
        return Parked(row, "unknown-kind", f"the kind {row.kind} has no posting rule")
    if row.currency != CURRENCY:
        return Parked(row, "wrong-currency", f"the amount is in {row.currency}")
    return None


def _objection(
    row: DebRow, rule: Rule, position: Position, file: FileInHand
) -> tuple[str, str] | None:
    """Return (reason, detail) if the row cannot be true of this invoice."""
    acquittal = position.acquittal
    contract_id = acquittal.contract_id if acquittal else position.contract_id
    if contract_id != file.contract.contract_id:
        return "wrong-contract", "the invoice is not under the contract of this file's account"
    event_date = _readable(row.event_date)
    if not position.issued_on <= event_date <= file.created_on:
        span = f"{position.issued_on} (invoice) to {file.created_on} (file)"
        return "impossible-date", f"{event_date} is not within {span}"
    if row.value_date is not None and not _value_date_fits(row.value_date, position, file):
        return "impossible-date", f"the value date {row.value_date} is out of reach of the file"
    if not _amount_fits(rule, _readable(row.amount)):
        most = AMOUNT_MAX.for_people()
        return (
            "impossible-amount",
            f"the amount of {rule.kind} must be {rule.amount}, at most {most}",
        )
    if rule.moves_money and acquittal is None:
        return "not-acquitted", "the invoice is not acquitted; no confirmed order permits booking"
    return None


def _value_date_fits(value_date: date, position: Position, file: FileInHand) -> bool:
    ahead = (value_date - file.created_on).days
    return position.issued_on <= value_date and ahead <= VALUE_DATE_AHEAD_DAYS


def _amount_fits(rule: Rule, amount: Money) -> bool:
    if abs(amount.rappen) > AMOUNT_MAX.rappen:
        return False
    if rule.amount is AmountForm.NONE:
        return amount.is_zero
    if rule.amount is AmountForm.SIGNED:
        return not amount.is_zero
    return amount.rappen > 0


def _label(row: DebRow, rule: Rule, position: Position) -> str:
    reference = f" ({row.payout_reference})" if row.payout_reference else ""
    return f"{rule.label} {position.invoice_number}{reference}"


def _note(row: DebRow) -> str:
    parts = [
        f"level {row.level}" if row.level is not None else "",
        f"payout {row.payout_reference}" if row.payout_reference else "",
        f"for the {row.beneficiary}" if row.beneficiary and has_beneficiary(row.kind or "") else "",
        row.note or "",
    ]
    return "; ".join(part for part in parts if part)


def booking_rank(row: DebRow) -> int:
    """Return when a row is booked within its file: charges first, so that payments find them."""
    rule = rule_for(row.kind) if row.kind in DEB_KINDS else None
    return 0 if rule is not None and rule.component is not None else 1


def _readable(value: T | None) -> T:
    assert value is not None  # noqa: S101 - a row with an unreadable field has a problem
    return value
