"""Which invoice a DEB row is about: two of three references must agree, never a name or an amount.

The three are invoice number, order number and debtor number. Invoice and order numbers are counted
per practice, so that another practice's numbers look like ours: one of them alone proves nothing.
A row that names an invoice number must name one of ours; a row without one is matched by order and
debtor when exactly one accepted invoice fits.
"""

from __future__ import annotations

from collections.abc import Mapping
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
        orders_of: invoice → numbers of the orders in which it was accepted.
        order_numbers, debtor_numbers: those of the rows' numbers that exist in this practice.
    """

    by_number: dict[str, Position]
    orders_of: Mapping[UUID, frozenset[str]] = field(default_factory=dict)
    order_numbers: frozenset[str] = frozenset()
    debtor_numbers: frozenset[str] = frozenset()

    def orders(self, position: Position) -> frozenset[str]:
        """Return the numbers of the orders in which the invoice was accepted."""
        return self.orders_of.get(position.invoice_id, frozenset())


def match(row: DebRow, known: Known) -> Position | Mismatch:
    """Return the position of the invoice that the row is about, or why there is none."""
    if row.invoice_number is None:
        return _by_order_and_debtor(row, known)
    position = known.by_number.get(row.invoice_number)
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
        for position in known.by_number.values()
        if position.debtor_number == row.debtor_number
        and row.order_number in known.orders(position)
    ]
    if len(fitting) == 1:
        return fitting[0]
    return Mismatch(
        "unknown-invoice",
        f"the row names no invoice, and order and debtor fit {len(fitting)} of ours",
    )
