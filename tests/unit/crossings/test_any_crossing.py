"""Cancel, correct, prepare, send, confirm, credit cross each other at will: the books end right."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.invoicing.domain.cancellation_wish import WishState
from services.invoicing.domain.invoice import InvoiceState
from services.orders.domain.order import IN_FLIGHT, OrderState
from services.reconciliation.domain.setting_aside import ExceptionReason
from shared.kernel.money import Money
from tests.unit.crossings.correcting import TREATMENTS, correct
from tests.unit.crossings.giving_back import write_recourse
from tests.unit.crossings.world import World

AMOUNTS = (12_000, 8_000)
_ONE = st.integers(0, len(AMOUNTS) - 1)
STEPS = st.one_of(
    st.tuples(st.just("cancel"), _ONE, st.just(0)),
    st.tuples(st.just("correct"), _ONE, st.integers(0, TREATMENTS - 1)),
    st.tuples(st.just("credit"), _ONE, st.sampled_from([1, 3_000, 8_000, 12_000])),
    st.tuples(st.just("prepare"), st.just(0), st.just(0)),
    st.tuples(st.just("send"), st.integers(0, 1), st.just(0)),
    st.tuples(st.just("answer"), st.just(0), st.sampled_from([0, 1, 2, 3, 64])),
    st.tuples(st.just("deliver"), st.integers(0, 2), st.integers(0, 20)),
    st.tuples(st.just("deliver to all"), st.just(0), st.just(0)),
)


async def take(world: World, step: tuple[str, int, int]) -> None:
    """Take one step of a history."""
    kind, first, second = step
    if kind == "cancel":
        await world.cancel(first)
    elif kind == "correct":
        await correct(world, first, second)
    elif kind == "credit":
        await world.credit(first, second)
    elif kind == "prepare":
        await world.prepare()
    elif kind == "send":
        world.send(look_back=bool(first))
    elif kind == "answer":
        await world.answer(second)
    elif kind == "deliver":
        service = world.services[first]
        if streams := world.waiting(service):
            await world.deliver(service, streams[second % len(streams)])
    else:
        for service in world.services:
            for stream in world.waiting(service):
                await world.deliver(service, stream)


async def played(*steps: tuple[str, int, int]) -> World:
    """Play a history to its end."""
    world = World()
    await world.open(*AMOUNTS)
    for step in steps:
        await take(world, step)
    await world.settle()
    return world


def assert_nothing_waits(world: World) -> None:
    """Every event is worked, every order ended, every credit note is settled or has an order."""
    for service in world.services:
        assert service.dead == [], service.name
        assert world.waiting(service) == [], service.name
    for order in world.orders.uow.orders.known.values():
        assert order.state not in IN_FLIGHT | {OrderState.CONFIRMED}
    corrections = world.orders.uow.corrections
    for note in world.invoicing.uow.corrections.notes:
        told = note.credit_note_id in world.invoicing.uow.corrections.settled
        assert told == (note.credit_note_id in corrections.settled)
        assert told == (note.credit_note_id in corrections.released)
        live = world.orders.uow.orders.live_order_of(note.invoice_id)
        assert told or note.credit_note_id in corrections.held or live is not None
    for invoice in world.orders.uow.invoices.known.values():
        assert "credit-note-pending" not in invoice.unfit_codes
    for wish in world.invoicing.uow.wishes.by_invoice.values():
        assert not wish.is_pending
        issued = wish.corrected_id in world.invoicing.uow.invoices.by_id
        assert issued == (wish.state is WishState.DONE and wish.corrected_id is not None)


def assert_invoice_is_right(world: World, invoice: Any) -> None:
    """D and P follow from the factor's answers, and whatever does not fit is set aside."""
    books, invoice_id = world.books.uow, invoice.invoice_id
    position = books.books.current[invoice_id]
    standing = world.invoicing.uow.invoices.standings[invoice_id]
    corrections = world.invoicing.uow.corrections
    was_cancelled = invoice_id in corrections.cancelled
    settled = Money.total(
        note.amount
        for note in corrections.notes
        if note.invoice_id == invoice_id and note.credit_note_id in corrections.settled
    )
    accepted = [
        line.amount
        for lines in books.confirmations.lines.values()
        for line in lines
        if line.invoice_id == invoice_id and line.accepted
    ]
    acquitted = [one.amount for one in books.books.acquittals if one.invoice_id == invoice_id]
    reasons = [one.reason for one in books.exceptions.kept.values() if one.invoice_id == invoice_id]
    assert len(accepted) <= 1
    assert position.factor_owes == Money.total(acquitted)
    assert position.with_factor == bool(acquitted) == standing.with_factor
    if was_cancelled and not acquitted:
        assert position.debt.total == Money.zero()
        assert reasons == ([ExceptionReason.CANCELLED] if accepted else [])
    else:
        assert position.debt.total == Money(invoice.total.rappen) - settled
        late = [ExceptionReason.CANCELLED_WITH_FACTOR] if was_cancelled else []
        differs = [ExceptionReason.AMOUNT_DIFFERS] if accepted and not acquitted else []
        assert reasons == late + differs
    assert acquitted in ([], accepted)
    assert standing.balance.total == position.debt.total
    assert standing.factor_owes == position.factor_owes
    assert world.orders.uow.invoices.known[invoice_id].balance == position.debt.total


def assert_right(world: World) -> None:
    """The books balance, every invoice is right, and nothing waits without a visible reason."""
    books = world.books.uow.books
    posted = [line for link in books.journal for line in link.entry.postings]
    assert Money.total(line.amount for line in posted) == Money.zero()
    assert_nothing_waits(world)
    for invoice in world.invoicing.uow.invoices.by_id.values():
        facts = [fact for fact in books.facts if fact.invoice_id == invoice.invoice_id]
        position = books.current[invoice.invoice_id]
        assert Money.total(fact.debt_change.total for fact in facts) == position.debt.total
        for role, share in (
            ("factor", position.factor_owes),
            ("receivables", position.debt.total - position.factor_owes),
        ):
            mine = (
                line.amount
                for line in posted
                if (line.invoice_id, line.role.value) == (invoice.invoice_id, role)
            )
            assert Money.total(mine) == share, role
        assert_invoice_is_right(world, invoice)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_whatever_crosses_the_books_end_right_and_nothing_waits_unseen(
    steps: list[tuple[str, int, int]],
) -> None:
    assert_right(asyncio.run(played(*steps)))


ALL = ("deliver to all", 0, 0)
UNDER_WAY = (ALL, ALL, ("prepare", 0, 0))
UNHEARD = (*[("deliver", 1, 0)] * 8, *[("deliver", 2, 0)] * 8)
SENT = (*UNDER_WAY, ALL, ("send", 0, 0), ALL)


@pytest.mark.parametrize(
    ("steps", "reasons", "debts"),
    [
        (
            (*UNDER_WAY, ("cancel", 0, 0), ("send", 0, 0), ALL, ALL, ("answer", 0, 0)),
            ["invoice-cancelled"],
            [0, 8_000],
        ),
        (
            (*UNDER_WAY, ("send", 0, 0), ("answer", 0, 0), *UNHEARD, ("cancel", 0, 0)),
            ["cancelled-with-factor"],
            [12_000, 8_000],
        ),
        ((*SENT, ("credit", 0, 3_000), ALL, ("answer", 0, 1), ALL, ALL, ALL), [], [9_000, 8_000]),
        (
            (*SENT, ("credit", 0, 12_000), ALL, ("answer", 0, 1), *[ALL] * 6, ("cancel", 0, 0)),
            [],
            [0, 8_000],
        ),
    ],
    ids=[
        "a cancellation that crosses",
        "a cancellation that comes last",
        "a refused part",
        "a refused whole, then cancelled",
    ],
)
def test_the_histories_that_were_dead_ends_come_to_their_end(
    steps: tuple[tuple[str, int, int], ...], reasons: list[str], debts: list[int]
) -> None:
    world = asyncio.run(played(*steps))
    assert_right(world)
    books = world.books.uow
    assert [one.reason.value for one in books.exceptions.kept.values()] == reasons
    found = [books.books.current[one.invoice_id].debt.total for one in world.invoices]
    assert found == [Money(one) for one in debts]
    if "cancel" in {step[0] for step in steps}:
        standing = world.invoicing.uow.invoices.standings[world.invoices[0].invoice_id]
        late = "cancelled-with-factor" in reasons
        assert standing.state is (InvoiceState.ACQUITTED if late else InvoiceState.CANCELLED)


async def corrected(*steps: tuple[str, int, int]) -> tuple[World, str, int]:
    """Play a history with a correction in an unsent order; return its wish and the invoices."""
    world = await played(*UNDER_WAY, ALL, ("correct", 0, 0), *steps)
    (wish,) = world.invoicing.uow.wishes.by_invoice.values()
    return world, wish.state.value, len(world.invoicing.uow.invoices.by_id)


def test_a_correction_in_an_unsent_order_takes_it_back_and_only_the_corrected_one_is_sold() -> None:
    steps = (ALL, ("send", 1, 0), ALL, ALL, ALL, ("prepare", 0, 0), ALL, ("send", 0, 0))
    world, state, count = asyncio.run(corrected(*steps))
    assert_right(world)
    assert (state, count) == ("done", 3)
    acquitted = {one.invoice_id for one in world.books.uow.books.acquittals}
    wrong, other = (one.invoice_id for one in world.invoices)
    assert acquitted == {other, world.id("corrected", 0)}
    assert world.invoicing.uow.invoices.standings[wrong].state is InvoiceState.CANCELLED


def test_a_correction_whose_order_leaves_all_the_same_changes_no_claim() -> None:
    world, state, count = asyncio.run(corrected(("send", 0, 0), ALL, ("answer", 0, 0)))
    assert_right(world)
    assert (state, count) == ("order-left", 2)
    acquitted = {one.invoice_id for one in world.books.uow.books.acquittals}
    assert acquitted == {one.invoice_id for one in world.invoices}


@pytest.mark.parametrize("refused", [0, 1], ids=["accepted", "refused"])
def test_a_correction_of_what_has_left_credits_it_and_sells_the_corrected_one_with_the_note(
    refused: int,
) -> None:
    async def story() -> World:
        world = await played(*SENT, ("correct", 0, 0), ALL, ("answer", 0, refused))
        assert await world.prepare()
        world.send(look_back=False)
        await world.answer(0)
        await world.settle()
        return world

    world = asyncio.run(story())
    assert_right(world)
    wrong, other = (one.invoice_id for one in world.invoices)
    corrected_id = world.id("corrected", 0)
    (note,) = world.invoicing.uow.corrections.notes
    assert (note.invoice_id, note.amount) == (wrong, Money(12_000))
    assert world.invoicing.uow.corrections.links == {wrong: corrected_id}
    acquitted = {one.invoice_id for one in world.books.uow.books.acquittals}
    assert acquitted == {other, corrected_id} | (set() if refused else {wrong})
    holds = world.orders.uow.corrections.held.get(note.credit_note_id)
    assert (note.credit_note_id in world.invoicing.uow.corrections.settled) == bool(refused)
    last = world.prepared[-1].order_id
    assert holds == (None if refused else last)
    sold = world.orders.uow.orders.live_order_of(corrected_id)
    assert sold is not None
    assert sold.order_id == last


@pytest.mark.parametrize("last", ["invoicing", "orders", "reconciliation"])
def test_an_invoice_given_back_is_sold_once_more_whoever_hears_of_it_last(last: str) -> None:
    async def story() -> World:
        world = await played(*SENT, ("answer", 0, 0))
        given_back = world.invoices[0]
        await write_recourse(
            world.practice_id, given_back.invoice_id, world.books.uow, clock=world.clock
        )
        world.say(*world.books.told())
        assert not await world.prepare(given_back.invoice_id), "orders has not heard of it"
        for stream in world.waiting(world.orders):
            await world.deliver(world.orders, stream)
        assert not await world.prepare(), "everything leaves it out"
        assert await world.prepare(given_back.invoice_id)
        world.send(look_back=False)
        await world.answer(0)
        for service in world.services:
            while service.name != last and await world.deliver_all(service):
                pass
        await world.settle()
        return world

    world = asyncio.run(story())
    assert_nothing_waits(world)
    invoice_id = world.invoices[0].invoice_id
    position = world.books.uow.books.current[invoice_id]
    standing = world.invoicing.uow.invoices.standings[invoice_id]
    second = world.prepared[-1].order_id
    assert position.acquittal is not None
    assert position.acquittal.order_id == standing.order_id == second
    assert position.factor_owes == standing.factor_owes == Money(12_000)
    assert (standing.state, standing.with_factor) == (InvoiceState.ACQUITTED, True)
    acquittals = [one for one in world.books.uow.books.acquittals if one.invoice_id == invoice_id]
    assert len(acquittals) == 2
    assert world.books.uow.exceptions.kept == {}
