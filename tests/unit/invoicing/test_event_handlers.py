"""What the other services say, worked in order, out of order, twice, and when it cannot be."""

from __future__ import annotations

from datetime import date
from uuid import UUID, uuid4

import pytest

from services.invoicing.domain.errors import (
    IllegalTransitionError,
    LineDecidedOtherwiseError,
)
from services.invoicing.domain.invoice import (
    DebtorBalance,
    Fact,
    InvoiceState,
    Outcome,
    Standing,
)
from services.invoicing.domain.order import ConfirmedLine, KnownOrder, OrderedLine
from services.invoicing.handlers.acquit_invoice import AcquitInvoice, acquit_invoice
from services.invoicing.handlers.change_position import ChangePosition, change_position
from services.invoicing.handlers.confirm_order import ConfirmOrder, confirm_order
from services.invoicing.handlers.order_invoices import OrderInvoices, order_invoices
from services.invoicing.handlers.refuse_order import RefuseOrder, refuse_order
from services.invoicing.translate import from_balance
from shared.contracts.envelope import WireMoney
from shared.contracts.reconciliation.v1 import DebtorBalance as WireBalance
from shared.kernel.errors import ContractError, DomainError, TooEarlyError
from shared.kernel.money import Money
from tests.unit.invoicing.builders import DAY, NOW, a_standing, a_stored_document, an_order
from tests.unit.invoicing.fakes import FakeOrderDocuments, FakeUnitOfWork

PRACTICE = uuid4()
AMOUNT = Money.parse("120.00")


class Books:
    """Two invoices, and the events that other services send about them."""

    def __init__(self) -> None:
        self.uow = FakeUnitOfWork()
        self.first = self._known("2026-000001")
        self.second = self._known("2026-000002")

    def _known(self, number: str) -> UUID:
        standing = a_standing(invoice_number=number)
        self.uow.invoices.standings[standing.invoice_id] = standing
        return standing.invoice_id

    def at(self, invoice_id: UUID) -> Standing:
        return self.uow.invoices.standings[invoice_id]

    async def prepared(self, order: KnownOrder, *invoice_ids: UUID) -> Outcome:
        lines = [OrderedLine(one, AMOUNT) for one in invoice_ids]
        return await order_invoices(
            OrderInvoices(order, a_stored_document(), uuid4()),
            self.uow,
            documents=FakeOrderDocuments(ordered=lines),
        )

    async def confirmed(self, order: KnownOrder, **refused: str | None) -> Outcome:
        by_name = {"first": self.first, "second": self.second}
        lines = [
            ConfirmedLine(by_name[name], AMOUNT, code is None, code)
            for name, code in refused.items()
        ]
        command = ConfirmOrder(PRACTICE, order.order_id, a_stored_document(), NOW, uuid4())
        return await confirm_order(command, self.uow, documents=FakeOrderDocuments(confirmed=lines))

    async def refused(self, order: KnownOrder, code: str = "malformed") -> Outcome:
        return await refuse_order(
            RefuseOrder(PRACTICE, order.order_id, code, NOW, uuid4()), self.uow
        )

    async def acquitted(self, order: KnownOrder, invoice_id: UUID, sequence: int = 1) -> Outcome:
        command = AcquitInvoice(
            PRACTICE, invoice_id, order.order_id, AMOUNT, DAY, sequence, uuid4()
        )
        return await acquit_invoice(command, self.uow)

    async def moved(
        self,
        invoice_id: UUID,
        principal: str,
        *facts: Fact,
        sequence: int,
        with_factor: bool = True,
    ) -> Outcome:
        command = ChangePosition(
            practice_id=PRACTICE,
            invoice_id=invoice_id,
            balance=DebtorBalance.of(Money.parse(principal)),
            factor_owes=Money.zero(),
            with_factor=with_factor,
            deb_file_id=uuid4(),
            facts=facts,
            sequence=sequence,
            event_id=uuid4(),
        )
        return await change_position(command, self.uow)


async def test_the_whole_story_of_an_invoice() -> None:
    books, order = Books(), an_order(PRACTICE)
    await books.prepared(order, books.first)
    await books.confirmed(order, first=None)
    await books.acquitted(order, books.first)
    await books.moved(
        books.first,
        "20.00",
        Fact("sent", None, DAY),
        Fact("debtor_payment", Money.parse("100.00"), date(2026, 4, 1)),
        sequence=2,
    )
    await books.moved(books.first, "0.00", Fact("closed", None, date(2026, 5, 1)), sequence=3)
    assert books.at(books.first).state is InvoiceState.CLOSED
    assert books.uow.invoices.story(books.first) == [
        "ordered",
        "arrived",
        "acquitted",
        "sent",
        "debtor_payment",
        "closed",
    ]


async def test_a_refused_line_is_free_for_the_next_order_and_the_rest_stays() -> None:
    books, order, following = Books(), an_order(PRACTICE), an_order(PRACTICE, days=1)
    await books.prepared(order, books.first, books.second)
    await books.confirmed(order, first=None, second="address-unknown")
    assert books.at(books.first).state is InvoiceState.ORDERED
    assert books.at(books.second).state is InvoiceState.ISSUED
    assert books.at(books.second).refusal_code == "address-unknown"
    await books.prepared(following, books.second)
    assert books.at(books.second).order_id == following.order_id


async def test_a_refused_order_frees_every_invoice() -> None:
    books, order = Books(), an_order(PRACTICE)
    await books.prepared(order, books.first, books.second)
    assert await books.refused(order) is Outcome.DONE
    assert [books.at(one).state for one in (books.first, books.second)] == ["issued", "issued"]
    assert books.at(books.first).refusal_code == "malformed"


async def test_everything_said_twice_is_done_once() -> None:
    books, order, other = Books(), an_order(PRACTICE), an_order(PRACTICE, days=1)
    await books.prepared(order, books.first)
    assert await books.prepared(order, books.first) is Outcome.ALREADY_DONE
    await books.confirmed(order, first=None)
    assert await books.confirmed(order, first=None) is Outcome.ALREADY_DONE
    await books.acquitted(order, books.first)
    assert await books.acquitted(order, books.first) is Outcome.ALREADY_DONE
    await books.moved(books.first, "20.00", Fact("sent", None, DAY), sequence=2)
    again = await books.moved(books.first, "120.00", Fact("sent", None, DAY), sequence=2)
    assert again is Outcome.ALREADY_DONE
    assert books.at(books.first).factor_owes == Money.zero()
    assert str(books.at(books.first).balance.total) == "20.00"
    assert books.uow.invoices.story(books.first) == ["ordered", "arrived", "acquitted", "sent"]
    await books.prepared(other, books.second)
    await books.refused(other)
    assert await books.refused(other) is Outcome.ALREADY_DONE


async def test_an_acquittal_before_its_order_waits_for_the_order() -> None:
    books, order = Books(), an_order(PRACTICE)
    with pytest.raises(TooEarlyError) as waiting:
        await books.acquitted(order, books.first)
    assert waiting.value.waits_for == str(order.order_id)
    await books.prepared(order, books.first)
    assert await books.acquitted(order, books.first) is Outcome.DONE


async def test_an_acquittal_may_come_before_the_confirmation() -> None:
    books, order = Books(), an_order(PRACTICE)
    await books.prepared(order, books.first, books.second)
    await books.acquitted(order, books.first)
    assert await books.confirmed(order, first=None, second="x") is Outcome.DONE
    assert books.at(books.first).state is InvoiceState.ACQUITTED
    assert books.at(books.second).state is InvoiceState.ISSUED


async def test_a_following_order_may_be_heard_of_before_the_earlier_one_let_go() -> None:
    books, order, following = Books(), an_order(PRACTICE), an_order(PRACTICE, days=1)
    await books.prepared(following, books.first)
    await books.prepared(order, books.first)
    assert books.at(books.first).order_id == following.order_id
    await books.confirmed(order, first="address-unknown")
    assert books.at(books.first).order_id == following.order_id
    await books.acquitted(following, books.first)
    assert books.at(books.first).order_id == following.order_id


async def test_an_order_heard_of_after_the_acquittal_with_the_next_one_changes_nothing() -> None:
    books, order, following = Books(), an_order(PRACTICE), an_order(PRACTICE, days=1)
    await books.prepared(following, books.first)
    await books.acquitted(following, books.first)
    before = books.at(books.first)
    await books.prepared(order, books.first, books.second)
    await books.refused(order)
    assert books.at(books.first) == before
    assert books.at(books.second).refusal_code == "malformed"


async def test_a_refusal_before_its_order_waits_for_the_order() -> None:
    books, order = Books(), an_order(PRACTICE)
    for attempt in (books.refused(order), books.confirmed(order, first=None)):
        with pytest.raises(TooEarlyError) as waiting:
            await attempt
        assert waiting.value.waits_for == str(order.order_id)


async def test_what_is_said_of_an_unknown_invoice_waits_for_it() -> None:
    books, order, unknown = Books(), an_order(PRACTICE), uuid4()
    attempts = (
        books.prepared(order, books.first, unknown),
        books.acquitted(order, unknown),
        books.moved(unknown, "1.00", sequence=1),
    )
    for attempt in attempts:
        with pytest.raises(TooEarlyError) as waiting:
            await attempt
        assert waiting.value.waits_for == str(unknown)


async def test_an_asterisk_before_the_acquittal_waits_for_the_invoice() -> None:
    books, order = Books(), an_order(PRACTICE)
    await books.prepared(order, books.first)
    with pytest.raises(TooEarlyError) as waiting:
        await books.moved(books.first, "120.00", sequence=2)
    assert waiting.value.waits_for == str(books.first)
    assert await books.moved(books.first, "110.00", sequence=1, with_factor=False) is Outcome.DONE


async def test_contradictions_are_refused_and_change_nothing() -> None:
    books, order, other = Books(), an_order(PRACTICE), an_order(PRACTICE, days=1)
    await books.prepared(order, books.first)
    await books.prepared(other, books.second)
    await books.acquitted(order, books.first)
    before = books.at(books.first)
    with pytest.raises(IllegalTransitionError):
        await books.refused(order)
    with pytest.raises(IllegalTransitionError):
        await books.confirmed(order, first="too-late")
    with pytest.raises(DomainError, match="never in this order"):
        await books.confirmed(order, second=None)
    assert books.at(books.first) == before
    await books.prepared(an_order(PRACTICE, days=2), books.first)
    assert books.at(books.first) == before, "the books set aside what is ordered a second time"
    await books.refused(other)
    with pytest.raises(IllegalTransitionError):
        await books.acquitted(other, books.second)


async def test_an_order_does_not_end_twice_in_different_ways() -> None:
    books, order, other = Books(), an_order(PRACTICE), an_order(PRACTICE, days=1)
    await books.prepared(order, books.first)
    await books.confirmed(order, first=None)
    with pytest.raises(LineDecidedOtherwiseError, match="CMD-2026-0000"):
        await books.refused(order)
    await books.prepared(other, books.second)
    await books.refused(other)
    with pytest.raises(LineDecidedOtherwiseError, match="CMD-2026-0001"):
        await books.confirmed(other, second=None)
    assert await books.confirmed(other, second="malformed") is Outcome.ALREADY_DONE


async def test_an_order_confirmed_with_every_line_refused_may_also_be_refused_whole() -> None:
    books, order = Books(), an_order(PRACTICE)
    await books.prepared(order, books.first)
    await books.confirmed(order, first="malformed")
    assert await books.refused(order) is Outcome.ALREADY_DONE


def test_a_balance_whose_components_do_not_add_up_breaks_the_contract() -> None:
    def wire(total: str) -> WireBalance:
        return WireBalance(
            principal=WireMoney(amount="100.00"),
            reminder_fees=WireMoney(amount="20.00"),
            interest=WireMoney(amount="0.50"),
            costs=WireMoney(amount="0.00"),
            total=WireMoney(amount=total),
        )

    assert str(from_balance(wire("120.50")).total) == "120.50"
    with pytest.raises(ContractError, match=r"120\.50"):
        from_balance(wire("120.49"))
