"""A decision about a DEB file that names what its caller read is made on that, or not at all."""

from __future__ import annotations

from tests.integration.reconciliation.house import House
from tests.integration.reconciliation.office_of_files import WHY
from tests.integration.reconciliation.test_deb_booking import ROWS
from tests.support.deb_builder import DebFile
from tests.support.web import ApiClient


async def test_of_two_who_read_the_same_file_one_has_it_undone(
    house: House, api: ApiClient
) -> None:
    await house.acquitted_invoices("120.00")
    one = f"{house.path}/deb-files/{await house.book(DebFile(ROWS))}"
    etag = (await api.request("GET", one)).headers["ETag"]
    answers = [
        await api.request("POST", f"{one}/undo", body={"reason": WHY}, headers={"If-Match": etag})
        for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [200, 412]
    await house.work()
    assert len(await house.events("deb-file-undone")) == 1
