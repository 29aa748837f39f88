"""What happens to an invoice at the factor: the same invoice always has the same fate.

The fate is drawn from the portal's seed, the account and the serial part of the invoice number
(what follows the last hyphen), so a demo and its tests can be repeated in any year. Every fate ends
with nothing owed on either side: debtor payments cover principal and fees, payout and factor fee
cover the amount that was handed over.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Literal
from uuid import UUID

from sandbox.debident.deb_writer import DebRow
from shared.kernel.money import Money

REMINDER_AFTER_DAYS = 35
REMINDER_FEE = Money(20_00)
_INSTALMENTS = 3


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """The contract as the factor keeps it.

    Attributes:
        payout_term_days: days from arrival to payout.
        payout_basis: "net" pays the amount less the fee, and the fee is a row of its own; "gross"
            pays the whole amount (the fee is then billed apart, outside the DEB files).
        factor_fee_permille: of the amount handed over.
        reminder_fee_beneficiary: who keeps the reminder fee.
    """

    payout_term_days: int = 15
    payout_basis: Literal["gross", "net"] = "net"
    factor_fee_permille: int = 25
    reminder_fee_beneficiary: Literal["factor", "practice"] = "factor"


@dataclass(frozen=True, slots=True)
class TakenInvoice:
    """An invoice that the factor took over."""

    account_number: str
    order_id: str
    order_number: str
    invoice_number: str
    debtor_number: str
    amount: Money
    arrived_on: date


def life_of(invoice: TakenInvoice, terms: AccountTerms, *, seed: str) -> list[DebRow]:
    """Return everything that will be told of the invoice, in order of its dates."""
    serial = invoice.invoice_number.rpartition("-")[2]
    chance = random.Random(f"{seed}/{invoice.account_number}/{serial}")  # noqa: S311 - no secret
    facts = [
        _Fact(1, "sent", Money.zero(), text="Rechnung versandt"),
        *_debtor_side(invoice.amount, terms, chance),
        *_practice_side(invoice, terms),
    ]
    end = max(fact.day for fact in facts) + 1
    facts.append(_Fact(end, "closed", Money.zero(), text="Fall abgeschlossen"))
    facts.sort(key=lambda fact: fact.day)
    return [_row(invoice, place, fact) for place, fact in enumerate(facts)]


@dataclass(frozen=True, slots=True)
class _Fact:
    day: int
    kind: str
    amount: Money
    payout_reference: str = ""
    beneficiary: Literal["F", "P", ""] = ""
    level: int | None = None
    text: str = ""


def _debtor_side(amount: Money, terms: AccountTerms, chance: random.Random) -> Iterator[_Fact]:
    fate = chance.randrange(100)
    if fate < 50:
        yield _Fact(chance.randint(8, 30), "debtor_payment", amount, text="Zahlung")
    elif fate < 70:
        yield from _reminded(terms)
        day = chance.randint(40, 55)
        yield _Fact(day, "debtor_payment", amount + REMINDER_FEE, text="Zahlung nach Mahnung")
    elif fate < 85:
        yield from _instalments(amount, chance)
    else:
        first = Money(amount.rappen // 2)
        yield _Fact(chance.randint(10, 30), "debtor_payment", first, text="Teilzahlung")
        yield from _reminded(terms)
        rest = amount - first + REMINDER_FEE
        yield _Fact(chance.randint(40, 60), "debtor_payment", rest, text="Restzahlung")


def _reminded(terms: AccountTerms) -> Iterator[_Fact]:
    beneficiary: Literal["F", "P"] = "P" if terms.reminder_fee_beneficiary == "practice" else "F"
    yield _Fact(REMINDER_AFTER_DAYS, "reminder", Money.zero(), level=1, text="1. Mahnung")
    yield _Fact(
        REMINDER_AFTER_DAYS,
        "reminder_fee",
        REMINDER_FEE,
        beneficiary=beneficiary,
        level=1,
        text="Mahngebühr",
    )


def _instalments(amount: Money, chance: random.Random) -> Iterator[_Fact]:
    day = chance.randint(12, 25)
    yield _Fact(day, "instalment_plan", Money.zero(), text=f"{_INSTALMENTS} Raten vereinbart")
    part = Money(amount.rappen // _INSTALMENTS)
    last = amount - Money(part.rappen * (_INSTALMENTS - 1))
    for number in range(1, _INSTALMENTS + 1):
        rate = last if number == _INSTALMENTS else part
        yield _Fact(day + 30 * number, "debtor_payment", rate, level=number, text="Rate")


def _practice_side(invoice: TakenInvoice, terms: AccountTerms) -> Iterator[_Fact]:
    fee = Money.zero()
    if terms.payout_basis == "net":
        fee = Money((invoice.amount.rappen * terms.factor_fee_permille + 500) // 1000)
    day = max(terms.payout_term_days, 1)
    payout_on = invoice.arrived_on + timedelta(days=day)
    reference = payout_reference(invoice.account_number, payout_on)
    payout = invoice.amount - fee
    yield _Fact(day, "payout", payout, payout_reference=reference, text="Auszahlung an Praxis")
    if fee:
        yield _Fact(day, "factor_fee", fee, payout_reference=reference, text="Gebühr")


def payout_reference(account_number: str, day: date) -> str:
    """Return the reference that all invoices share which one account is paid on one day."""
    return f"PO{day:%Y%m%d}-{sha256(account_number.encode()).hexdigest()[:8]}"


def _row(invoice: TakenInvoice, place: int, fact: _Fact) -> DebRow:
    cause = f"{invoice.account_number}/{invoice.order_id}/{invoice.invoice_number}/{place}"
    event_date = invoice.arrived_on + timedelta(days=fact.day)
    return DebRow(
        record_id=str(UUID(sha256(cause.encode()).hexdigest()[:32])),
        kind=fact.kind,
        invoice_number=invoice.invoice_number,
        order_number=invoice.order_number,
        debtor_number=invoice.debtor_number,
        event_date=event_date,
        value_date=event_date if fact.amount else None,
        amount=fact.amount,
        payout_reference=fact.payout_reference,
        beneficiary=fact.beneficiary,
        level=fact.level,
        text=fact.text,
    )
