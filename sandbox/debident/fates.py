"""The fates of an invoice at the factor: one function each, and the table of their names.

A fate tells what the debtor and the factor do; what the practice is paid follows from it (`life`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sandbox.debident.terms import AccountTerms
from shared.kernel.money import Money

REMINDER_AFTER_DAYS = 35
REMINDER_FEE = Money(20_00)
_INTEREST = Money(3_45)
_SURCHARGE = Money(15_00)
_ENFORCEMENT_COST = Money(73_30)
_PAID_TOO_MUCH = Money(10_00)
_INSTALMENTS = 3
_NOTHING = Money.zero()


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happens, so many days after the arrival.

    Attributes:
        mark: a name under which another fact of the same life undoes this one.
        reverses: the mark of the fact that this one undoes.
    """

    day: int
    kind: str
    amount: Money = field(default_factory=Money.zero)
    payout_reference: str = ""
    beneficiary: Literal["F", "P", ""] = ""
    level: int | None = None
    text: str = ""
    mark: str = ""
    reverses: str = ""


Fate = Callable[[Money, AccountTerms, random.Random], Iterator[Fact]]


def _paid(amount: Money, _: AccountTerms, chance: random.Random) -> Iterator[Fact]:
    yield _payment(chance.randint(8, 30), amount, "Zahlung")


def _reminded(amount: Money, terms: AccountTerms, chance: random.Random) -> Iterator[Fact]:
    yield from _reminder(terms)
    yield _payment(chance.randint(40, 55), amount + REMINDER_FEE, "Zahlung nach Mahnung")


def _instalments(amount: Money, _: AccountTerms, chance: random.Random) -> Iterator[Fact]:
    day = chance.randint(12, 25)
    yield Fact(day, "instalment_plan", text=f"{_INSTALMENTS} Raten vereinbart")
    yield from _rates(amount, day)


def _part_payment(amount: Money, terms: AccountTerms, chance: random.Random) -> Iterator[Fact]:
    first = Money(amount.rappen // 2)
    yield _payment(chance.randint(10, 30), first, "Teilzahlung")
    yield from _reminder(terms)
    yield _payment(chance.randint(40, 60), amount - first + REMINDER_FEE, "Restzahlung")


def _interest(amount: Money, terms: AccountTerms, chance: random.Random) -> Iterator[Fact]:
    yield from _reminder(terms)
    yield Fact(60, "default_interest", _INTEREST, beneficiary="F", text="Verzugszins")
    owed = amount + REMINDER_FEE + _INTEREST
    yield _payment(chance.randint(62, 75), owed, "Zahlung mit Verzugszins")


def _surcharge(amount: Money, _: AccountTerms, chance: random.Random) -> Iterator[Fact]:
    day = chance.randint(12, 25)
    yield Fact(day, "instalment_plan", text=f"{_INSTALMENTS} Raten mit Zuschlag")
    yield Fact(day, "instalment_surcharge", _SURCHARGE, beneficiary="F", text="Ratenzuschlag")
    yield from _rates(amount + _SURCHARGE, day)


def _enforcement(amount: Money, terms: AccountTerms, chance: random.Random) -> Iterator[Fact]:
    yield from _reminder(terms)
    yield Fact(70, "debt_enforcement", level=1, text="Betreibung eingeleitet")
    yield Fact(71, "enforcement_cost", _ENFORCEMENT_COST, beneficiary="F", text="Betreibungskosten")
    owed = amount + REMINDER_FEE + _ENFORCEMENT_COST
    yield _payment(chance.randint(90, 110), owed, "Zahlung über das Betreibungsamt")


def _deferral(amount: Money, _: AccountTerms, chance: random.Random) -> Iterator[Fact]:
    yield Fact(20, "deferral", text="Zahlungsfrist verlängert")
    yield _payment(chance.randint(50, 60), amount, "Zahlung nach Aufschub")


def _credit_note(amount: Money, _: AccountTerms, chance: random.Random) -> Iterator[Fact]:
    less = Money(amount.rappen // 4)
    yield Fact(18, "dispute", text="Rechnung bestritten")
    yield Fact(24, "credit_note", less, text="Gutschrift der Praxis")
    yield _payment(chance.randint(30, 40), amount - less, "Zahlung des Rests")


def _cancellation(amount: Money, _: AccountTerms, __: random.Random) -> Iterator[Fact]:
    yield Fact(6, "returned", text="Empfänger unbekannt")
    yield Fact(9, "cancellation", amount, text="Rechnung storniert")


def _recourse(amount: Money, terms: AccountTerms, _: random.Random) -> Iterator[Fact]:
    yield from _reminder(terms)
    yield Fact(80, "recourse", amount, text="Rückgabe an die Praxis")


def _write_off(amount: Money, _: AccountTerms, __: random.Random) -> Iterator[Fact]:
    yield Fact(70, "debt_enforcement", level=1, text="Betreibung eingeleitet")
    yield Fact(100, "write_off", amount, text="Verlustschein")


def _reversal(amount: Money, _: AccountTerms, chance: random.Random) -> Iterator[Fact]:
    yield Fact(10, "debtor_payment", amount, text="Zahlung", mark="wrong")
    yield Fact(14, "reversal", amount, reverses="wrong")
    yield _payment(chance.randint(25, 34), amount, "Zahlung")


def _adjustment(amount: Money, _: AccountTerms, chance: random.Random) -> Iterator[Fact]:
    less = Money(amount.rappen // 10)
    yield Fact(20, "adjustment", -less, beneficiary="P", text="Korrektur des Betrags")
    yield _payment(chance.randint(25, 34), amount - less, "Zahlung")


def _refund(amount: Money, _: AccountTerms, chance: random.Random) -> Iterator[Fact]:
    day = chance.randint(10, 25)
    yield _payment(day, amount + _PAID_TOO_MUCH, "Zahlung, zu viel")
    yield Fact(day + 5, "debtor_refund", _PAID_TOO_MUCH, text="Rückzahlung an den Schuldner")


def _advance(amount: Money, _: AccountTerms, chance: random.Random) -> Iterator[Fact]:
    yield Fact(1, "advance", Money(amount.rappen // 2), text="Vorschuss")
    yield _payment(chance.randint(8, 30), amount, "Zahlung")


def _payment(day: int, amount: Money, text: str, level: int | None = None) -> Fact:
    return Fact(day, "debtor_payment", amount, level=level, text=text)


def _reminder(terms: AccountTerms) -> Iterator[Fact]:
    beneficiary: Literal["F", "P"] = "P" if terms.reminder_fee_beneficiary == "practice" else "F"
    yield Fact(REMINDER_AFTER_DAYS, "reminder", level=1, text="1. Mahnung")
    yield Fact(
        REMINDER_AFTER_DAYS,
        "reminder_fee",
        REMINDER_FEE,
        beneficiary=beneficiary,
        level=1,
        text="Mahngebühr",
    )


def _rates(owed: Money, day: int) -> Iterator[Fact]:
    part = Money(owed.rappen // _INSTALMENTS)
    last = owed - Money(part.rappen * (_INSTALMENTS - 1))
    for number in range(1, _INSTALMENTS + 1):
        rate = last if number == _INSTALMENTS else part
        yield _payment(day + 30 * number, rate, "Rate", level=number)


FATES: Mapping[str, Fate] = {
    "paid": _paid,
    "reminded": _reminded,
    "instalments": _instalments,
    "part-payment": _part_payment,
    "interest": _interest,
    "surcharge": _surcharge,
    "enforcement": _enforcement,
    "deferral": _deferral,
    "credit-note": _credit_note,
    "cancellation": _cancellation,
    "recourse": _recourse,
    "write-off": _write_off,
    "reversal": _reversal,
    "adjustment": _adjustment,
    "refund": _refund,
    "advance": _advance,
}
"""By the name under which the admin API orders one."""
_EVERYDAY = ((50, "paid"), (70, "reminded"), (85, "instalments"), (100, "part-payment"))


def draw_fate(chance: random.Random, *, every_kind: bool) -> str:
    """Draw a fate: one of the everyday ones, or any of all with the same chance."""
    if every_kind:
        return chance.choice(list(FATES))
    drawn = chance.randrange(100)
    return next(name for below, name in _EVERYDAY if drawn < below)
