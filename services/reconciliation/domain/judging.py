"""Why a row that can be read is not booked: it cannot be true of its invoice, or of its file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TypeAlias, TypeVar
from uuid import UUID

from services.reconciliation.domain.deb.records import DebRow
from services.reconciliation.domain.model import Contract, Position
from services.reconciliation.domain.posting import DEB_KINDS
from services.reconciliation.domain.rules import AmountForm, Rule
from shared.kernel.money import CURRENCY, Money

T = TypeVar("T")
Objection: TypeAlias = tuple[str, str]
"""A reason code, and the reason in plain words."""
AMOUNT_MAX = Money.parse("10000000.00")
"""No fact about one invoice moves more; a larger one is a mistake, and the sums stay writable."""
MOVEMENT_BACK_DAYS = 731
"""How old a movement of the account may be; it has no invoice whose date would limit it."""
VALUE_DATE_AHEAD_DAYS = 31
"""How long after the file's own date the value date of a fact may lie."""


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


NEVER_ON_AN_INVOICE = frozenset(
    {
        "already-reversed",
        "bad-amount",
        "conflicting-record",
        "reversal-of-reversal",
        "unexpected-invoice",
        "unknown-kind",
        "unreadable-row",
        "wrong-currency",
    }
)
"""Why a row is parked that no choice of an invoice makes bookable."""


def unbookable(row: DebRow) -> Objection | None:
    """Return why a row of such a kind, or in such a currency, is never booked."""
    if row.kind not in DEB_KINDS:
        return "unknown-kind", f"the kind {row.kind} has no posting rule"
    if row.currency != CURRENCY:
        return "wrong-currency", f"the amount is in {row.currency}"
    return None


def objection_to(row: DebRow, rule: Rule, position: Position, file: FileInHand) -> Objection | None:
    """Return why the row cannot be true of this invoice."""
    if position.present_contract_id != file.contract.contract_id:
        return "wrong-contract", "the invoice is not under the contract of this file's account"
    event_date = readable(row.event_date)
    if not position.issued_on <= event_date <= file.created_on:
        span = f"{position.issued_on} (invoice) to {file.created_on} (file)"
        return "impossible-date", f"{event_date} is not within {span}"
    if row.value_date is not None and not _value_date_fits(row.value_date, position, file):
        return "impossible-date", f"the value date {row.value_date} is out of reach of the file"
    if not _amount_fits(rule, readable(row.amount)):
        return _impossible_amount(rule)
    if rule.moves_money and not _is_permitted(rule, position):
        return "not-acquitted", "the invoice is not acquitted; no confirmed order permits booking"
    return None


def _is_permitted(rule: Rule, position: Position) -> bool:
    return position.with_factor or (rule.after_return and position.given_back)


def _impossible_amount(rule: Rule) -> Objection:
    most = AMOUNT_MAX.for_people()
    return "impossible-amount", f"the amount of {rule.kind} must be {rule.amount}, at most {most}"


def movement_objection(row: DebRow, rule: Rule, file: FileInHand) -> Objection | None:
    """Return why the row cannot be true of the account, which has no invoice."""
    if row.invoice_number is not None:
        return "unexpected-invoice", f"it is about the account, but names {row.invoice_number}"
    if not _movement_date_fits(row, file):
        dates = f"{row.event_date}, value date {row.value_date or 'none'}"
        return "impossible-date", f"{dates}: out of reach of the file"
    return None if _amount_fits(rule, readable(row.amount)) else _impossible_amount(rule)


def _movement_date_fits(row: DebRow, file: FileInHand) -> bool:
    ages = [(file.created_on - readable(row.event_date)).days]
    if row.value_date is not None:
        ages.append((file.created_on - row.value_date).days + VALUE_DATE_AHEAD_DAYS)
    return all(0 <= age <= MOVEMENT_BACK_DAYS for age in ages)


def _value_date_fits(value_date: date, position: Position, file: FileInHand) -> bool:
    ahead = (value_date - file.created_on).days
    return position.issued_on <= value_date and ahead <= VALUE_DATE_AHEAD_DAYS


def _amount_fits(rule: Rule, amount: Money) -> bool:
    if abs(amount.rappen) > AMOUNT_MAX.rappen:
        return False
    if rule.amount is AmountForm.NONE:
        return amount.is_zero
    if rule.amount is AmountForm.OF_THE_REVERSED:
        return True
    if rule.amount is AmountForm.SIGNED:
        return not amount.is_zero
    return amount.rappen > 0


def readable(value: T | None) -> T:
    """Return a field that was read: a row in which it is unreadable has a problem."""
    assert value is not None  # noqa: S101 - a row with an unreadable field has a problem
    return value
