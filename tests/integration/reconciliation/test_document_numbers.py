"""The number on a document means one living invoice, in confirmations and in DEB files."""

from __future__ import annotations

from uuid import uuid4

from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.test_corrections import cancelled
from tests.support.deb_builder import DebFile, Row

NUMBER, SUCCESSOR = "RE-4711", "RE-4711.2"
PAYMENT = Row("R-1", "debtor_payment", NUMBER, rappen=2_000)


async def _replaced(house: House) -> None:
    """Cancel an imported invoice and issue the one that takes its place."""
    await house.open()
    old = uuid4()
    await house.receive(house.invoice_issued(NUMBER, "120.00", invoice_id=old))
    gone = cancelled(house, NUMBER).model_copy(update={"invoice_id": old})
    await house.receive(gone)
    await house.receive(
        house.invoice_issued(
            SUCCESSOR, "120.00", invoice_id=house.invoice_id(NUMBER), document_number=NUMBER
        )
    )


async def test_a_confirmation_and_a_row_name_the_successor_by_the_number_of_its_document(
    house: House,
) -> None:
    await _replaced(house)
    await house.receive(await house.order_confirmed([(NUMBER, "120.00", True)]))
    assert await house.position(SUCCESSOR) == "D 120.00 P 120.00 *"
    assert await house.position(NUMBER) == "D 0.00 P 0.00"
    deb_file_id = await house.book(DebFile([PAYMENT]))
    assert await house.outcomes(deb_file_id) == ["2 booked"]
    assert await house.position(SUCCESSOR) == "D 100.00 P 120.00 *"
    await house.assert_books_hold()


async def test_a_row_that_came_before_the_acquittal_of_the_successor_comes_back(
    house: House,
) -> None:
    await _replaced(house)
    deb_file_id = await house.book(DebFile([PAYMENT]))
    assert await house.outcomes(deb_file_id) == ["2 parked not-acquitted"]
    await house.receive(await house.order_confirmed([(NUMBER, "120.00", True)]))
    await house.work()
    assert await house.outcomes(deb_file_id) == ["2 booked"]
    assert await house.position(SUCCESSOR) == "D 100.00 P 120.00 *"
