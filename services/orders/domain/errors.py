"""The rules of orders that can be broken, each with its stable code and words for a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from services.orders.domain.model import InFlight
from shared.kernel.clock import SWISS_TIME
from shared.kernel.errors import ConflictError, DomainError, NotFoundError, TransientError

_SHOWN_NUMBERS_MAX = 5


class OrderNotFoundError(NotFoundError):
    """No order of this practice has this id."""

    def __init__(self, order_id: UUID) -> None:
        super().__init__(
            "This practice has no such order.", code="order-not-found", order_id=str(order_id)
        )


class OrderInFlightError(ConflictError):
    """Another order of the same practice and contract has not arrived yet (P2)."""

    _WORDS: ClassVar[dict[str, str]] = {
        "prepared": "Order {number} was prepared on {since} and is waiting to leave for Debident.",
        "unknown": "Since {since} it is not certain whether order {number} has reached Debident;"
        " Debident is being asked.",
        "sent": "Order {number} has been on its way since {since} and has not arrived on Debident"
        " yet.",
        "arrived": "Order {number} arrived on Debident on {since} and is being confirmed.",
    }

    def __init__(self, order: InFlight) -> None:
        words = self._WORDS[order.state].format(
            number=order.number, since=swiss_minute(order.since)
        )
        super().__init__(
            f"{words} Wait until it has arrived before you send another one.",
            code="order-in-flight",
            order_id=str(order.order_id),
            order_number=order.number,
            state=order.state,
            since=order.since.isoformat(),
        )


class OrderBeingPreparedError(ConflictError):
    """Somebody else is preparing an order of this practice at this very moment."""

    def __init__(self) -> None:
        super().__init__(
            "Another order of this practice is being prepared at this moment. Look at the list of"
            " orders in a minute, and try again if yours is still needed.",
            code="order-being-prepared",
        )


class InvoiceInLiveOrderError(ConflictError):
    """An invoice went into another order between the choice and the order (P3)."""

    def __init__(self) -> None:
        super().__init__(
            "At least one of the invoices has just gone into another order. Load the list of"
            " invoices again and choose from it.",
            code="invoice-in-live-order",
            field="invoice_ids",
        )


class InvoicesMovedError(TransientError):
    """An invoice was cancelled, or its balance changed, while its order was being frozen."""

    def __init__(self) -> None:
        super().__init__("an invoice of the order changed while the order was being prepared")


class DocumentDamagedError(ConflictError):
    """The stored document of an invoice is not the one that was announced, or is missing."""

    def __init__(self, invoice_number: str) -> None:
        super().__init__(
            f"The stored document of invoice {invoice_number} is damaged or missing, so nothing was"
            " ordered. Order the other invoices without it, and tell the support its number.",
            code="document-damaged",
            field="invoice_ids",
            invoice_number=invoice_number,
        )


class CreditNoteDamagedError(ConflictError):
    """The stored document of a credit note is not the one that was announced, or is missing."""

    def __init__(self, credit_note_number: str) -> None:
        super().__init__(
            f"The stored document of credit note {credit_note_number} is damaged or missing, so"
            " nothing was ordered. Tell the support its number: every order of this contract would"
            " take it along.",
            code="document-damaged",
            credit_note_number=credit_note_number,
        )


class CreditNoteInLiveOrderError(ConflictError):
    """A credit note went into another order between the choice and the order."""

    def __init__(self) -> None:
        super().__init__(
            "At least one of the waiting credit notes has just gone into another order. Prepare the"
            " order again.",
            code="credit-note-in-live-order",
        )


class IllegalMoveError(DomainError):
    """The order's state does not allow what is said to have happened to it."""

    def __init__(self, *, number: str, state: str, move: str) -> None:
        super().__init__(
            f"Order {number} is {state}: it cannot become {move}.", code="illegal-order-move"
        )


class WrongPackageError(DomainError):
    """Other bytes than the order's frozen package are said to have been sent."""

    def __init__(self, *, number: str, sent_sha256: str, package_sha256: str) -> None:
        super().__init__(
            f"The bytes sent for order {number} ({sent_sha256}) are not its package"
            f" ({package_sha256}).",
            code="wrong-package",
        )


class OrderMayHaveLeftError(ConflictError):
    """An order is wanted back of which something may be, or has been, at the portal."""

    def __init__(self, *, number: str, state: str) -> None:
        super().__init__(
            f"Order {number} cannot be withdrawn any more: it is {state}, so something of it may"
            " have reached Debident.",
            code="order-may-have-left",
            state=state,
        )


class WithdrawalPendingError(ConflictError):
    """Somebody has asked for the order back, and the answer is still out."""

    def __init__(self, number: str) -> None:
        super().__init__(
            f"Order {number} is being withdrawn. Wait until it is known whether it has left; that"
            " takes less than a minute when everything runs.",
            code="order-being-withdrawn",
        )


class OrderNotAcquittedError(ConflictError):
    """Only an acquitted order can be closed."""

    def __init__(self, *, number: str, state: str) -> None:
        super().__init__(
            f"Order {number} is {state}. It can be closed once its invoices are acquitted.",
            code="order-not-acquitted",
            state=state,
        )


class ArrivalMismatchError(DomainError):
    """The portal's answer does not name exactly the lines of the order: nothing is confirmed."""

    def __init__(self, number: str, reason: str) -> None:
        super().__init__(
            f"The answer of Debident does not fit order {number}: {reason}. The order stays"
            " unconfirmed until a person has looked at it.",
            code="arrival-does-not-match",
        )


class BooksDisagreeError(DomainError):
    """The books acquitted something else than the accepted lines of the order."""

    def __init__(self, *, number: str, acquitted: str, accepted: str) -> None:
        super().__init__(
            f"The books acquitted {acquitted} for order {number}, but {accepted} were accepted.",
            code="acquittal-does-not-match",
        )


def swiss_minute(at: datetime) -> str:
    """Write an instant as people here read it: "24.11.2026 17:50"."""
    return at.astimezone(SWISS_TIME).strftime("%d.%m.%Y %H:%M")


def some_numbers(numbers: Sequence[str]) -> str:
    """List the first few invoice numbers and say how many more there are."""
    shown = ", ".join(numbers[:_SHOWN_NUMBERS_MAX])
    more = len(numbers) - _SHOWN_NUMBERS_MAX
    return f"{shown} and {more} more" if more > 0 else shown
