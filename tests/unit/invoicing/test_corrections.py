"""The one way in which an invoice can be corrected, by its state and its places in orders."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.invoicing.adapters.forum_credit_note import shared_out
from services.invoicing.domain.correction import Way, way_to_correct
from services.invoicing.domain.errors import LineDecidedOtherwiseError
from services.invoicing.domain.invoice import InvoiceState
from services.invoicing.domain.order import LineOutcome, Placement
from services.invoicing.handlers.cancel_invoice import CancelInvoice, cancel_invoice
from shared.kernel.errors import ConflictError, NotFoundError, PermanentError
from shared.kernel.money import Money
from shared.testing import FrozenClock
from tests.unit.invoicing.builders import a_patient, a_placement, a_practice, a_standing, an_invoice
from tests.unit.invoicing.fakes import FakeUnitOfWork

SENT = datetime(2026, 3, 3, tzinfo=UTC)


def place(outcome: LineOutcome | None = None, sent_at: datetime | None = None) -> Placement:
    """Return an invoice's place in an order."""
    return Placement(uuid4(), uuid4(), "CMD-2026-0001", SENT, outcome=outcome, sent_at=sent_at)


REFUSED, WITHDRAWN = place(LineOutcome.REFUSED, SENT), place(LineOutcome.WITHDRAWN)


@pytest.mark.parametrize(
    ("state", "placements", "way"),
    [
        (InvoiceState.ISSUED, [], Way.CANCEL),
        (InvoiceState.ISSUED, [REFUSED], Way.CANCEL),
        (InvoiceState.ISSUED, [WITHDRAWN], Way.CANCEL),
        (InvoiceState.ORDERED, [place()], Way.WITHDRAW_FIRST),
        (InvoiceState.ORDERED, [REFUSED, place()], Way.WITHDRAW_FIRST),
        (InvoiceState.ORDERED, [place(sent_at=SENT)], Way.CREDIT_NOTE),
        (InvoiceState.ORDERED, [place(LineOutcome.ACCEPTED)], Way.CREDIT_NOTE),
        (InvoiceState.ACQUITTED, [place(LineOutcome.ACCEPTED)], Way.CREDIT_NOTE),
        (InvoiceState.CLOSED, [place(LineOutcome.ACCEPTED)], Way.CREDIT_NOTE),
        (InvoiceState.CANCELLED, [], Way.NONE),
        (InvoiceState.CANCELLED, [place()], Way.NONE),
        (InvoiceState.CANCELLED, [REFUSED], Way.NONE),
        (InvoiceState.CANCELLED, [place(sent_at=SENT)], Way.CREDIT_NOTE),
    ],
)
def test_the_way_follows_from_where_the_invoice_is(
    state: InvoiceState, placements: list[Placement], way: Way
) -> None:
    assert way_to_correct(a_standing(state=state), placements) is way


@pytest.mark.parametrize(
    ("first", "then"),
    [("accepted", "withdrawn"), ("refused", "withdrawn"), ("withdrawn", "accepted")],
)
def test_a_line_is_decided_once(first: str, then: str) -> None:
    def decide(placement: Placement, verdict: str) -> Placement:
        if verdict == "refused":
            return placement.refused("x")
        return placement.accepted() if verdict == "accepted" else placement.withdrawn()

    decided = decide(a_placement(uuid4()), first)
    assert decide(decided, first) == decided
    with pytest.raises(LineDecidedOtherwiseError):
        decide(decided, then)


async def test_an_unknown_invoice_is_not_cancelled() -> None:
    command = CancelInvoice(uuid4(), uuid4(), "x", "me")
    with pytest.raises(NotFoundError):
        await cancel_invoice(command, FakeUnitOfWork(), clock=FrozenClock(SENT))


async def test_a_refused_cancellation_leaves_no_trace() -> None:
    uow, practice = FakeUnitOfWork(), a_practice()
    invoice = an_invoice(practice, a_patient(practice))
    standing = a_standing(invoice_id=invoice.invoice_id, state=InvoiceState.ACQUITTED)
    await uow.invoices.add(invoice, standing, [])
    command = CancelInvoice(practice.practice_id, invoice.invoice_id, "x", "me")
    with pytest.raises(ConflictError) as refused:
        await cancel_invoice(command, uow, clock=FrozenClock(SENT))
    assert refused.value.code == "needs-credit-note"
    assert (uow.events, uow.corrections.cancelled) == ([], {})


@given(
    rappen=st.integers(1, 10**9),
    weights=st.lists(st.decimals(0, 10**6, places=2), min_size=1, max_size=6),
)
def test_the_shares_of_a_credit_note_add_up_to_it(rappen: int, weights: list[Decimal]) -> None:
    if not any(weights):
        with pytest.raises(PermanentError):
            shared_out(Money(rappen), weights)
        return
    shares = shared_out(Money(rappen), weights)
    assert Money.total(shares) == Money(rappen)
    assert all(share >= Money.zero() for share in shares)
    zero = [share for share, weight in zip(shares, weights, strict=True) if not weight]
    assert all(share.is_zero for share in zero)
