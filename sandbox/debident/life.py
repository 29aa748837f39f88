"""What happens to an invoice at the factor: the same invoice always has the same life.

Its fate is drawn from the portal's seed, the account and the serial part of the invoice number
(what follows the last hyphen), so a demo and its tests can be repeated in any year; or it is
ordered by name. Every life ends with nothing owed between factor and practice; the debtor owes
nothing either, but for an invoice that was given back (recourse), whose amount the practice itself
is owed again.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from hashlib import sha256
from uuid import UUID

from sandbox.debident.deb_writer import DebRow
from sandbox.debident.fates import FATES, Fact, draw_fate
from sandbox.debident.terms import AccountTerms, TakenInvoice
from shared.kernel.money import Money

_SETTLED_AFTER_DAYS = 5
_MOVEMENT = Money(-5_00)
_CHARGES = frozenset(
    {"reminder_fee", "default_interest", "instalment_surcharge", "enforcement_cost"}
)
_TAKEN_BACK = frozenset({"advance", "credit_note", "cancellation", "recourse"})
_INFORMATION = frozenset(
    {"sent", "returned", "reminder", "instalment_plan", "deferral", "dispute", "debt_enforcement"}
    | {"closed"}
)


def life_of(
    invoice: TakenInvoice,
    terms: AccountTerms,
    *,
    seed: str,
    fate: str | None = None,
    every_kind: bool = False,
) -> list[DebRow]:
    """Return everything that will be told of the invoice, in order of its dates.

    Args:
        fate: a name of `FATES` that was ordered; without it, the fate is drawn.
        every_kind: whether it is drawn from all fates, not only from the everyday ones.
    """
    serial = invoice.invoice_number.rpartition("-")[2]
    chance = random.Random(f"{seed}/{invoice.account_number}/{serial}")  # noqa: S311 - no secret
    drawn = draw_fate(chance, every_kind=every_kind)
    facts = [
        Fact(1, "sent", text="Rechnung versandt"),
        *FATES[fate or drawn](invoice.amount, terms, chance),
    ]
    facts += _payouts(invoice, terms, facts)
    end = max(fact.day for fact in facts) + 1
    facts.append(Fact(end, "closed", text="Fall abgeschlossen"))
    told = [fact for fact in facts if fact.amount or fact.kind in _INFORMATION]
    told.sort(key=lambda fact: fact.day)
    return _rows(invoice, told, told_apart=f"{fate}/" if fate else "")


def _payouts(invoice: TakenInvoice, terms: AccountTerms, facts: Sequence[Fact]) -> Iterator[Fact]:
    """Pay at the term what is owed then, and settle at the end what has changed since."""
    term = max(terms.payout_term_days, 1)
    marks = {fact.mark: fact for fact in facts if fact.mark}
    moved = [(fact.day, _moves(fact, terms, marks)) for fact in facts]
    at_term = invoice.amount + Money.total(amount for day, amount in moved if day <= term)
    if at_term.rappen > 0:
        yield from _payout(invoice, terms, term, at_term)
    later = Money.total(amount for day, amount in moved if day > term)
    if later:
        day = max(term, *(day for day, _ in moved)) + _SETTLED_AFTER_DAYS
        reference = _reference(invoice, day)
        text = "Auszahlung an Praxis" if later.rappen > 0 else "Belastung der Praxis"
        yield Fact(day, "payout", later, payout_reference=reference, text=text)


def _payout(invoice: TakenInvoice, terms: AccountTerms, day: int, owed: Money) -> Iterator[Fact]:
    fee = Money.zero()
    if terms.payout_basis == "net":
        fee = Money((invoice.amount.rappen * terms.factor_fee_permille + 500) // 1000)
    fee = Money(min(fee.rappen, owed.rappen))
    reference = _reference(invoice, day)
    text = "Auszahlung an Praxis"
    yield Fact(day, "payout", owed - fee, payout_reference=reference, text=text)
    yield Fact(day, "factor_fee", fee, payout_reference=reference, text="Gebühr")


def _moves(fact: Fact, terms: AccountTerms, marks: dict[str, Fact]) -> Money:
    """Return by how much a fact changes what the factor owes the practice."""
    if fact.kind == "reversal":
        return -_moves(marks[fact.reverses], terms, marks)
    if fact.kind in _TAKEN_BACK or (fact.kind == "write_off" and not terms.loss_cover):
        return -fact.amount
    if fact.kind in {*_CHARGES, "adjustment"} and fact.beneficiary == "P":
        return fact.amount
    return Money.zero()


def _reference(invoice: TakenInvoice, day: int) -> str:
    return payout_reference(invoice.account_number, invoice.arrived_on + timedelta(days=day))


def payout_reference(account_number: str, day: date) -> str:
    """Return the reference that all invoices share which one account is paid on one day."""
    return f"PO{day:%Y%m%d}-{sha256(account_number.encode()).hexdigest()[:8]}"


def movement_of(
    account_number: str, order_id: str, terms: AccountTerms, *, arrived_on: date
) -> DebRow:
    """Return the fee for keeping the account, charged with the payout of an order's invoices.

    It is about no invoice.
    """
    day = arrived_on + timedelta(days=max(terms.payout_term_days, 1))
    return DebRow(
        record_id=_record_id(f"{account_number}/{order_id}/account-movement"),
        kind="account_movement",
        invoice_number="",
        order_number="",
        debtor_number="",
        event_date=day,
        value_date=day,
        amount=_MOVEMENT,
        payout_reference=payout_reference(account_number, day),
        text="Kontoführung",
    )


def _rows(invoice: TakenInvoice, facts: Sequence[Fact], *, told_apart: str) -> list[DebRow]:
    cause = f"{invoice.account_number}/{invoice.order_id}/{invoice.invoice_number}/{told_apart}"
    ids = [_record_id(f"{cause}{place}") for place in range(len(facts))]
    marked = {fact.mark: record for fact, record in zip(facts, ids, strict=True) if fact.mark}
    return [
        _row(invoice, record, fact, text=marked.get(fact.reverses, fact.text))
        for fact, record in zip(facts, ids, strict=True)
    ]


def _record_id(cause: str) -> str:
    return str(UUID(sha256(cause.encode()).hexdigest()[:32]))


def _row(invoice: TakenInvoice, record_id: str, fact: Fact, *, text: str) -> DebRow:
    event_date = invoice.arrived_on + timedelta(days=fact.day)
    return DebRow(
        record_id=record_id,
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
        text=text,
    )
