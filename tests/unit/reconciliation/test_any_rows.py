"""Any rows, in any order, repeated and overlapping: the books stay in balance, D and P agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.reconciliation.domain.accounts import AccountRole
from services.reconciliation.domain.booking import (
    Booked,
    BookedRow,
    Decision,
    Parked,
    Repeat,
    booking_rank,
)
from services.reconciliation.domain.deb.records import DebRow
from services.reconciliation.domain.model import Beneficiary, Component, Position
from services.reconciliation.domain.posting import DEB_KINDS
from services.reconciliation.domain.reversing import Original
from shared.kernel.money import Money
from tests.unit.reconciliation.builders import a_book, a_position, a_row

RECORDS = st.integers(0, 25).map("R-{}".format)
AMOUNTS = st.one_of(st.just(0), st.sampled_from([5000, 12_000]), st.integers(-500, 15_000))
STATED = st.sampled_from([None, Beneficiary.FACTOR, Beneficiary.PRACTICE])
NUMBERS = st.sampled_from(["2026-000001", "2026-000002", "2026-000009", None])
ROW = st.builds(
    a_row,
    record_id=RECORDS,
    kind=st.sampled_from([*sorted(DEB_KINDS - {"reversal"}), "surprise"]),
    rappen=AMOUNTS,
    beneficiary=STATED,
    invoice_number=NUMBERS,
    payout_reference=st.sampled_from([None, "PO-1"]),
)
REVERSAL = st.builds(
    a_row,
    record_id=st.integers(20, 40).map("R-{}".format),
    kind=st.just("reversal"),
    rappen=AMOUNTS,
    invoice_number=NUMBERS,
    note=RECORDS,
)


def undoing(row: DebRow, number: int) -> DebRow:
    """Return the reversal that fits a row."""
    amount = row.amount or Money.zero()
    return a_row(
        f"U-{number}",
        "reversal",
        amount.rappen,
        invoice_number=row.invoice_number,
        note=row.record_id,
    )


def shuffled(rows: list[DebRow], random: Random) -> list[DebRow]:
    """Return rows, reversals that fit some of them, and everything a second time, shuffled."""
    undone = random.sample(rows, len(rows) // 3)
    fitting = [undoing(row, number) for number, row in enumerate(undone)]
    stream = [*rows, *fitting, *rows, *fitting]
    random.shuffle(stream)
    return stream


@dataclass
class Ledger:
    """The books over many batches."""

    positions: dict[str, Position]
    loss_cover: bool
    seen: dict[str, BookedRow] = field(default_factory=dict)
    originals: dict[str, Original] = field(default_factory=dict)
    booked: list[Booked] = field(default_factory=list)

    def work(self, rows: list[DebRow]) -> list[Decision]:
        """Decide a batch in the order in which a file is booked."""
        book = a_book(*self.positions.values(), loss_cover=self.loss_cover)
        book.booked.update(self.seen)
        book.originals.update(self.originals)
        decisions = [book.decide(row) for row in sorted(rows, key=booking_rank)]
        self.booked += [one for one in decisions if isinstance(one, Booked)]
        self.positions, self.seen = dict(book.known.by_number), dict(book.booked)
        self.originals = dict(book.originals)
        return decisions

    def posted(self, before: Position, role: AccountRole) -> Money:
        """Return what was posted to accounts of a role about one invoice."""
        return Money.total(
            line.amount
            for one in self.booked
            if one.entry and one.fact.invoice_id == before.invoice_id
            for line in one.entry.postings
            if line.role is role
        )


@given(
    st.lists(st.one_of(ROW, REVERSAL), max_size=40),
    st.randoms(use_true_random=False),
    st.integers(1, 20),
    st.booleans(),
)
def test_any_rows_in_any_order_repeated_and_overlapping_leave_balanced_books(
    rows: list[DebRow], random: Random, batch: int, loss_cover: bool
) -> None:
    stream = shuffled(rows, random)
    start = (a_position(), a_position("2026-000002", 5000))
    ledger = Ledger({one.invoice_number: one for one in start}, loss_cover)
    outcomes: list[Decision] = []
    for place in range(0, len(stream), batch):
        outcomes += ledger.work(stream[place : place + batch])
    assert len(outcomes) == len(stream), "nothing is lost"
    assert all(isinstance(one, (Booked, Repeat, Parked)) for one in outcomes)
    facts = [one.fact for one in ledger.booked]
    assert len({fact.fact_id for fact in facts}) == len(facts), "nothing is booked twice"
    undone = [fact.reverses for fact in facts if fact.reverses]
    assert len(set(undone)) == len(undone), "nothing is reversed twice"
    assert all(one.entry.is_balanced for one in ledger.booked if one.entry)
    for before in start:
        assert_position_holds(before, ledger)


def assert_position_holds(before: Position, ledger: Ledger) -> None:
    """Fail if D, P, the asterisk and the postings of an invoice do not agree."""
    after, moved = ledger.positions[before.invoice_number], before
    for one in ledger.booked:
        if one.fact.invoice_id == before.invoice_id:
            moved = moved.moved(one.fact.debt_change, one.fact.factor_change)
    assert (moved.debt, moved.factor_owes) == (after.debt, after.factor_owes)
    factor = ledger.posted(before, AccountRole.FACTOR)
    assert after.factor_owes == before.factor_owes + factor, "P is its share of 1088"
    assert all(after.debt.part(part).rappen >= 0 for part in Component)
    own = ledger.posted(before, AccountRole.RECEIVABLES)
    assert own == (Money.zero() if after.with_factor else after.debt.total), "1100 is its D"


@given(ROW, ROW, st.booleans())
def test_a_reversal_at_once_brings_everything_back_to_what_it_was(
    first: DebRow, second: DebRow, loss_cover: bool
) -> None:
    ledger = Ledger({"2026-000001": a_position()}, loss_cover)
    ledger.work([first])
    before = ledger.positions["2026-000001"]
    (decision,) = ledger.work([second])
    if not isinstance(decision, Booked):
        return
    (undone,) = ledger.work([undoing(second, 0)])
    assert isinstance(undone, Booked)
    assert ledger.positions["2026-000001"] == before
    there = decision.entry.postings if decision.entry else ()
    back = undone.entry.postings if undone.entry else ()
    assert [(one.account, -one.amount) for one in there] == [
        (one.account, one.amount) for one in back
    ]


@given(st.integers(0, 2**32))
def test_a_reversed_charge_leaves_the_others_as_if_it_had_never_been(seed: int) -> None:
    random = Random(seed)
    fee, paid = random.randint(1, 5000), random.randint(1, 12_000)
    with_fee = Ledger({"2026-000001": a_position()}, loss_cover=False)
    for row in (
        a_row("R-1", "reminder_fee", fee),
        a_row("R-2", "debtor_payment", paid),
        a_row("R-3", "reversal", fee, note="R-1"),
    ):
        with_fee.work([row])
    without = Ledger({"2026-000001": a_position()}, loss_cover=False)
    without.work([a_row("R-2", "debtor_payment", paid)])
    assert with_fee.positions == without.positions
