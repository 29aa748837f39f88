"""What the portal's stand-in tells is what the books can book: every fate, and no hostile row."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sandbox.debident.deb_writer import DebHeader, DebRow, write_deb_file
from sandbox.debident.fates import FATES
from sandbox.debident.hostile import HOSTILE_ROWS, with_hostile_rows
from sandbox.debident.life import life_of, movement_of
from sandbox.debident.terms import AccountTerms, TakenInvoice
from shared.kernel.money import Money
from tests.integration.reconciliation.house import House

ARRIVED_ON = date(2026, 3, 4)
ACCOUNT = "CMD-77"
TERMS = AccountTerms()
HEADER = DebHeader(
    file_id="CMD-77-000001",
    previous_file_id=None,
    account_number=ACCOUNT,
    created_at=datetime(2026, 12, 1, 9, 0, tzinfo=UTC),
)
BOOKED_ALL_THE_SAME = {"markup", "formula", "wrong-encoding"}


def _life(number: str, fate: str) -> list[DebRow]:
    taken = TakenInvoice(
        account_number=ACCOUNT,
        order_id="o1",
        order_number="CMD-2026-0001",
        invoice_number=number,
        debtor_number="10001",
        amount=Money(120_00),
        arrived_on=ARRIVED_ON,
    )
    return life_of(taken, TERMS, seed="s", fate=fate)


async def test_every_fate_is_booked_to_its_end_and_only_recourse_leaves_a_claim(
    house: House,
) -> None:
    numbers = {fate: f"2026-{place:06d}" for place, fate in enumerate(FATES, start=1)}
    await house.acquitted_invoices(*["120.00"] * len(FATES))
    rows = [row for fate, number in numbers.items() for row in _life(number, fate)]
    rows.append(movement_of(ACCOUNT, "o1", TERMS, arrived_on=ARRIVED_ON))
    rows.sort(key=lambda row: row.event_date)
    house.clock.move_to(HEADER.created_at)
    deb_file_id = await house.book(write_deb_file(HEADER, rows))
    outcomes = await house.outcomes(deb_file_id)
    assert [text for text in outcomes if not text.endswith(" booked")] == []
    assert len(outcomes) == len(rows)
    for fate, number in numbers.items():
        position = (await house.position(number)).removesuffix(" *")
        assert position == f"D {'120.00' if fate == 'recourse' else '0.00'} P 0.00", fate
    await house.assert_books_hold()


async def test_hostile_rows_are_parked_and_the_true_ones_beside_them_booked(house: House) -> None:
    await house.acquitted_invoices("120.00")
    life = _life("2026-000001", "paid")
    content = with_hostile_rows(HEADER, life, foreign_invoice="2099-000777")
    house.clock.move_to(HEADER.created_at)
    deb_file_id = await house.book(content)
    assert (await house.file(deb_file_id))["status"] == "booked"
    outcomes = [text.split(" ", 1)[1] for text in await house.outcomes(deb_file_id)]
    assert outcomes[: len(life)] == ["booked"] * len(life)
    hostile = dict(zip(HOSTILE_ROWS, outcomes[len(life) :], strict=True))
    parked = {name for name, outcome in hostile.items() if outcome.startswith("parked")}
    assert set(hostile) - parked <= BOOKED_ALL_THE_SAME
    assert (await house.position("2026-000001")).removesuffix(" *") == "D 0.00 P 0.00"
    await house.assert_books_hold()
