"""A move of an invoice that names what its caller read is made on that, or not at all."""

from __future__ import annotations

import pytest

from tests.integration.invoicing.office import Office
from tests.integration.invoicing.test_corrections import WHY
from tests.unit.invoicing.bodies import chf


@pytest.mark.parametrize("move", ["cancel", "correct", "credit-notes"])
async def test_an_invoice_that_is_another_than_was_read_is_not_moved(
    office: Office, move: str
) -> None:
    one = f"{office.path}/invoices/{(await office.invoice())['invoice_id']}"
    body = WHY | ({"amount": chf("10.00")} if move == "credit-notes" else {})
    etag = (await office.api.request("GET", one)).headers["ETag"]
    stale = await office.api.request(
        "POST", f"{one}/{move}", body=body, headers={"If-Match": '"other"'}
    )
    assert (stale.status, stale.code) == (412, "changed-meanwhile")
    assert (await office.api.request("GET", one)).headers["ETag"] == etag
    fresh = await office.api.request("POST", f"{one}/{move}", body=body, headers={"If-Match": etag})
    assert fresh.status in {200, 201, 409}, fresh.json


async def test_of_two_who_read_the_same_invoice_one_cancels_it(office: Office) -> None:
    one = f"{office.path}/invoices/{(await office.invoice())['invoice_id']}"
    etag = (await office.api.request("GET", one)).headers["ETag"]
    answers = [
        await office.api.request("POST", f"{one}/cancel", body=WHY, headers={"If-Match": etag})
        for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [200, 412]
