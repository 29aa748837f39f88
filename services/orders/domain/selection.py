"""Which invoices may go into an order, and why the others may not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from services.orders.domain.errors import some_numbers
from services.orders.domain.model import Invoice, OrderLine
from services.orders.domain.order import INVOICES_PER_ORDER_MAX, OrderState
from shared.kernel.errors import DomainError
from shared.kernel.ids import ContractId
from shared.kernel.money import Money

_NAMED_INVOICES_MAX = 200


class Reason(StrEnum):
    """Why an invoice may not go into an order."""

    ALREADY_ACQUITTED = "already-acquitted"
    IN_LIVE_ORDER = "in-live-order"
    NO_CONTRACT = "no-contract"
    OTHER_CONTRACT = "other-contract"
    ZERO_BALANCE = "zero-balance"
    CREDIT_BALANCE = "credit-balance"
    UNFIT = "unfit"
    ORDER_FULL = "order-full"


@dataclass(frozen=True, slots=True)
class LiveOrder:
    """The order that holds an invoice."""

    number: str
    state: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """An invoice, and the order that holds it if one does."""

    invoice: Invoice
    live_order: LiveOrder | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An invoice that does not go into the order, and why."""

    invoice: Invoice
    reason: Reason


@dataclass(frozen=True, slots=True)
class Selection:
    """The lines of an order to be, in package order, and what stays behind."""

    lines: tuple[OrderLine, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def total(self) -> Money:
        """The sum of the amounts that are handed over."""
        return Money.total(line.amount for line in self.lines)


def why_not(
    *,
    contract_id: UUID | None,
    wanted_contract_id: UUID | None,
    balance: Money,
    unfit_codes: Sequence[str],
    live_order_state: str | None,
) -> Reason | None:
    """Return the first reason why an invoice may not go into an order, or None.

    Args:
        contract_id: the invoice's contract, if it has one.
        wanted_contract_id: the order's contract; None: the invoice's own.
        live_order_state: state of the order that holds the invoice, or None.
    """
    acquitted = live_order_state == OrderState.ACQUITTED
    verdicts = (
        (Reason.ALREADY_ACQUITTED, acquitted),
        (Reason.IN_LIVE_ORDER, live_order_state is not None),
        (Reason.NO_CONTRACT, contract_id is None),
        (Reason.OTHER_CONTRACT, wanted_contract_id not in {None, contract_id}),
        (Reason.ZERO_BALANCE, balance.is_zero),
        (Reason.CREDIT_BALANCE, balance < Money.zero()),
        (Reason.UNFIT, bool(unfit_codes)),
    )
    return next((reason for reason, applies in verdicts if applies), None)


def select_everything(candidates: Sequence[Candidate], contract_id: ContractId) -> Selection:
    """Take whatever may be ordered, in the order of the invoice numbers, as far as there is room.

    Raises:
        DomainError: nothing may be ordered (code "nothing-to-order").
    """
    ordered = sorted(candidates, key=lambda candidate: candidate.invoice.number)
    taken, left_out = _parted(ordered, contract_id)
    full = [LeftOut(invoice, Reason.ORDER_FULL) for invoice in taken[INVOICES_PER_ORDER_MAX:]]
    return _selection(taken[:INVOICES_PER_ORDER_MAX], [*left_out, *full])


def select_chosen(
    chosen: Sequence[UUID], candidates: Sequence[Candidate], contract_id: ContractId
) -> Selection:
    """Take exactly the chosen invoices; only those without a balance may stay behind.

    Args:
        chosen: the invoices' ids as the person sent them.
        candidates: those of them that this practice has.

    Raises:
        DomainError: an id occurs twice, is unknown, may not be ordered, or nothing remains.
    """
    places = _places(chosen)
    by_id = {candidate.invoice.invoice_id: candidate for candidate in candidates}
    unknown = [invoice_id for invoice_id in chosen if invoice_id not in by_id]
    if unknown:
        raise DomainError(
            f"This practice has no such invoice: {len(unknown)} of the chosen ones.",
            code="invoice-unknown",
            field=f"invoice_ids.{places[unknown[0]]}",
            invoices=[
                {"field": f"invoice_ids.{places[invoice_id]}", "invoice_id": str(invoice_id)}
                for invoice_id in unknown[:_NAMED_INVOICES_MAX]
            ],
        )
    ordered = sorted(candidates, key=lambda candidate: candidate.invoice.number)
    _refuse_not_orderable(ordered, places, contract_id)
    return _selection(*_parted(ordered, contract_id))


def _places(chosen: Sequence[UUID]) -> dict[UUID, int]:
    places: dict[UUID, int] = {}
    for place, invoice_id in enumerate(chosen):
        if invoice_id in places:
            raise DomainError(
                "The same invoice was chosen twice.",
                code="invoice-chosen-twice",
                field=f"invoice_ids.{place}",
            )
        places[invoice_id] = place
    return places


def _refuse_not_orderable(
    candidates: Sequence[Candidate], places: dict[UUID, int], contract_id: ContractId
) -> None:
    refused = [
        (candidate, reason)
        for candidate in candidates
        if (reason := _judged(candidate, contract_id)) not in {None, Reason.ZERO_BALANCE}
    ]
    if not refused:
        return
    numbers = [candidate.invoice.number for candidate, _ in refused]
    raise DomainError(
        f"{len(refused)} of the chosen invoices cannot be ordered: {some_numbers(numbers)}."
        " Nothing was ordered.",
        code="invoices-not-orderable",
        field=f"invoice_ids.{min(places[c.invoice.invoice_id] for c, _ in refused)}",
        invoices=[
            {
                "field": f"invoice_ids.{places[candidate.invoice.invoice_id]}",
                "invoice_id": str(candidate.invoice.invoice_id),
                "invoice_number": candidate.invoice.number,
                "reason_code": str(reason),
                "unfit_codes": list(candidate.invoice.unfit_codes),
                "order_number": candidate.live_order.number if candidate.live_order else None,
            }
            for candidate, reason in refused[:_NAMED_INVOICES_MAX]
        ],
    )


def _judged(candidate: Candidate, contract_id: ContractId) -> Reason | None:
    invoice = candidate.invoice
    return why_not(
        contract_id=invoice.contract_id,
        wanted_contract_id=contract_id,
        balance=invoice.balance,
        unfit_codes=invoice.unfit_codes,
        live_order_state=candidate.live_order.state if candidate.live_order else None,
    )


def _parted(
    candidates: Sequence[Candidate], contract_id: ContractId
) -> tuple[list[Invoice], list[LeftOut]]:
    taken: list[Invoice] = []
    left_out: list[LeftOut] = []
    for candidate in candidates:
        reason = _judged(candidate, contract_id)
        if reason is None:
            taken.append(candidate.invoice)
        else:
            left_out.append(LeftOut(candidate.invoice, reason))
    return taken, left_out


def _selection(taken: Sequence[Invoice], left_out: Sequence[LeftOut]) -> Selection:
    if not taken:
        raise DomainError(
            "There is nothing to order: none of the invoices can be handed over with an open"
            " balance.",
            code="nothing-to-order",
            left_out=[
                {
                    "invoice_id": str(each.invoice.invoice_id),
                    "invoice_number": each.invoice.number,
                    "reason_code": str(each.reason),
                }
                for each in left_out[:_NAMED_INVOICES_MAX]
            ],
        )
    lines = tuple(
        OrderLine(
            place=place,
            invoice_id=invoice.invoice_id,
            invoice_number=invoice.number,
            debtor_number=invoice.debtor_number,
            amount=invoice.balance,
            document=invoice.document,
        )
        for place, invoice in enumerate(taken, start=1)
    )
    return Selection(lines, tuple(left_out))
