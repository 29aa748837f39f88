"""Matches the portal's answer with the lines of the order: every line, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from services.orders.domain.errors import ArrivalMismatchError, some_numbers
from services.orders.domain.model import Arrival, ArrivalAnswer, ConfirmedLine, OrderLine
from services.orders.domain.order import Order

REASON_NOT_STATED = "not-stated"
"""Stands for a refusal to which the factor gave no code."""


def match_arrival(
    order: Order,
    lines: Sequence[OrderLine],
    arrival: Arrival,
    *,
    accepted_count: int,
    refused_count: int,
) -> tuple[ConfirmedLine, ...]:
    """Return what became of each line, in package order.

    Lines are matched by invoice number, character by character; nothing is guessed.

    Args:
        lines: all lines of the order.
        arrival: the portal's answer per invoice.
        accepted_count, refused_count: what the event announced.

    Raises:
        ArrivalMismatchError: the answer is another order's, repeats or lacks a line, names one
            that is not ours, or does not add up. An arrival like that confirms nothing.
    """
    if (arrival.order_id, arrival.practice_id) != (order.order_id, order.practice_id):
        raise ArrivalMismatchError(order.number, "it is the answer to another order")
    answers = _by_number(order, arrival.answers)
    missing = [line.invoice_number for line in lines if line.invoice_number not in answers]
    if missing:
        raise ArrivalMismatchError(order.number, f"it does not name {some_numbers(missing)}")
    extra = sorted(answers.keys() - {line.invoice_number for line in lines})
    if extra:
        raise ArrivalMismatchError(
            order.number, f"it names invoices that were not ordered: {some_numbers(extra)}"
        )
    confirmed = tuple(_verdict(line, answers[line.invoice_number]) for line in lines)
    accepted = sum(line.accepted for line in confirmed)
    if (accepted, len(confirmed) - accepted) != (accepted_count, refused_count):
        raise ArrivalMismatchError(
            order.number,
            f"{accepted_count} accepted and {refused_count} refused were announced, but it names"
            f" {accepted} and {len(confirmed) - accepted}",
        )
    return confirmed


def _by_number(order: Order, answers: Sequence[ArrivalAnswer]) -> dict[str, ArrivalAnswer]:
    counts = Counter(answer.invoice_number for answer in answers)
    repeated = sorted(number for number, count in counts.items() if count > 1)
    if repeated:
        raise ArrivalMismatchError(
            order.number, f"it names invoices more than once: {some_numbers(repeated)}"
        )
    return {answer.invoice_number: answer for answer in answers}


def _verdict(line: OrderLine, answer: ArrivalAnswer) -> ConfirmedLine:
    return ConfirmedLine(
        invoice_id=line.invoice_id,
        invoice_number=line.invoice_number,
        amount=line.amount,
        refusal_code=None if answer.accepted else (answer.refusal_code or REASON_NOT_STATED),
    )
