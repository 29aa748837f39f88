"""Tells an order's facts in plain words, for whoever asks what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from services.orders.domain.errors import swiss_minute
from services.orders.domain.order import Fact, FactKind
from shared.kernel.money import Money

_EVIDENCE = {
    "portal-status": "Debident shows it",
    "already-have-it": "Debident answered that it already has it",
    "person": "a person saw it on Debident",
}


@dataclass(frozen=True, slots=True)
class OrderSums:
    """An order in figures; what was accepted is not known before the confirmation."""

    invoice_count: int
    total: Money
    accepted_count: int | None = None
    accepted_total: Money | None = None
    refused_count: int | None = None


def tell(fact: Fact, sums: OrderSums) -> str:
    """Return one or two sentences about one fact of an order."""
    if fact.kind is FactKind.OVERDUE:
        return f"Overdue since {swiss_minute(fact.at)}: it should have arrived by then."
    if fact.attempt:
        return _attempted(fact)
    match fact.kind:
        case FactKind.PREPARED:
            invoices = _invoices(sums.invoice_count)
            words = f"Prepared with {invoices}, {sums.total.for_people()} in total."
        case FactKind.ARRIVED:
            seen = _EVIDENCE.get(fact.reason_code or "", "it was seen")
            words = f"Arrived: {seen} (reference {fact.reference})."
        case FactKind.CONFIRMED:
            words = _confirmed(sums)
        case FactKind.ACQUITTED:
            words = "Every accepted invoice is acquitted in the books."
        case FactKind.WITHDRAWAL_ASKED:
            words = f"{fact.reference} asked for the order back."
        case FactKind.WITHDRAWN:
            words = (
                "Withdrawn: nothing has left and nothing will. Its invoices may be ordered again."
            )
        case FactKind.CLOSED:
            words = f"Closed by {fact.reference}."
        case _:
            words = (
                f"Debident refused the whole order ({fact.reason_code}). Its invoices may be"
                " ordered again."
            )
    return words


def _attempted(fact: Fact) -> str:
    if fact.kind is FactKind.SENT:
        return (
            f"Debident took the order (attempt {fact.attempt}, reference {fact.reference})."
            " It has not arrived by that."
        )
    if fact.kind is FactKind.NOT_SENT:
        return f"Attempt {fact.attempt} failed, nothing left ({fact.reason_code}).{_next(fact)}"
    return (
        f"It is not certain whether attempt {fact.attempt} reached Debident"
        f" ({fact.reason_code}). Debident is being asked.{_next(fact)}"
    )


def _confirmed(sums: OrderSums) -> str:
    if sums.accepted_count is None or sums.accepted_total is None:
        return "Confirmed."
    words = (
        f"Confirmed: {_invoices(sums.accepted_count)} accepted ({sums.accepted_total.for_people()})"
    )
    if sums.refused_count:
        return f"{words}, {_invoices(sums.refused_count)} refused; they may be ordered again."
    return f"{words}."


def _invoices(count: int) -> str:
    return "1 invoice" if count == 1 else f"{count} invoices"


def _next(fact: Fact) -> str:
    if fact.next_attempt_at is None:
        return ""
    return f" Next attempt on {swiss_minute(fact.next_attempt_at)}."
