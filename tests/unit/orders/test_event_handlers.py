"""What events do to orders: done, done twice, too early, and what a person must look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.orders.domain.errors import (
    ArrivalMismatchError,
    BooksDisagreeError,
    IllegalMoveError,
)
from services.orders.domain.events import OrderConfirmed
from services.orders.domain.model import ArrivalAnswer, ArrivalEvidence
from services.orders.domain.order import OrderState
from services.orders.handlers.change_balance import ChangeBalance, change_balance
from services.orders.handlers.change_contract import ChangeContract, change_contract
from services.orders.handlers.confirm_order import ConfirmOrder, confirm_order
from services.orders.handlers.list_invoice import ListInvoice, list_invoice
from services.orders.handlers.note_order_acquitted import NoteOrderAcquitted, note_order_acquitted
from services.orders.handlers.note_order_refused import NoteOrderRefused, note_order_refused
from services.orders.handlers.note_order_sent import NoteOrderSent, note_order_sent
from services.orders.handlers.note_send_failure import NoteSendFailure, note_send_failure
from services.orders.handlers.outcome import Outcome
from services.orders.handlers.register_practice import RegisterPractice, register_practice
from shared.kernel.errors import PermanentError, TooEarlyError
from shared.kernel.ids import ContractId
from shared.kernel.money import Money
from shared.testing import FrozenClock
from tests.unit.orders.builders import (
    CONTRACT,
    NOON,
    ORDER,
    PRACTICE,
    a_contract,
    a_line,
    a_practice,
    an_answer,
    an_arrival,
    an_invoice,
    an_order,
    chf,
    evidence,
    other_id,
    stored,
)
from tests.unit.orders.fakes import FakeArchive, FakeUnitOfWork

ALL_OF_IT = chf(240)


class Desk:
    """A practice with one prepared order of the invoices A-1 and A-2."""

    def __init__(self) -> None:
        self.uow = FakeUnitOfWork()
        self.archive = FakeArchive()
        self.clock = FrozenClock(NOON + timedelta(hours=6))
        self.uow.practices.known[PRACTICE] = a_practice()
        self.uow.contracts.known[CONTRACT] = a_contract()
        self.uow.orders.known[ORDER] = an_order()
        self.uow.orders.order_lines[ORDER] = [a_line(1, "A-1"), a_line(2, "A-2")]
        self.names: dict[str, Any] = {
            "order_id": ORDER,
            "practice_id": PRACTICE,
            "contract_id": CONTRACT,
        }

    @property
    def state(self) -> OrderState:
        """The state of the order."""
        return self.uow.orders.known[ORDER].state

    async def send(self, **other: Any) -> Outcome:
        """Report that the portal took the order."""
        command = NoteOrderSent(
            **self.names,
            attempt=1,
            portal_reference="DBD-1",
            package_sha256=an_order().package.sha256,
            sent_at=NOON,
        )
        return await note_order_sent(replace(command, **other), self.uow)

    async def fail(self, *, may_have_left: bool) -> Outcome:
        """Report an attempt that did not end well."""
        command = NoteSendFailure(
            **self.names,
            attempt=1,
            may_have_left=may_have_left,
            reason_code="timeout",
            next_attempt_at=None,
            failed_at=NOON,
        )
        return await note_send_failure(command, self.uow)

    async def arrive(
        self, *answers: ArrivalAnswer, seen: ArrivalEvidence | None = None, order_id: UUID = ORDER
    ) -> Outcome:
        """Report the arrival with an answer per invoice."""
        content = stored(repr(answers).encode(), kind="order-arrival")
        self.archive.arrivals[content.sha256] = an_arrival(*answers, order_id=order_id)
        accepted = sum(answer.accepted for answer in answers)
        command = ConfirmOrder(
            **self.names,
            evidence=seen or evidence(),
            accepted_count=accepted,
            refused_count=len(answers) - accepted,
            answer=content,
            arrived_at=NOON + timedelta(hours=5),
        )
        return await confirm_order(command, self.uow, self.archive, self.clock)

    async def refuse(self) -> Outcome:
        """Report that the portal refused the order."""
        command = NoteOrderRefused(**self.names, reason_code="unreadable", refused_at=NOON)
        return await note_order_refused(command, self.uow)

    async def acquit(self, count: int = 2, total: Money = ALL_OF_IT) -> Outcome:
        """Report the acquittal."""
        command = NoteOrderAcquitted(
            **self.names, invoice_count=count, total=total, acquitted_at=NOON
        )
        return await note_order_acquitted(command, self.uow)


ALL = (an_answer("A-1"), an_answer("A-2"))
ONE = (an_answer("A-1"), an_answer("A-2", "debtor-unknown"))


async def test_a_sending_is_noted_once() -> None:
    desk = Desk()
    assert [await desk.send(), await desk.send()] == [Outcome.DONE, Outcome.ALREADY_DONE]
    assert desk.state is OrderState.SENT


async def test_a_doubt_is_noted_once_and_closes_the_gate() -> None:
    desk = Desk()
    outcomes = [await desk.fail(may_have_left=True) for _ in range(2)]
    assert outcomes == [Outcome.DONE, Outcome.ALREADY_DONE]
    assert desk.state is OrderState.UNKNOWN


async def test_an_arrival_confirms_each_line_and_is_told_with_its_evidence() -> None:
    desk = Desk()
    await desk.send()
    assert await desk.arrive(*ONE) is Outcome.DONE
    confirmation = desk.uow.orders.known[ORDER].confirmation
    assert confirmation is not None
    assert desk.state is OrderState.CONFIRMED
    assert desk.uow.recorded == [
        OrderConfirmed(
            order_id=ORDER,
            practice_id=PRACTICE,
            contract_id=CONTRACT,
            number="CMD-2026-0001",
            accepted_count=1,
            accepted_total=chf(120),
            refused_count=1,
            confirmation=confirmation.content,
            evidence=evidence(),
            confirmed_at=NOON + timedelta(hours=6),
        )
    ]
    live = [
        desk.uow.orders.live_order_of(line.invoice_id)
        for line in desk.uow.orders.order_lines[ORDER]
    ]
    assert [order is not None for order in live] == [True, False]


async def test_an_arrival_is_believed_without_a_noted_sending() -> None:
    desk = Desk()
    await desk.fail(may_have_left=True)
    assert await desk.arrive(*ALL, seen=evidence("already-have-it")) is Outcome.DONE


async def test_an_order_whose_lines_are_all_refused_is_confirmed_with_nothing() -> None:
    desk = Desk()
    answers = (an_answer("A-1", "x"), an_answer("A-2", "y"))
    assert await desk.arrive(*answers) is Outcome.DONE
    assert isinstance(desk.uow.recorded[0], OrderConfirmed)
    assert desk.uow.recorded[0].accepted_count == 0
    assert await desk.acquit(0, Money(0)) is Outcome.DONE


async def test_the_same_answer_again_is_already_done_however_it_was_seen() -> None:
    desk = Desk()
    await desk.arrive(*ONE)
    again = await desk.arrive(*reversed(ONE), seen=evidence("person", "Frau Muster"))
    assert again is Outcome.ALREADY_DONE
    assert len(desk.uow.recorded) == 1


async def test_another_answer_after_the_confirmation_is_for_a_person() -> None:
    desk = Desk()
    await desk.arrive(*ALL)
    with pytest.raises(ArrivalMismatchError, match="something else"):
        await desk.arrive(*ONE)
    assert len(desk.uow.recorded) == 1


async def test_an_answer_that_does_not_name_every_line_leaves_the_order_under_way() -> None:
    desk = Desk()
    await desk.send()
    with pytest.raises(ArrivalMismatchError, match="does not name A-2"):
        await desk.arrive(an_answer("A-1"))
    assert desk.state is OrderState.SENT
    assert desk.uow.recorded == []


async def test_reports_after_the_confirmation_are_already_done() -> None:
    desk = Desk()
    await desk.arrive(*ALL)
    assert await desk.send() is Outcome.ALREADY_DONE
    assert await desk.fail(may_have_left=True) is Outcome.ALREADY_DONE
    assert desk.state is OrderState.CONFIRMED


async def test_a_refused_order_frees_its_invoices_once() -> None:
    desk = Desk()
    assert [await desk.refuse(), await desk.refuse()] == [Outcome.DONE, Outcome.ALREADY_DONE]
    assert desk.uow.orders.live_order_of(a_line(1, "A-1").invoice_id) is None
    with pytest.raises(IllegalMoveError):
        await desk.arrive(*ALL)


async def test_an_acquittal_is_noted_once_and_only_after_the_confirmation() -> None:
    desk = Desk()
    with pytest.raises(TooEarlyError) as early:
        await desk.acquit()
    assert early.value.waits_for == str(ORDER)
    await desk.arrive(*ALL)
    assert [await desk.acquit(), await desk.acquit()] == [Outcome.DONE, Outcome.ALREADY_DONE]
    assert desk.state is OrderState.ACQUITTED


@pytest.mark.parametrize(("count", "total"), [(1, chf(240)), (2, chf(239))])
async def test_books_that_acquit_something_else_are_not_believed(count: int, total: Money) -> None:
    desk = Desk()
    await desk.arrive(*ALL)
    with pytest.raises(BooksDisagreeError):
        await desk.acquit(count, total)
    assert desk.state is OrderState.CONFIRMED


@pytest.mark.parametrize("report", ["send", "refuse", "acquit"])
async def test_a_report_on_an_unknown_order_waits_for_it(report: str) -> None:
    desk = Desk()
    desk.uow.orders.known.clear()
    with pytest.raises(TooEarlyError) as early:
        await getattr(desk, report)()
    assert early.value.waits_for == str(ORDER)


async def test_a_report_under_another_contract_is_not_believed() -> None:
    desk = Desk()
    with pytest.raises(PermanentError):
        await desk.send(contract_id=ContractId(other_id()))


async def test_a_practice_is_registered_once_and_keeps_its_gln() -> None:
    uow = FakeUnitOfWork()
    command = RegisterPractice(a_practice())
    outcomes = [await register_practice(command, uow) for _ in range(2)]
    assert outcomes == [Outcome.DONE, Outcome.ALREADY_DONE]
    with pytest.raises(PermanentError):
        await register_practice(RegisterPractice(a_practice(gln="7601000000026")), uow)


async def test_only_a_newer_version_of_a_contract_counts() -> None:
    desk = Desk()
    newer, older = a_contract(version=3, active=False), a_contract(version=2)
    assert await change_contract(ChangeContract(newer), desk.uow) is Outcome.DONE
    assert await change_contract(ChangeContract(newer), desk.uow) is Outcome.ALREADY_DONE
    assert await change_contract(ChangeContract(older), desk.uow) is Outcome.ALREADY_DONE
    assert desk.uow.contracts.known[CONTRACT] == newer


async def test_a_contract_waits_for_its_practice() -> None:
    with pytest.raises(TooEarlyError) as early:
        await change_contract(ChangeContract(a_contract()), FakeUnitOfWork())
    assert early.value.waits_for == str(PRACTICE)


async def test_an_invoice_waits_for_its_contract() -> None:
    desk = Desk()
    with pytest.raises(TooEarlyError) as early:
        await list_invoice(ListInvoice(an_invoice(contract_id=other_id())), desk.uow)
    assert early.value.waits_for == str(PRACTICE)


async def test_an_invoice_without_a_contract_is_listed_too() -> None:
    desk = Desk()
    assert await list_invoice(ListInvoice(an_invoice(contract_id=None)), desk.uow) is Outcome.DONE


async def test_listing_an_invoice_again_does_not_undo_what_the_books_said() -> None:
    desk = Desk()
    invoice = an_invoice("N-1")
    await list_invoice(ListInvoice(invoice), desk.uow)
    paid = ChangeBalance(PRACTICE, invoice.invoice_id, Money(0), NOON)
    assert await change_balance(paid, desk.uow) is Outcome.DONE
    assert await change_balance(paid, desk.uow) is Outcome.ALREADY_DONE
    assert await list_invoice(ListInvoice(invoice), desk.uow) is Outcome.ALREADY_DONE
    assert desk.uow.invoices.known[invoice.invoice_id].balance == Money(0)


async def test_an_older_balance_does_not_replace_a_newer_one() -> None:
    desk = Desk()
    invoice = an_invoice("N-1")
    await list_invoice(ListInvoice(invoice), desk.uow)
    newer = ChangeBalance(PRACTICE, invoice.invoice_id, chf(1), NOON)
    await change_balance(newer, desk.uow)
    older = replace(newer, balance=chf(9), changed_at=NOON - timedelta(seconds=1))
    assert await change_balance(older, desk.uow) is Outcome.ALREADY_DONE


async def test_a_balance_waits_for_its_invoice() -> None:
    unknown = an_invoice("N-9").invoice_id
    with pytest.raises(TooEarlyError) as early:
        await change_balance(ChangeBalance(PRACTICE, unknown, chf(1), NOON), FakeUnitOfWork())
    assert early.value.waits_for == str(unknown)
