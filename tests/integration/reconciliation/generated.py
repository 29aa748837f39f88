"""Books filled by the service itself from a seed: days of invoices, orders, charges, payments.

Every kind of DEB row is in `every_kind.py`.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from shared.kernel.money import Money
from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.test_corrections import cancelled
from tests.support.deb_builder import DebFile, Row

LABEL = '=Transmis "CMD"; a|b, c: d \\ ^x #y'
_FIRST_ISSUE = date(2026, 1, 5)
_INVOICES_PER_ORDER = 8
_CHARGES = ("reminder_fee", "default_interest", "instalment_surcharge", "enforcement_cost")


async def fill_books(house: House, seed: int, *, orders: int = 3) -> None:
    """Issue, cancel, hand over and settle, day after day; the last invoice stays with the practice.

    Each order is acquitted on a day of its own and followed by a DEB file of its own.
    """
    random = Random(seed)
    await house.open(acquittal_label=LABEL)
    previous = ""
    for place in range(1, orders + 1):
        order = f"CMD-2026-{place:04d}"
        invoices = await _issue(house, random, first=place * 100)
        lines = [(number, balance, random.random() < 0.9) for number, balance in invoices]
        lines[0] = (*lines[0][:2], True)
        await house.receive(await house.order_confirmed(lines, number=order))
        house.clock.advance(timedelta(days=1))
        taken = [(number, balance) for number, balance, accepted in lines if accepted]
        rows = [row for each in taken for row in _rows(random, order, *each)]
        file_id = f"F-{place:04d}"
        await house.book(
            DebFile(tuple(rows), file_id=file_id, previous=previous), portal_file_id=file_id
        )
        previous = file_id
    await house.receive(house.invoice_issued("2026-000901", "70.00", issued_on=_FIRST_ISSUE))
    await house.receive(house.invoice_issued("2026-000902", "30.05", deposit="9.95"))
    await house.receive(cancelled(house, "2026-000902"))


async def _issue(house: House, random: Random, *, first: int) -> list[tuple[str, str]]:
    invoices = []
    for place in range(_INVOICES_PER_ORDER):
        number, balance = f"2026-{first + place:06d}", str(Money(random.randint(5, 99_995)))
        deposit = str(Money(random.choice((0, 0, 5000))))
        if place == 1:
            balance, deposit = "0.00", "50.00"
        issued_on = _FIRST_ISSUE + timedelta(days=random.randint(0, 50))
        await house.receive(
            house.invoice_issued(number, balance, deposit=deposit, issued_on=issued_on)
        )
        invoices.append((number, balance))
    return invoices


def _rows(random: Random, order: str, invoice: str, balance: str) -> list[Row]:
    def row(kind: str, rappen: int, beneficiary: str = "") -> Row:
        day = date(2026, 3, 2) + timedelta(days=random.randint(0, 28))
        return Row(
            f"{invoice}-{random.getrandbits(64):x}",
            kind,
            invoice,
            order,
            event_date=f"{day:%Y%m%d}",
            value_date=random.choice(("", f"{day:%Y%m%d}")),
            rappen=rappen,
            beneficiary=beneficiary,
        )

    owed = Money.parse(balance).rappen
    rows = [row("sent", 0)]
    if random.random() < 0.7:
        rows.append(row(random.choice(_CHARGES), random.randint(1, 4000), random.choice("FP")))
    if owed and random.random() < 0.8:
        paid = random.randint(1, owed)
        rows += [row("debtor_payment", paid), row(random.choice(("payout", "advance")), paid)]
    if random.random() < 0.3:
        rows += [row("payout", -random.randint(1, 999)), row("factor_fee", random.randint(1, 500))]
    return rows
