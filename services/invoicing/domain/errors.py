"""Errors that only invoicing knows."""

from __future__ import annotations

from shared.kernel.errors import ConflictError


class IllegalTransitionError(ConflictError):
    """An invoice was asked to take a step that its present state does not allow."""

    def __init__(self, invoice_number: str, *, state: str, wanted: str) -> None:
        super().__init__(
            f"Invoice {invoice_number} is {state} and cannot become {wanted}.",
            code="illegal-transition",
            invoice_number=invoice_number,
            state=state,
        )


class LineDecidedOtherwiseError(ConflictError):
    """A line of an order that was accepted is said to be refused, or the other way round."""

    def __init__(self, order_number: str, *, wanted: str) -> None:
        super().__init__(
            f"A line of order {order_number} was decided otherwise and cannot become {wanted}.",
            code="line-decided-otherwise",
            order_number=order_number,
        )
