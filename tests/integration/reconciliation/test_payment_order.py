"""The office sets in which order a debtor's payment settles the parts of the debt."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.office_of_files import FileOffice
from tests.support.deb_builder import DebFile, Row
from tests.support.web import ApiClient

FEE = Row("R-1", "reminder_fee", rappen=2_000)
PAID = Row("R-2", "debtor_payment", rappen=12_500)


async def _parts(house: House) -> dict[str, int]:
    [row] = await house.rows("SELECT principal_rappen, reminder_fees_rappen FROM invoice_position")
    return {name: value for name, value in row.items() if value}


async def test_a_payment_is_split_by_the_term_and_earlier_ones_stay_as_they_are(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    await house.book(DebFile((FEE, PAID.but(rappen=500))))
    assert await _parts(house) == {"principal_rappen": 12_000, "reminder_fees_rappen": 1_500}
    order = ("principal", "costs", "interest", "reminder_fees")
    await house.receive(house.contract_changed(contract_version=2, payment_order=order))
    second = DebFile((PAID.but(record_id="R-3"),), file_id="F-0002", previous="F-0001")
    file = await house.book(second)
    assert await _parts(house) == {"reminder_fees_rappen": 1_000}
    assert await FileOffice(api, house).undo(file) == "undone"
    assert await _parts(house) == {"principal_rappen": 12_000, "reminder_fees_rappen": 1_500}
    await house.assert_books_hold()


async def test_an_undone_charge_that_is_paid_takes_from_the_others_in_the_order_of_the_term(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    order = ("reminder_fees", "principal", "costs", "interest")
    await house.receive(house.contract_changed(contract_version=2, payment_order=order))
    charges = (FEE, FEE.but(record_id="R-4", kind="enforcement_cost", rappen=1_000))
    file = await house.book(DebFile((FEE,)))
    later = (charges[1], PAID.but(rappen=2_000))
    await house.book(DebFile(later, file_id="F-0002", previous="F-0001"))
    assert await FileOffice(api, house).undo(file) == "undone"
    [row] = await house.rows("SELECT principal_rappen, costs_rappen FROM invoice_position")
    assert row == {"principal_rappen": 10_000, "costs_rappen": 1_000}


@pytest.mark.parametrize(
    "order",
    ["costs,interest", "costs,costs,reminder_fees,principal", "a,interest,reminder_fees,principal"],
)
async def test_the_database_takes_nothing_but_a_permutation(house: House, order: str) -> None:
    await house.open()
    with pytest.raises(IntegrityError, match="contract_payment_order_whole"):
        await house.rows(
            "UPDATE contract SET payment_order = :payment_order RETURNING 1", payment_order=order
        )
