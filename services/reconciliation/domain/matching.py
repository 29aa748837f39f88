"""Which invoice a DEB row is about: two of three references must agree, never a name or an amount.

A number outside means one invoice: that of its document. An imported invoice that took the place of
a cancelled one has the same number on its document; then the row means the one that the factor has.

The three are invoice number, order number and debtor number. Invoice and order numbers are counted
per practice, so that another practice's numbers look like ours: one of them alone proves nothing.
A row that names an invoice number must name one of ours; a row without one is matched by order and
debtor when exactly one accepted invoice fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from services.reconciliation.domain.deb.records import DebRow
from services.reconciliation.domain.model import Position


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why a row could not be matched."""

    reason: str
    detail: str


@dataclass(slots=True)
class Known:
    """What the books know of the invoices, orders and debtors that a batch of rows names.

    Attributes:
        by_number: invoice number → position; bookings of the batch move it on.
        namesakes: invoices with a number that means another one before them.
        orders_of: invoice → numbers of the orders in which it was accepted.
        order_numbers, debtor_numbers: those of the rows' numbers that exist in this practice.
    """

    by_number: dict[str, Position]
    namesakes: list[Position] = field(default_factory=list)
    orders_of: Mapping[UUID, frozenset[str]] = field(default_factory=dict)
    order_numbers: frozenset[str] = frozenset()
    debtor_numbers: frozenset[str] = frozenset()

    def orders(self, position: Position) -> frozenset[str]:
        """Return the numbers of the orders in which the invoice was accepted."""
        return self.orders_of.get(position.invoice_id, frozenset())

    def all(self) -> list[Position]:
        """Return every position once."""
        every = (*self.by_number.values(), *self.namesakes)
        return list({position.invoice_id: position for position in every}.values())

    def meant_by(self, row: DebRow) -> Position | None:
        """Return the invoice that a row's number means; its order tells namesakes apart."""
        position = self.by_number.get(row.invoice_number or "")
        if position is None or row.order_number in self.orders(position):
            return position
        others = (one for one in self.namesakes if row.invoice_number in one.numbers)
        return next((one for one in others if row.order_number in self.orders(one)), position)

    def move_on(self, position: Position) -> None:
        """Take over a position after a booking."""
        for number in position.numbers:
            if self.by_number.get(number, position).invoice_id == position.invoice_id:
                self.by_number[number] = position
        for place, known in enumerate(self.namesakes):
            if known.invoice_id == position.invoice_id:
                self.namesakes[place] = position


def by_numbers(
    positions: Iterable[Position], orders_of: Mapping[UUID, frozenset[str]]
) -> tuple[dict[str, Position], list[Position]]:
    """Return what each number means, and the invoices that another one precedes.

    First comes what is with the factor, then what a factor accepted, then what is owed.
    """
    ordered = sorted(
        positions,
        key=lambda one: (
            one.with_factor,
            one.invoice_id in orders_of,
            not one.debt.total.is_zero,
            one.invoice_number,
        ),
        reverse=True,
    )
    by_number: dict[str, Position] = {}
    for position in ordered:
        for number in position.numbers:
            by_number.setdefault(number, position)
    return by_number, [
        one for one in ordered if any(by_number[number] is not one for number in one.numbers)
    ]


def match(row: DebRow, known: Known) -> Position | Mismatch:
    """Return the position of the invoice that the row is about, or why there is none."""
    if row.invoice_number is None:
        return _by_order_and_debtor(row, known)
    position = known.meant_by(row)
    if position is None:
        return Mismatch("unknown-invoice", f"no invoice {row.invoice_number} in this practice")
    order_agrees = row.order_number in known.orders(position)
    debtor_agrees = row.debtor_number == position.debtor_number
    if order_agrees or debtor_agrees:
        return position
    if _is_foreign(row, known):
        return Mismatch(
            "wrong-practice", "neither the order nor the debtor belongs to this practice"
        )
    return Mismatch(
        "order-mismatch",
        f"invoice {row.invoice_number} is ours, but neither order {row.order_number} nor debtor"
        f" {row.debtor_number} belongs to it",
    )


def _is_foreign(row: DebRow, known: Known) -> bool:
    """Whether the row names an order or a debtor, and none of this practice's."""
    stated = (row.order_number, row.debtor_number) != (None, None)
    ours = row.order_number in known.order_numbers or row.debtor_number in known.debtor_numbers
    return stated and not ours


def _by_order_and_debtor(row: DebRow, known: Known) -> Position | Mismatch:
    fitting = [
        position
        for position in known.all()
        if position.debtor_number == row.debtor_number
        and row.order_number in known.orders(position)
    ]
    if len(fitting) == 1:
        return fitting[0]
    return Mismatch(
        "unknown-invoice",
        f"the row names no invoice, and order and debtor fit {len(fitting)} of ours",
    )
