"""Which invoices may go into an order, and why the others may not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from services.orders.domain.errors import some_numbers
from services.orders.domain.model import USUAL_FORMAT, Invoice, OrderLine
from services.orders.domain.order import (
    INVOICE_BYTES_PER_ORDER_MAX,
    INVOICES_PER_ORDER_MAX,
    OrderState,
)
from services.orders.domain.room import how_many_fit
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
    GIVEN_BACK = "given-back"
    DOCUMENT_IN_OTHER_VERSION = "document-in-other-version"
    OUTSIDE_RULE = "outside-rule"
    ORDER_FULL = "order-full"


@dataclass(frozen=True, slots=True)
class Rule:
    """Which of the orderable invoices are taken; every part that is given must hold.

    Attributes:
        older_than_days: issued more than so many calendar days ago.
        amount_above: with a balance above this.
    """

    older_than_days: int | None = None
    amount_above: Money | None = None

    def admits(self, invoice: Invoice, *, today: date) -> bool:
        """Whether the invoice is among those that the rule means."""
        age = (today - invoice.issued_on).days
        old_enough = self.older_than_days is None or age > self.older_than_days
        large_enough = self.amount_above is None or invoice.balance > self.amount_above
        return old_enough and large_enough


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for an order of a contract.

    Attributes:
        contract_id: the order's contract.
        today: the Swiss calendar day, by which ages are counted.
        rule: which of everything orderable; None: all of it.
        by_name: whether a person named the invoices one by one.
        invoice_format: version of the official format that the contract demands.
    """

    contract_id: ContractId
    today: date
    rule: Rule | None = None
    by_name: bool = False
    invoice_format: str = USUAL_FORMAT


@dataclass(frozen=True, slots=True)
class LiveOrder:
    """The order that holds an invoice."""

    number: str
    state: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """An invoice, and the order that holds it if one does.

    Attributes:
        given_back: whether the factor had it and gave it back (recourse).
    """

    invoice: Invoice
    live_order: LiveOrder | None = None
    given_back: bool = False


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
    given_back: bool = False,
    document_format: str | None = None,
    invoice_format: str | None = None,
) -> Reason | None:
    """Return the first reason why an invoice may not go into an order, or None.

    Args:
        contract_id: the invoice's contract, if it has one.
        wanted_contract_id: the order's contract; None: the invoice's own.
        live_order_state: state of the order that holds the invoice, or None.
        given_back: whether the factor gave it back and nobody named it since: only a person puts
            it into another order.
        document_format: version that its document is in; None: not told, so nothing is said.
        invoice_format: version that its contract demands.
    """
    acquitted = live_order_state in {OrderState.ACQUITTED, OrderState.CLOSED}
    verdicts = (
        (Reason.ALREADY_ACQUITTED, acquitted),
        (Reason.IN_LIVE_ORDER, live_order_state is not None),
        (Reason.NO_CONTRACT, contract_id is None),
        (Reason.OTHER_CONTRACT, wanted_contract_id not in {None, contract_id}),
        (Reason.ZERO_BALANCE, balance.is_zero),
        (Reason.CREDIT_BALANCE, balance < Money.zero()),
        (Reason.UNFIT, bool(unfit_codes)),
        (Reason.GIVEN_BACK, given_back),
        (Reason.DOCUMENT_IN_OTHER_VERSION, document_format not in {None, invoice_format}),
    )
    return next((reason for reason, applies in verdicts if applies), None)


def select_everything(candidates: Sequence[Candidate], wish: Wish) -> Selection:
    """Take whatever may be ordered, in the order of the invoice numbers, as far as there is room.

    Raises:
        DomainError: nothing may be ordered (code "nothing-to-order").
    """
    selection = foresee(candidates, wish)
    refuse_nothing(selection)
    return selection


def foresee(candidates: Sequence[Candidate], wish: Wish) -> Selection:
    """Return what would go into an order and what would stay behind; perhaps nothing would go."""
    ordered = sorted(candidates, key=lambda candidate: candidate.invoice.number)
    taken, left_out = _parted(ordered, wish)
    room = how_many_fit(
        (invoice.document.size_bytes for invoice in taken),
        count_max=INVOICES_PER_ORDER_MAX,
        bytes_max=INVOICE_BYTES_PER_ORDER_MAX,
    )
    full = [LeftOut(invoice, Reason.ORDER_FULL) for invoice in taken[room:]]
    return _selection(taken[:room], [*left_out, *full])


def select_chosen(chosen: Sequence[UUID], candidates: Sequence[Candidate], wish: Wish) -> Selection:
    """Take exactly the chosen invoices; only those without a balance may stay behind.

    Args:
        chosen: the invoices' ids as the person sent them.
        candidates: those of them that this practice has.

    Raises:
        DomainError: an id occurs twice, is unknown, may not be ordered, or nothing remains.
    """
    refuse_strange(chosen, candidates)
    refuse_not_orderable(chosen, candidates, wish)
    selection = foresee(candidates, wish)
    refuse_nothing(selection)
    return selection


def refuse_strange(chosen: Sequence[UUID], candidates: Sequence[Candidate]) -> None:
    """Make sure that each chosen invoice is chosen once and known.

    Raises:
        DomainError: an id occurs twice, or the practice has no such invoice.
    """
    places = _places(chosen)
    known = {candidate.invoice.invoice_id for candidate in candidates}
    unknown = [invoice_id for invoice_id in chosen if invoice_id not in known]
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


def refuse_not_orderable(
    chosen: Sequence[UUID], candidates: Sequence[Candidate], wish: Wish
) -> None:
    """Make sure that the chosen invoices may be ordered and fit into one order, or have no balance.

    Raises:
        DomainError: at least one may not (code "invoices-not-orderable").
    """
    places = {invoice_id: place for place, invoice_id in enumerate(chosen)}
    ordered = sorted(candidates, key=lambda candidate: candidate.invoice.number)
    reasons = {each.invoice.invoice_id: each.reason for each in foresee(ordered, wish).left_out}
    refused = [
        (candidate, reason)
        for candidate in ordered
        if (reason := reasons.get(candidate.invoice.invoice_id)) not in {None, Reason.ZERO_BALANCE}
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


def _judged(candidate: Candidate, wish: Wish) -> Reason | None:
    invoice = candidate.invoice
    reason = why_not(
        contract_id=invoice.contract_id,
        wanted_contract_id=wish.contract_id,
        balance=invoice.balance,
        unfit_codes=invoice.unfit_codes,
        live_order_state=candidate.live_order.state if candidate.live_order else None,
        given_back=candidate.given_back and not wish.by_name,
        document_format=invoice.document_format,
        invoice_format=wish.invoice_format,
    )
    if reason is None and wish.rule and not wish.rule.admits(invoice, today=wish.today):
        return Reason.OUTSIDE_RULE
    return reason


def _parted(candidates: Sequence[Candidate], wish: Wish) -> tuple[list[Invoice], list[LeftOut]]:
    taken: list[Invoice] = []
    left_out: list[LeftOut] = []
    for candidate in candidates:
        reason = _judged(candidate, wish)
        if reason is None:
            taken.append(candidate.invoice)
        else:
            left_out.append(LeftOut(candidate.invoice, reason))
    return taken, left_out


def refuse_nothing(selection: Selection) -> None:
    """Make sure that something would be ordered.

    Raises:
        DomainError: nothing would (code "nothing-to-order").
    """
    if not selection.lines:
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
                for each in selection.left_out[:_NAMED_INVOICES_MAX]
            ],
        )


def refuse_small(selection: Selection, minimum: Money | None) -> None:
    """Make sure that an order is worth its while.

    Raises:
        DomainError: its total is below the minimum (code "below-minimum").
    """
    if minimum is not None and selection.total < minimum:
        raise DomainError(
            f"The invoices add up to {selection.total.for_people()} only; an order is prepared"
            f" from {minimum.for_people()} on.",
            code="below-minimum",
            invoice_count=len(selection.lines),
            total=str(selection.total),
        )


def _selection(taken: Sequence[Invoice], left_out: Sequence[LeftOut]) -> Selection:
    lines = tuple(
        OrderLine(
            place=place,
            invoice_id=invoice.invoice_id,
            invoice_number=invoice.outside_number,
            debtor_number=invoice.debtor_number,
            amount=invoice.balance,
            document=invoice.document,
        )
        for place, invoice in enumerate(taken, start=1)
    )
    return Selection(lines, tuple(left_out))
