"""Books in which every line of the posting table is booked, from a seed, with one file undone."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from uuid import UUID

from services.reconciliation.domain.accounts import AccountRole
from services.reconciliation.domain.explaining import rule_behind
from services.reconciliation.domain.rules import (
    MOVEMENT,
    REVERSAL,
    RULES,
    WRITE_OFF,
    AmountForm,
    Case,
    DebtorEffect,
    Rule,
)
from shared.kernel.money import Money
from tests.integration.reconciliation.generated import LABEL
from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.office_of_files import FileOffice
from tests.integration.reconciliation.test_corrections import cancelled, credited, released
from tests.support.deb_builder import DebFile, Row
from tests.support.web import ApiClient

ORDER = "CMD-2026-0001"
DEB_RULES = tuple(rule for rule in RULES if rule.from_deb)
"""The lines of the posting table that a DEB row may be booked by, each of which occurs."""
_LATER = {Case.LOSS_COVER, Case.GIVEN_BACK}
_REVERSED = ("payout", "factor_fee", "credit_note", "reminder_fee", "debtor_payment", MOVEMENT)
_WHOLE = (DebtorEffect.GIVEN_UP, DebtorEffect.GIVEN_BACK)


async def fill_every_kind(house: House, api: ApiClient, seed: int) -> None:
    """Book each line of the posting table on an invoice of its own; undo a last file with some.

    What the practice itself corrects is there too: an invoice cancelled, a credit note settled.
    """
    random = Random(seed)
    await house.open(acquittal_label=LABEL)
    owed = {_invoice(place): random.randint(500, 99_995) for place in range(len(DEB_RULES))}
    for number, rappen in owed.items():
        await house.receive(house.invoice_issued(number, str(Money(rappen)), deposit="5.00"))
    lines = [(number, str(Money(rappen)), True) for number, rappen in owed.items()]
    for number in ("2026-000901", "2026-000902"):
        await house.receive(house.invoice_issued(number, "30.05", deposit="9.95"))
    refused = ("2026-000902", "30.05", False)
    await house.receive(await house.order_confirmed([*lines, refused], number=ORDER))
    await house.receive(cancelled(house, "2026-000901"))
    note = credited(house, "2026-000902", "10.00")
    await house.receive(note)
    await house.receive(released(house, "2026-000902", "10.00", note=note))
    numbered = list(zip(owed, DEB_RULES, strict=True))
    first = [
        _row(random, rule, number, owed[number])
        for number, rule in numbered
        if rule.kind != REVERSAL and rule.case is not Case.LOSS_COVER
    ]
    await _book(house, 1, first)
    await house.receive(house.contract_changed(contract_version=2, loss_cover=True))
    later = [
        _row(random, rule, number, owed[number]).but(record_id=f"late-{number}", kind=WRITE_OFF)
        for number, rule in numbered
        if rule.case in _LATER
    ]
    await _book(house, 2, [*(row.but(rappen=100) for row in later), *_reversals(random, first)])
    again = [
        _row(random, rule, number, 100).but(
            record_id=f"undone-{number}", rappen=random.randint(1, 100)
        )
        for number, rule in numbered
        if rule.kind in ("payout", "advance", "debtor_refund", "adjustment", MOVEMENT)
    ]
    file = await _book(house, 3, again)
    await FileOffice(api.as_user(), house).undo(file)


async def rules_that_occur(house: House) -> set[Rule]:
    """Return the lines of the posting table behind the facts of the books."""
    rows = await house.rows(
        "SELECT f.kind, array_remove(array_agg(DISTINCT t.role), NULL) AS roles"
        " FROM position_fact f LEFT JOIN posting t ON t.entry_id = f.entry_id"
        " GROUP BY f.fact_id, f.kind"
    )
    found = {rule_behind(row["kind"], [AccountRole(one) for one in row["roles"]]) for row in rows}
    return {rule for rule in found if rule is not None}


def _invoice(place: int) -> str:
    return f"2026-{100 + place:06d}"


def _row(random: Random, rule: Rule, invoice: str, owed: int) -> Row:
    """Return a row that is booked by this line; of an invoice to be given back, the recourse."""
    kind = "recourse" if rule.case is Case.GIVEN_BACK else rule.kind
    rappen = random.randint(1, owed)
    if rule.amount is AmountForm.NONE:
        rappen = 0
    if rule.amount is AmountForm.SIGNED:
        rappen *= random.choice((1, -1))
    if rule.debtor in _WHOLE or kind == "recourse":
        rappen = owed
    row = Row(
        f"{invoice}-{random.getrandbits(64):x}",
        kind,
        invoice,
        ORDER,
        event_date=f"202603{random.randint(2, 30):02d}",
        value_date=random.choice(("", "20260415")),
        rappen=rappen,
        beneficiary="" if rule.beneficiary is None else rule.beneficiary.value[0].upper(),
    )
    if kind != MOVEMENT:
        return row
    reference = "P-1" if rule.case is Case.IN_A_PAYOUT else ""
    return row.but(invoice="", order="", debtor="", payout_reference=reference)


def _reversals(random: Random, rows: list[Row]) -> list[Row]:
    return [
        row.but(record_id=f"back-{row.record_id}"[:36], kind=REVERSAL, text=row.record_id)
        for row in random.sample(rows, len(rows))
        if row.kind in _REVERSED
    ]


async def _book(house: House, number: int, rows: list[Row]) -> UUID:
    previous = f"F-{number - 1:04d}" if number > 1 else ""
    file = DebFile(tuple(rows), file_id=f"F-{number:04d}", previous=previous)
    deb_file_id = await house.book(file, portal_file_id=f"F-{number:04d}")
    parked = await house.rows(
        "SELECT kind, reason_code, reason_detail FROM deb_row WHERE status = 'parked'"
    )
    assert parked == [], "a row that is not booked proves nothing"
    house.clock.advance(timedelta(days=1))
    return deb_file_id
