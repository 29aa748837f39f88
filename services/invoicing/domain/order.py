"""What invoicing knows of orders: which invoices each took along, and what became of every line.

News of two orders may come in either order, since they are two aggregates on the wire. So an
invoice keeps every order it was ever in, and where it stands follows from all of them together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.invoicing.domain.errors import LineDecidedOtherwiseError
from shared.kernel.money import Money


class LineOutcome(StrEnum):
    """What became of an invoice in an order."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """An order that the orders service told of."""

    order_id: UUID
    practice_id: UUID
    contract_id: UUID
    order_number: str
    prepared_at: datetime


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """One invoice in an order.

    Attributes:
        notices: codes of what the factor is told of it, or of the whole order.
    """

    invoice_id: UUID
    amount: Money
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfirmedLine:
    """What became of one invoice when its order arrived."""

    invoice_id: UUID
    amount: Money
    accepted: bool
    refusal_code: str | None


@dataclass(frozen=True, slots=True)
class Placement:
    """An invoice's place in an order; `outcome` is None while the order is under way."""

    invoice_id: UUID
    order_id: UUID
    order_number: str
    prepared_at: datetime
    outcome: LineOutcome | None = None
    refusal_code: str | None = None
    sent_at: datetime | None = None

    @property
    def is_live(self) -> bool:
        """Whether the order has, or may still get, the invoice."""
        return self.outcome is None or self.outcome is LineOutcome.ACCEPTED

    @property
    def has_left(self) -> bool:
        """Whether the factor has the invoice through this order, or is about to decide on it."""
        if self.outcome is LineOutcome.ACCEPTED:
            return True
        return self.outcome is None and self.sent_at is not None

    def accepted(self) -> Placement:
        """Note that the factor took the invoice over; a repeat changes nothing.

        Raises:
            LineDecidedOtherwiseError: it was refused or withdrawn.
        """
        if not self.is_live:
            raise self._decided(LineOutcome.ACCEPTED)
        return replace(self, outcome=LineOutcome.ACCEPTED)

    def refused(self, code: str) -> Placement:
        """Note that the factor refused the invoice; of two refusals the first one's reason stays.

        Raises:
            LineDecidedOtherwiseError: it was accepted or withdrawn.
        """
        if self.outcome is LineOutcome.REFUSED:
            return self
        if self.outcome is not None:
            raise self._decided(LineOutcome.REFUSED)
        return replace(self, outcome=LineOutcome.REFUSED, refusal_code=code)

    def withdrawn(self) -> Placement:
        """Note that the order was taken back before it left; a repeat changes nothing.

        Raises:
            LineDecidedOtherwiseError: it was accepted or refused.
        """
        if self.outcome is LineOutcome.WITHDRAWN:
            return self
        if self.outcome is not None:
            raise self._decided(LineOutcome.WITHDRAWN)
        return replace(self, outcome=LineOutcome.WITHDRAWN)

    def _decided(self, wanted: LineOutcome) -> LineDecidedOtherwiseError:
        return LineDecidedOtherwiseError(self.order_number, wanted=wanted.value)
